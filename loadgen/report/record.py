"""The record of a run: a sample of each second, and the result of each phase."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..phases.shape import SECOND

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from fractions import Fraction

    from numpy.typing import NDArray

    from ..engines.base import Engine
    from ..phases.shape import Shape


@dataclass(frozen=True)
class Sample:
    """The run at one moment.

    Attributes:
        at: seconds of the run.
        due_rows: rows due so far.
        sent_rows: rows that have arrived so far.
        lag_seconds: age of the oldest undelivered row.
    """

    at: float
    due_rows: int
    sent_rows: int
    lag_seconds: float


@dataclass(frozen=True)
class GroupResult:
    """The rows of one stream type in one phase.

    Attributes:
        streams: number of streams.
        target_rows: rows due in the phase, up to the end of the run.
        sent_rows: those that have arrived.
        target_rate: rows per second of the shape; 0 for as fast as possible.
        actual_rate: rows per second, from when the last row before the phase had arrived until its own last one had.
        latencies: seconds that writes took: their 50th, 95th and 99th percentile; empty without a write.
    """

    phase: str
    stream_type: str
    streams: int
    target_rows: int
    sent_rows: int
    target_rate: float
    actual_rate: float
    latencies: tuple[float, ...]


@dataclass(frozen=True)
class PhaseResult:
    """One phase of the run; `max_lag_seconds` is the longest lag while it was due, the last phase's also after it."""

    name: str
    streams: int
    target_rows: int
    sent_rows: int
    target_rate: float
    actual_rate: float
    max_lag_seconds: float


