"""What is stored: tables by their Delta logs alone (no JVM), and the rows of a query as text or JSON."""

from __future__ import annotations

import base64
import csv
import io
import json
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from deltalake import DeltaTable, QueryBuilder
from rich.box import SIMPLE_HEAD
from rich.table import Table

from livetables.model import PRIVATE

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import DataFrame


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


def frame_rows(frame: DataFrame) -> tuple[list[str], list[list[Any]]]:
    """Return the columns and rows of a query; timestamps are aware, in UTC."""
    table = frame.toArrow()
    columns = [table.column(index).to_pylist() for index in range(table.num_columns)]
    return table.column_names, [list(row) for row in zip(*columns, strict=True)]


def rows_table(columns: list[str], rows: list[list[Any]]) -> Table:
    """Return rows as a table for a terminal."""
    table = Table(box=SIMPLE_HEAD)
    numeric = [bool(rows) and isinstance(rows[0][i], int | float | Decimal) for i in range(len(columns))]
    for name, right in zip(columns, numeric, strict=True):
        table.add_column(name, justify="right" if right else "left")
    for row in rows:
        table.add_row(*("NULL" if value is None else _text(value) for value in row))
    return table


def rows_csv(columns: list[str], rows: list[list[Any]]) -> str:
    """Return rows as CSV with a header; NULL is empty, nested values are JSON."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([columns, *([None if value is None else _text(value) for value in row] for row in rows)])
    return text.getvalue()


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    plain = _plain(value) if isinstance(value, datetime | date | Decimal | bytes) else value
    return plain if isinstance(plain, str) else json.dumps(plain, default=_plain)


def to_json(document: Any) -> str:
    """Return a JSON text; timestamps ISO 8601 in UTC, bytes base64, decimals and types as text."""
    return json.dumps(document, default=_plain, indent=2, ensure_ascii=False)


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=timezone.utc)
        return aware.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return str(value.simpleString() if hasattr(value, "simpleString") else value)  # a type of Spark's, or a decimal
