"""The stored tables of a pipeline, by their Delta logs alone: no JVM."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from livetables.model import PRIVATE
from livetables.storage import delta
from livetables.storage.hidden import HIDDEN, HIDDEN_COLUMNS, VISIBLE
from livetables.storage.layout import Storage
from livetables.storage.locations import Location

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa


def select(sql: str, where: Location | Path | str) -> pa.Table:
    """Return the result of a SQL text over a Delta table, which it calls `this`.

    Of the hidden table behind a target of AUTO CDC, `this` has the rows that the target's users see. The query runs in
    delta-rs' own engine: its dataset for pyarrow leaves threads behind that abort the interpreter at its exit.
    """
    import pyarrow as pa
    from deltalake import QueryBuilder

    location = Location.of(where)
    hidden = location.name.startswith(HIDDEN)
    query = QueryBuilder().register("stored" if hidden else "this", delta.delta_table(location))
    if hidden:
        query.execute(f"CREATE VIEW this AS SELECT * FROM stored WHERE {VISIBLE}").read_all()  # noqa: S608 (our own names)
    return pa.table(query.execute(sql).read_all())


@dataclass(frozen=True)
class StoredTable:
    """A table in the storage folder of a pipeline, read by delta-rs: no JVM.

    >>> import livetables as lt
    >>> settings = lt.load_settings(paths=["rooms.py"], storage="out", path_map={"/Volumes/main/rooms": "data"})
    >>> with lt.Pipeline(settings) as pipeline:
    ...     _ = pipeline.run()
    >>> table = pipeline.table("readings")
    >>> table.rows
    2
    >>> table.to_arrow().column_names
    ['room', 'celsius']

    Of a target of AUTO CDC, the rows and columns are those that its users see. A row filter is not applied: this looks
    into the table as it is stored.
    """

    name: str
    location: Location

    @property
    def rows(self) -> int:
        """The number of rows."""
        return int(_stored(self.name, self.location)["rows"])

    @property
    def version(self) -> int:
        """The version of the newest commit."""
        return delta.newest_version(self.location)

    def to_arrow(self) -> pa.Table:
        """Return all rows, in no particular order; columns have the types of the Delta table."""
        table = select("SELECT * FROM this", self.location)
        return table.drop_columns([name for name in table.column_names if name in HIDDEN_COLUMNS])


def stored_tables(storage: Storage | Location | Path | str) -> list[dict[str, Any]]:
    """Return name, rows, bytes, files, version, path and whether it is private, of each stored table, by name.

    Of a target of AUTO CDC, the rows are those that its users see; all else is of the hidden table behind it.
    """
    storage = storage if isinstance(storage, Storage) else Storage(storage)
    return [_stored(name, storage.table(name)) for name in storage.table_names()]


def _stored(name: str, folder: Location) -> dict[str, Any]:
    table = delta.delta_table(folder)
    actions = table.get_add_actions(flatten=True)
    sizes = [int(size) for size in actions["size_bytes"].to_pylist()]
    return {
        "name": name,
        "rows": _count(folder) if folder.name.startswith(HIDDEN) else _rows(folder, actions),
        "bytes": sum(sizes),
        "files": len(sizes),
        "version": table.version(),
        "private": table.metadata().configuration.get(PRIVATE) == "true",
        "path": str(folder),
    }


def _rows(folder: Location, actions: Any) -> int:
    counts = actions["num_records"].to_pylist() if "num_records" in actions.schema.names else [None]
    known = [int(count) for count in counts if count is not None]
    # Files without statistics (the log may leave them out) are counted by reading them.
    return sum(known) if len(known) == len(counts) else _count(folder)


def _count(folder: Location) -> int:
    count: int = select("SELECT count(*) AS n FROM this", folder).to_pylist()[0]["n"]
    return count
