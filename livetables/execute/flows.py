"""Runs one flow: evaluates its query over the stored tables and writes the result to its target."""

from __future__ import annotations

import json
from concurrent.futures import Future, ThreadPoolExecutor, wait
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from livetables.execute.expectations import Quality, observed, quality_of
from livetables.graph.resolve import evaluate
from livetables.graph.schema import conform, declared_schema
from livetables.model import Table, View
from livetables.observe.progress import stream_metrics

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pyspark.sql import DataFrame, Observation, SparkSession
    from pyspark.sql.streaming.query import StreamingQuery

    from livetables.collect.reads import Reader
    from livetables.execute.storage import Storage
    from livetables.execute.tables import Tables
    from livetables.graph.graph import Graph, ResolvedDataset, ResolvedFlow

_OBSERVATION_SECONDS = 10.0


@dataclass(frozen=True)
class Batch:
    """What one micro-batch or recomputation did."""

    batch_id: int | None
    metrics: dict[str, Any]
    quality: tuple[Quality, ...]


class FlowRun(Protocol):
    """A flow that is running."""

    def batches(self) -> list[Batch]:
        """Return the batches that have ended since the last call."""

    def finished(self) -> bool:
        """Tell whether it has ended, well or badly; then `batches` returns the last ones."""

    def error(self) -> BaseException | None:
        """Return why it failed, or None."""

    def between_batches(self) -> bool:
        """Tell whether stopping now would interrupt no batch that is about to commit."""

    def stop(self) -> None:
        """End it; what its current batch has not committed comes again at the next start."""


@dataclass(frozen=True)
class Engine:
    """What every flow of an update needs."""

    spark: SparkSession
    graph: Graph
    storage: Storage
    tables: Tables
    sources: Reader
    threads: ThreadPoolExecutor


@dataclass
class FlowReader:
    """The Reader of one flow's evaluation: datasets are their stored tables, views are evaluated in place."""

    engine: Engine
    namespace: Any
    flow: str
    observations: dict[str, Observation] | None = None
    uses: dict[str, int] = field(default_factory=dict)

    def read(self, name: str, *, streaming: bool, options: Mapping[str, str]) -> DataFrame | None:
        """Return the table or view that a name means; None for a name outside the pipeline."""
        dataset = self.engine.graph.datasets.get(self.namespace.own(name) or "")
        if dataset is None:
            return self.engine.sources.read(name, streaming=streaming, options=options)
        if isinstance(dataset.definition, View):
            return self.observe(evaluate(dataset.flows[0].definition, self), dataset).alias(dataset.name)
        spark = self.engine.spark
        source: Any = spark.readStream if streaming else spark.read
        own = self.engine.tables.qualified(dataset.name)
        from livetables.collect import reads

        token = reads.current.set(None)  # the table itself, not this reader again
        try:
            frame: DataFrame = source.options(**options).table(own)
        finally:
            reads.current.reset(token)
        return frame.alias(dataset.name)

    def observe(self, frame: DataFrame, dataset: ResolvedDataset) -> DataFrame:
        """Apply the expectations of a dataset to a frame, and count its rows."""
        number = self.uses.get(dataset.name, 0)
        self.uses[dataset.name] = number + 1
        rules = getattr(dataset.definition, "expectations", ())
        if isinstance(dataset.definition, View) and not rules:
            return frame
        return observed(frame, dataset.name, rules, self.flow, number, self.observations)

    def load(self, source: str, options: Mapping[str, str], schema: Any, path: str) -> DataFrame:
        """Open a source outside the pipeline."""
        return self.engine.sources.load(source, options, schema, path)

    def prepare(self, source: str, options: Mapping[str, str], *, streaming: bool) -> None:
        """Check a source outside the pipeline."""
        self.engine.sources.prepare(source, options, streaming=streaming)

    def map_path(self, path: str) -> str:
        """Map a path of the platform."""
        return self.engine.sources.map_path(path)


def result_of(reader: FlowReader, flow: ResolvedFlow, dataset: ResolvedDataset) -> DataFrame:
    """Return what a flow writes: its query with the target's expectations and declared schema."""
    frame = reader.observe(evaluate(flow.definition, reader), dataset)
    schema = declared_schema(reader.engine.spark, dataset.definition)
    return frame if schema is None else conform(frame, schema, dataset.definition)


def batch_of(
    graph: Graph, target: str, metrics: dict[str, Any], rows: Mapping[str, Any], batch_id: int | None
) -> Batch:
    """Return a batch with the counts that were observed under the datasets' names."""
    quality = []
    for name, row in rows.items():
        dataset = name.removeprefix("livetables:").rsplit(":", 1)[0].lower()
        known = graph.datasets.get(dataset)
        counted = quality_of(name, row, getattr(known.definition, "expectations", ())) if known else None
        if counted is not None:
            quality.append(counted)
            if counted.dataset == target:
                metrics["num_output_rows"] = metrics.get("num_output_rows", 0) + counted.rows - counted.dropped
    return Batch(batch_id, metrics, tuple(quality))


