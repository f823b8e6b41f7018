"""The python engine: sensor readings as JSON lines, made row by row, with late, duplicate and corrupt ones."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import islice
from operator import attrgetter
from random import Random
from typing import TYPE_CHECKING

import pyarrow as pa

from ..datasets.readings import Shares, event_times, readings
from ..datasets.sensors import fleet
from ..targets.base import Block

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from ..datasets.readings import Reading
    from ..phases.shape import LoadStream, Shape


@dataclass(frozen=True)
class _MadeBlock:
    """The rows of a block by kind."""

    until: int
    kinds: Counter[str]


class ReadingSource:
    """The rows of `datasets/readings.py` as blocks; each stream has devices and random draws of its own.

    Args:
        shape: the load.
        start: simulated time of the run's start, microseconds since 1970 UTC.
        shares: of late, duplicate and corrupt rows.
        arrived: per stream, microseconds of the run; rows that are due by then are made again, and left out.
    """

    def __init__(self, shape: Shape, start: int, shares: Shares, arrived: NDArray[np.int64]) -> None:
        self._shape = shape
        devices = fleet(shape.devices * len(shape.streams), shape.seed)
        self._readings: list[Iterator[Reading]] = []
        for at, stream in enumerate(shape.streams):
            own = devices[at * shape.devices : (at + 1) * shape.devices]
            times = event_times(start, shape.speed, stream)
            self._readings.append(readings(own, _random(shape.seed, stream), shares, times))
        self._made = [_MadeBlock(-1, _count(self._next(shape.due(arrived))))]

    def due(self, phase: int, now: int) -> NDArray[np.int64]:
        """See `RowSource`."""
        part = self._shape.phases[phase]
        return self._shape.due_at(min(max(now, part.begin), part.end))

    def block(self, phase: int, until: int, first: NDArray[np.int64], end: NDArray[np.int64]) -> Block:
        """See `RowSource`."""
        rows = self._next(end - first)
        self._made.append(_MadeBlock(until, _count(rows)))
        devices = pa.array([row.device_id for row in rows], pa.string())
        columns = pa.RecordBatch.from_arrays([devices], ["device_id"])
        return Block(phase, until, end - first, columns, pa.array([row.line for row in rows], pa.string()))

    def kinds(self, arrived: NDArray[np.int64]) -> Counter[str]:
        """See `RowSource`."""
        # All streams are in each block, so one moment holds for all.
        counts = Counter[str]()
        for made in self._made:
            if made.until <= int(arrived.min()):
                counts.update(made.kinds)
        return counts

    def _next(self, counts: NDArray[np.int64]) -> list[Reading]:
        """Return the next rows of each stream, stream after stream."""
        rows: list[Reading] = []
        for source, count in zip(self._readings, counts.tolist(), strict=True):
            rows += islice(source, count)
        return rows


def device_ids(shape: Shape) -> list[str]:
    """Return the ids of the devices that send the readings of a shape."""
    return [device.device_id for device in fleet(shape.devices * len(shape.streams), shape.seed)]


def _random(seed: int, stream: LoadStream) -> Random:
    return Random(seed if stream.stream_id == 1 else f"stream-{stream.stream_id}-{seed}")


def _count(rows: list[Reading]) -> Counter[str]:
    return Counter(map(attrgetter("kind"), rows))
