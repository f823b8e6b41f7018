"""What every target does, and the blocks that it takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..phases.shape import SECOND

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Block:
    """Rows that are due between two moments of one phase, stream after stream.

    Attributes:
        phase: number of the phase, 0 on.
        until: microseconds of the run; with this block, all rows that are due by then have been sent.
        counts: rows of each stream.
        rows: their columns; of rows that are lines only, `device_id` alone (null when the line names none).
        lines: the same rows as JSON lines; empty when the target does not take lines.
    """

    phase: int
    until: int
    counts: NDArray[np.int64]
    rows: pa.RecordBatch
    lines: pa.StringArray


class Write(NamedTuple):
    """A write: `seconds` from handing the rows over until they have arrived."""

    phase: int
    #: None when rows of all types were in it.
    stream_type: str | None
    seconds: float


class Target:
    """A place for blocks. One thread uses it; other threads may read its attributes, `trouble` and `position`.

    Attributes:
        takes_lines: whether it takes rows as JSON lines.
        interval: microseconds of the run that a block should hold.
        max_rows: rows that a block holds at most, roughly: a stop is seen between two blocks, and one fits into memory.
        arrived: per stream, microseconds of the run up to which all due rows have arrived.
        errors: why streams have failed, by their place in the shape; the others go on.
        writes: the writes so far.
    """

    takes_lines = False
    interval = SECOND // 10
    max_rows = 100_000

    def __init__(self, arrived: NDArray[np.int64]) -> None:
        self.arrived = arrived
        self.errors: dict[int, str] = {}
        self.writes: list[Write] = []

    def ready(self) -> bool:
        """Return whether it takes a block now; it also takes note of what has arrived.

        Raises:
            LoadgenError: it will never take one again.
        """
        return True

    def write(self, block: Block) -> None:
        """Take a block; it may arrive later. Never called after `close`.

        Raises:
            LoadgenError: it was not taken, and may be offered again.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Deliver what was taken; raises a LoadgenError when some of it was not delivered."""

    def trouble(self) -> str:
        """Return what keeps rows that were taken from arriving; empty when nothing does."""
        return ""

    def position(self) -> Mapping[str, object]:
        """Return what a resumed run needs to know, as JSON."""
        return {}

    def _all_arrived(self, until: int) -> None:
        self.arrived = np.full_like(self.arrived, until)
