"""Declared schemas: columns are matched by name, missing ones become NULL, types are cast."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions
from pyspark.sql.types import StructField, StructType

from livetables.collect.python_files import first_sentence
from livetables.errors import DefinitionError, did_you_mean
from livetables.model import Dataset, Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


#: Where Delta keeps the expression of a generated column.
GENERATED = "delta.generationExpression"


def declared_schema(spark: SparkSession, dataset: Dataset) -> StructType | None:
    """Return the schema that a table declares, or None; error `INVALID_SCHEMA` when it can't be parsed.

    As text it may hold NOT NULL, COMMENT, GENERATED ALWAYS AS and, without effect, PRIMARY and FOREIGN KEY. What would
    fill a column in another way, IDENTITY and DEFAULT, is refused: here the column would be NULL.
    """
    schema = dataset.schema if isinstance(dataset, Table) else None
    if schema is None or isinstance(schema, StructType):
        return schema
    parser = spark._jsparkSession.sessionState().sqlParser()  # noqa: SLF001 (the grammar is Spark's own)
    try:
        parsed = parser.parsePlan(f"CREATE TABLE declared ({schema}) USING delta")
    except Exception as error:
        raise DefinitionError(
            "INVALID_SCHEMA",
            f"The schema of '{dataset.name}' is not a list of columns: {first_sentence(error)}",
            place=dataset.place,
            hint="Write it as \"id BIGINT NOT NULL, name STRING COMMENT 'full name'\".",
        ) from error
    columns = parsed.columns()
    return StructType([_field(columns.apply(index), dataset) for index in range(columns.size())])


def _field(column: Any, dataset: Dataset) -> StructField:
    if column.identityColumnSpec().isDefined():
        raise DefinitionError(
            "NOT_SUPPORTED",
            f"Column '{column.name()}' of '{dataset.name}' is an identity column, whose values are not generated here.",
            place=dataset.place,
            hint="Leave IDENTITY out, and let the query make the key, for example with xxhash64(...).",
        )
    if column.defaultValue().isDefined():
        raise DefinitionError(
            "INVALID_SCHEMA",
            f"Column '{column.name()}' of '{dataset.name}' has a DEFAULT, which no table of a pipeline can have.",
            place=dataset.place,
            hint=f"Leave DEFAULT out, and write coalesce({column.name()}, ...) in the query.",
        )
    metadata = {}
    if column.comment().isDefined():
        metadata["comment"] = column.comment().get()
    if column.generationExpression().isDefined():
        metadata[GENERATED] = column.generationExpression().get()
    kind = StructType.fromJson(json.loads(f'{{"type":"struct","fields":[{{"name":"c","type":{column.dataType().json()},'
                                          '"nullable":true,"metadata":{}}]}'))[0].dataType  # fmt: skip
    return StructField(column.name(), kind, column.nullable(), metadata)


def conform(frame: DataFrame, schema: StructType, dataset: Dataset) -> DataFrame:
    """Return `frame` with exactly the declared columns, matched by name; generated ones that it lacks are Delta's."""
    have = {column.lower(): column for column in frame.columns}
    extra = [have[key] for key in have if key not in {name.lower() for name in schema.names}]
    if extra:
        raise DefinitionError(
            "COLUMN_NOT_DECLARED",
            f"The query of '{dataset.name}' returns column '{extra[0]}', which its schema does not declare.",
            place=dataset.place,
            hint=did_you_mean(extra[0], schema.names, f"Add '{extra[0]}' to schema=, or drop it in the query."),
        )
    columns = []
    for field in schema:
        source = have.get(field.name.lower())
        if source is None and GENERATED in field.metadata:
            continue
        value = functions.lit(None) if source is None else frame[f"`{source}`"]
        columns.append(value.cast(field.dataType).alias(field.name, metadata=field.metadata))
    return frame.select(*columns)
