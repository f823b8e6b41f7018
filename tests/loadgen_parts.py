"""What several tests of the load generator build alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from deltalake import DeltaTable, QueryBuilder
from typer.testing import CliRunner

from loadgen.cli import app
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

PHASES = """
    baseline_streams: 2
    baseline_rate: 1000
    duration: 1s
    phases:
      - {name: calm, from: 0s, to: 500ms, streams: [{type: baseline, count: baseline_streams, rate: baseline_rate}]}
      - {name: busy, from: 500ms, to: 1s, streams: [{type: baseline, rate: 1000}, {type: 3x, rate: 3000}]}
"""


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


def run(*arguments):
    """Run `loadgen run` in this process."""
    return CliRunner().invoke(app, ["run", *map(str, arguments)])


def lines_in(folder):
    """Return the lines of a landing folder, sorted."""
    return sorted(line for file in folder.glob("*") for line in file.read_text().splitlines())


def in_tables(folder):
    """Return the rows of each Delta table, and how many different ones."""
    counts = {}
    for name in sorted(path.name for path in folder.iterdir()):
        query = QueryBuilder().register("t", DeltaTable(folder / name))
        sql = "SELECT count(*) AS n, count(DISTINCT concat(device_id, CAST(event_timestamp AS string))) AS d FROM t"
        row = query.execute(sql).read_all()
        counts[name] = row["n"][0].as_py(), row["d"][0].as_py()
    return counts
