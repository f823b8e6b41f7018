"""The pipeline of `benchmarks.autoloader` and `autoloader_kills`: reads JSON files, whose columns are inferred."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dlt

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dlt.table
def lines() -> DataFrame:
    """All lines of the landing folder."""
    reader = spark.readStream.format("cloudFiles").option("cloudFiles.format", "json")
    reader = reader.option("cloudFiles.inferColumnTypes", "true")
    reader = reader.option("cloudFiles.maxFilesPerTrigger", spark.conf.get("files_per_trigger"))
    return reader.load(spark.conf.get("landing"))
