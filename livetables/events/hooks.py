"""Event hooks: functions of the user that are called with each event, in order, in a thread beside the update."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any

from livetables.events.events import STABLE
from livetables.events.facts import HookProgress
from livetables.events.states import HookState, Level

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future

    from livetables.events.events import Event, EventBus
    from livetables.model import EventHook

#: How long the end of an update waits for hooks that are still running, in seconds.
CLOSE_SECONDS = 10.0


class HookRunner:
    """A subscriber that calls the hooks with each stable event, in a thread of its own.

    An update emits events before its files have been read, which define the hooks: events before `begin` are kept, and
    the hooks get them first. A hook that raises an error has failed; after more than its limit of failures in a row it
    is disabled for the rest of the update. Each failure is reported as a `hook_progress` event, which hooks do not get.
    """

    def __init__(self, bus: EventBus) -> None:
        self._bus = bus
        self._early: list[Event] | None = []
        self._hooks: dict[int, EventHook] = {}
        self._failures: dict[int, int] = {}
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="livetables-hooks")
        self._calls: list[Future[None]] = []

    def __call__(self, event: Event) -> None:
        """Call the hooks with an event, or keep it until they are known."""
        if self._early is not None:
            self._early.append(event)
        elif self._hooks and event.maturity_level == STABLE and event.event_type != HookProgress.event_type:
            given = {**event.row(), "details": {event.event_type: event.details}}
            self._calls = [call for call in self._calls if not call.done()]
            self._calls.append(self._thread.submit(self._call, given))

    def begin(self, hooks: Sequence[EventHook]) -> None:
        """Start to call these hooks: first with the events that were kept."""
        early, self._early = self._early or [], None
        self._hooks = {id(hook): hook for hook in hooks}
        self._failures = dict.fromkeys(self._hooks, 0)
        for event in early:
            self(event)

    def close(self) -> None:
        """Wait for the hooks that are still running; give up after CLOSE_SECONDS."""
        wait(self._calls, timeout=CLOSE_SECONDS)
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _call(self, event: dict[str, Any]) -> None:
        for key, hook in list(self._hooks.items()):
            try:
                hook.function(event)
            except Exception as error:  # noqa: BLE001 (a user's hook may raise anything; the update goes on)
                self._report(key, hook.name, error)
            else:
                self._failures[key] = 0

    def _report(self, key: int, name: str, error: Exception) -> None:
        limit = self._hooks[key].limit
        self._failures[key] += 1
        disabled = limit is not None and self._failures[key] > limit
        if disabled:
            del self._hooks[key]
        message = f"Event hook '{name}' failed: {type(error).__name__}: {error}."
        message += " It is off until the next update." if disabled else ""
        state = HookState.DISABLED if disabled else HookState.FAILED
        self._bus.emit(HookProgress(name, state), message, level=Level.WARN)
