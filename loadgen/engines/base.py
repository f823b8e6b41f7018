"""What every engine does: `native.py` and `python.py` for one machine, `spark.py` for a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from ..targets.base import Write
    from .feed import Feed

EngineName = Literal["python", "native", "spark"]
ENGINES: tuple[EngineName, ...] = ("python", "native", "spark")


class Engine(Protocol):
    """Sends the rows of a shape as they fall due. Any thread may call all methods but `start` and `stop`."""

    #: Changes of the device registry that it sends too.
    feed: Feed | None

    def start(self) -> None:
        """Begin to send, in the background.

        Raises:
            LoadgenError: the target cannot be reached; nothing is running.
        """

    def stop(self) -> None:
        """Stop sending, deliver what is on its way, and return when that is done."""

    def running(self) -> bool:
        """Return whether rows are still being sent."""

    def now(self) -> int:
        """Return the time of the run in microseconds; rows fall due by it."""

    def arrived(self) -> NDArray[np.int64]:
        """Return, per stream, the run time (us) up to which all due rows have arrived."""

    def kinds(self) -> Counter[str]:
        """Return the rows that have arrived in the whole run, by kind; exact when it does not run any more."""

    def errors(self) -> Mapping[int, str]:
        """Return why streams have failed, by their place in the shape."""

    def trouble(self) -> str:
        """Return what keeps rows from arriving now, or ended the run; empty when nothing does."""

    def failed(self) -> bool:
        """Return whether it ended before all was sent, and not by `stop`."""

    def complete(self) -> bool:
        """Return whether the run has come to its end: all rows have arrived, or its time is over."""

    def writes(self) -> Sequence[Write]:
        """Return the writes so far."""

    def position(self) -> Mapping[str, object]:
        """Return the position of the target that a resumed run needs, as JSON."""
