"""The device registry's changes, sent in the course of a run to a target of their own."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from operator import attrgetter
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from ..targets.base import Block

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..datasets.devices import DeviceChange
    from ..targets.base import Target


class Feed:
    """Sends changes when their share of the run is over.

    Args:
        changes: in the order in which they are sent.
        target: where they go. Its `arrived` is the number of changes that have arrived, also in a run that goes on.
    """

    def __init__(self, changes: Sequence[DeviceChange], target: Target) -> None:
        self._changes = changes
        self._target = target
        self._sent = int(target.arrived[0])
        self._last = 0

    def advance(self, share: float, now: int, *, all_due: bool = True) -> None:
        """Send changes that are due.

        Args:
            share: part of the run that is over, 0 to 1.
            now: microseconds of the run.
            all_due: also those for which the target would wait, because its last block is too new.

        Raises:
            LoadgenError: the target does not take them; they may be offered again.
        """
        ready = self._target.ready()
        end = bisect_right(self._changes, share, lo=self._sent, key=attrgetter("moment"))
        if end == self._sent or not (all_due or (ready and now - self._last >= self._target.interval)):
            return
        changes = self._changes[self._sent : end]
        devices = pa.array([change.device_id for change in changes], pa.string())
        columns = pa.RecordBatch.from_arrays([devices], ["device_id"])
        lines = pa.array([change.line for change in changes], pa.string())
        self._target.write(Block(0, end, np.array([len(changes)]), columns, lines))
        self._sent, self._last = end, now

    def delivered(self) -> Counter[str]:
        """Return the changes that have arrived, by operation."""
        return Counter(change.kind for change in self._changes[: int(self._target.arrived[0])])

    def position(self) -> Mapping[str, object]:
        """Return the position of the target that a resumed run needs, as JSON."""
        return self._target.position()

    def close(self) -> None:
        """Deliver what was taken; raises a LoadgenError when some of it was not delivered."""
        self._target.close()
