"""DataFrames that Auto Loader returns to Spark: with hidden `_metadata`, or planned in the session that reads files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyspark.sql import DataFrame
from pyspark.sql.types import StructType

from livetables.spark.jvm import as_micro_batch, hide_columns, physical_frame, start_callbacks, streaming_source_frame

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def stream_of(spark: SparkSession, source: Any, columns: StructType, metadata: StructType) -> DataFrame:
    """Return the streaming DataFrame of a source, with `metadata` as hidden columns after `columns`.

    Hidden columns are selectable by name, and not part of `*`.
    """
    start_callbacks(spark)
    schema = StructType([*columns.fields, *metadata.fields])
    return streaming_source_frame(spark, source, schema, len(columns.fields))


def hide_metadata(spark: SparkSession, frame: DataFrame) -> DataFrame:
    """Return a DataFrame with its last column, `_metadata`, as a hidden column."""
    return hide_columns(spark, frame, len(frame.columns) - 1)


def planned(spark: SparkSession, frame: DataFrame) -> DataFrame:
    """Return the rows of a frame that stays planned in its own session, as a DataFrame of another session."""
    return DataFrame(physical_frame(frame, streaming=False), spark)


def micro_batch(spark: SparkSession, frame: DataFrame, *, in_own_session: bool) -> Any:
    """Return the Java DataFrame of a micro-batch; with `in_own_session`, planned in the session of the frame."""
    return physical_frame(frame, streaming=True) if in_own_session else as_micro_batch(spark, frame)
