"""A flow on its way through an update: tries, waits and intervals, on a clock that only the test moves."""

from dataclasses import replace
from pathlib import Path

import pytest

from livetables.errors import SettingsError
from livetables.execute.tasks import Job, Mode
from livetables.model import MaterializedView, StreamingTable
from livetables.plan.steps import Run
from livetables.settings import Settings
from tests.unit.builders import FakeTime, dataset

INTERVAL = "pipelines.trigger.interval"
TRIGGERED, CONTINUOUS = Mode.TRIGGERED, Mode.CONTINUOUS


@pytest.fixture
def time():
    """Return a time that only the test moves."""
    return FakeTime()


@pytest.fixture
def job(time):
    """Return a function that builds a job."""

    def job(kind=StreamingTable, mode=TRIGGERED, *, configuration=None, spark_conf=None, external=(), **options):
        table = dataset(kind, "silver", "bronze", **options)
        flow = table.flows[0]
        flow = replace(flow, definition=replace(flow.definition, spark_conf=spark_conf or {}), external_inputs=external)
        settings = Settings("p", Path(), (), Path("s"), configuration=configuration or {})
        step = Run("silver", "stream", ("bronze",), "new rows of its sources")
        return Job(flow, replace(table, flows=(flow,)), step, mode, settings, time.clock)

    return job


def versions(**of):
    """Return a function that tells the version of a table."""
    return of.__getitem__


@pytest.mark.shows("`pipelines.maxFlowRetryAttempts` is 2 by default: three attempts")
@pytest.mark.parametrize(
    ("configuration", "tries"),
    [({}, 3), ({"pipelines.maxFlowRetryAttempts": "0"}, 1), ({"pipelines.maxFlowRetryAttempts": "4"}, 5)],
)
def test_a_flow_is_tried_again_as_often_as_configured(job, configuration, tries):
    """Two retries by default, as on the platform: three tries in all."""
    one = job(configuration=configuration)
    again = [one.retry() for _ in range(tries)]
    assert (one.tries, again) == (tries, [True] * (tries - 1) + [False])


def test_each_retry_waits_longer(job, time):
    """1, 2, 4... seconds, and never more than half a minute."""
    one = job(configuration={"pipelines.maxFlowRetryAttempts": "9"})
    waits = []
    for _ in range(7):
        one.retry()
        started = time.seconds
        while not one.due(versions(bronze=1)):
            time.advance(0.5)
        waits.append(time.seconds - started)
    assert waits == [1, 2, 4, 8, 16, 30, 30]


def test_a_batch_that_ends_well_makes_the_next_failure_a_first_one(job):
    """A stream that runs for weeks must not fail for three short faults in all."""
    one = job()
    outcomes = [one.retry(), one.retry()]
    one.succeeded()
    assert [*outcomes, one.retry(), one.retry(), one.retry()] == [True, True, True, True, False]


def test_a_retry_is_shown_as_starting(job):
    """It has not failed yet, and whoever reads it waits."""
    one = job()
    one.retry()
    assert (one.status, one.ended, one.must_end_first()) == ("STARTING", False, True)


@pytest.mark.parametrize(
    ("kind", "mode", "status", "ended"),
    [
        (StreamingTable, TRIGGERED, "QUEUED", False),
        (StreamingTable, TRIGGERED, "COMPLETED", True),
        (StreamingTable, TRIGGERED, "FAILED", True),
        (StreamingTable, TRIGGERED, "SKIPPED", True),
        (StreamingTable, CONTINUOUS, "RUNNING", False),
        (StreamingTable, CONTINUOUS, "COMPLETED", True),
        (StreamingTable, CONTINUOUS, "STOPPED", True),
        (MaterializedView, TRIGGERED, "COMPLETED", True),
        (MaterializedView, CONTINUOUS, "COMPLETED", False),
        (MaterializedView, CONTINUOUS, "FAILED", True),
    ],
)
def test_a_flow_has_ended_when_it_will_not_run_again(job, kind, mode, status, ended):
    """A recomputation in continuous mode runs again whenever its inputs change."""
    one = job(kind, mode)
    one.status = status
    assert one.ended == ended


