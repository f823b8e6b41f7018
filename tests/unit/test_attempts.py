"""Updates that are run again: which, how often, after how long, and what is left of what was asked for."""

import math
import threading
from pathlib import Path

import pytest

from livetables.errors import GraphError, SettingsError
from livetables.execute.update import UpdateRun
from livetables.pipeline import Pipeline
from livetables.plan.steps import Selection
from livetables.settings import Settings
from tests.unit.builders import FakeTime

KEY = "pipelines.numUpdateRetryAttempts"


@pytest.fixture
def time():
    """Return a time that only the test moves."""
    return FakeTime()


@pytest.fixture
def update_run(time):
    """Return a function that builds the attempts of a run."""

    def update_run(configuration=None, *, development=False, continuous=False, **options):
        said = {"configuration": configuration or {}, "development": development, "continuous": continuous}
        return UpdateRun(Settings("p", Path(), (), Path("s"), **said), time.clock, threading.Event(), **options)

    return update_run


@pytest.mark.shows(
    "`pipelines.numUpdateRetryAttempts`: updates in production are retried, those in development are not"
)
@pytest.mark.parametrize(
    ("said", "most"),
    [
        ({"development": False}, 5),
        ({"development": False, "continuous": True}, math.inf),
        ({"development": False, "configuration": {KEY: "2"}}, 2),
        ({"development": False, "configuration": {KEY: "2"}, "continuous": True}, 2),
        ({"development": True}, 0),
        ({"development": True, "configuration": {KEY: "2"}}, 0),
        ({"development": None}, 0),
        ({"development": None, "continuous": True}, 0),
        ({"development": None, "configuration": {KEY: "2"}}, 2),
    ],
)
def test_only_production_tries_again(update_run, said, most):
    """Five times, in continuous mode without end; who works on a pipeline wants to see the failure at once."""
    assert update_run(**said).most == most


def test_each_wait_is_twice_as_long(update_run):
    """From 5 s on, and never more than 5 minutes."""
    one, waits = update_run(continuous=True), []
    for _ in range(8):
        one.start()
        one.retry()
        waits.append(one.wait_seconds)
    assert waits == [5, 10, 20, 40, 80, 160, 300, 300]


def test_the_wait_is_short_again_after_an_update_that_ran_for_long(update_run, time):
    """What fails once a week is not the same trouble."""
    one = update_run(continuous=True)
    for lasted in (0, 0, 299, 300):
        one.start()
        time.advance(lasted)
        one.retry()
    assert one.wait_seconds == 5


def test_retries_are_counted_and_come_to_an_end(update_run):
    """The message says which one is next."""
    one = update_run({KEY: "2"})
    said = [(one.left, one.retry()), (one.left, one.retry())]
    assert (said, one.left) == ([(True, "retry 1 of 2"), (True, "retry 2 of 2")], False)
    assert update_run(continuous=True).retry() == "retry 1"


def test_the_wait_passes(update_run, time):
    """Then the next update starts."""
    one = update_run()
    one.retry()
    assert (one.wait(), round(time.seconds)) == (True, 5)


def test_ctrl_c_ends_the_wait(update_run, time):
    """At once, and no update follows."""
    one = update_run()
    one.retry()
    one.stop.set()
    assert (one.wait(), time.seconds, one.left) == (False, 0, False)


def test_the_time_of_the_run_ends_the_wait(update_run, time):
    """`--for 8s` counts from the first flow's start, over all updates."""
    one = update_run(for_seconds=8.0)
    one.begin()
    time.advance(6)
    one.begin()
    one.retry()
    assert (one.wait(), round(time.seconds), one.over) == (False, 8, True)


@pytest.mark.parametrize(
    ("asked", "left"),
    [
        (Selection(), Selection()),
        (Selection(refresh=("a",)), Selection(refresh=("a",))),
        (Selection(refresh=("a",), full_refresh=("b",)), Selection(refresh=("a", "b"))),
        (Selection(full_refresh_all=True), Selection()),
        (Selection(reset_checkpoints=("a",)), Selection()),
    ],
)
def test_what_was_reset_is_not_reset_again(update_run, asked, left):
    """The same tables run, and go on from where the failed update came to; one that failed before still resets."""
    one = update_run(selection=asked)
    before = one.selection
    one.begin()
    assert (before, one.selection) == (asked, left)


def test_a_new_schema_is_followed_at_once(update_run, time):
    """Nothing has failed, so nothing is waited for; the next update says why it starts."""
    one = update_run()
    assert (one.restart("silver"), one.cause, one.wait(), time.seconds) == (True, "SCHEMA_CHANGE", True, 0)


