"""The alternative of `capacity`: the sensor pipeline as a plain Structured Streaming script.

    python -m benchmarks._hand_written SERVERS TOPIC STORAGE

It is what one would write by hand with the same functions: no expectations, no event log, no graph. It prints
{"seconds": ...}, the time from the first flow's start to the last one's end. STORAGE holds the table `devices`
already.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from delta.tables import DeltaTable
from pyspark.sql import SparkSession

from expectations.sensors import READING_RULES
from livetables.jars import spark_jars
from livetables.jars.classes import java_options
from sources.kafka import read_kafka
from transformations.devices import with_device
from transformations.sensors import (
    aggregate_by_minute,
    conform_readings,
    deduplicate,
    parse_readings,
    quarantine,
    with_temperature_status,
)

if TYPE_CHECKING:
    from pyspark.sql import DataFrame
    from pyspark.sql.streaming.query import StreamingQuery

MASTER = "local[*]"
_STATE = "org.apache.spark.sql.execution.streaming.state"
WATERMARK = "10 minutes"
WINDOW = "1 minute"
THRESHOLD = 30.0
#: Each flow ends by itself; this is for a broker that went away in the middle.
FLOW_SECONDS = 900

LOGGING = """\
status = fatal
rootLogger.level = warn
rootLogger.appenderRef.file.ref = file
appender.file.type = File
appender.file.name = file
appender.file.fileName = {log}
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = %d{{yyyy-MM-dd HH:mm:ss}} %p %c: %m%n
"""


def session_confs(system: Path) -> dict[str, str]:
    """Return the confs of livetables' session, so that both run the same Spark; `capacity` compares them."""
    return {
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.sql.warehouse.dir": str(system / "warehouse"),
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.ansi.enabled": "false",
        "spark.sql.shuffle.partitions": str(os.cpu_count() or 2),
        "spark.databricks.delta.snapshotPartitions": "1",
        "spark.sql.codegen.cache.maxEntries": "1000",
        "spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
        "spark.sql.streaming.stateStore.providerClass": f"{_STATE}.RocksDBStateStoreProvider",
        "spark.sql.streaming.stateStore.rocksdb.changelogCheckpointing.enabled": "true",
        "spark.sql.streaming.stateStore.rocksdb.trackTotalNumberOfRows": "false",
        "spark.sql.streaming.noDataProgressEventInterval": "60000",
        "spark.ui.enabled": "false",
        "spark.sql.ui.explainMode": "simple",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.memory": "2g",
        "spark.driver.extraClassPath": os.pathsep.join(str(jar) for jar in spark_jars()),
    }


def start_session(system: Path) -> SparkSession:
    """Start Spark; it logs to a file, as it does under livetables."""
    system.mkdir(parents=True)
    logging = system / "log4j2.properties"
    logging.write_text(LOGGING.format(log=system / "spark.log"))
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    builder = SparkSession.builder.master(MASTER).appName("sensors")
    for key, value in session_confs(system).items():
        builder = builder.config(key, value)
    java = f"-Dlog4j2.configurationFile={logging} {java_options(spark_jars())}"
    return builder.config("spark.driver.extraJavaOptions", java).getOrCreate()


class Flows:
    """Reads and writes tables below one folder."""

    def __init__(self, spark: SparkSession, storage: Path) -> None:
        self._spark = spark
        self._storage = storage

    def read(self, name: str) -> DataFrame:
        """Stream a table."""
        return self._spark.readStream.format("delta").load(str(self._storage / "tables" / name))

    def now(self, name: str) -> DataFrame:
        """Read a table, not as a stream."""
        return self._spark.read.format("delta").load(str(self._storage / "tables" / name))

    def create(self, name: str, frame: DataFrame, **properties: str) -> None:
        """Create a table with properties: a streaming writer drops them without a word."""
        builder = DeltaTable.create(self._spark).location(str(self._storage / "tables" / name))
        for key, value in properties.items():
            builder = builder.property(key, value)
        builder.addColumns(frame.schema).execute()

    def start(self, name: str, frame: DataFrame) -> StreamingQuery:
        """Append to a table what is there now, then end."""
        writer = frame.writeStream.format("delta").outputMode("append").queryName(name)
        writer = writer.option("checkpointLocation", str(self._storage / "checkpoints" / name))
        return writer.trigger(availableNow=True).start(str(self._storage / "tables" / name))


def ended(query: StreamingQuery) -> None:
    """Wait for the end of a flow; raises what it failed with."""
    if not query.awaitTermination(FLOW_SECONDS):
        raise TimeoutError(f"{query.name} has not ended within {FLOW_SECONDS} s")


def run(flows: Flows, source: DataFrame) -> None:
    """Run the flows in order; silver and quarantine side by side, as livetables does."""
    ended(flows.start("sensor_data_bronze", source))
    ended(flows.start("parsed_sensor_data", parse_readings(flows.read("sensor_data_bronze"))))
    rejected = flows.start("sensor_data_quarantine", quarantine(flows.read("parsed_sensor_data"), READING_RULES))
    # A rule that is NULL is broken: WHERE drops those rows too.
    valid = flows.read("parsed_sensor_data").where(" AND ".join(f"({rule})" for rule in READING_RULES.values()))
    ended(flows.start("sensor_data_silver", deduplicate(conform_readings(valid), WATERMARK)))
    aggregates = aggregate_by_minute(flows.read("sensor_data_silver"), WATERMARK, WINDOW)
    ended(flows.start("sensor_data_aggregated", aggregates))
    enriched = with_temperature_status(flows.read("sensor_data_aggregated"), THRESHOLD)
    ended(flows.start("sensor_data_enriched", with_device(enriched, flows.now("devices"))))
    ended(rejected)


def main(servers: str, topic: str, storage: str) -> None:
    """Run the pipeline once and say how long its flows took."""
    folder = Path(storage).absolute()
    spark = start_session(folder / "system")
    flows, source = Flows(spark, folder), read_kafka(spark, servers, topic)
    # No statistics over raw text: the same property as in pipelines/sensors/bronze.py. Before the first flow,
    # because livetables sets its tables up there too.
    flows.create("sensor_data_bronze", source, **{"delta.dataSkippingNumIndexedCols": "0"})
    began = time.monotonic()
    run(flows, source)
    print(json.dumps({"seconds": time.monotonic() - began}))


if __name__ == "__main__":
    main(*sys.argv[1:])
