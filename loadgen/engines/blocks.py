"""How a load is cut into blocks: a block has the rows that are due between two moments of the run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections import Counter

    from numpy.typing import NDArray

    from ..phases.shape import Shape
    from ..targets.base import Block


class RowSource(Protocol):
    """Makes the rows of a shape, each once and in order."""

    def due(self, phase: int, now: int) -> NDArray[np.int64]:
        """Return how many rows of each stream are due at a time (us of the run), at most those of a phase."""

    def block(self, phase: int, until: int, first: NDArray[np.int64], end: NDArray[np.int64]) -> Block:
        """Return a block: of each stream the rows of a phase with the numbers `first` up to `end`."""

    def kinds(self, arrived: NDArray[np.int64]) -> Counter[str]:
        """Return rows by kind, of the streams' rows that are due by a moment of their own (us of the run)."""


class Cutter:
    """Cuts a load into blocks.

    Args:
        shape: the load.
        source: makes its rows.
        arrived: per stream, microseconds of the run up to which rows need not be sent.
    """

    def __init__(self, shape: Shape, source: RowSource, arrived: NDArray[np.int64]) -> None:
        self.sent = int(arrived.min()) if len(arrived) else shape.end
        self._shape = shape
        self._source = source
        self._numbers = shape.due(arrived)

    def next(self, now: int, interval: int, max_rows: int) -> Block | None:
        """Return the next block when it is due, else None; a block ends with its phase.

        Args:
            now: microseconds of the run; without a pace, all rows are due at any time.
            interval: microseconds of the run that a block holds, unless it has `max_rows` before.
            max_rows: rows that a block has at most, roughly; overdue rows come in several blocks.
        """
        phase = next((at for at, one in enumerate(self._shape.phases) if one.end > self.sent), None)
        if phase is None:
            return None
        part = self._shape.phases[phase]
        begin = max(self.sent, part.begin)
        until = min(now, part.end) if self._shape.paced else part.end
        if until <= begin:
            return None
        end = self._source.due(phase, until)
        rows = int(np.maximum(end - self._numbers, 0).sum())
        if until < part.end and until - begin < interval and rows < max_rows:
            return None
        if rows > max_rows:
            until = begin + max((until - begin) * max_rows // rows, 1)
            end = self._source.due(phase, until)
        end = np.maximum(end, self._numbers)
        first, self._numbers, self.sent = self._numbers, end, until
        return self._source.block(phase, until, first, end)
