"""The stored tables, as a table for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable


def tables_table(stored: Iterable[dict[str, Any]]) -> Table:
    """Return a row per stored table: name, rows, size, files, version; private and inactive ones are marked."""
    table = Table(box=SIMPLE_HEAD)
    for name in ("table", "rows", "size", "files", "version"):
        table.add_column(name, justify="left" if name == "table" else "right")
    for entry in stored:
        marks = [mark for mark in ("private", "inactive") if entry[mark]]
        name = f"{entry['name']} ({', '.join(marks)})" if marks else entry["name"]
        size = f"{entry['bytes'] / 1e6:,.1f} MB"
        table.add_row(name, f"{entry['rows']:,}", size, f"{entry['files']:,}", str(entry["version"]))
    return table
