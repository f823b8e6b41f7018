"""Event hooks: which events the functions of the user get, and in which order."""

import pytest

from livetables.events.events import EventBus
from livetables.events.facts import HookProgress, UpdateProgress
from livetables.events.hooks import HookRunner
from livetables.events.states import HookState, UpdateState
from livetables.model import EventHook
from tests.unit.builders import FakeTime


@pytest.fixture
def bus():
    """Return a bus without subscribers."""
    return EventBus(FakeTime().clock, "p", "u-1")


@pytest.fixture
def hooks(bus):
    """Return the hooks of an update whose files have not been read yet."""
    runner = HookRunner(bus)
    bus.subscribers.append(runner)
    return runner


def emit(bus, *messages, **options):
    """Emit an event for each message."""
    for message in messages:
        bus.emit(UpdateProgress(UpdateState.RUNNING), message, **options)


def test_events_before_the_hooks_were_known_come_first(bus, hooks):
    """`create_update` is emitted before a file is read; a hook gets it all the same, and all other events in order."""
    got = []
    emit(bus, "one", "two")
    hooks.begin([EventHook("h", lambda event: got.append(event["message"]))])
    emit(bus, "three")
    hooks.close()
    assert got == ["one", "two", "three"]


def test_hooks_get_only_stable_events(bus, hooks):
    """Also among those that were kept."""
    got = []
    emit(bus, "early", maturity_level="EVOLVING")
    hooks.begin([EventHook("h", got.append)])
    emit(bus, "late", maturity_level="EVOLVING")
    hooks.close()
    assert got == []


def test_a_hook_that_fails_too_often_is_disabled(bus, hooks):
    """After more than its limit of failures in a row, which is reported; kept events count too, other hooks go on."""
    tried, got, states = [], [], []
    bus.subscribers.append(lambda event: isinstance(event.fact, HookProgress) and states.append(event.fact.status))

    def failing(event):
        tried.append(event["message"])
        raise ValueError("no")

    emit(bus, "one", "two")
    hooks.begin([EventHook("bad", failing, limit=1), EventHook("good", lambda event: got.append(event["message"]))])
    emit(bus, "three")
    hooks.close()
    assert (tried, got, states) == (["one", "two"], ["one", "two", "three"], [HookState.FAILED, HookState.DISABLED])