def lags(shape: Shape, now: int, arrived: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the lag of each stream in seconds: the age of its oldest undelivered row."""
    begin = max((one.begin for one in shape.phases if one.begin <= now), default=0)
    sent, due, before = shape.due(arrived), shape.due(shape.scheduled(now, arrived)), shape.due_at(begin)
    since = np.where(sent >= before, np.maximum(arrived, begin), arrived)  # silence is no lag
    return np.where(sent < due, now - since, 0) / SECOND


class Record:
    """Watches a run from outside. Call `update` several times a second; results are those of the last call.

    Args:
        shape: the load.
        engine: runs it; with samples, it has been started.
        samples: of an earlier part of the run.
    """

    def __init__(self, shape: Shape, engine: Engine, samples: Sequence[Sample] = ()) -> None:
        self._now = engine.now()
        self.samples = [one for one in samples if one.at * SECOND <= self._now]  # a crash may have undone the last ones
        self._shape = shape
        self._engine = engine
        self._max_lag = [0.0] * len(shape.phases)
        #: When the last row of each phase had arrived, microseconds of the run's time.
        self._over: dict[int, int] = {}
        ends = [int(shape.due_at(one.end).sum()) for one in shape.phases]
        for sample in self.samples:
            now = round(sample.at * SECOND)
            self._note_lag(now, sample.lag_seconds)
            for phase, rows in enumerate(ends):
                if sample.sent_rows >= rows:
                    self._over.setdefault(phase, self._ended(phase, now))

    def update(self) -> None:
        """Note lag and ended phases; once a second, a sample."""
        now = self._now = self._engine.now()
        arrived = self._engine.arrived().copy()
        slowest = int(arrived.min())
        for phase, one in enumerate(self._shape.phases):
            if slowest >= one.end:
                self._over.setdefault(phase, self._ended(phase, now))
        lag = float(lags(self._shape, now, arrived).max(initial=0.0))
        self._note_lag(now, lag)
        if not self.samples or now - self.samples[-1].at * SECOND >= SECOND or slowest >= self._shape.end:
            due = int(self._shape.due(self._shape.scheduled(now, arrived)).sum())
            sent = int(self._shape.due(arrived).sum())
            self.samples.append(Sample(round(now / SECOND, 2), due, sent, round(lag, 2)))

    @property
    def seconds(self) -> float:
        """Seconds of the run."""
        return self._now / SECOND

    def groups(self) -> list[GroupResult]:
        """Return the result of each stream type in each phase."""
        return [group for phase in range(len(self._shape.phases)) for group in self._groups(phase)]

    def phases(self) -> list[PhaseResult]:
        """Return the result of each phase."""
        results = []
        for at, phase in enumerate(self._shape.phases):
            due, sent = self._due_and_sent(at)
            parts = self._shape.segments(at)
            result = PhaseResult(
                name=phase.name,
                streams=len(parts),
                target_rows=int(due.sum()),
                sent_rows=int(sent.sum()),
                target_rate=self._target_rate(one.rate for one in parts),
                actual_rate=self._rate(at, int(sent.sum())),
                max_lag_seconds=round(self._max_lag[at], 2),
            )
            results.append(result)
        return results

    def _groups(self, phase: int) -> list[GroupResult]:
        shape = self._shape
        due, sent = self._due_and_sent(phase)
        groups = []
        for kind, places in self._places(phase).items():
            rates = [one.rate for at in places for one in shape.streams[at].segments if one.phase == phase]
            rows = int(sent[places].sum())
            group = GroupResult(
                phase=shape.phases[phase].name,
                stream_type=kind,
                streams=len(places),
                target_rows=int(due[places].sum()),
                sent_rows=rows,
                target_rate=self._target_rate(rates),
                actual_rate=self._rate(phase, rows),
                latencies=self._latencies(phase, kind),
            )
            groups.append(group)
        return groups

    def _places(self, phase: int) -> dict[str, list[int]]:
        """Return the places of a phase's streams, by type."""
        places: dict[str, list[int]] = {}
        for at, one in enumerate(self._shape.streams):
            if any(segment.phase == phase for segment in one.segments):
                places.setdefault(one.stream_type, []).append(at)
        return places

    def _due_and_sent(self, phase: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return, per stream, how many rows of a phase are due, and how many have arrived."""
        arrived = self._engine.arrived()
        return self._rows_in(phase, self._shape.scheduled(self._now, arrived)), self._rows_in(phase, arrived)

    def _rows_in(self, phase: int, moments: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return how many rows of a phase each stream has by a moment of its own."""
        one = self._shape.phases[phase]
        return self._shape.due(np.clip(moments, one.begin, one.end)) - self._shape.due_at(one.begin)

    def _rate(self, phase: int, rows: int) -> float:
        """Return rows per second, over the time in which the rows of a phase have arrived."""
        one = self._shape.phases[phase]
        begin = one.begin if self._shape.paced else 0
        begin = max(self._over.get(phase - 1, begin), begin)
        seconds = max(self._over.get(phase, self._now) - begin, 0) / SECOND
        return round(rows / seconds, 1) if seconds else 0.0

    def _target_rate(self, rates: Iterable[int | Fraction]) -> float:
        """Return rows per second of some streams; 0 without a pace."""
        rate = sum(rates) if self._shape.paced else 0
        return rate if isinstance(rate, int) else float(rate)

    def _ended(self, phase: int, now: int) -> int:
        """Return when a phase whose rows have arrived by now was over: not before its end, if it has one in time."""
        return max(now, self._shape.phases[phase].end) if self._shape.paced else now

    def _latencies(self, phase: int, kind: str) -> tuple[float, ...]:
        mine = (phase, None), (phase, kind)
        seconds = [one.seconds for one in self._engine.writes() if (one.phase, one.stream_type) in mine]
        return tuple(round(float(part), 4) for part in np.percentile(seconds, (50, 95, 99))) if seconds else ()

    def _note_lag(self, now: int, lag: float) -> None:
        begun = [at for at, one in enumerate(self._shape.phases) if one.begin <= now]
        if begun:
            self._max_lag[begun[-1]] = max(self._max_lag[begun[-1]], lag)
