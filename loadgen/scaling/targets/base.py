"""What every target of a load is."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from loadgen.scaling.shape import SECOND

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from loadgen.scaling.blocks import Block


class Write(NamedTuple):
    """How long a write took, from handing it over until it had arrived."""

    phase: int
    #: None when rows of all types were in it.
    stream_type: str | None
    seconds: float


class BlockTarget:
    """A place for blocks. One thread uses it; another one may read its attributes, `trouble` and `position`.

    Attributes:
        takes_lines: whether it takes the rows as JSON.
        interval: microseconds of the run that a block should hold.
        max_rows: about how many it holds at most: a stop is seen between two blocks, and one must fit into memory.
        arrived: of each stream, microseconds of the run: its rows that are due by then have arrived.
        errors: streams, by their place in the shape, that have failed, and why; the others go on.
        writes: what has been written so far.
    """

    takes_lines = False
    interval = SECOND // 10
    max_rows = 100_000

    def __init__(self, arrived: NDArray[np.int64]) -> None:
        self.arrived = arrived
        self.errors: dict[int, str] = {}
        self.writes: list[Write] = []

    def ready(self) -> bool:
        """Tell whether it takes a block now; also its chance to hear what has arrived.

        Raises:
            TargetError: it will never take one again.
        """
        return True

    def write(self, block: Block) -> None:
        """Take a block; it may arrive later.

        Raises:
            TargetError: it was not taken, and may be offered again.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Deliver what was taken; raises TargetError when some of it was not delivered."""

    def trouble(self) -> str:
        """Return what keeps rows that were taken from arriving; empty when all is well."""
        return ""

    def position(self) -> Mapping[str, object]:
        """Return what a run that goes on after a crash needs to know, as JSON."""
        return {}

    def _all_arrived(self, until: int) -> None:
        self.arrived = np.full_like(self.arrived, until)
