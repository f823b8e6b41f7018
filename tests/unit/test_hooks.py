"""Event hooks: which events the functions of the user's hear of, and in which order."""

import pytest

from livetables.events.events import EventBus
from livetables.events.facts import HookProgress, UpdateProgress
from livetables.events.hooks import HookRunner
from livetables.events.states import HookState, UpdateState
from livetables.model import EventHook
from tests.unit.builders import FakeTime


@pytest.fixture
def bus():
    """Return a bus that nobody hears yet."""
    return EventBus(FakeTime().clock, "p", "u-1")


@pytest.fixture
def hooks(bus):
    """Return the hooks of an update whose files have not been read yet."""
    runner = HookRunner(bus)
    bus.subscribers.append(runner)
    return runner


def tell(bus, *messages, **options):
    """Emit an event for each message."""
    for message in messages:
        bus.emit(UpdateProgress(UpdateState.RUNNING), message, **options)


def test_what_came_before_the_hooks_were_known_comes_to_them_first(bus, hooks):
    """`create_update` is told before a file is read; a hook hears of it all the same, and of all else in order."""
    heard = []
    tell(bus, "one", "two")
    hooks.begin([EventHook("h", lambda event: heard.append(event["message"]))])
    tell(bus, "three")
    hooks.close()
    assert heard == ["one", "two", "three"]


def test_only_stable_events_are_told(bus, hooks):
    """Also of those that were kept."""
    heard = []
    tell(bus, "early", maturity_level="EVOLVING")
    hooks.begin([EventHook("h", heard.append)])
    tell(bus, "late", maturity_level="EVOLVING")
    hooks.close()
    assert heard == []


def test_a_hook_that_fails_too_often_is_off(bus, hooks):
    """After more than its limit of failures in a row, which is said; early events count too, and others still hear."""
    tried, heard, said = [], [], []
    bus.subscribers.append(lambda event: isinstance(event.fact, HookProgress) and said.append(event.fact.status))

    def failing(event):
        tried.append(event["message"])
        raise ValueError("no")

    tell(bus, "one", "two")
    hooks.begin([EventHook("bad", failing, limit=1), EventHook("good", lambda event: heard.append(event["message"]))])
    tell(bus, "three")
    hooks.close()
    assert (tried, heard, said) == (["one", "two"], ["one", "two", "three"], [HookState.FAILED, HookState.DISABLED])
