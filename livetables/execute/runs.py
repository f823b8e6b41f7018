"""Running tasks: a streaming query, or work in a thread of its own; what their batches did, why they failed."""

from __future__ import annotations

from concurrent.futures import Future, wait
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from livetables.events.progress import FlowMetrics, stream_metrics
from livetables.execute.expectations import PREFIX, Quality, quality_of
from livetables.spark.failures import ORIGIN, describe
from livetables.spark.jvm import java_exception

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pyspark.sql import DataFrame
    from pyspark.sql.streaming.query import StreamingQuery

    from livetables.autoloader.stream import FileSource
    from livetables.execute.reader import Engine
    from livetables.graph.graph import Graph, ResolvedDataset, ResolvedFlow

_CANCEL_SECONDS = 10.0
#: How long the end of a query waits for the reports that Spark still delivers.
_LAST_REPORT_SECONDS = 5.0


NO_METRICS = FlowMetrics()


@dataclass(frozen=True)
class Batch:
    """What one micro-batch or recomputation did for one flow."""

    batch_id: int | None = None
    metrics: FlowMetrics = NO_METRICS
    quality: tuple[Quality, ...] = ()


class TaskRun(Protocol):
    """A task that is running. It may serve several flows, which it calls by their keys."""

    def batches(self) -> list[tuple[str, Batch]]:
        """Return the batches that have ended since the last call, each with the key of its flow, oldest first."""

    def finished(self) -> bool:
        """Return whether it has ended, well or badly; then `batches` returns the last ones."""

    def error(self) -> BaseException | None:
        """Return why it failed, or None."""

    def between_batches(self) -> bool:
        """Return whether stopping now would interrupt no batch that is about to commit."""

    def stop(self) -> None:
        """End it; what its current batch has not committed comes again at the next start."""

    def close(self) -> None:
        """Release its resources; called after it has ended and its last batches were taken."""


@dataclass
class BatchResults:
    """Row counts per batch id and the last exception of a foreachBatch function; Spark passes on only its text."""

    counts: dict[int, dict[str, Any]] = field(default_factory=dict)
    raised: Exception | None = None

    def recording(self, write: Callable[[DataFrame, int], dict[str, int] | None]) -> Callable[[DataFrame, int], None]:
        """Return a function for `foreachBatch` that calls `write`, which may return counts, and records the outcome."""

        def batch(frame: DataFrame, number: int) -> None:
            try:
                counts = write(frame, number)
            except Exception as error:
                self.raised = error
                raise
            if counts is not None:
                self.counts[number] = counts

        return batch


class StreamRun:
    """A streaming query: what Spark reports of it, and what its own foreachBatch function and file sources record."""

    def __init__(
        self,
        engine: Engine,
        flow: ResolvedFlow,
        dataset: ResolvedDataset,
        query: StreamingQuery,
        results: BatchResults,
        files: Sequence[FileSource] = (),
    ) -> None:
        self._flow = flow.definition.key
        self._target = dataset.name
        self._graph = engine.graph
        self._query = query
        self._reports = engine.listener.reports_of(str(query.runId))
        self._results = results
        self._files = files

    def batches(self) -> list[tuple[str, Batch]]:
        """Return the batches that have ended since the last call; triggers that found nothing are left out."""
        reported = self._reports.take()
        return [(self._flow, self._batch(one)) for one in reported if "addBatch" in one["durationMs"]]

    def _batch(self, progress: dict[str, Any]) -> Batch:
        number = progress["batchId"]
        metrics, observed = stream_metrics(progress), progress.get("observedMetrics", {})
        batch = batch_of(self._graph, self._target, metrics, observed, number)
        for files in self._files:
            files.written(progress)
        counts = self._results.counts.pop(number, None)
        if counts is not None:  # rows that a merge took are not rows that were appended
            return replace(batch, metrics=replace(batch.metrics, **{"num_output_rows": None, **counts}))
        return batch

    def finished(self) -> bool:
        """Return whether the query has ended."""
        return self._reports.ended.is_set()

    def error(self) -> BaseException | None:
        """Return the query's exception, with the JVM's own, whose causes say more; record the file that it names."""
        raised = self._query.exception()
        if raised is None:
            return None
        vars(raised)[ORIGIN] = java_exception(self._query)
        recorded = [self._results.raised, *(files.raised for files in self._files)]
        error = next((error for error in recorded if error is not None), raised)
        failure = describe(error)
        if failure.file is not None:
            for files in self._files:
                files.failed(failure.file, failure.message)
        return error

    def between_batches(self) -> bool:
        """Return whether no trigger is active, or a batch has just ended and the next has not got far."""
        return bool(self._reports.progress) or not self._query.status["isTriggerActive"]

    def stop(self) -> None:
        """Stop the query, and wait for Spark's last reports of it."""
        self._query.stop()
        self._reports.ended.wait(_LAST_REPORT_SECONDS)

    def close(self) -> None:
        """Close the file sources."""
        for files in self._files:
            files.close()


class BatchRun:
    """Work in a thread of its own that commits at its end or not at all; it returns its batches."""

    def __init__(self, engine: Engine, flow: str, work: Callable[[], list[Batch]]) -> None:
        self._spark = engine.spark
        self._group = f"livetables {flow}"
        self._flow = flow
        self._taken = False
        self._future: Future[list[Batch]] = engine.threads.submit(self._do, work)

    def _do(self, work: Callable[[], list[Batch]]) -> list[Batch]:
        self._spark.sparkContext.setJobGroup(self._group, self._flow, interruptOnCancel=True)
        return work()

    def batches(self) -> list[tuple[str, Batch]]:
        """Return the batches, once all has ended well."""
        if self._taken or not self._future.done() or self._future.cancelled() or self._future.exception():
            return []
        self._taken = True
        return [(self._flow.lower(), batch) for batch in self._future.result()]

    def finished(self) -> bool:
        """Return whether it has ended."""
        return self._future.done()

    def error(self) -> BaseException | None:
        """Return what it raised."""
        return None if self._future.cancelled() else self._future.exception()

    def between_batches(self) -> bool:
        """Return True: what has not committed leaves nothing behind."""
        return True

    def stop(self) -> None:
        """Cancel its Spark jobs and wait for it to end."""
        self._spark.sparkContext.cancelJobGroup(self._group)
        self._future.cancel()
        wait([self._future], timeout=_CANCEL_SECONDS)

    def close(self) -> None:
        """Release nothing: its thread has ended."""


def batch_of(graph: Graph, target: str, metrics: FlowMetrics, rows: Mapping[str, Any], batch_id: int | None) -> Batch:
    """Return a batch with the counts that were observed under the datasets' names."""
    quality = []
    for name, row in rows.items():
        dataset = name.removeprefix(PREFIX).rsplit(":", 1)[0].lower()
        known = graph.datasets.get(dataset)
        counted = quality_of(name, row, getattr(known.definition, "expectations", ())) if known else None
        if counted is not None:
            quality.append(counted)
    written = [counted.rows - counted.dropped for counted in quality if counted.dataset == target]
    if written:
        metrics = replace(metrics, num_output_rows=(metrics.num_output_rows or 0) + sum(written))
    return Batch(batch_id, metrics, tuple(quality))
