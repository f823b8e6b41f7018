"""Writes the event log: a Delta table in the storage folder, without Spark."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
from deltalake import write_deltalake

from livetables.events.events import ORIGIN_STRINGS
from livetables.storage import delta

if TYPE_CHECKING:
    from pathlib import Path

    from deltalake import DeltaTable

    from livetables.clock import Clock
    from livetables.events.events import Event
    from livetables.storage.locations import Location

_STACK = pa.struct(
    [
        ("declaring_class", pa.string()),
        ("method_name", pa.string()),
        ("file_name", pa.string()),
        ("line_number", pa.int64()),
    ]
)
SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        (
            "sequence",
            pa.struct(
                [
                    ("data_plane_id", pa.struct([("instance", pa.string()), ("seq_no", pa.int64())])),
                    ("control_plane_seq_no", pa.int64()),
                ]
            ),
        ),
        (
            "origin",
            pa.struct(
                [*((name, pa.string()) for name in ORIGIN_STRINGS), ("org_id", pa.int64()), ("batch_id", pa.int64())]
            ),
        ),
        ("timestamp", pa.timestamp("us", tz="UTC")),
        ("message", pa.string()),
        ("level", pa.string()),
        ("maturity_level", pa.string()),
        (
            "error",
            pa.struct(
                [
                    ("fatal", pa.bool_()),
                    (
                        "exceptions",
                        pa.list_(
                            pa.struct(
                                [("class_name", pa.string()), ("message", pa.string()), ("stack", pa.list_(_STACK))]
                            )
                        ),
                    ),
                ]
            ),
        ),
        ("details", pa.string()),
        ("event_type", pa.string()),
    ]
)

#: How often buffered events are written, in seconds; each write is one small file.
FLUSH_SECONDS = 2.0
#: Above this many files the log is compacted when an update starts.
COMPACT_FILES = 200


class EventLogWriter:
    """A subscriber that appends events to the log in groups; `flush` at the end of an update writes the rest.

    `last_seq_no` is the sequence number of the newest event: an EventBus that starts from it never repeats or goes
    below a number, even when the clock was set back since the last update.
    """

    def __init__(self, folder: Location, clock: Clock) -> None:
        self._folder = folder
        self.last_seq_no = newest_seq_no(delta.delta_table(folder)) if has_events(folder) else 0
        self._clock = clock
        self._rows: list[dict[str, Any]] = []
        self._flushed = clock.monotonic()

    def __call__(self, event: Event) -> None:
        """Buffer an event."""
        self._rows.append(event.row())
        self.last_seq_no = event.seq_no

    def flush_if_due(self) -> None:
        """Append the buffered events, if the last commit is at least FLUSH_SECONDS ago."""
        if self._clock.monotonic() - self._flushed >= FLUSH_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Append the buffered events in one commit."""
        self._flushed = self._clock.monotonic()
        if self._rows:
            write_deltalake(str(self._folder), pa.Table.from_pylist(self._rows, schema=SCHEMA), mode="append")
            self._rows = []


def compact(folder: Location) -> None:
    """Merge the log's files into few when there are more than COMPACT_FILES; merged files are deleted a week later."""
    if has_events(folder):
        table = delta.delta_table(folder)
        if len(table.file_uris()) > COMPACT_FILES:
            table.optimize.compact()
            table.vacuum(dry_run=False)


def has_events(folder: Location | Path) -> bool:
    """Return whether there is an event log."""
    return delta.is_table(folder)


def newest_seq_no(table: DeltaTable) -> int:
    """Return the sequence number of the newest event, from the statistics of the log's files; 0 for an empty log."""
    actions = table.get_add_actions(flatten=True)
    name = "max.sequence.control_plane_seq_no"
    return max(actions[name].to_pylist(), default=0) if name in actions.schema.names else 0
