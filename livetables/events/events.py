"""Events: the only output of a run, with the columns of the Databricks event log."""

from __future__ import annotations

import getpass
import json
import threading
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from livetables.events.facts import parse_fact
from livetables.events.states import Level
from livetables.redaction import redacted, redacted_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from livetables.clock import Clock
    from livetables.events.facts import Fact

#: The maturity level of an event that users may rely on.
STABLE = "STABLE"

#: The string fields of `origin`, besides `org_id` and `batch_id`, which are numbers.
ORIGIN_STRINGS = (
    "cloud",
    "region",
    "user_id",
    "pipeline_id",
    "pipeline_type",
    "pipeline_name",
    "cluster_id",
    "update_id",
    "maintenance_id",
    "table_id",
    "table_name",
    "dataset_name",
    "sink_name",
    "flow_id",
    "flow_name",
    "request_id",
    "host",
    "materialization_name",
    "uc_resource_id",
    "ingestion_source_catalog_name",
    "ingestion_source_schema_name",
    "ingestion_source_connection_name",
    "ingestion_source_table_name",
    "ingestion_source_table_version",
)


@dataclass(frozen=True)
class Event:
    """One row of the event log; `details` is nested here and a JSON string in the log.

    `seq_no` is the cursor of the log: it grows from event to event.

    >>> import livetables as lt
    >>> settings = lt.load_settings(paths=["rooms.py"], storage="out", path_map={"/Volumes/main/rooms": "data"})
    >>> with lt.Pipeline(settings) as pipeline:
    ...     update = pipeline.run()
    >>> event = list(lt.read_events("out"))[-1]
    >>> event.event_type, event.level, event.fact.state
    ('update_progress', 'INFO', 'COMPLETED')
    """

    id: str
    seq_no: int
    timestamp: datetime
    event_type: str
    message: str
    level: str
    details: dict[str, Any]
    origin: dict[str, Any]
    maturity_level: str = STABLE
    error: dict[str, Any] | None = None

    @cached_property
    def fact(self) -> Fact:
        """The typed payload; raises LivetablesError when another version has written one that this does not know."""
        return parse_fact(self.event_type, self.details)

    def row(self) -> dict[str, Any]:
        """Return the event with the columns of the log."""
        origin = {name: self.origin.get(name) for name in (*ORIGIN_STRINGS, "org_id", "batch_id")}
        sequence = {
            "data_plane_id": {"instance": self.origin.get("host"), "seq_no": self.seq_no},
            "control_plane_seq_no": self.seq_no,
        }
        return {
            "id": self.id,
            "sequence": sequence,
            "origin": origin,
            "timestamp": self.timestamp,
            "message": self.message,
            "level": self.level,
            "maturity_level": self.maturity_level,
            "error": self.error,
            "details": json.dumps({self.event_type: self.details}, default=str),
            "event_type": self.event_type,
        }

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Event:
        """Return the event that a row of the log holds: the inverse of `row`."""
        return cls(
            id=row["id"],
            seq_no=row["sequence"]["control_plane_seq_no"],
            timestamp=row["timestamp"],
            event_type=row["event_type"],
            message=row["message"],
            level=row["level"],
            details=json.loads(row["details"])[row["event_type"]],
            origin={name: value for name, value in row["origin"].items() if value is not None},
            maturity_level=row["maturity_level"],
            error=row["error"],
        )


@dataclass
class EventBus:
    """Makes events of facts, without secrets, and gives each to every subscriber, in order."""

    clock: Clock
    pipeline: str
    update_id: str
    subscribers: list[Callable[[Event], None]] = field(default_factory=list)
    _seq_no: int = 0
    _turn: threading.RLock = field(default_factory=threading.RLock)
    _user: str = field(default_factory=getpass.getuser)

    def emit(
        self,
        fact: Fact,
        message: str,
        *,
        level: str = Level.INFO,
        error: dict[str, Any] | None = None,
        maturity_level: str = STABLE,
        **origin: Any,
    ) -> None:
        """Make an event of a fact and give it to all subscribers.

        `origin` adds `flow_name`, `dataset_name`, `flow_id`, `batch_id`; what is None is left out. May be called from
        several threads: hooks report their failures from a thread of their own.
        """
        with self._turn:
            now = self.clock.now()
            # Microseconds, but never the same twice: also when the clock stands still or is set back.
            self._seq_no = max(self._seq_no + 1, int(now.timestamp() * 1_000_000))
            event = Event(
                self.clock.new_id(),
                self._seq_no,
                now,
                fact.event_type,
                redacted(message),
                str(level),
                _details(fact),
                self._origin(origin),
                maturity_level,
                redacted_in(error),
            )
            for subscriber in self.subscribers:
                subscriber(event)

    def _origin(self, given: dict[str, Any]) -> dict[str, Any]:
        own = {
            "cloud": "local",
            "pipeline_id": self.pipeline,
            "pipeline_name": self.pipeline,
            "pipeline_type": "WORKSPACE",
            "update_id": self.update_id,
            "user_id": self._user,
            "host": "localhost",
        }
        return own | {name: value for name, value in given.items() if value is not None}


#: The keys of payloads whose values are words of the event log; outcomes depend on them.
_WORDS = ("state", "status", "cause", "type", "dataset_type", "flow_type", "language")


def _details(fact: Fact) -> dict[str, Any]:
    """Return the payload without secrets; a word of the event log stays, even when a secret is the same word."""
    details = fact.details()
    return {**redacted_in(details), **{key: details[key] for key in _WORDS if key in details}}


def error_of(error: BaseException, message: str, *, fatal: bool) -> dict[str, Any]:
    """Return the `error` struct of an event: `message` for the error itself, then its causes, innermost last."""
    exceptions: list[dict[str, Any]] = []
    cause: BaseException | None = error
    while cause is not None and len(exceptions) < 5:  # noqa: PLR2004 (deeper causes repeat themselves)
        text = message if cause is error else redacted(str(cause)).split("\n\tat ")[0][:2000]
        exceptions.append({"class_name": type(cause).__qualname__, "message": text, "stack": []})
        cause = cause.__cause__
    return {"fatal": fatal, "exceptions": exceptions}
