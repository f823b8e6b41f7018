"""Lines of files that arrive in a folder, by Auto Loader, as bronze rows."""

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 (the name all Spark code uses)


def read_lines(spark: SparkSession, path: str) -> DataFrame:
    """Stream the lines of the files under `path`, each file once.

    Text, not JSON: a corrupt line stays as it was sent, and parsing has one place for every source.

    Out: value STRING (one line), key STRING (NULL), source STRING ('auto_loader'), source_name STRING (file
    path), source_partition INT (NULL), source_offset BIGINT (NULL), source_time TIMESTAMP (the file's
    modification time), ingest_time TIMESTAMP (of the micro-batch).
    """
    lines = spark.readStream.format("cloudFiles").option("cloudFiles.format", "text").schema("value STRING").load(path)
    return lines.select(
        "value",
        F.lit(None).cast("string").alias("key"),
        F.lit("auto_loader").alias("source"),
        F.col("_metadata.file_path").alias("source_name"),
        F.lit(None).cast("int").alias("source_partition"),
        F.lit(None).cast("bigint").alias("source_offset"),
        F.col("_metadata.file_modification_time").alias("source_time"),
        F.current_timestamp().alias("ingest_time"),
    )
