"""How a load is cut: a block holds what is due between two moments of the run, so one number says how far it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from loadgen.scaling.rows import lines

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from loadgen.scaling.rows import Rows
    from loadgen.scaling.shape import Shape


@dataclass(frozen=True)
class Block:
    """The rows that are due in a part of one phase, stream after stream.

    Attributes:
        phase: its place in the shape's phases.
        until: microseconds of the run; with this block, all rows that are due by then have been sent.
        counts: rows of each stream.
        rows: columns as `rows.SCHEMA`.
        lines: the same rows as JSON objects; empty when the target does not take them.
    """

    phase: int
    until: int
    counts: NDArray[np.int64]
    rows: pa.RecordBatch
    lines: pa.StringArray


class Cutter:
    """Cuts a load into blocks.

    Args:
        shape: the load.
        rows: makes its rows.
        arrived: microseconds of the run up to which each stream's rows need not be sent.
        lines: whether blocks hold their rows as JSON, too.
    """

    def __init__(self, shape: Shape, rows: Rows, arrived: NDArray[np.int64], *, lines: bool) -> None:
        self.sent = int(arrived.min()) if len(arrived) else shape.end
        self._shape = shape
        self._rows = rows
        self._lines = lines
        self._numbers = shape.due(arrived)

    def next(self, now: int, interval: int, max_rows: int) -> Block | None:
        """Return the next block when it is due, at `interval` (microseconds) after the last one, or None.

        What is overdue comes in blocks of about `max_rows`. A block ends with its phase.
        """
        phase = next((at for at, one in enumerate(self._shape.phases) if one.end > self.sent), None)
        if phase is None:
            return None
        part = self._shape.phases[phase]
        begin = max(self.sent, part.begin)
        until = min(now, part.end)
        if until <= begin or (until < part.end and until - begin < interval):
            return None
        end = self._rows.due(phase, until)
        many = int(np.maximum(end - self._numbers, 0).sum())
        if many > max_rows:
            until = begin + max((until - begin) * max_rows // many, 1)
            end = self._rows.due(phase, until)
        end = np.maximum(end, self._numbers)
        first, self._numbers, self.sent = self._numbers, end, until
        rows = self._rows.block(phase, first, end)
        return Block(phase, until, end - first, rows, lines(rows if self._lines else rows.slice(0, 0)))
