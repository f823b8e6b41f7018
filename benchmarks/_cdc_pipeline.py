"""The pipeline that `benchmarks.cdc` measures: a change feed into a table of type 1 and one of type 2."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dlt

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dlt.view
def events() -> DataFrame:
    """Read a file of the feed in each micro-batch."""
    schema = "id INT, name STRING, city STRING, op STRING, seq BIGINT"
    return spark.readStream.schema(schema).option("maxFilesPerTrigger", 1).parquet(spark.conf.get("events"))


for scd_type, target in ((1, "newest"), (2, "history")):
    dlt.create_streaming_table(target)
    dlt.create_auto_cdc_flow(
        target,
        "events",
        keys=["id"],
        sequence_by="seq",
        apply_as_deletes="op = 'D'",
        except_column_list=["op", "seq"],
        stored_as_scd_type=scd_type,
    )
