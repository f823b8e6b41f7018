"""Declared schemas: columns are matched by name, missing ones become NULL, types are cast."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions
from pyspark.sql.types import StructType

from livetables.errors import DefinitionError, did_you_mean
from livetables.model import Dataset, Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def declared_schema(spark: SparkSession, dataset: Dataset) -> StructType | None:
    """Return the schema that a table declares, or None; error `INVALID_SCHEMA` when it can't be parsed."""
    schema = dataset.schema if isinstance(dataset, Table) else None
    if schema is None or isinstance(schema, StructType):
        return schema
    try:
        java = spark._jvm.org.apache.spark.sql.types.StructType.fromDDL(schema)  # type: ignore[union-attr] # noqa: SLF001
    except Exception as error:
        raise DefinitionError(
            "INVALID_SCHEMA",
            f"The schema of '{dataset.name}' is not a list of columns: {str(error).splitlines()[0]}",
            place=dataset.place,
            hint='Write it as "id BIGINT, name STRING"; generated columns and constraints are not read here yet.',
        ) from error
    return StructType.fromJson(__import__("json").loads(java.json()))


def conform(frame: DataFrame, schema: StructType, dataset: Dataset) -> DataFrame:
    """Return `frame` with exactly the declared columns, matched by name."""
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
        value = functions.lit(None) if source is None else frame[f"`{source}`"]
        columns.append(value.cast(field.dataType).alias(field.name, metadata=field.metadata))
    return frame.select(*columns)
