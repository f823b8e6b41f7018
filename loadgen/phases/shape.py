"""A load shape: phases in time, and streams with a rate in each phase. Pure arithmetic.

Times are microseconds of the run, 0 at its start. Simulated time (event times) runs `speed` times as fast.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping
    from fractions import Fraction

    from numpy.typing import NDArray

SECOND = 1_000_000  # microseconds
#: Rows per simulated second when they are sent as fast as possible.
NOMINAL_RATE = 10_000
#: Devices of a stream, when nothing else is given.
DEVICES = 10
BASELINE = "baseline"


@dataclass(frozen=True)
class Phase:
    """A part of the run."""

    name: str
    begin: int
    end: int


@dataclass(frozen=True)
class Segment:
    """The rows of a stream in one phase.

    Attributes:
        phase: number of the phase, 0 on.
        begin: when the phase begins.
        end: when it ends.
        rate: rows per second.
        before: rows of the stream's earlier segments.
        rows: rows of this segment; fewer than the rate gives when the run is limited to a number of rows.
    """

    phase: int
    begin: int
    end: int
    rate: int | Fraction
    before: int
    rows: int

    def due(self, now: int) -> int:
        """Return how many of its rows are due at a time."""
        since = min(max(now, self.begin), self.end) - self.begin
        return min(since * self.rate.numerator // (SECOND * self.rate.denominator), self.rows)


@dataclass(frozen=True)
class LoadStream:
    """One stream of rows; `stream_type` and `stream_id` are columns of them, `table` is where they go."""

    table: str
    stream_type: str
    stream_id: int
    segments: tuple[Segment, ...]

    @property
    def rows(self) -> int:
        """Rows of the whole run."""
        return self.segments[-1].before + self.segments[-1].rows

    def due(self, now: int) -> int:
        """Return how many rows are due at a time."""
        at = bisect_right(self.segments, now, key=lambda one: one.begin) - 1
        return 0 if at < 0 else self.segments[at].before + self.segments[at].due(now)


@dataclass(frozen=True)
class Shape:
    """A whole load.

    Attributes:
        phases: in the order of time.
        streams: at least one.
        speed: simulated seconds per second of the run.
        settings: the other keys of the shape's file; see `shape_file.DEFAULTS`.
        devices: of each stream; they take turns.
        paced: whether rows fall due by time. If not, all are due at once, and phases only space the event times.
    """

    phases: tuple[Phase, ...]
    streams: tuple[LoadStream, ...]
    speed: Fraction
    settings: Mapping[str, int | str]
    devices: int = DEVICES
    paced: bool = True

    @property
    def end(self) -> int:
        """When the last phase ends."""
        return self.phases[-1].end

    @property
    def rows(self) -> int:
        """Rows of the whole run."""
        return sum(stream.rows for stream in self.streams)

    @property
    def seed(self) -> int:
        """Seed of the rows."""
        return int(self.settings["seed"])

    def segments(self, phase: int) -> list[Segment]:
        """Return the segments of all streams in a phase."""
        return [one for stream in self.streams for one in stream.segments if one.phase == phase]

    def due(self, moments: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return how many rows of each stream are due at a moment of its own."""
        stream, begin, length, rate, unit, most = self._segments
        since = np.clip(moments[stream] - begin, 0, length)
        rows = np.zeros(len(self.streams), dtype=np.int64)
        np.add.at(rows, stream, np.minimum(since * rate // unit, most))
        return rows

    def due_at(self, now: int) -> NDArray[np.int64]:
        """Return how many rows of each stream are due at one moment."""
        return self.due(np.full(len(self.streams), now, dtype=np.int64))

    def scheduled(self, now: int, arrived: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return, per stream, the moment up to which rows should have arrived; without a pace there is no lag."""
        return np.full(len(self.streams), now, dtype=np.int64) if self.paced else arrived

    @cached_property
    def _segments(self) -> NDArray[np.int64]:
        """All streams' segments as columns: the stream's place, begin, length, rate as a fraction, rows."""
        rows = [
            (
                at,
                segment.begin,
                segment.end - segment.begin,
                segment.rate.numerator,
                SECOND * segment.rate.denominator,
                segment.rows,
            )
            for at, stream in enumerate(self.streams)
            for segment in stream.segments
        ]
        return np.asarray(np.array(rows, dtype=np.int64).reshape(-1, 6).T)


def new_segment(number: int, phase: Phase, rate: int | Fraction, before: int) -> Segment:
    """Return a stream's segment in a phase, with all rows that its rate gives."""
    rows = (phase.end - phase.begin) * rate.numerator // (SECOND * rate.denominator)
    return Segment(number, phase.begin, phase.end, rate, before, rows)