@pytest.mark.shows("When a Delta source gets a column, an update with the cause SCHEMA_CHANGE follows")
def test_a_schema_that_cannot_be_followed_ends_the_run(update_run):
    """A flow that comes no further in its new update would restart without end; one that did is free to again."""
    one = update_run()
    one.restart("silver")
    stuck = one.restart("silver")
    one.progressed("silver")
    assert (stuck, one.restart("gold"), one.restart("silver")) == (False, True, True)


def test_a_run_that_is_over_follows_no_new_schema(update_run):
    """Ctrl-C means the whole run."""
    one = update_run()
    one.stop.set()
    assert not one.restart("silver")


class Ended:
    """A runner that has ended."""

    def __init__(self, outcome, mendable=True, restarts=False):
        self.outcome, self.mendable, self.restarts = outcome, mendable, restarts


@pytest.fixture
def run(tmp_path, time, monkeypatch):
    """Return a function that runs a pipeline whose updates end as given; it returns the state and the events."""

    def run(*ends, configuration=None, stop=None):
        left, events = list(ends), []

        def update(_pipeline, bus, update_run, _idle):
            end = left.pop(0)
            bus.emit("update_progress", f"try {len(ends) - len(left)}", {"state": "RUNNING"})
            if isinstance(end, Exception):
                raise end
            if end.outcome == "FAILED":
                bus.emit(
                    "flow_progress",
                    "Flow 'x' has FAILED: disk full",
                    {"status": "FAILED"},
                    level="ERROR",
                    flow_name="x",
                    dataset_name="x",
                )
            return end

        monkeypatch.setattr(Pipeline, "_update", update)
        settings = Settings(
            "p", tmp_path, (), tmp_path / "storage", configuration=configuration or {}, development=False
        )
        state = Pipeline(settings, clock=time.clock).run(stop=stop, listeners=[events.append])
        assert left == []
        return state, events

    return run


def test_an_update_that_fails_is_run_again_as_a_new_one(run):
    """With an id of its own; the outcome is that of the last one, and the wait says why."""
    state, events = run(Ended("FAILED"), Ended("COMPLETED"))
    assert (state.state, state.errors, state.flows) == ("COMPLETED", [], {})
    assert len({event.origin["update_id"] for event in events}) == 2
    [said] = [event.message for event in events if "is run again" in event.message]
    assert said.endswith("is run again in 5 s (retry 1 of 5). Flow 'x' has FAILED: disk full")


def test_an_update_with_a_new_schema_follows_in_the_same_run(run):
    """The run is as good as its last update."""
    state, events = run(Ended("CANCELED", restarts=True), Ended("COMPLETED"))
    assert state.state == "COMPLETED"
    assert len({event.origin["update_id"] for event in events}) == 2


def test_the_last_failure_stands(run):
    """When all retries are used up."""
    state, _ = run(Ended("FAILED"), Ended("FAILED"), configuration={KEY: "1"})
    assert (state.state, "disk full" in state.errors[0]) == ("FAILED", True)


@pytest.mark.parametrize(
    "end", [Ended("FAILED", mendable=False), Ended("COMPLETED"), Ended("CANCELED")], ids=["lasting", "done", "stopped"]
)
def test_what_another_update_cannot_mend_ends_the_run(run, end):
    """A violated rule is violated again; what did not fail needs no other try."""
    assert run(end)[0].state == end.outcome


def test_an_error_that_may_pass_is_tried_again(run):
    """Also one that came before any flow started."""
    state, events = run(OSError("disk full"), Ended("COMPLETED"))
    assert state.state == "COMPLETED"
    assert any("OSError: disk full" in event.message for event in events if event.level == "WARN")


@pytest.mark.parametrize(
    "error", [GraphError([]), SettingsError("WRONG_VALUE", "no"), TypeError("no")], ids=["graph", "settings", "code"]
)
def test_an_error_of_the_pipeline_is_raised_at_once(run, error):
    """The same files would fail in the same way."""
    with pytest.raises(type(error)):
        run(error)


def test_the_last_error_is_raised(run):
    """So the program ends as if there had been no retries."""
    with pytest.raises(OSError, match="second"):
        run(OSError("first"), OSError("second"), configuration={KEY: "1"})


def test_a_run_that_was_stopped_is_not_tried_again(run):
    """Ctrl-C means the whole run."""
    stop = threading.Event()
    stop.set()
    assert run(Ended("FAILED"), stop=stop)[0].state == "FAILED"
