"""Reports of streaming queries, pushed by Spark: the progress of each batch, and the end of each query."""

from __future__ import annotations

import json
import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from py4j.protocol import Py4JError

from livetables.spark.jvm import add_query_listener

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyspark.sql import SparkSession


#: Reports that are kept of a query whose reports are not taken: a user's own query in the same session.
_MOST_REPORTS = 1000


def _bounded() -> deque[dict[str, Any]]:
    return deque(maxlen=_MOST_REPORTS)


@dataclass
class QueryReports:
    """What Spark has reported of one run of a query; safe to use from several threads.

    `progress` holds what was not taken yet, each the JSON of a StreamingQueryProgress. `ended` is set once the query
    has ended; then no more progress comes.
    """

    progress: deque[dict[str, Any]] = field(default_factory=_bounded)
    ended: threading.Event = field(default_factory=threading.Event)

    def take(self) -> list[dict[str, Any]]:
        """Return the reports that came since the last call, oldest first."""
        return [self.progress.popleft() for _ in range(len(self.progress))]


class QueryListener:
    """Receives the reports of all queries of a session, so that looking at a query asks the JVM nothing."""

    def __init__(self, spark: SparkSession) -> None:
        self._reports: dict[str, QueryReports] = {}
        self._lock = threading.Lock()
        self._remove: Callable[[], None] = add_query_listener(spark, self._progressed, self._terminated)

    def reports_of(self, run_id: str) -> QueryReports:
        """Return the reports of one run of a query; they may begin before this is called."""
        with self._lock:
            return self._reports.setdefault(run_id, QueryReports())

    def close(self) -> None:
        """Stop listening; a Java that has ended sends nothing any more."""
        with suppress(ConnectionError, Py4JError):
            self._remove()

    def _progressed(self, text: str) -> None:
        progress = json.loads(text)
        self.reports_of(progress["runId"]).progress.append(progress)

    def _terminated(self, run_id: str) -> None:
        self.reports_of(run_id).ended.set()
