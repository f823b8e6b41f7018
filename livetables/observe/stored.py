"""What is stored: tables by their Delta logs alone (no JVM), and the rows of a query as text or JSON."""

from __future__ import annotations

import base64
import json
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from deltalake import DeltaTable, QueryBuilder
from rich.box import SIMPLE_HEAD
from rich.table import Table

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import DataFrame


def select(sql: str, folder: Path) -> pa.Table:
    """Return the result of a SQL text over the Delta table in `folder`, which it calls `this`.

    By delta-rs' own engine: its dataset for pyarrow leaves threads behind that abort the interpreter at its exit.
    """
    return pa.table(QueryBuilder().register("this", DeltaTable(str(folder))).execute(sql).read_all())


def stored_tables(storage: Path) -> list[dict[str, Any]]:
    """Return name, rows, bytes, files, version and path of each stored table, by name."""
    folder = storage / "tables"
    names = (
        sorted(entry.name for entry in folder.iterdir() if (entry / "_delta_log").is_dir()) if folder.is_dir() else []
    )
    return [_stored(folder / name) for name in names]


def _stored(folder: Path) -> dict[str, Any]:
    table = DeltaTable(str(folder))
    actions = table.get_add_actions(flatten=True)
    sizes = [int(size) for size in actions["size_bytes"].to_pylist()]
    counts = actions["num_records"].to_pylist() if "num_records" in actions.schema.names else [None] * len(sizes)
    known = [int(count) for count in counts if count is not None]
    # Files without statistics (the log may leave them out) are counted by reading them.
    rows = sum(known) if len(known) == len(sizes) else select("SELECT count(*) AS n FROM this", folder)["n"][0].as_py()
    return {
        "name": folder.name,
        "rows": rows,
        "bytes": sum(sizes),
        "files": len(sizes),
        "version": table.version(),
        "path": str(folder),
    }


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


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    plain = _plain(value) if isinstance(value, datetime | date | Decimal | bytes) else value
    return plain if isinstance(plain, str) else json.dumps(plain, default=_plain)


def to_json(document: Any) -> str:
    """Return a JSON text; timestamps ISO 8601 in UTC, bytes base64, decimals as strings."""
    return json.dumps(document, default=_plain, indent=2, ensure_ascii=False)


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=timezone.utc)
        return aware.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return str(value)
