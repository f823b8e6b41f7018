"""One run of a pipeline: how long it goes on, and whether an update is followed by another one."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from livetables.events.states import UpdateCause
from livetables.plan.steps import Selection
from livetables.settings import UPDATE_RETRIES

if TYPE_CHECKING:
    import threading

    from livetables.clock import Clock
    from livetables.settings import Settings

TRIGGERED_RETRIES = 5
_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS = 5.0, 300.0
_POLL_SECONDS = 0.1


@dataclass
class UpdateRun:
    """The updates of one run.

    `selection` is what the next one is asked for and `cause` why it starts, `retries` how many were retries.
    """

    settings: Settings
    clock: Clock
    stop: threading.Event
    selection: Selection = field(default_factory=Selection)
    for_seconds: float | None = None
    cause: UpdateCause = UpdateCause.USER_ACTION
    retries: int = 0
    wait_seconds: float = 0.0
    _until: float = math.inf
    _started: float = 0.0
    #: Flows whose source had a new schema, and that have had no batch since.
    _restarted: set[str] = field(default_factory=set)

    def start(self) -> None:
        """Note that an update starts."""
        self._started = self.clock.monotonic()

    def begin(self) -> None:
        """Note that its tables are set up and flows start: the time counts, and what was reset stays as it is."""
        self.selection = self.selection.once_reset()
        self._limit()

    @property
    def over(self) -> bool:
        """Tell whether the run is to end: because it was asked to, or because its time is up."""
        return self.stop.is_set() or self.clock.monotonic() >= self._until

    @property
    def most(self) -> float:
        """How many retries there may be in all."""
        settings = self.settings
        if settings.development or (settings.development is None and UPDATE_RETRIES not in settings.configuration):
            return 0
        if settings.continuous and UPDATE_RETRIES not in settings.configuration:
            return math.inf
        return settings.integer(UPDATE_RETRIES, TRIGGERED_RETRIES)

    @property
    def left(self) -> bool:
        """Tell whether an update that fails now would be run again."""
        return self.retries < self.most and not self.over

    def retry(self) -> str:
        """Note that an update failed and is to be run again; return which retry the next one is."""
        lasted = self.clock.monotonic() - self._started
        again = self.wait_seconds > 0 and lasted < _LONGEST_WAIT_SECONDS
        self.wait_seconds = min(2 * self.wait_seconds, _LONGEST_WAIT_SECONDS) if again else _FIRST_WAIT_SECONDS
        self.retries += 1
        self.cause = UpdateCause.RETRY_ON_FAILURE
        return f"retry {self.retries}" + (f" of {self.most}" if math.isfinite(self.most) else "")

    def restart(self, flow: str) -> bool:
        """Note that the source of a flow has a new schema; tell whether a new update shall go on with it.

        It shall not when that was tried and the flow came no further: then the change is one that it can't follow.
        """
        if self.over or flow in self._restarted:
            return False
        self._restarted.add(flow)
        self.cause = UpdateCause.SCHEMA_CHANGE
        return True

    def progressed(self, flow: str) -> None:
        """Note that a flow has had a batch."""
        self._restarted.discard(flow)

    def wait(self) -> bool:
        """Wait until the next update may start; tell whether it may, or the run is over before."""
        self._limit()
        due = self.clock.monotonic() + (0.0 if self.cause is UpdateCause.SCHEMA_CHANGE else self.wait_seconds)
        while not self.over and self.clock.monotonic() < due:
            self.clock.sleep(_POLL_SECONDS)
        return not self.over

    def _limit(self) -> None:
        if self.for_seconds is not None and math.isinf(self._until):
            self._until = self.clock.monotonic() + self.for_seconds
