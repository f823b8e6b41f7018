"""Status of a run: rates, lag and error of each stream, and a progress bar on a terminal."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from ..phases.shape import SECOND
from .record import lags

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rich.console import Console

    from ..engines.base import Engine
    from ..phases.shape import Shape

#: Seconds of lag from which on a stream is named.
LAGGING = 5.0
MOST_NAMES = 5


@dataclass(frozen=True)
class StreamStatus:
    """One stream since the last status.

    Attributes:
        table: its name.
        stream_type: its type.
        target_rate: rows per second that fell due.
        actual_rate: rows per second that arrived.
        lag_seconds: age of its oldest undelivered row.
        error: why it has failed; else empty.
    """

    table: str
    stream_type: str
    target_rate: float
    actual_rate: float
    lag_seconds: float
    error: str


class StatusWatch:
    """Compares each status of a run with the one before."""

    def __init__(self, shape: Shape, engine: Engine) -> None:
        self._shape = shape
        self._engine = engine
        self._now = int(engine.arrived().min()) if shape.paced else engine.now()
        self._arrived = engine.arrived().copy()

    def update(self) -> list[StreamStatus]:
        """Return the status of each stream since the last call."""
        now, arrived, errors = self._engine.now(), self._engine.arrived().copy(), self._engine.errors()
        seconds = max((now - self._now) / SECOND, 1e-6)
        shape = self._shape
        actual = (shape.due(arrived) - shape.due(self._arrived)) / seconds
        target = (shape.due_at(now) - shape.due_at(self._now)) / seconds if shape.paced else actual
        behind = lags(shape, now, arrived)
        self._now, self._arrived = now, arrived
        return [
            StreamStatus(
                one.table,
                one.stream_type,
                round(target[at], 1),
                round(actual[at], 1),
                round(behind[at], 2),
                errors.get(at, ""),
            )
            for at, one in enumerate(shape.streams)
        ]


def as_table(streams: Sequence[StreamStatus]) -> Table:
    """Return one line for each type of stream."""
    table = Table("type", box=None, pad_edge=False)
    for column in ("streams", "target rows/s", "actual rows/s", "lag s", "failed"):
        table.add_column(column, justify="right")
    for kind in dict.fromkeys(one.stream_type for one in streams):
        mine = [one for one in streams if one.stream_type == kind]
        target, actual = (np.sum([getattr(one, name) for one in mine]) for name in ("target_rate", "actual_rate"))
        lag, failed = max(one.lag_seconds for one in mine), sum(bool(one.error) for one in mine)
        table.add_row(kind, str(len(mine)), f"{target:,.0f}", f"{actual:,.0f}", f"{lag:.1f}", str(failed))
    return table


def problems(streams: Sequence[StreamStatus]) -> Iterator[str]:
    """Yield lines that name failed and lagging streams."""
    failed = [one for one in streams if one.error]
    lagging = [one for one in streams if one.lag_seconds > LAGGING and not one.error]
    for one in failed[:MOST_NAMES]:
        yield f"{one.table}: {one.error}"
    if len(failed) > MOST_NAMES:
        yield f"and {len(failed) - MOST_NAMES} more"
    if lagging:
        names = ": " + ", ".join(one.table for one in lagging) if len(lagging) <= MOST_NAMES else ""
        most = max(one.lag_seconds for one in lagging)
        yield f"{len(lagging)} of {len(streams)} streams are up to {most:.1f} s behind their schedule{names}."


@contextmanager
def progress_bar(console: Console, total: int) -> Iterator[Callable[[int], None]]:
    """Show a progress bar on a terminal, and nothing elsewhere; yield a function that takes the rows so far."""
    if not console.is_terminal:
        yield lambda _rows: None
        return
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("rows"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda rows: bar.update(task, completed=rows)
