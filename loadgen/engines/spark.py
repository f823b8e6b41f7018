"""The Spark engine: a Structured Streaming query for each stream, as on a cluster."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import Executor, ThreadPoolExecutor, wait
from contextlib import suppress
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import LoadgenError
from ..phases.shape import SECOND
from ..targets.base import Write
from .queries import OBSERVED, SPARK_ERRORS, reason

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from pyspark.sql.streaming.query import StreamingQuery

    from ..clock import Clock
    from .feed import Feed
    from .queries import StreamQueries

#: How often the queries are asked how far they are.
LOOK_SECONDS = 0.5
#: Queries that are started or stopped at one time; most of it is waiting.
WORKERS = 4
#: How long a stop waits for batches that are being written.
STOP_SECONDS = 10.0
STOP_LOOK_SECONDS = 0.02


class SparkEngine:
    """Sends the rows of a shape by Spark; see `Engine` for the methods, `StreamQueries` for the guarantees.

    A query that fails ends its stream alone. The clock of the ticks is the cluster's and goes on while a run is
    interrupted: rows that fell due meanwhile are sent at once.

    Args:
        queries: of the shape's streams.
        clock: time.
        position: the last position of the run that goes on.
        feed: changes of the device registry.
    """

    def __init__(
        self, queries: StreamQueries, clock: Clock, position: Mapping[str, Any], feed: Feed | None = None
    ) -> None:
        self.feed = feed
        shape = self._shape = queries.shape
        streams = len(shape.streams)
        self._queries = queries
        self._clock = clock
        self._began = clock.now()
        self._arrived = np.array(position.get("arrived", [0] * streams), dtype=np.int64)
        self._todo = {at for at in range(streams) if self._arrived[at] < shape.end}
        self._batches = [-1] * streams
        self._running: dict[int, StreamingQuery] = {}
        self._errors: dict[int, str] = {}
        self._writes: list[Write] = []
        self._trouble = ""
        self._stop = Event()
        self._thread = Thread(target=self.send, name="loadgen", daemon=True)

    def start(self) -> None:
        """See `Engine`."""
        now = self._queries.prepare()
        self._began = self._clock.now() - now / SECOND
        self._thread.start()

    def stop(self) -> None:
        """See `Engine`."""
        self._stop.set()
        self._thread.join()

    def running(self) -> bool:
        """See `Engine`."""
        return self._thread.is_alive()

    def now(self) -> int:
        """See `Engine`."""
        return round((self._clock.now() - self._began) * SECOND)

    def arrived(self) -> NDArray[np.int64]:
        """See `Engine`."""
        return np.array(self._arrived)

    def errors(self) -> Mapping[int, str]:
        """See `Engine`."""
        return self._errors

    def trouble(self) -> str:
        """See `Engine`."""
        return self._trouble

    def failed(self) -> bool:
        """See `Engine`."""
        return bool(self._trouble)

    def kinds(self) -> Counter[str]:
        """See `Engine`."""
        return Counter(normal=int(self._shape.due(self._arrived).sum()))

    def complete(self) -> bool:
        """See `Engine`."""
        return bool((self._arrived >= self._shape.end).all())

    def writes(self) -> Sequence[Write]:
        """See `Engine`."""
        return self._writes

    def position(self) -> Mapping[str, object]:
        """See `Engine`."""
        return {"arrived": self._arrived.tolist()}

    def send(self) -> None:
        """Start the queries and watch them, until all is sent or `stop` is called."""
        try:
            self._send_changes(all_due=True)
            with ThreadPoolExecutor(WORKERS, "loadgen-spark") as pool:
                self._watch(pool)
            self._send_changes(all_due=True)
            if self.feed is not None:
                self.feed.close()
        except LoadgenError as error:  # of the device changes
            self._trouble = str(error)
        for at, query in list(self._running.items()):
            self._look(at, query)
        if self._errors:
            self._trouble = f"{len(self._errors)} of {len(self._shape.streams)} streams failed."

    def _watch(self, pool: Executor) -> None:
        """Start the queries in a pool, and follow them to their end."""
        starts = [pool.submit(self._start, at) for at in sorted(self._todo)]
        try:
            while self._todo and not self._stop.wait(LOOK_SECONDS):
                for at, query in list(self._running.items()):
                    self._look(at, query)
                    if self._arrived[at] == self._shape.end:
                        self._forget(at)
                        pool.submit(query.stop)
                self._send_changes(all_due=False)
        finally:
            self._stop.set()
            wait(starts)
            self._halt(pool)

    def _send_changes(self, *, all_due: bool) -> None:
        """Send the device changes that are due."""
        if self.feed is not None:
            now = self.now()
            self.feed.advance(min(now / self._shape.end, 1.0), now, all_due=all_due)

    def _start(self, at: int) -> None:
        if self._stop.is_set():
            return
        try:
            self._running[at] = self._queries.start(self._shape.streams[at])
        except SPARK_ERRORS as error:
            self._fail(at, error)

    def _look(self, at: int, query: StreamingQuery) -> None:
        """Note how far a query is, or why it failed."""
        try:
            active = query.isActive  # asked first: what it did before it ended is not missed
            for progress in self._news(at, query):
                self._note(at, progress)
            error = None if active else query.exception()
            if error is not None or not (active or self._stop.is_set()):
                self._fail(at, error)
        except SPARK_ERRORS as error:
            self._fail(at, error)

    def _news(self, at: int, query: StreamingQuery) -> Sequence[Mapping[str, Any]]:
        """Return the progress of a query's newest batches; of many only when some were missed, which costs more."""
        last = query.lastProgress
        if last is None or last["batchId"] <= self._batches[at] + 1:
            return [last] if last and last["batchId"] > self._batches[at] else []
        return [one for one in query.recentProgress if one["batchId"] > self._batches[at]]

    def _note(self, at: int, progress: Mapping[str, Any]) -> None:
        observed = progress["observedMetrics"].get(OBSERVED)
        if observed is None:  # it waits for data; the batch of that number is still to come
            return
        self._batches[at] = progress["batchId"]
        if observed["until"] is None:  # it had no ticks
            return
        stream, before, until = self._shape.streams[at], int(self._arrived[at]), observed["until"]
        if stream.due(until) > stream.due(before):
            phases = self._shape.phases
            phase = next((number for number, one in enumerate(phases) if until <= one.end), len(phases) - 1)
            self._writes.append(Write(phase, stream.stream_type, progress["durationMs"]["addBatch"] / 1000))
        done = stream.due(until) == stream.rows
        self._arrived[at] = self._shape.end if done else max(until, before)

    def _fail(self, at: int, error: BaseException | None) -> None:
        cause = "its query was stopped" if error is None else reason(error)
        self._errors[at] = f"Cannot write {self._shape.streams[at].table}: {cause.rstrip('.')}."
        self._forget(at)

    def _forget(self, at: int) -> None:
        self._running.pop(at, None)
        self._todo.discard(at)

    def _halt(self, pool: Executor) -> None:
        """Stop each query when its batch is done: an interrupted batch is sent again by a resumed run."""
        deadline = self._clock.now() + STOP_SECONDS
        before, waiting = list(self._batches), dict(self._running)
        while waiting:
            late = self._clock.now() >= deadline
            for at, query in list(waiting.items()):
                self._look(at, query)
                if late or self._batches[at] > before[at] or _is_idle(query):
                    del waiting[at]
                    pool.submit(query.stop)
            self._clock.sleep(STOP_LOOK_SECONDS)


def _is_idle(query: StreamingQuery) -> bool:
    with suppress(*SPARK_ERRORS):
        return not query.status["isTriggerActive"]
    return True
