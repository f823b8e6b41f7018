"""`python -m livetables.spark.training ARCHIVE JARS`: do in Spark what pipelines do, and archive the classes loaded."""

from __future__ import annotations

import sys
import tempfile

from pyspark.sql import SparkSession

from livetables.spark.jvm import java_process

_NO_BROKER = {"kafka.bootstrap.servers": "127.0.0.1:1", "subscribe": "none"}


def main(archive: str, jars: str) -> None:
    """Start a session and run one query; at its end the JVM writes the archive.

    Training with tables, streams and merges as well takes minutes and saves little more.
    """
    with tempfile.TemporaryDirectory() as folder:
        spark = (
            SparkSession.builder.master("local[2]")
            .config("spark.driver.extraClassPath", jars)
            .config("spark.driver.extraJavaOptions", f'"-XX:ArchiveClassesAtExit={archive}" -Xlog:disable')
            .config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
            .config("spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog")
            .config("spark.sql.warehouse.dir", folder)
            .config("spark.sql.shuffle.partitions", "2")
            .config("spark.driver.host", "127.0.0.1")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .config("spark.ui.enabled", "false")
            .getOrCreate()
        )
        spark.range(100).selectExpr("id % 2 AS k").groupBy("k").count().collect()
        spark.readStream.format("kafka").options(**_NO_BROKER).load()
        spark.stop()
        java = java_process()
        assert java is not None
        assert java.stdin is not None
        java.stdin.close()
        java.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
