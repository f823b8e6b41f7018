"""The two sides of `benchmarks.autoloader`, in one session: the pipeline's Auto Loader and Spark's own file stream."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import takewhile
from statistics import median
from typing import TYPE_CHECKING, Any, Protocol

from delta.tables import DeltaTable
from pyspark.sql import SparkSession
from pyspark.sql.streaming.listener import StreamingQueryListener

from benchmarks._pairs import BenchmarkError
from benchmarks._process import ROOT
from livetables.autoloader.schema import json_fields
from livetables.pipeline import Pipeline
from livetables.settings import load_settings, with_mode
from livetables.storage.layout import Storage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pyspark.sql.streaming.query import StreamingQuery

TABLE = "lines"
#: What inference finds in the readings of loadgen.
SCHEMA = "device_id STRING, event_time STRING, humidity DOUBLE, temperature DOUBLE"
#: Settings of queries that follow a folder. The last one is for their first batches, which are not measured: by
#: default, Spark lists many files in as many tasks, which takes minutes.
FOLLOWING = {
    "pipelines.trigger.interval": "50 milliseconds",
    "spark.sql.streaming.noDataProgressEventInterval": "0",  # so that each idle trigger is reported
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "2",
}
IDLE_TRIGGERS = 8
IDLE_SECONDS = 900.0


@dataclass(frozen=True)
class Load:
    """The input: a folder, and the number of files of a batch."""

    landing: Path
    files_per_trigger: int


@dataclass
class Heard(StreamingQueryListener):
    """The times of a query, from the events of its session; both sides are measured in this way."""

    began: float = 0.0
    ended: float = 0.0
    over: threading.Event = field(default_factory=threading.Event)
    batch_ms: list[int] = field(default_factory=list)

    def onQueryStarted(self, event: Any) -> None:
        """Record the time before the query lists files."""
        del event
        self.began = time.monotonic()

    def onQueryProgress(self, event: Any) -> None:
        """Record the duration of a batch."""
        if event.progress.numInputRows:
            self.batch_ms.append(event.progress.batchDuration)

    def onQueryIdle(self, event: Any) -> None:
        """Do nothing."""

    def onQueryTerminated(self, event: Any) -> None:
        """Record the time of the end."""
        del event
        self.ended = time.monotonic()
        self.over.set()


@contextmanager
def listening(spark: SparkSession) -> Iterator[Heard]:
    """Yield the times of the one query that runs meanwhile; waits for its end."""
    heard = Heard()
    spark.streams.addListener(heard)
    try:
        yield heard
        if not heard.over.wait(30):
            raise BenchmarkError("no query has ended")
    finally:
        spark.streams.removeListener(heard)


class Side(Protocol):
    """One of the two sides, with the folder of its table and checkpoint."""

    folder: Path

    @property
    def table(self) -> Path:
        """The folder of its table."""

    def take(self, load: Load) -> Heard:
        """Read all files, then end."""

    def follow(self, load: Load, stop: threading.Event) -> None:
        """Read all files and follow the folder, until `stop` is set."""


class Ours:
    """The pipeline, as the runtime runs it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def table(self) -> Path:
        """The folder of its table."""
        return Storage(self.folder).table(TABLE).path

    def take(self, load: Load) -> Heard:
        """Read all files, then end."""
        with self._pipeline(load, {}, continuous=False) as pipeline, listening(pipeline.spark) as heard:
            pipeline.plan()  # columns are inferred, which is not measured: the alternative's are given
            json_fields.cached_scan.cache_clear()  # a running stream has to scan these files
            self._run(pipeline, threading.Event())
        return heard

    def follow(self, load: Load, stop: threading.Event) -> None:
        """Read all files and follow the folder, until `stop` is set."""
        with self._pipeline(load, FOLLOWING, continuous=True) as pipeline:
            self._run(pipeline, stop)

    def _pipeline(self, load: Load, confs: dict[str, str], *, continuous: bool) -> Pipeline:
        overrides = {"landing": str(load.landing), "files_per_trigger": str(load.files_per_trigger), **confs}
        file = ROOT / "benchmarks" / "_autoloader_pipeline.py"
        settings = load_settings(paths=(file,), storage=str(self.folder), overrides=overrides)
        return Pipeline(with_mode(settings, continuous=continuous))

    def _run(self, pipeline: Pipeline, stop: threading.Event) -> None:
        state = pipeline.run(stop=stop)
        if state.state != "COMPLETED":
            raise BenchmarkError(f"the pipeline is {state.state}: {state.errors}")


class Native:
    """Spark's file stream with a fixed schema, in the session of the pipeline that ran before."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def table(self) -> Path:
        """The folder of its table."""
        return self.folder / TABLE

    def take(self, load: Load) -> Heard:
        """Read all files, then end."""
        spark = _session()
        self._create(spark)
        with listening(spark) as heard:
            self._start(spark, load, {"availableNow": True}).awaitTermination()
        return heard

    def follow(self, load: Load, stop: threading.Event) -> None:
        """Read all files and follow the folder, until `stop` is set."""
        spark = _session()
        self._create(spark)
        for key, value in FOLLOWING.items():
            spark.conf.set(key, value)
        query = self._start(spark, load, {"processingTime": FOLLOWING["pipelines.trigger.interval"]})
        while query.isActive and not stop.wait(0.1):
            pass
        error = query.exception()
        query.stop()
        if error is not None:
            raise error

    def _create(self, spark: SparkSession) -> None:
        # The pipeline's table is there before its query starts, too.
        columns = spark.createDataFrame([], SCHEMA).schema
        DeltaTable.createIfNotExists(spark).location(str(self.table)).addColumns(columns).execute()

    def _start(self, spark: SparkSession, load: Load, trigger: dict[str, Any]) -> StreamingQuery:
        source = spark.readStream.schema(SCHEMA).option("maxFilesPerTrigger", load.files_per_trigger)
        writer = source.json(str(load.landing)).writeStream.format("delta").trigger(**trigger)
        return writer.option("checkpointLocation", str(self.folder / "checkpoint")).start(str(self.table))


def _session() -> SparkSession:
    active = SparkSession.getActiveSession()
    if active is None:
        raise BenchmarkError("no session: the pipeline goes first")
    return active


def idle(side: Side, load: Load) -> dict[str, float]:
    """Return the median times, in ms, of triggers of a query that knows all files: `latestOffset` and the whole."""
    spark, stop = _session(), threading.Event()
    found: list[dict[str, int]] = []

    def watch() -> None:
        deadline = time.monotonic() + IDLE_SECONDS
        while time.monotonic() < deadline and len(found) < IDLE_TRIGGERS and not stop.wait(0.5):
            progress = [each for query in spark.streams.active for each in query.recentProgress]
            quiet = list(takewhile(lambda each: "addBatch" not in each, (p.durationMs for p in reversed(progress))))
            if len(quiet) > IDLE_TRIGGERS:
                found.extend(quiet[:-1])  # the first one may still tidy up after the last batch
        stop.set()

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        side.follow(load, stop)
    finally:
        stop.set()
        watching.join()
    if not found:
        raise BenchmarkError(f"no idle triggers within {IDLE_SECONDS:.0f} s")
    return {
        "latest_offset_ms": round(median(each.get("latestOffset", 0) for each in found), 1),
        "trigger_ms": round(median(each["triggerExecution"] for each in found), 1),
    }
