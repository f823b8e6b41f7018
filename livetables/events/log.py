"""The event log: a Delta table in the storage folder, written and read without Spark."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from deltalake import write_deltalake

from livetables.events.events import ORIGIN_STRINGS
from livetables.storage import delta
from livetables.storage.stored import select

if TYPE_CHECKING:
    from pathlib import Path

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
    """Buffers events and appends them in groups; `flush` at the end of an update writes the rest."""

    def __init__(self, folder: Location, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
        self._rows: list[dict[str, Any]] = []
        self._flushed = clock.monotonic()

    def __call__(self, event: Event) -> None:
        """Take an event."""
        self._rows.append(event.row())

    def flush_if_due(self) -> None:
        """Append what is buffered, if the last commit is long enough ago."""
        if self._clock.monotonic() - self._flushed >= FLUSH_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Append what is buffered in one commit."""
        self._flushed = self._clock.monotonic()
        if self._rows:
            write_deltalake(str(self._folder), pa.Table.from_pylist(self._rows, schema=SCHEMA), mode="append")
            self._rows = []


def compact(folder: Location) -> None:
    """Merge the small files of a long run into few; those that were merged go a week later."""
    if has_events(folder):
        table = delta.delta_table(folder)
        if len(table.file_uris()) > COMPACT_FILES:
            table.optimize.compact()
            table.vacuum(dry_run=False)


def has_events(folder: Location | Path) -> bool:
    """Tell whether there is an event log."""
    return delta.is_table(folder)


def read_events(folder: Location | Path) -> list[dict[str, Any]]:
    """Return all events as rows of plain values, oldest first; an empty list when there is no log."""
    if not has_events(folder):
        return []
    rows: list[dict[str, Any]] = select("SELECT * FROM this", folder).to_pylist()
    return sorted(rows, key=lambda row: (row["timestamp"], row["sequence"]["control_plane_seq_no"]))


def defined_tables(folder: Location | Path) -> set[str] | None:
    """Return the keys of the tables that the newest update defined; None when no update came that far."""
    if not has_events(folder):
        return None
    rows = select("SELECT * FROM this WHERE event_type = 'dataset_definition' ORDER BY timestamp DESC", folder)
    found = [
        (row["origin"]["update_id"], row["origin"]["dataset_name"].lower())
        for row in rows.to_pylist()
        if json.loads(row["details"])["dataset_definition"]["dataset_type"] not in ("VIEW", "SINK")
    ]
    return {name for update, name in found if update == found[0][0]} if found else None
