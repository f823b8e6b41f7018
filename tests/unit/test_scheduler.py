"""The scheduler of an update, with fake runs and a clock that only the test moves: order, skip, retry, stop."""

import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from livetables.errors import NewColumnsError
from livetables.events.events import EventBus
from livetables.events.progress import FlowMetrics
from livetables.execute.narration import Narrator
from livetables.execute.runs import Batch
from livetables.execute.scheduler import Environment, Scheduler
from livetables.execute.tasks import FlowStatus, Mode, Task
from livetables.execute.update import UpdateRun
from livetables.model import MaterializedView, StreamingTable
from livetables.settings import Settings
from tests.unit.builders import FakeTime, dataset

TRIGGERED, CONTINUOUS = Mode.TRIGGERED, Mode.CONTINUOUS
OUT = Batch(7, FlowMetrics(num_output_rows=2))


@dataclass
class FakeRun:
    """A run whose batches end one at each look; after the last it ends with `fails`, or goes on for ever."""

    reports: list = field(default_factory=list)
    fails: BaseException | None = None
    endless: bool = False
    in_batch: bool = False
    asked: list = field(default_factory=list)

    def batches(self):
        """Return the batches of one look."""
        return self.reports.pop(0) if self.reports else []

    def finished(self):
        """Return whether all batches were taken."""
        return not self.reports and not self.endless

    def error(self):
        """Return what it fails with."""
        return self.fails

    def between_batches(self):
        """Return whether no batch is under way."""
        return not self.in_batch

    def stop(self):
        """Record the call."""
        self.asked.append("stop")

    def close(self):
        """Record the call."""
        self.asked.append("close")


class Update:
    """An update of tasks with fake runs: what they are, what they were asked, what was said."""

    def __init__(self, mode=TRIGGERED, retries=0, **configuration):
        self.mode, self.time, self.stop = mode, FakeTime(), threading.Event()
        configuration = {"pipelines.maxFlowRetryAttempts": str(retries), **configuration}
        self.settings = Settings("p", Path(), (), Path("s"), configuration=configuration, development=True)
        self.tasks, self.runs, self.versions, self.said, self.order = [], {}, {}, [], []
        self.looks = 0

    def task(self, *names, after=(), kind=StreamingTable, runs=()):
        """Add a task whose flows fill tables of these names; `runs` are its runs, one after the other."""
        flows = []
        for name in names:
            table = dataset(kind, name, *after)
            flows.append(FlowStatus(table.flows[0], table))
        self.tasks.append(Task(tuple(flows), tuple(after), self.mode, self.settings, self.time.clock))
        self.runs[names[0]] = list(runs)
        return self.tasks[-1]

    def start(self, task):
        """Start the next run of a task; a run that is an exception is raised."""
        name = task.flows[0].name
        self.order.append(name)
        run = self.runs[name].pop(0)
        if isinstance(run, Exception):
            raise run
        return run

    def run(self, on_look=lambda _: None, for_seconds=None):
        """Run the tasks; `on_look` hears the number of each look. Return the scheduler."""
        limits = UpdateRun(self.settings, self.time.clock, self.stop, for_seconds=for_seconds)
        bus = EventBus(self.time.clock, "p", "u-1", [self.said.append])

        def idle():
            self.looks += 1
            assert self.looks < 1000, "the scheduler does not end"
            on_look(self.looks)

        environment = Environment(self.start, lambda key: self.versions.get(key, 0), idle, self.time.clock)
        narrator = Narrator(bus, lambda _dataset, _flow: 1)
        scheduler = Scheduler(self.tasks, self.mode, environment, narrator, limits)
        scheduler.run()
        return scheduler

    def statuses(self, name):
        """Return the statuses that were said of a flow, in order."""
        flows = [event for event in self.said if event.event_type == "flow_progress"]
        return [event.details["status"] for event in flows if event.origin["flow_name"] == name]

    def messages(self, name):
        """Return the warnings and errors that were said of a flow."""
        return [e.message for e in self.said if e.level != "INFO" and e.origin.get("flow_name") == name]


def test_a_reader_starts_when_its_inputs_have_ended():
    """In a triggered update it then finds all their rows."""
    update = Update()
    update.task("gold", after=("silver",), runs=[FakeRun()])
    update.task("silver", after=("bronze",), runs=[FakeRun([[], []])])
    update.task("bronze", runs=[FakeRun([[], [], []])])
    assert (update.run().outcome, update.order) == ("COMPLETED", ["bronze", "silver", "gold"])


def test_tasks_that_do_not_depend_on_each_other_run_at_once():
    """One look starts both."""
    update, running = Update(), []
    update.task("a", runs=[FakeRun([[], []])])
    update.task("b", runs=[FakeRun([[], []])])
    update.run(lambda _: running.append(sum(task.run is not None for task in update.tasks)))
    assert running[0] == 2


