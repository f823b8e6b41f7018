"""The run: takes rows from the stream, and device changes, when they are due and hands them to their targets."""

from __future__ import annotations

import signal
from bisect import bisect_right
from contextlib import ExitStack, contextmanager
from itertools import islice
from operator import attrgetter
from threading import Event
from typing import TYPE_CHECKING

from loadgen.pacing import batches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import FrameType

    from loadgen.pacing import Clock, Schedule
    from loadgen.registry import Change
    from loadgen.rows import Row
    from loadgen.targets.base import Target


class Feed:
    """Sends device changes as the run goes on.

    Args:
        changes: in the order in which they are sent.
        target: where to.
    """

    def __init__(self, changes: Sequence[Change], target: Target) -> None:
        self.target = target
        self._changes = changes
        self._sent = 0

    def advance(self, share: float) -> None:
        """Send what is due when `share` of the run, 0 to 1, is over."""
        end = bisect_right(self._changes, share, lo=self._sent, key=attrgetter("moment"))
        self.target.write(self._changes[self._sent : end])
        self._sent = end


def send(
    rows: Iterator[Row],
    schedule: Schedule,
    target: Target,
    clock: Clock,
    tell: Callable[[int], None],
    stopped: Callable[[], bool],
    feed: Feed | None = None,
) -> None:
    """Send rows until the schedule is over or `stopped()` is true, then close the target.

    Args:
        rows: endless.
        schedule: how many, and when.
        target: where to; closed in any case, `target.delivered` is then complete.
        clock: time and waiting.
        tell: is told the number of rows sent so far.
        stopped: asked between batches.
        feed: device changes; its target is closed too.

    Raises:
        TargetError: a target did not take all rows.
    """
    sent = 0
    with ExitStack() as ends:
        ends.callback(target.close)
        if feed is not None:
            ends.callback(feed.target.close)
            feed.advance(0.0)
        began = clock.now()
        for size in batches(schedule, clock, stopped):
            target.write(list(islice(rows, size)))
            sent += size
            tell(sent)
            if feed is not None:
                feed.advance(schedule.share(clock.now() - began, sent))


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
