"""Declared schemas and changes of schemas. Declared columns are matched by name, and cast; missing ones are NULL."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions
from pyspark.sql.types import ArrayType, MapType, NullType, StructField, StructType

from livetables.errors import DefinitionError, did_you_mean
from livetables.model import Dataset, Table, quoted
from livetables.spark.jvm import parsed_plan
from livetables.spark.messages import first_sentence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import DataType


#: Where Delta keeps the expression of a generated column.
GENERATED = "delta.generationExpression"


def declared_schema(spark: SparkSession, dataset: Dataset) -> StructType | None:
    """Return the schema that a table declares, or None; error `INVALID_SCHEMA` when it can't be parsed.

    A text may have NOT NULL, COMMENT, GENERATED ALWAYS AS and, without effect, PRIMARY and FOREIGN KEY. IDENTITY and
    DEFAULT are refused: nothing fills these columns here, so they would be NULL.
    """
    schema = dataset.schema if isinstance(dataset, Table) else None
    if schema is None or isinstance(schema, StructType):
        return schema
    try:
        parsed = parsed_plan(spark, f"CREATE TABLE declared ({schema}) USING delta")
    except Exception as error:
        raise DefinitionError(
            "INVALID_SCHEMA",
            f"The schema of '{dataset.name}' is not a list of columns: {first_sentence(error)}",
            location=dataset.location,
            hint="Write it as \"id BIGINT NOT NULL, name STRING COMMENT 'full name'\".",
        ) from error
    columns = parsed.columns()
    return StructType([_field(columns.apply(index), dataset) for index in range(columns.size())])


def stored_schema(schema_json: str) -> StructType:
    """Return the columns of a stored table from the JSON of its schema."""
    return StructType.fromJson(json.loads(schema_json))


def new_columns(stored: StructType, now: StructType) -> dict[str, DataType]:
    """Return the columns and fields of structs that are in `now` and not in `stored`: SQL path -> type."""
    return dict(_new_fields(stored, now, ""))


def _new_fields(stored: StructType, now: StructType, within: str) -> Iterator[tuple[str, DataType]]:
    have = {field.name.lower(): field.dataType for field in stored}
    for field in now:
        path = within + quoted(field.name)
        if field.name.lower() not in have:
            if not isinstance(field.dataType, NullType):  # Delta stores no column of this type
                yield path, field.dataType
        else:
            yield from _new_inside(have[field.name.lower()], field.dataType, path)


def _new_inside(stored: DataType, now: DataType, path: str) -> Iterator[tuple[str, DataType]]:
    match stored, now:
        case StructType(), StructType():
            yield from _new_fields(stored, now, f"{path}.")
        case ArrayType(), ArrayType():
            yield from _new_inside(stored.elementType, now.elementType, f"{path}.element")
        case MapType(), MapType():
            yield from _new_inside(stored.valueType, now.valueType, f"{path}.value")


def widened(now: StructType, stored: StructType) -> StructType:
    """Return the columns of `now`, then those that only `stored` has; the same inside of structs."""
    have = {field.name.lower(): field.dataType for field in stored}
    fields = [
        StructField(field.name, _widened(field.dataType, have.get(field.name.lower(), field.dataType))) for field in now
    ]
    known = {field.name.lower() for field in now}
    return StructType([*fields, *(field for field in stored if field.name.lower() not in known)])


def _widened(now: DataType, stored: DataType) -> DataType:
    match now, stored:
        case StructType(), StructType():
            return widened(now, stored)
        case ArrayType(), ArrayType():
            return ArrayType(_widened(now.elementType, stored.elementType))
        case MapType(), MapType():
            return MapType(now.keyType, _widened(now.valueType, stored.valueType))
        case _:
            return now


def _field(column: Any, dataset: Dataset) -> StructField:
    if column.identityColumnSpec().isDefined():
        raise DefinitionError(
            "NOT_SUPPORTED",
            f"Column '{column.name()}' of '{dataset.name}' is an identity column, whose values are not generated here.",
            location=dataset.location,
            hint="Leave IDENTITY out, and let the query make the key, for example with xxhash64(...).",
        )
    if column.defaultValue().isDefined():
        raise DefinitionError(
            "INVALID_SCHEMA",
            f"Column '{column.name()}' of '{dataset.name}' has a DEFAULT, which no table of a pipeline can have.",
            location=dataset.location,
            hint=f"Leave DEFAULT out, and write coalesce({column.name()}, ...) in the query.",
        )
    metadata = {}
    if column.comment().isDefined():
        metadata["comment"] = column.comment().get()
    if column.generationExpression().isDefined():
        metadata[GENERATED] = column.generationExpression().get()
    kind = StructType.fromJson(
        json.loads(
            f'{{"type":"struct","fields":[{{"name":"c","type":{column.dataType().json()},'
            '"nullable":true,"metadata":{}}]}'
        )
    )[0].dataType
    return StructField(column.name(), kind, column.nullable(), metadata)


def conform(frame: DataFrame, schema: StructType, dataset: Dataset) -> DataFrame:
    """Return `frame` with exactly the declared columns, matched by name; Delta fills missing generated ones."""
    have = {column.lower(): column for column in frame.columns}
    extra = [have[key] for key in have if key not in {name.lower() for name in schema.names}]
    if extra:
        raise DefinitionError(
            "COLUMN_NOT_DECLARED",
            f"The query of '{dataset.name}' returns column '{extra[0]}', which its schema does not declare.",
            location=dataset.location,
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