def test_in_continuous_mode_all_tasks_start_at_once():
    """A stream reads what its input has committed so far."""
    update = Update(CONTINUOUS)
    update.task("silver", after=("bronze",), runs=[FakeRun(endless=True)])
    update.task("bronze", runs=[FakeRun(endless=True)])
    update.run(for_seconds=1)
    assert update.order == ["silver", "bronze"]


def test_a_flow_is_said_to_be_queued_starting_running_and_completed():
    """In this order, with each batch between."""
    update = Update()
    update.task("bronze", runs=[FakeRun([[("bronze", OUT)], [("bronze", OUT)]])])
    update.run()
    assert update.statuses("bronze") == ["QUEUED", "STARTING", "RUNNING", "RUNNING", "RUNNING", "COMPLETED"]


def test_the_last_batch_of_a_recomputation_says_that_it_completed():
    """So its counts and its end are one event."""
    update = Update()
    update.task("gold", kind=MaterializedView, runs=[FakeRun([[("gold", OUT)]])])
    update.run()
    assert update.statuses("gold") == ["QUEUED", "STARTING", "RUNNING", "COMPLETED"]
    assert update.said[-1].details["metrics"] == {"num_output_rows": 2}


def test_what_depends_on_a_failed_flow_is_skipped():
    """Also when it depends on it through another one; what does not depend on it runs."""
    update = Update()
    update.task("bronze", runs=[FakeRun(fails=TypeError("no"))])
    update.task("silver", after=("bronze",))
    update.task("gold", after=("silver",))
    update.task("other", runs=[FakeRun()])
    assert update.run().outcome == "FAILED"
    assert [update.statuses(name)[-1] for name in ("silver", "gold", "other")] == ["SKIPPED", "SKIPPED", "COMPLETED"]
    assert update.messages("silver") == ["Flow 'silver' was SKIPPED because 'bronze' failed."]


def test_a_running_reader_of_a_failed_flow_stops_between_its_batches():
    """Its batch still reads what the input has committed."""
    update = Update(CONTINUOUS)
    update.task("bronze", runs=[FakeRun([[], []], fails=TypeError("no"))])
    reader = FakeRun(endless=True, in_batch=True)
    update.task("silver", after=("bronze",), runs=[reader])
    asked = []

    def on_look(number):
        asked.append(list(reader.asked))
        reader.in_batch = number < 6

    update.run(on_look)
    assert (asked[5], reader.asked, update.statuses("silver")[-1]) == ([], ["stop", "close"], "SKIPPED")


def test_a_failure_that_may_pass_is_tried_again_after_a_wait():
    """After 1 and 2 s; each failure is said with its number."""
    update = Update(retries=2)
    update.task("bronze", runs=[FakeRun(fails=OSError("disk")), FakeRun(fails=OSError("disk")), FakeRun()])
    assert update.run().outcome == "COMPLETED"
    assert [message[:57] for message in update.messages("bronze")] == [
        "Flow 'bronze' failed on attempt 1 of 3 and is tried again",
        "Flow 'bronze' failed on attempt 2 of 3 and is tried again",
    ]
    assert update.time.seconds >= 3


def test_the_last_failure_counts():
    """Another update may do better, as what failed may pass."""
    update = Update(retries=1)
    update.task("bronze", runs=[FakeRun(fails=OSError("disk")), FakeRun(fails=OSError("disk"))])
    scheduler = update.run()
    assert (scheduler.outcome, scheduler.retryable, update.order) == ("FAILED", True, ["bronze", "bronze"])


@pytest.mark.parametrize("starts", [True, False], ids=["in its run", "at its start"])
def test_a_failure_of_the_code_is_not_tried_again(starts):
    """It would fail in the same way: in this update and in the next."""
    update = Update(retries=5)
    update.task("bronze", runs=[FakeRun(fails=TypeError("no")) if starts else TypeError("no")])
    scheduler = update.run()
    assert (scheduler.outcome, scheduler.retryable, update.order) == ("FAILED", False, ["bronze"])


def test_a_good_batch_makes_the_next_failure_a_first_one():
    """A stream that runs for weeks must not fail for a few short faults in all."""
    update = Update(retries=1)
    failing = [FakeRun([[("bronze", OUT)]], fails=OSError("disk")) for _ in range(4)]
    update.task("bronze", runs=[*failing, FakeRun()])
    assert (update.run().outcome, len(update.order)) == ("COMPLETED", 5)


def test_a_source_with_a_new_schema_stops_all_for_another_update():
    """The next update plans for the new columns; nothing has failed."""
    update = Update()
    update.task("bronze", runs=[FakeRun(fails=NewColumnsError("UNKNOWN_FIELD_EXCEPTION", "city is new"))])
    other = FakeRun(endless=True)
    update.task("other", runs=[other])
    scheduler = update.run()
    assert (scheduler.outcome, scheduler.restarts, other.asked) == ("CANCELED", True, ["stop", "close"])
    assert update.statuses("bronze")[-1] == "STOPPED"


