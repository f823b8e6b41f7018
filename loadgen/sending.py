"""The run: takes rows from the stream when they are due and hands them to the target."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from itertools import islice
from threading import Event
from typing import TYPE_CHECKING

from loadgen.pacing import batches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from loadgen.pacing import Clock, Schedule
    from loadgen.rows import Row
    from loadgen.targets.base import Target


def send(
    rows: Iterator[Row],
    schedule: Schedule,
    target: Target,
    clock: Clock,
    tell: Callable[[int], None],
    stopped: Callable[[], bool],
) -> None:
    """Send rows until the schedule is over or `stopped()` is true, then close the target.

    Args:
        rows: endless.
        schedule: how many, and when.
        target: where to; closed in any case, `target.delivered` is then complete.
        clock: time and waiting.
        tell: is told the number of rows sent so far.
        stopped: asked between batches.

    Raises:
        TargetError: the target did not take all rows.
    """
    sent = 0
    try:
        for size in batches(schedule, clock, stopped):
            target.write(list(islice(rows, size)))
            sent += size
            tell(sent)
    finally:
        target.close()


@contextmanager
def stop_signals() -> Iterator[Callable[[], bool]]:
    """Yield a function that tells whether Ctrl-C or SIGTERM has come; a second one ends the process."""
    stop = Event()
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in numbers}

    def request(_number: int, _frame: FrameType | None) -> None:
        stop.set()
        for number, handler in before.items():
            signal.signal(number, handler)

    for number in numbers:
        signal.signal(number, request)
    try:
        yield stop.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
