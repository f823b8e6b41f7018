"""What both engines promise: `native.py` for one machine, `spark.py` for a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from loadgen.scaling.targets.base import Write


class Engine(Protocol):
    """Sends the rows of a shape as they fall due. All but `start` and `stop` may be asked by any thread at any time."""

    def start(self) -> None:
        """Begin to send, in the background.

        Raises:
            TargetError: the target can't be reached; nothing is running.
        """

    def stop(self) -> None:
        """Send nothing more, deliver what is on its way, and return when that is done."""

    def running(self) -> bool:
        """Tell whether rows are still being sent."""

    def now(self) -> int:
        """Return the time: microseconds of the run, by which the rows fall due."""

    def arrived(self) -> NDArray[np.int64]:
        """Return of each stream microseconds of the run: its rows that are due by then have arrived."""

    def errors(self) -> Mapping[int, str]:
        """Return why streams, by their place in the shape, have failed."""

    def trouble(self) -> str:
        """Return what keeps rows from arriving now, or ended the run; empty when all is well."""

    def failed(self) -> bool:
        """Tell whether it ended before all was sent, and not by `stop`."""

    def writes(self) -> Sequence[Write]:
        """Return the writes so far."""

    def position(self) -> Mapping[str, object]:
        """Return what a run that goes on after a crash needs to know of the target, as JSON."""
