"""The two sides of `benchmarks.loadgen`: the native engine's parts, and Spark with its own functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from loadgen.clock import SystemClock
from loadgen.engines.local import LocalEngine
from loadgen.engines.native import ColumnSource
from loadgen.phases.shape import SECOND
from loadgen.phases.shape_file import shape_of
from loadgen.targets.base import Target
from loadgen.targets.delta import DeltaTarget
from loadgen.targets.kafka import KafkaTarget
from loadgen.targets.opening import Kafka
from loadgen.targets.topic import prepare_topic

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import DataFrame, SparkSession

    from loadgen.phases.shape import Shape
    from loadgen.targets.base import Block

START = 1_780_000_000 * SECOND
PARTITIONS = 8
TABLE = "stream_table_001"
#: The columns as one writes them with Spark's functions; random numbers, which cost less there than our hashes.
COLUMNS = (
    "concat('device-001-', lpad(CAST(id % 10 AS STRING), 2, '0')) AS device_id",
    f"timestamp_micros({START} + id) AS event_timestamp",
    "round(5 + rand(1) * 35, 2) AS temperature",
    "round(20 + rand(2) * 70, 2) AS humidity",
    "round(980 + rand(3) * 60, 2) AS pressure",
    "'baseline' AS stream_type",
    "1 AS stream_id",
)
VALUE = (
    "to_json(struct(device_id, event_timestamp AS event_time, temperature, humidity, pressure, stream_type, stream_id))"
)


class AllDue(SystemClock):
    """A clock by which a whole run is due from its start."""

    def __init__(self) -> None:
        self._asked = 0

    def now(self) -> float:
        """Return 0 at first, which is when the run starts, and then its end and more."""
        self._asked += 1
        return 0.0 if self._asked == 1 else 1e6


class ParquetTarget(Target):
    """Writes each block to a Parquet file, compressed as Spark does by default."""

    max_rows = 1_000_000

    def __init__(self, folder: Path) -> None:
        super().__init__(np.zeros(1, dtype=np.int64))
        self._folder = folder
        folder.mkdir()

    def write(self, block: Block) -> None:
        """Write a file."""
        pq.write_table(pa.Table.from_batches([block.rows]), self._folder / f"{block.until}.parquet")
        self._all_arrived(block.until)


class Native:
    """The native engine with its targets, as fast as they take rows."""

    @staticmethod
    def make_topic(servers: str, topic: str) -> None:
        """Make a topic."""
        host, port = servers.split(":")
        prepare_topic(host, int(port), topic, PARTITIONS)

    def delta(self, folder: Path, rows: int) -> None:
        """Write a Delta table."""
        self._send(rows, DeltaTarget(folder, "benchmark", _shape(rows)))

    def parquet(self, folder: Path, rows: int) -> None:
        """Write Parquet files."""
        self._send(rows, ParquetTarget(folder))

    def kafka(self, servers: str, topic: str, rows: int) -> None:
        """Write to a topic, and wait for its acknowledgements."""
        host, port = servers.split(":")
        self._send(rows, KafkaTarget(Kafka(host, int(port), topic), PARTITIONS, 1, {}))

    def _send(self, rows: int, target: Target) -> None:
        shape = _shape(rows)
        source = ColumnSource(shape, START, as_lines=target.takes_lines)
        engine = LocalEngine(shape, source, target, AllDue())
        engine.send()
        assert not engine.failed(), engine.trouble()


class Spark:
    """Spark on all cores."""

    def __init__(self, session: SparkSession) -> None:
        self._session = session

    def delta(self, folder: Path, rows: int) -> None:
        """Write a Delta table."""
        self._rows(rows).write.format("delta").save(str(folder / TABLE))

    def parquet(self, folder: Path, rows: int) -> None:
        """Write Parquet files."""
        self._rows(rows).write.parquet(str(folder))

    def kafka(self, servers: str, topic: str, rows: int) -> None:
        """Write to a topic."""
        records = self._rows(rows).selectExpr("device_id AS key", f"{VALUE} AS value")
        options = {"kafka.bootstrap.servers": servers, "topic": topic, "kafka.compression.type": "lz4"}
        records.write.format("kafka").options(**options).save()

    def counted(self, folder: Path, servers: str, target: str, place: str) -> int:
        """Return how many rows there are, whoever wrote them."""
        if target == "kafka":
            options = {"kafka.bootstrap.servers": servers, "subscribe": place}
            return self._session.read.format("kafka").options(**options).load().count()
        path = folder / place / TABLE if target == "delta" else folder / place
        return self._session.read.format(target).load(str(path)).count()

    def _rows(self, rows: int) -> DataFrame:
        return self._session.range(rows).selectExpr(*COLUMNS)


def _shape(rows: int) -> Shape:
    return shape_of({"duration": "1s", "phases": [{"streams": [{"type": "baseline", "rate": rows}]}]})
