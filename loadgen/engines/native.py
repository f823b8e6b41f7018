"""The native engine: rows as columns, made by numpy and Arrow."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ..datasets.columns import ColumnRows, lines
from ..targets.base import Block

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..phases.shape import Shape


class ColumnSource:
    """The rows of `datasets/columns.py` as blocks.

    Args:
        shape: the load.
        start: simulated time of the run's start, microseconds since 1970 UTC.
        as_lines: whether blocks hold their rows as JSON lines, too.
    """

    def __init__(self, shape: Shape, start: int, *, as_lines: bool) -> None:
        self._shape = shape
        self._rows = ColumnRows(shape, start)
        self._as_lines = as_lines

    def due(self, phase: int, now: int) -> NDArray[np.int64]:
        """See `RowSource`."""
        return self._rows.due(phase, now)

    def block(self, phase: int, until: int, first: NDArray[np.int64], end: NDArray[np.int64]) -> Block:
        """See `RowSource`."""
        rows = self._rows.block(phase, first, end)
        return Block(phase, until, end - first, rows, lines(rows if self._as_lines else rows.slice(0, 0)))

    def kinds(self, arrived: NDArray[np.int64]) -> Counter[str]:
        """See `RowSource`."""
        return Counter(normal=int(self._shape.due(arrived).sum()))
