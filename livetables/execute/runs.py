"""A flow that runs: a streaming query, or work in a thread of its own; what its batches did, why it failed."""

from __future__ import annotations

import json
from concurrent.futures import Future, wait
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from livetables.events.progress import stream_metrics
from livetables.execute.expectations import Quality, quality_of
from livetables.spark.failures import describe
from livetables.spark.jvm import java_exception, newest_progress, recent_progress

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pyspark.sql import DataFrame
    from pyspark.sql.streaming.query import StreamingQuery

    from livetables.autoloader.stream import FileSource
    from livetables.events.progress import FlowMetrics
    from livetables.execute.reader import Engine
    from livetables.graph.graph import Graph

_CANCEL_SECONDS = 10.0


@dataclass(frozen=True)
class Batch:
    """What one micro-batch or recomputation did."""

    batch_id: int | None
    metrics: FlowMetrics
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

    def close(self) -> None:
        """Let go of what it holds, after it has ended and its last batches were taken."""


@dataclass
class BatchResults:
    """What the functions that write batches tell: counts by the number of the batch, and what they raised last.

    The query itself knows of that only as text.
    """

    counts: dict[int, dict[str, int]] = field(default_factory=dict)
    raised: Exception | None = None

    def telling(self, write: Callable[[DataFrame, int], dict[str, int] | None]) -> Callable[[DataFrame, int], None]:
        """Return a function for `foreachBatch` that calls `write`, which may return counts."""

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
    """A streaming query, with what its batches tell themselves."""

    def __init__(
        self,
        graph: Graph,
        target: str,
        query: StreamingQuery,
        told: BatchResults | None = None,
        files: Sequence[FileSource] = (),
    ) -> None:
        self._graph = graph
        self._target = target
        self._query = query
        self._told = told or BatchResults()
        self._files = files
        self._seen: tuple[int, str] = (-1, "")

    def batches(self) -> list[Batch]:
        """Return the batches that have ended since the last call; triggers that found nothing are left out."""
        newest = newest_progress(self._query)
        if newest is None or newest.timestamp() == self._seen[1]:  # nearly always, and each call costs
            return []
        new = []
        for reported in reversed(recent_progress(self._query)):
            mark = (reported.batchId(), reported.timestamp())
            if mark <= self._seen:
                break
            new.append((mark, json.loads(reported.json())))
        if new:
            self._seen = new[0][0]
        return [self._batch(progress) for _, progress in reversed(new) if "addBatch" in progress["durationMs"]]

    def _batch(self, progress: dict[str, Any]) -> Batch:
        batch = batch_of(
            self._graph,
            self._target,
            stream_metrics(progress),
            progress.get("observedMetrics", {}),
            progress["batchId"],
        )
        for files in self._files:
            files.written(progress)
        told = self._told.counts.get(progress["batchId"])
        if told is not None:  # rows that a merge took are not rows that were appended
            metrics = replace(
                batch.metrics,
                num_output_rows=told.get("num_output_rows"),
                num_upserted_rows=told.get("num_upserted_rows"),
                num_deleted_rows=told.get("num_deleted_rows"),
            )
            return replace(batch, metrics=metrics)
        return batch

    def finished(self) -> bool:
        """Tell whether the query has ended."""
        return not self._query.isActive

    def error(self) -> BaseException | None:
        """Return the query's exception, with the JVM's own, whose causes say more; note the file that it names."""
        raised = self._query.exception()
        if raised is None:
            return None
        vars(raised)["_origin"] = java_exception(self._query)
        told = [self._told.raised, *(files.raised for files in self._files)]
        error = next((error for error in told if error is not None), raised)
        failure = describe(error)
        if failure.file is not None:
            for files in self._files:
                files.failed(failure.file, failure.message)
        return error

    def between_batches(self) -> bool:
        """Tell whether no trigger is active, or a batch has just ended and the next has not got far."""
        newest = newest_progress(self._query)
        just_ended = newest is not None and (newest.batchId(), newest.timestamp()) > self._seen
        return just_ended or not self._query.status["isTriggerActive"]

    def stop(self) -> None:
        """Stop the query."""
        self._query.stop()

    def close(self) -> None:
        """Close the lists of files."""
        for files in self._files:
            files.close()


class BatchRun:
    """Work that commits at its end or not at all, in a thread of its own; it returns its batches."""

    def __init__(self, engine: Engine, name: str, work: Callable[[], list[Batch]]) -> None:
        self._spark = engine.spark
        self._group = f"livetables {name}"
        self._name = name
        self._told = False
        self._future: Future[list[Batch]] = engine.threads.submit(self._do, work)

    def _do(self, work: Callable[[], list[Batch]]) -> list[Batch]:
        self._spark.sparkContext.setJobGroup(self._group, self._name, interruptOnCancel=True)
        return work()

    def batches(self) -> list[Batch]:
        """Return the batches, once all has ended well."""
        if self._told or not self._future.done() or self._future.cancelled() or self._future.exception():
            return []
        self._told = True
        return self._future.result()

    def finished(self) -> bool:
        """Tell whether it has ended."""
        return self._future.done()

    def error(self) -> BaseException | None:
        """Return what it raised."""
        return None if self._future.cancelled() else self._future.exception()

    def between_batches(self) -> bool:
        """Always: what has not committed leaves nothing behind."""
        return True

    def stop(self) -> None:
        """Cancel its jobs and wait for it to end."""
        self._spark.sparkContext.cancelJobGroup(self._group)
        self._future.cancel()
        wait([self._future], timeout=_CANCEL_SECONDS)

    def close(self) -> None:
        """Nothing is held."""


def batch_of(graph: Graph, target: str, metrics: FlowMetrics, rows: Mapping[str, Any], batch_id: int | None) -> Batch:
    """Return a batch with the counts that were observed under the datasets' names."""
    quality = []
    for name, row in rows.items():
        dataset = name.removeprefix("livetables:").rsplit(":", 1)[0].lower()
        known = graph.datasets.get(dataset)
        counted = quality_of(name, row, getattr(known.definition, "expectations", ())) if known else None
        if counted is not None:
            quality.append(counted)
            if counted.dataset == target:
                written = (metrics.num_output_rows or 0) + counted.rows - counted.dropped
                metrics = replace(metrics, num_output_rows=written)
    return Batch(batch_id, metrics, tuple(quality))
