"""Shows what a shape would send, without sending it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from .shape import SECOND

if TYPE_CHECKING:
    from .shape import Shape


def show_phases(shape: Shape, console: Console | None = None) -> list[dict[str, object]]:
    """Print and return each phase of a shape: name, from and to (s), streams, rate (rows/s) and rows."""
    phases: list[dict[str, object]] = []
    for number, phase in enumerate(shape.phases):
        parts = shape.segments(number)
        rate, rows = sum(one.rate for one in parts), sum(one.rows for one in parts)
        times = {"from": phase.begin / SECOND, "to": phase.end / SECOND}
        phases.append({"name": phase.name, **times, "streams": len(parts), "rate": rate, "rows": rows})
    table = Table("phase", box=None, pad_edge=False)
    for column in ("from s", "to s", "streams", "rows/s", "rows"):
        table.add_column(column, justify="right")
    for one in phases:
        name, *numbers = one.values()
        table.add_row(str(name), *(f"{value:,}" for value in numbers))
    (console or Console(highlight=False)).print(table)
    return phases
