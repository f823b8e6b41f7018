"""Rows of a query as a table for a terminal, as CSV and as JSON."""

from __future__ import annotations

import base64
import csv
import io
import json
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def frame_rows(frame: DataFrame) -> tuple[list[str], list[list[Any]]]:
    """Return the column names and rows of a DataFrame; timestamps are aware, in UTC."""
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
    """Return a value as text; nested values are JSON."""
    if isinstance(value, str):
        return value
    plain = _plain(value) if isinstance(value, datetime | date | Decimal | bytes) else value
    return plain if isinstance(plain, str) else json.dumps(plain, default=_plain)


def to_json(document: Any) -> str:
    """Return a document as JSON: timestamps are ISO 8601 in UTC, bytes base64, decimals and types text."""
    return json.dumps(document, default=_plain, indent=2, ensure_ascii=False)


def _plain(value: Any) -> str:
    """Return a value that JSON has no type for as text."""
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=timezone.utc)
        return aware.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return str(value.simpleString() if hasattr(value, "simpleString") else value)  # a Spark type, or a decimal
