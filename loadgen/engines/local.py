"""The engine of one machine: one thread makes rows while another hands those before to the target."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from threading import Event, Thread
from typing import TYPE_CHECKING

from ..errors import LoadgenError
from ..phases.shape import SECOND
from .blocks import Cutter

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from ..clock import Clock
    from ..phases.shape import Shape
    from ..targets.base import Block, Target, Write
    from .blocks import RowSource
    from .feed import Feed

#: How long a target may refuse a block before the run fails.
OUTAGE_SECONDS = 120.0
RETRY_SECONDS = 1.0
#: How often a target is asked what has arrived.
READY_SECONDS = 0.02


@dataclass(frozen=True)
class Window:
    """When a run begins and ends, by its own time.

    Attributes:
        begin: microseconds of the run at which one without a pace goes on; others go on where their rows are.
        deadline: microseconds of the run after which nothing more is sent, also when rows are left.
    """

    begin: int = 0
    deadline: float = math.inf


class LocalEngine:
    """Sends the rows of a shape to a target; see `Engine` for the methods.

    The schedule is open-loop: rows fall due by the clock alone, and rows that a slow target has not taken yet are lag.

    Args:
        shape: the load.
        source: makes its rows.
        target: open; it knows what had arrived before this run, which begins there.
        clock: time and waiting.
        feed: changes of the device registry.
        window: when the run begins and ends.
    """

    def __init__(
        self,
        shape: Shape,
        source: RowSource,
        target: Target,
        clock: Clock,
        feed: Feed | None = None,
        window: Window | None = None,
    ) -> None:
        self.feed = feed
        self._shape = shape
        self._source = source
        self._target = target
        self._clock = clock
        self._cutter = Cutter(shape, source, target.arrived)
        window = window or Window()
        self._begin = self._cutter.sent if shape.paced else window.begin
        self._deadline = window.deadline
        self._handed_over = self._cutter.sent
        self._began = clock.now()
        self._stop = Event()
        self._failed = self._over = False
        self._trouble = ""
        self._thread = Thread(target=self.send, name="loadgen", daemon=True)

    def start(self) -> None:
        """See `Engine`."""
        self._began = self._clock.now()
        self._thread.start()

    def stop(self) -> None:
        """See `Engine`."""
        self._stop.set()
        self._thread.join()

    def running(self) -> bool:
        """See `Engine`."""
        return self._thread.is_alive()

    def now(self) -> int:
        """See `Engine`."""
        return self._begin + round((self._clock.now() - self._began) * SECOND)

    def arrived(self) -> NDArray[np.int64]:
        """See `Engine`."""
        return self._target.arrived

    def kinds(self) -> Counter[str]:
        """See `Engine`."""
        return self._source.kinds(self._target.arrived)

    def errors(self) -> Mapping[int, str]:
        """See `Engine`."""
        return self._target.errors

    def trouble(self) -> str:
        """See `Engine`."""
        return self._trouble or self._target.trouble()

    def failed(self) -> bool:
        """See `Engine`."""
        return self._failed

    def complete(self) -> bool:
        """See `Engine`."""
        return self._over or bool((self._target.arrived >= self._shape.end).all())

    def writes(self) -> Sequence[Write]:
        """See `Engine`."""
        return self._target.writes

    def position(self) -> Mapping[str, object]:
        """See `Engine`."""
        return self._target.position()

    def send(self) -> None:
        """Send until all is sent, the time is over, `stop` is called, or a target fails."""
        closing = [*([] if self.feed is None else [self.feed.close]), self._target.close]
        try:
            self._send_blocks()
            while closing:
                closing.pop(0)()
        except LoadgenError as error:
            self._failed, self._trouble = True, str(error)
            for close in closing:
                with suppress(LoadgenError):  # the first error says more
                    close()
        except BaseException as error:
            self._failed, self._trouble = True, f"The generator itself failed: {error!r}"
            raise

    def _send_blocks(self) -> None:
        target = self._target
        self._advance(all_due=True)
        with ThreadPoolExecutor(1, "loadgen-rows") as maker:
            made = maker.submit(self._make)
            while not self._stop.is_set() and not self._over:
                block = None
                if target.ready():
                    while wait([made], READY_SECONDS).not_done:
                        target.ready()  # it hears what has arrived also while rows are made slowly
                    now, block = made.result()
                    if block is None and self._cutter.sent >= self._shape.end:
                        break
                    self._over = now >= self._deadline  # this block is the last one
                    if not self._over:
                        made = maker.submit(self._make)  # while the target takes this one
                if block is not None:
                    self._insist(partial(target.write, block))
                    self._handed_over = block.until
                elif not self._over:
                    self._clock.sleep(READY_SECONDS)
                self._advance(all_due=False)
        self._advance(all_due=True)

    def _make(self) -> tuple[int, Block | None]:
        """Return the time, and the block that is due, if one is."""
        now = self.now()
        return now, self._cutter.next(now, self._target.interval, self._target.max_rows)

    def _advance(self, *, all_due: bool) -> None:
        """Send the device changes that are due."""
        feed, now = self.feed, self.now()
        if feed is None:
            return
        if self._shape.paced or self._deadline < math.inf:
            share = now / min(self._deadline, self._shape.end if self._shape.paced else math.inf)
        else:
            share = self._handed_over / self._shape.end
        self._insist(partial(feed.advance, min(share, 1.0), now, all_due=all_due))

    def _insist(self, send: Callable[[], None]) -> None:
        """Call until it succeeds; LoadgenError after OUTAGE_SECONDS, or when a stop was requested."""
        deadline = self._clock.now() + OUTAGE_SECONDS
        while True:
            try:
                send()
            except LoadgenError as error:
                self._trouble = str(error)
                if self._stop.is_set() or self._clock.now() >= deadline:
                    raise
                self._clock.sleep(RETRY_SECONDS)
            else:
                self._trouble = ""
                return
