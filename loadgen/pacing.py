"""When rows are sent: a schedule that is pure arithmetic, and a loop that waits for it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAX_BATCH = 5000  # rows; a stop signal is seen between two batches
MIN_WAIT = 0.005  # seconds; shorter waits burn a core at high rates
MAX_WAIT = 0.1  # seconds; how long a stop signal or the end of a file may have to wait


class Clock(Protocol):
    """Time and waiting, injected so that tests do not wait."""

    def now(self) -> float:
        """Return seconds that never run backwards; only differences have a meaning."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


class SystemClock:
    """The machine's monotonic clock."""

    def now(self) -> float:
        """Return time.monotonic()."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


@dataclass(frozen=True)
class Schedule:
    """How many rows, and when; exactly one of `rows` and `duration` is set.

    Attributes:
        rate: rows per second, 0 for as fast as possible.
        rows: end after this many rows.
        duration: end after this many seconds.
    """

    rate: float
    rows: int | None = None
    duration: float | None = None

    @property
    def total(self) -> int | None:
        """Rows of the whole run, None when only the machine decides."""
        if self.duration is None:
            return self.rows
        return _whole(self.rate * self.duration) if self.rate else None

    def due(self, elapsed: float, sent: int) -> int:
        """Return how many rows to send now, 0 to MAX_BATCH; what was missed is caught up."""
        if self.rate:
            end = elapsed if self.duration is None else min(elapsed, self.duration)
            due = _whole(self.rate * end) - sent
        else:
            due = 0 if self.duration is not None and elapsed >= self.duration else MAX_BATCH
        left = due if self.rows is None else self.rows - sent
        return max(0, min(due, left, MAX_BATCH))

    def over(self, elapsed: float, sent: int) -> bool:
        """Tell whether nothing more is to be sent."""
        if self.duration is not None:
            return elapsed >= self.duration
        return self.rows is not None and sent >= self.rows

    def share(self, elapsed: float, sent: int) -> float:
        """Return how much of the run is over, 0 to 1."""
        if self.duration is not None:
            return min(1.0, elapsed / self.duration)
        assert self.rows is not None
        return sent / self.rows

    def wait(self, elapsed: float, sent: int) -> float:
        """Return the seconds until the next row, 0 when it is due already."""
        if not self.rate or self.due(elapsed, sent):
            return 0.0
        return min(MAX_WAIT, max(MIN_WAIT, (sent + 1) / self.rate - elapsed))


def batches(schedule: Schedule, clock: Clock, stopped: Callable[[], bool]) -> Iterator[int]:
    """Yield the size of each batch when it is due, until the schedule is over or `stopped()` is true.

    Sizes of 0 come too, every MAX_WAIT at the latest: a chance to end a file or to draw the progress.
    """
    began = clock.now()
    sent = 0
    while not stopped():
        elapsed = clock.now() - began
        size = schedule.due(elapsed, sent)
        yield size
        sent += size
        if schedule.over(elapsed, sent):
            return
        pause = schedule.wait(elapsed, sent)
        if pause:
            clock.sleep(pause)


def _whole(rows: float) -> int:
    return int(rows + 1e-6)  # 0.1 s at 30 rows/s is 3 rows, although the product may be 2.9999999