class StreamRun:
    """A streaming query that appends to its target."""

    def __init__(
        self, engine: Engine, reader: FlowReader, flow: ResolvedFlow, dataset: ResolvedDataset, trigger: dict[str, Any],
    ) -> None:  # fmt: skip
        self._engine = engine
        self._target = dataset.name
        self._seen: tuple[int, str] = (-1, "")
        with confs(engine.spark, flow.definition.spark_conf):
            writer = (
                result_of(reader, flow, dataset)
                .writeStream.format("delta")
                .queryName(flow.name)
                .outputMode(flow.output_mode)
                .option("mergeSchema", "true")
                .option("checkpointLocation", str(engine.storage.checkpoint(dataset.name, flow.name)))
            )
            definition = dataset.definition
            if isinstance(definition, Table) and definition.partition_cols:
                writer = writer.partitionBy(*definition.partition_cols)
            self._query: StreamingQuery = writer.trigger(**trigger).start(str(engine.storage.table(dataset.name)))

    def batches(self) -> list[Batch]:
        """Return the batches that have ended since the last call; triggers that found nothing are left out."""
        new = []
        for reported in reversed(list(self._query._jsq.recentProgress())):  # noqa: SLF001
            mark = (reported.batchId(), reported.timestamp())
            if mark <= self._seen:
                break
            new.append((mark, json.loads(reported.json())))
        if new:
            self._seen = new[0][0]
        return [self._batch(progress) for _, progress in reversed(new) if "addBatch" in progress["durationMs"]]

    def _batch(self, progress: dict[str, Any]) -> Batch:
        rows = progress.get("observedMetrics", {})
        return batch_of(self._engine.graph, self._target, stream_metrics(progress), rows, progress["batchId"])

    def finished(self) -> bool:
        """Tell whether the query has ended."""
        return not self._query.isActive

    def error(self) -> BaseException | None:
        """Return the query's exception, with the JVM's own, whose causes say more."""
        raised = self._query.exception()
        if raised is not None:
            vars(raised)["_origin"] = self._query._jsq.exception().get()  # noqa: SLF001
        return raised

    def between_batches(self) -> bool:
        """Tell whether no trigger is active, or a batch has just ended and the next has not got far."""
        reported = list(self._query._jsq.recentProgress())  # noqa: SLF001
        just_ended = bool(reported) and (reported[-1].batchId(), reported[-1].timestamp()) > self._seen
        return just_ended or not self._query.status["isTriggerActive"]

    def stop(self) -> None:
        """Stop the query."""
        self._query.stop()


class BatchRun:
    """A recomputation that replaces the target in one commit, in a thread of its own."""

    def __init__(self, engine: Engine, reader: FlowReader, flow: ResolvedFlow, dataset: ResolvedDataset) -> None:
        self._engine = engine
        self._dataset = dataset
        self._reader = reader
        self._flow = flow
        self._told = False
        self._group = f"livetables {flow.name}"
        self._future: Future[dict[str, Any]] = engine.threads.submit(self._recompute)

    def _recompute(self) -> dict[str, Any]:
        definition = self._dataset.definition
        assert isinstance(definition, Table)
        spark = self._engine.spark
        spark.sparkContext.setJobGroup(self._group, self._flow.name, interruptOnCancel=True)
        with confs(spark, self._flow.definition.spark_conf):
            writer = (
                result_of(self._reader, self._flow, self._dataset)
                .write.format("delta")
                .mode("overwrite")
                .option("overwriteSchema", "true")
            )
            if definition.partition_cols:
                writer = writer.partitionBy(*definition.partition_cols)
            if definition.cluster_by:
                writer = writer.clusterBy(*definition.cluster_by)
            writer.save(str(self._engine.storage.table(self._dataset.name)))
        return {name: self._counts(seen) for name, seen in (self._reader.observations or {}).items()}

    def _counts(self, observation: Observation) -> dict[str, Any]:
        # Spark may fold an empty input away together with its observation, which then never comes.
        waiting = self._engine.threads.submit(lambda: observation.get)
        try:
            return dict(waiting.result(timeout=_OBSERVATION_SECONDS))
        except FutureTimeoutError:
            return {}

    def batches(self) -> list[Batch]:
        """Return the one batch, once it has ended well."""
        if self._told or not self._future.done() or self._future.cancelled() or self._future.exception():
            return []
        self._told = True
        return [batch_of(self._engine.graph, self._dataset.name, {}, self._future.result(), None)]

    def finished(self) -> bool:
        """Tell whether it has ended."""
        return self._future.done()

    def error(self) -> BaseException | None:
        """Return what it raised."""
        return None if self._future.cancelled() else self._future.exception()

    def between_batches(self) -> bool:
        """Always: a recomputation commits at its end or not at all."""
        return True

    def stop(self) -> None:
        """Cancel its jobs and wait for it to end."""
        self._engine.spark.sparkContext.cancelJobGroup(self._group)
        self._future.cancel()
        wait([self._future], timeout=_OBSERVATION_SECONDS)


@contextmanager
def confs(spark: SparkSession, values: Mapping[str, str]) -> Iterator[None]:
    """Set confs of the session for a while; a streaming query keeps those that it was started with."""
    before = {key: spark.conf.get(key, None) for key in values}
    for key, value in values.items():
        spark.conf.set(key, value)
    try:
        yield
    finally:
        for key, old in before.items():
            if old is None:
                spark.conf.unset(key)
            else:
                spark.conf.set(key, old)
