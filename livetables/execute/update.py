"""A run of a pipeline: one update or several, as one that failed in production is run again as a new one."""

from __future__ import annotations

import math
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from livetables.errors import Diagnostic, GraphError, LivetablesError
from livetables.events.events import error_of
from livetables.events.facts import UpdateProgress
from livetables.events.state import Update
from livetables.events.states import Level, UpdateCause, UpdateState
from livetables.plan.steps import Selection
from livetables.settings import UPDATE_RETRIES
from livetables.spark.failures import describe
from livetables.spark.messages import code_of, first_sentence

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from livetables.clock import Clock
    from livetables.events.events import EventBus
    from livetables.settings import Settings

TRIGGERED_RETRIES = 5
_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS = 5.0, 300.0
_POLL_SECONDS = 0.1


@dataclass
class UpdateRun:
    """How long a run goes on, and which update is next.

    `selection` is what the next update is asked for and `cause` why it starts; `retries` of them were retries so far.
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
        """Whether the run is to end: because it was asked to, or because its time is up."""
        return self.stop.is_set() or self.clock.monotonic() >= self._until

    @property
    def most(self) -> float:
        """How many retries there may be in all; math.inf is no limit."""
        settings = self.settings
        if settings.development or (settings.development is None and UPDATE_RETRIES not in settings.configuration):
            return 0
        if settings.continuous and UPDATE_RETRIES not in settings.configuration:
            return math.inf
        return settings.integer(UPDATE_RETRIES, TRIGGERED_RETRIES)

    @property
    def left(self) -> bool:
        """Whether an update that fails now would be run again."""
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
        """Note that the source of a flow has a new schema; return whether a new update is to follow it.

        Not when that was tried and the flow has had no batch since: then the change is one that it can't follow.
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
        """Wait until the next update may start; return whether it may: the run can be over before."""
        self._limit()
        due = self.clock.monotonic() + (0.0 if self.cause == UpdateCause.SCHEMA_CHANGE else self.wait_seconds)
        while not self.over and self.clock.monotonic() < due:
            self.clock.sleep(_POLL_SECONDS)
        return not self.over

    def _limit(self) -> None:
        if self.for_seconds is not None and math.isinf(self._until):
            self._until = self.clock.monotonic() + self.for_seconds


class Ended(Protocol):
    """What is asked of an update that has ended: the scheduler of its tasks."""

    @property
    def outcome(self) -> UpdateState:
        """Its final state."""

    @property
    def retryable(self) -> bool:
        """Whether what failed may do better in another update."""

    @property
    def restarts(self) -> bool:
        """Whether another update is to follow at once."""


@dataclass(frozen=True)
class _Ending:
    """How an update has ended; `error` is what it raised, if it did not end by itself."""

    outcome: UpdateState
    retryable: bool
    restarts: bool = False
    error: BaseException | None = None


@dataclass(frozen=True)
class Updates:
    """The updates of one run.

    `execute` does the work of one: it gets the bus, and a stack for what is to be closed after the last event.
    `new_bus` makes the bus of an update that folds its events into the given state. `explain` turns an exception that
    the end of Java has caused into one that says so. `flush` is called after each update.
    """

    execute: Callable[[EventBus, ExitStack], Ended]
    new_bus: Callable[[Update], EventBus]
    explain: Callable[[BaseException], BaseException]
    flush: Callable[[], None]

    def run(self, limits: UpdateRun) -> Update:
        """Run updates until one ends well, or can't be repaired by another, or the retries are used up.

        Returns the state of the last one, or raises what it raised.
        """
        while True:
            update = Update()
            bus = self.new_bus(update)
            with ExitStack() as stack:
                stack.callback(self.flush)
                limits.start()
                ending = self._run_one(bus, stack)
                again = ending.restarts or self._retries(update, ending, bus, limits)
            if again and limits.wait():
                continue
            if ending.error is not None:
                raise ending.error
            return update

    def _run_one(self, bus: EventBus, stack: ExitStack) -> _Ending:
        """Run one update and say how it ended; only a second Ctrl-C is raised."""
        try:
            ended = self.execute(bus, stack)
            ending = _Ending(ended.outcome, ended.retryable, ended.restarts)
        except KeyboardInterrupt:
            _say_end(bus, UpdateState.CANCELED)
            raise
        except BaseException as caught:  # noqa: BLE001 (it is raised again, unless another update may repair it)
            error = self.explain(caught)
            retryable = isinstance(error, Exception) and describe(error).retryable
            ending = _Ending(UpdateState.FAILED, retryable, error=error)
            for diagnostic in _diagnostics(error):
                cause = error_of(error, diagnostic.message, fatal=True)
                bus.emit(UpdateProgress(ending.outcome), str(diagnostic), level=Level.ERROR, error=cause)
        _say_end(bus, ending.outcome)
        return ending

    def _retries(self, update: Update, ending: _Ending, bus: EventBus, limits: UpdateRun) -> bool:
        """Return whether a failed update is run again; then say so, and why it failed."""
        if not (ending.outcome is UpdateState.FAILED and ending.retryable and limits.left):
            return False
        which = limits.retry()
        reason = describe(ending.error).message if ending.error else next(iter(update.errors), "")
        message = f"Update {bus.update_id[:6]} is run again in {limits.wait_seconds:g} s ({which}). {reason}"
        bus.emit(UpdateProgress(ending.outcome), message, level=Level.WARN)
        return True


def _say_end(bus: EventBus, outcome: UpdateState) -> None:
    level = Level.ERROR if outcome is UpdateState.FAILED else Level.INFO
    bus.emit(UpdateProgress(outcome), f"Update {bus.update_id[:6]} is {outcome}.", level=level)


def _diagnostics(error: BaseException) -> tuple[Diagnostic, ...]:
    if isinstance(error, GraphError):
        return error.diagnostics
    if isinstance(error, LivetablesError):
        return (error.diagnostic,)
    return (Diagnostic(code_of(error), first_sentence(error)),)
