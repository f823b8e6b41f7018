"""What is stored: tables by their Delta logs alone (no JVM)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
from deltalake import DeltaTable, QueryBuilder

from livetables.model import PRIVATE

if TYPE_CHECKING:
    from pathlib import Path


#: The platform's own name for the table behind a target of AUTO CDC begins so.
HIDDEN = "__apply_changes_storage_"


def select(sql: str, folder: Path) -> pa.Table:
    """Return the result of a SQL text over the Delta table in `folder`, which it calls `this`.

    By delta-rs' own engine: its dataset for pyarrow leaves threads behind that abort the interpreter at its exit.
    """
    return pa.table(QueryBuilder().register("this", DeltaTable(str(folder))).execute(sql).read_all())


def stored_tables(storage: Path) -> list[dict[str, Any]]:
    """Return name, rows, bytes, files, version, path and whether it is private, of each stored table, by name.

    Of a target of AUTO CDC, the rows are those that its users see; all else is of the hidden table behind it.
    """
    folder = storage / "tables"
    folders = (entry for entry in folder.iterdir() if (entry / "_delta_log").is_dir()) if folder.is_dir() else ()
    return sorted((_stored(entry) for entry in folders), key=lambda table: str(table["name"]))


def _stored(folder: Path) -> dict[str, Any]:
    table = DeltaTable(str(folder))
    actions = table.get_add_actions(flatten=True)
    sizes = [int(size) for size in actions["size_bytes"].to_pylist()]
    return {
        "name": folder.name.removeprefix(HIDDEN),
        "rows": _seen_rows(folder) if folder.name.startswith(HIDDEN) else _rows(folder, actions),
        "bytes": sum(sizes),
        "files": len(sizes),
        "version": table.version(),
        "private": table.metadata().configuration.get(PRIVATE) == "true",
        "path": str(folder),
    }


def _rows(folder: Path, actions: Any) -> int:
    counts = actions["num_records"].to_pylist() if "num_records" in actions.schema.names else [None]
    known = [int(count) for count in counts if count is not None]
    # Files without statistics (the log may leave them out) are counted by reading them.
    return sum(known) if len(known) == len(counts) else _count("SELECT count(*) AS n FROM this", folder)


def _seen_rows(folder: Path) -> int:
    return _count("SELECT count(*) AS n FROM this WHERE __visible", folder)


def _count(sql: str, folder: Path) -> int:
    count: int = select(sql, folder).to_pylist()[0]["n"]
    return count
