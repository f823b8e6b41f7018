"""The native engine: one thread makes rows with numpy; meanwhile one hands those before to the target."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Event, Thread
from typing import TYPE_CHECKING

from loadgen.scaling.blocks import Cutter
from loadgen.scaling.rows import Rows
from loadgen.scaling.shape import SECOND
from loadgen.targets.base import TargetError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from loadgen.pacing import Clock
    from loadgen.scaling.blocks import Block
    from loadgen.scaling.shape import Shape
    from loadgen.scaling.targets.base import BlockTarget, Write

#: How long a target may refuse a block before the run fails.
OUTAGE_SECONDS = 120.0
RETRY_SECONDS = 1.0
#: How often a target is asked what has arrived.
READY_SECONDS = 0.02


class NativeEngine:
    """Sends the rows of a shape to a target; see `engine.Engine` for the methods.

    The schedule is open-loop: rows fall due by the clock alone, and what a slow target has not taken yet is lag.

    Args:
        shape: the load.
        start: simulated time of the run's start, microseconds since 1970 UTC.
        target: open; it knows what had arrived before this run, which begins there.
        clock: time and waiting.
    """

    def __init__(self, shape: Shape, start: int, target: BlockTarget, clock: Clock) -> None:
        self._shape = shape
        self._target = target
        self._clock = clock
        self._cutter = Cutter(shape, Rows(shape, start), target.arrived, lines=target.takes_lines)
        self._begin = self._cutter.sent
        self._began = clock.now()
        self._stop = Event()
        self._failed = False
        self._trouble = ""
        self._thread = Thread(target=self.send, name="loadgen", daemon=True)

    def start(self) -> None:  # noqa: D102 - see Engine
        self._began = self._clock.now()
        self._thread.start()

    def stop(self) -> None:  # noqa: D102 - see Engine
        self._stop.set()
        self._thread.join()

    def running(self) -> bool:  # noqa: D102 - see Engine
        return self._thread.is_alive()

    def now(self) -> int:  # noqa: D102 - see Engine
        return self._begin + round((self._clock.now() - self._began) * SECOND)

    def arrived(self) -> NDArray[np.int64]:  # noqa: D102 - see Engine
        return self._target.arrived

    def errors(self) -> Mapping[int, str]:  # noqa: D102 - see Engine
        return self._target.errors

    def trouble(self) -> str:  # noqa: D102 - see Engine
        return self._trouble or self._target.trouble()

    def failed(self) -> bool:  # noqa: D102 - see Engine
        return self._failed

    def writes(self) -> Sequence[Write]:  # noqa: D102 - see Engine
        return self._target.writes

    def position(self) -> Mapping[str, object]:  # noqa: D102 - see Engine
        return self._target.position()

    def send(self) -> None:
        """Send until all is sent, `stop` is called, or the target fails."""
        target = self._target
        try:
            with ThreadPoolExecutor(1, "loadgen-rows") as maker:
                made = maker.submit(self._make)
                while not self._stop.is_set():
                    block = None
                    if target.ready():
                        block = made.result()
                        if block is None and self._cutter.sent >= self._shape.end:
                            break
                        made = maker.submit(self._make)  # while the target takes this one
                    if block is not None:
                        self._write(block)
                    else:
                        self._clock.sleep(READY_SECONDS)
            target.close()
        except TargetError as error:
            self._failed, self._trouble = True, str(error)
            with suppress(TargetError):  # the first one says more
                target.close()
        except BaseException as error:
            self._failed, self._trouble = True, f"The generator itself failed: {error!r}"
            raise

    def _make(self) -> Block | None:
        return self._cutter.next(self.now(), self._target.interval, self._target.max_rows)

    def _write(self, block: Block) -> None:
        """Offer a block until the target takes it; TargetError after OUTAGE_SECONDS, or when a stop is asked for."""
        deadline = self._clock.now() + OUTAGE_SECONDS
        while True:
            try:
                self._target.write(block)
            except TargetError as error:
                self._trouble = str(error)
                if self._stop.is_set() or self._clock.now() >= deadline:
                    raise
                self._clock.sleep(RETRY_SECONDS)
            else:
                self._trouble = ""
                return
