"""Events: the only output of a run, with the field names of the Databricks event log."""

from __future__ import annotations

import getpass
import json
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from livetables.redaction import redacted, redacted_in

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from livetables.clock import Clock

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
    """One row of the event log; `details` is nested here and a JSON string in the log."""

    id: str
    seq_no: int
    timestamp: datetime
    event_type: str
    message: str
    level: str
    details: dict[str, Any]
    origin: dict[str, Any]
    maturity_level: str = "STABLE"
    error: dict[str, Any] | None = None

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


@dataclass
class EventBus:
    """Makes events, without secrets, and hands each to every subscriber, in order."""

    clock: Clock
    pipeline: str
    update_id: str
    subscribers: list[Callable[[Event], None]] = field(default_factory=list)
    _seq_no: int = 0
    _turn: threading.RLock = field(default_factory=threading.RLock)

    def emit(
        self,
        event_type: str,
        message: str,
        details: dict[str, Any],
        *,
        level: str = "INFO",
        error: dict[str, Any] | None = None,
        maturity_level: str = "STABLE",
        **origin: Any,
    ) -> None:
        """Tell all subscribers that something happened; `origin` adds dataset_name, flow_name, batch_id."""
        with self._turn:  # hooks tell of their failures from a thread of their own
            self._emit(event_type, message, details, level, error, maturity_level, origin)

    def _emit(
        self,
        event_type: str,
        message: str,
        details: dict[str, Any],
        level: str,
        error: dict[str, Any] | None,
        maturity_level: str,
        origin: dict[str, Any],
    ) -> None:
        self._seq_no += 1
        base = {
            "cloud": "local",
            "pipeline_id": self.pipeline,
            "pipeline_name": self.pipeline,
            "pipeline_type": "WORKSPACE",
            "update_id": self.update_id,
            "user_id": getpass.getuser(),
            "host": "localhost",
        }
        now = self.clock.now()
        # These words are our own, and outcomes depend on them: a secret that is the same word changes nothing.
        ours: dict[str, Any] = {key: details[key] for key in ("state", "status") if key in details}
        event = Event(
            self.clock.new_id(),
            int(now.timestamp() * 1000) * 1000 + self._seq_no,
            now,
            event_type,
            redacted(message),
            level,
            {**redacted_in(details), **ours},
            {**base, **origin},
            maturity_level,
            redacted_in(error),
        )
        for subscriber in self.subscribers:
            subscriber(event)


def error_of(error: BaseException, message: str, *, fatal: bool) -> dict[str, Any]:
    """Return the `error` struct of an event: the chain of causes, innermost last."""
    exceptions: list[dict[str, Any]] = []
    cause: BaseException | None = error
    while cause is not None and len(exceptions) < 5:  # noqa: PLR2004 (deeper causes repeat themselves)
        text = message if cause is error else redacted(str(cause)).split("\n\tat ")[0][:2000]
        exceptions.append({"class_name": type(cause).__qualname__, "message": text, "stack": []})
        cause = cause.__cause__
    return {"fatal": fatal, "exceptions": exceptions}
