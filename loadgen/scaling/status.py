"""How the streams of a run are doing: each one's rates, lag and error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from rich.table import Table

from loadgen.scaling.record import lags
from loadgen.scaling.shape import SECOND

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loadgen.scaling.engine import Engine
    from loadgen.scaling.shape import Shape

#: A stream with more lag than this, in seconds, is named.
LAGGING = 5.0
MOST_NAMES = 5


@dataclass(frozen=True)
class StreamStatus:
    """One stream since the last look.

    Attributes:
        table: its name.
        stream_type: its type.
        target_rate: rows per second that fell due.
        actual_rate: rows per second that arrived.
        lag_seconds: how long its oldest row that has not arrived has been due.
        error: why it has failed; empty when it has not.
    """

    table: str
    stream_type: str
    target_rate: float
    actual_rate: float
    lag_seconds: float
    error: str


class Watch:
    """Compares each look at a run with the one before."""

    def __init__(self, shape: Shape, engine: Engine) -> None:
        self._shape = shape
        self._engine = engine
        self._now = int(engine.arrived().min())
        self._arrived = engine.arrived().copy()

    def look(self) -> list[StreamStatus]:
        """Return the streams' status since the last look."""
        now, arrived, errors = self._engine.now(), self._engine.arrived().copy(), self._engine.errors()
        seconds = max((now - self._now) / SECOND, 1e-6)
        shape = self._shape
        target = (shape.due_at(now) - shape.due_at(self._now)) / seconds
        actual = (shape.due(arrived) - shape.due(self._arrived)) / seconds
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
    """Yield lines that name the streams that have failed, and those that lag."""
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