@pytest.mark.shows("Triggered: a flow starts when the flows that it reads have ended")
@pytest.mark.parametrize(
    ("mode", "status", "waits"),
    [(TRIGGERED, "RUNNING", True), (TRIGGERED, "COMPLETED", False), (CONTINUOUS, "RUNNING", False)],
)
def test_readers_wait_only_in_triggered_mode(job, mode, status, waits):
    """Once its inputs are drained a triggered flow starts; in continuous mode all run beside each other."""
    one = job(mode=mode)
    one.status = status
    assert one.must_end_first() == waits


def test_a_first_run_is_due_at_once(job):
    """Whatever the versions of its inputs."""
    assert job(MaterializedView, CONTINUOUS).due(versions(bronze=-1))


def test_a_repeated_recomputation_is_due_only_when_an_input_changed(job, time):
    """Recomputing the same rows would cost time and change nothing."""
    one = job(MaterializedView, CONTINUOUS)
    due = [one.due(versions(bronze=1))]
    one.finish()
    due.append(one.due(versions(bronze=2)))
    time.advance(60)
    due += [one.due(versions(bronze=1)), one.due(versions(bronze=2)), one.due(versions(bronze=2))]
    assert due == [True, False, False, True, False]


@pytest.mark.shows("Continuous: recomputed every minute over Delta tables, every 10 minutes over other sources")
def test_a_recomputation_over_other_sources_is_due_after_each_interval(job, time):
    """Whether a table outside the pipeline changed is not known."""
    one = job(MaterializedView, CONTINUOUS, external=("crm.customers",))
    one.due(versions(bronze=1))
    one.finish()
    before = one.due(versions(bronze=1))
    time.advance(60)
    assert (before, one.due(versions(bronze=1))) == (False, True)


def test_a_finished_flow_is_completed(job):
    """And says so."""
    one = job()
    assert (one.finish(), one.status) == ("COMPLETED", "COMPLETED")


@pytest.mark.shows("Triggered: a flow processes the rows that its sources have, then ends")
def test_a_triggered_stream_takes_what_is_there(job):
    """Then it ends, whatever its interval."""
    assert job(configuration={INTERVAL: "9s"}).trigger() == {"availableNow": True}


@pytest.mark.shows(
    "Continuous: a streaming flow looks for new rows every 5 s",
    "`pipelines.trigger.interval` in a flow's `spark_conf`, a table's properties or the configuration",
    "`SET pipelines.trigger.interval`",
)
@pytest.mark.parametrize(
    ("said", "interval"),
    [
        ({}, "5 seconds"),
        ({"configuration": {INTERVAL: "2 seconds"}}, "2 seconds"),
        ({"configuration": {INTERVAL: "2s"}, "table_properties": {INTERVAL: "3 seconds"}}, "3 seconds"),
        ({"table_properties": {INTERVAL: "3 seconds"}, "spark_conf": {INTERVAL: "500ms"}}, "0.5 seconds"),
        ({"configuration": {INTERVAL: "1 minute"}}, "60 seconds"),
    ],
)
def test_the_nearest_trigger_interval_counts(job, said, interval):
    """The flow's own conf, then the table's properties, then the pipeline's configuration, then 5 seconds."""
    assert job(mode=CONTINUOUS, **said).trigger() == {"processingTime": interval}


@pytest.mark.shows("Continuous: recomputed every minute over Delta tables, every 10 minutes over other sources")
@pytest.mark.parametrize(
    ("said", "wait"),
    [
        ({}, 60.0),
        ({"configuration": {INTERVAL: "2 seconds"}}, 2.0),
        ({"configuration": {INTERVAL: "2 seconds"}, "table_properties": {INTERVAL: "6 hour"}}, 21600.0),
        ({"table_properties": {INTERVAL: "6 hour"}, "spark_conf": {INTERVAL: "10s"}}, 10.0),
    ],
)
def test_a_recomputation_waits_for_its_own_interval(job, time, said, wait):
    """A minute by default: it replaces the whole table."""
    one = job(MaterializedView, CONTINUOUS, **said)
    one.due(versions(bronze=1))
    one.finish()
    time.advance(wait - 1)
    early = one.due(versions(bronze=2))
    time.advance(1)
    assert (early, one.due(versions(bronze=2))) == (False, True)


def test_an_interval_that_is_none_is_refused_by_name(job):
    """The message has the key that was set."""
    with pytest.raises(SettingsError, match=r"pipelines\.trigger\.interval is 'soon'"):
        job(mode=CONTINUOUS, spark_conf={INTERVAL: "soon"}).trigger()
