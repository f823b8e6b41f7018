"""What several tests of the load generator build alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from loadgen.engines.local import LocalEngine, Window
from loadgen.engines.native import ColumnSource
from loadgen.engines.python import ReadingSource
from loadgen.targets.base import Target
from tests.fake_clock import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from loadgen.datasets.readings import Shares
    from loadgen.engines.feed import Feed
    from loadgen.phases.shape import Shape
    from loadgen.targets.base import Block


def native_engine(shape: Shape, start: int, target: Target, clock: FakeClock) -> LocalEngine:
    """Return the native engine."""
    return LocalEngine(shape, ColumnSource(shape, start, as_lines=target.takes_lines), target, clock)


def python_engine(
    shape: Shape, start: int, target: Target, *, shares: Shares, feed: Feed | None = None, window: Window | None = None
) -> LocalEngine:
    """Return the python engine, with a clock that never waits."""
    return LocalEngine(shape, ReadingSource(shape, start, shares, target.arrived), target, FakeClock(), feed, window)


class LineTarget(Target):
    """Keeps lines and device ids; calls `on_write` after each block."""

    takes_lines = True

    def __init__(self, arrived: int = 0, streams: int = 1) -> None:
        super().__init__(np.array([arrived] * streams, dtype=np.int64))
        self.lines: list[str] = []
        self.devices: list[str | None] = []
        self.on_write: Callable[[Block], None] = lambda _block: None

    def write(self, block: Block) -> None:
        """Keep the rows."""
        self.lines += block.lines.to_pylist()
        self.devices += block.rows["device_id"].to_pylist()
        self._all_arrived(block.until)
        self.on_write(block)
