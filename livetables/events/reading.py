"""Reads the event log, from its start or from a cursor on, once or for as long as new events come. No JVM."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
from deltalake import DeltaTable, QueryBuilder

from livetables.clock import Clock
from livetables.errors import LivetablesError, did_you_mean
from livetables.events.events import Event
from livetables.events.facts import EVENT_TYPES, DatasetDefinition
from livetables.events.log import has_events, newest_seq_no
from livetables.keywords import known_keywords
from livetables.storage import delta
from livetables.storage.layout import Storage

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from pathlib import Path

    from livetables.events.facts import Fact
    from livetables.storage.locations import Location

#: How often a follower looks for new events, in seconds; an update writes them in groups, every two seconds.
FOLLOW_SECONDS = 0.5


@known_keywords
def read_events(
    storage: Storage | Path | str,
    *,
    after: int | None = None,
    types: Iterable[type[Fact] | str] | None = None,
    follow: bool = False,
    stop: Callable[[], bool] = lambda: False,
    clock: Clock | None = None,
) -> Iterator[Event]:
    """Iterate over the events of a storage folder, oldest first; there are none when no pipeline has run there.

    >>> import livetables as lt
    >>> settings = lt.load_settings(paths=["rooms.py"], storage="log", path_map={"/Volumes/main/rooms": "data"})
    >>> with lt.Pipeline(settings) as pipeline:
    ...     _ = pipeline.run()
    >>> [event.fact.state for event in lt.read_events("log", types=["update_progress"])][-2:]
    ['RUNNING', 'COMPLETED']

    `after` is the `seq_no` of the last event that is known already: only newer ones are read, and only from files that
    hold newer ones. `types` are facts, or names of event types. With `follow`, the iterator waits for new events until
    `stop()` is true; what was written before that is still returned.
    Raises LivetablesError for an unknown event type.
    """
    folder = (storage if isinstance(storage, Storage) else Storage(storage)).events
    names = None if types is None else [_type_name(kind) for kind in types]
    return _events(folder, -1 if after is None else after, names, stop if follow else lambda: True, clock or Clock())


def defined_tables(storage: Storage | Path | str) -> set[str] | None:
    """Return the keys of the tables that the newest update defined; None when no update came that far."""
    tables: dict[str, set[str]] = {}
    for event in read_events(storage, types=[DatasetDefinition]):
        fact = event.fact
        if isinstance(fact, DatasetDefinition) and fact.dataset_type.stored:
            tables.setdefault(event.origin["update_id"], set()).add(event.origin["dataset_name"].lower())
    return list(tables.values())[-1] if tables else None


def _events(
    folder: Location, cursor: int, types: Collection[str] | None, stop: Callable[[], bool], clock: Clock
) -> Iterator[Event]:
    table: DeltaTable | None = None
    version = -1
    while True:
        last = stop()  # asked before the log is read: nothing that was written until then is missed
        if table is not None:
            table.update_incremental()
        elif has_events(folder):
            table = delta.delta_table(folder)
        if table is not None and table.version() > version:
            version, newest = table.version(), newest_seq_no(table)
            yield from _between(table, cursor, newest, types)
            cursor = max(cursor, newest)
        if last:
            return
        clock.sleep(FOLLOW_SECONDS)


def _between(table: DeltaTable, after: int, until: int, types: Collection[str] | None) -> Iterator[Event]:
    """Iterate over the events after one sequence number until another; skips files by their statistics."""
    if after >= until:  # the log was compacted: other files, the same events
        return
    number = "sequence['control_plane_seq_no']"
    wanted = f"{number} > {after} AND {number} <= {until}"
    if types is not None:
        listed = ", ".join(f"'{name}'" for name in types)
        wanted += f" AND event_type IN ({listed})" if listed else " AND event_type = ''"
    sql = f"SELECT * FROM this WHERE {wanted} ORDER BY {number}"  # noqa: S608 (numbers, and names of known types)
    rows = pa.table(QueryBuilder().register("this", table).execute(sql).read_all())
    for batch in rows.to_batches():
        yield from map(Event.from_row, batch.to_pylist())


def _type_name(kind: type[Fact] | str) -> str:
    name = kind if isinstance(kind, str) else kind.event_type
    if name not in EVENT_TYPES:
        hint = did_you_mean(name, EVENT_TYPES, f"The types are {', '.join(EVENT_TYPES)}.")
        raise LivetablesError("EVENT_TYPE_UNKNOWN", f"There is no event type '{name}'.", hint=hint)
    return name