@pytest.mark.parametrize(("mode", "outcome"), [(TRIGGERED, "CANCELED"), (CONTINUOUS, "COMPLETED")])
def test_a_stop_ends_what_runs(mode, outcome):
    """A triggered update has not done all then; a continuous one has no other end."""
    update = Update(mode)
    run = FakeRun(endless=True)
    update.task("bronze", runs=[run])
    scheduler = update.run(lambda number: update.stop.set() if number == 3 else None)
    assert (scheduler.outcome, run.asked, update.statuses("bronze")[-1]) == (outcome, ["stop", "close"], "STOPPED")


def test_a_stop_waits_for_the_end_of_a_batch_and_loses_no_counts():
    """A batch that ends while the stop waits is said, too."""
    update = Update(CONTINUOUS)
    run = FakeRun(endless=True, in_batch=True)
    update.task("bronze", runs=[run])
    polls = []

    def between_batches():
        polls.append(update.time.seconds)
        if len(polls) == 4:
            run.reports, run.in_batch = [[("bronze", OUT)]], False
        return not run.in_batch

    run.between_batches = between_batches
    update.run(for_seconds=1)
    assert (len(polls), update.statuses("bronze")[-2:]) == (4, ["RUNNING", "STOPPED"])
    assert update.said[-2].details["metrics"] == {"num_output_rows": 2}


def test_a_stop_does_not_wait_for_ever():
    """After half a minute a batch that goes on is interrupted; its rows come again."""
    update = Update(CONTINUOUS)
    run = FakeRun(endless=True, in_batch=True)
    update.task("bronze", runs=[run])
    update.run(for_seconds=1)
    assert (run.asked, 30 <= update.time.seconds - 1 < 31) == (["stop", "close"], True)


def test_what_runs_is_stopped_when_something_unexpected_is_raised():
    """No query outlives its update, for example when Java has ended."""
    update = Update(CONTINUOUS)
    run = FakeRun(endless=True)
    update.task("bronze", runs=[run])

    def java_is_gone(_number):
        raise ConnectionError

    with pytest.raises(ConnectionError):
        update.run(java_is_gone)
    assert run.asked == ["stop", "close"]


def test_a_recomputation_runs_again_when_its_input_has_changed():
    """In continuous mode, and not before its interval is over."""
    update = Update(CONTINUOUS, **{"pipelines.trigger.interval": "10s"})
    update.task("gold", after=("silver",), kind=MaterializedView, runs=[FakeRun(), FakeRun(), FakeRun()])
    update.run(lambda number: update.versions.update(silver=1) if number == 4 else None, for_seconds=60)
    assert update.order == ["gold", "gold"]


def test_a_task_of_two_flows_says_of_each_what_its_batches_did():
    """One query fills two tables: both start, run and complete, and each has its own counts."""
    update = Update()
    first, second = (Batch(0, FlowMetrics(num_output_rows=rows)) for rows in (10, 3))
    update.task("bronze", "parsed", runs=[FakeRun([[("bronze", first), ("parsed", second)]])])
    update.task("silver", after=("parsed",), runs=[FakeRun()])
    update.run()
    rows = {
        e.origin["flow_name"]: e.details["metrics"]["num_output_rows"] for e in update.said if "metrics" in e.details
    }
    assert rows == {"bronze": 10, "parsed": 3}
    assert update.statuses("bronze") == update.statuses("parsed")
    assert (update.statuses("parsed")[-1], update.order) == ("COMPLETED", ["bronze", "silver"])


def test_a_task_of_two_flows_fails_as_a_whole():
    """One cause, one query: both flows have failed, are tried again together, and what reads either is skipped."""
    update = Update(retries=1)
    update.task("bronze", "parsed", runs=[FakeRun(fails=OSError("disk")), FakeRun(fails=TypeError("no"))])
    update.task("silver", after=("parsed",))
    update.run()
    assert update.statuses("bronze")[-3:] == ["STARTING", "RUNNING", "FAILED"]
    assert update.statuses("parsed") == update.statuses("bronze")
    assert update.statuses("silver")[-1] == "SKIPPED"


def test_a_look_asks_each_run_once_however_many_there_are():
    """Two questions of a run in memory, and one of Spark for all: nothing else grows with the number of flows."""
    update, asked = Update(CONTINUOUS), []
    for number in range(100):
        run = FakeRun(endless=True)
        run.finished = lambda: bool(asked.append("finished"))
        update.task(f"t{number}", runs=[run])
    update.run(for_seconds=0.6)
    assert (len(asked), update.looks) == (100 * 2, 3)  # the first look starts them
