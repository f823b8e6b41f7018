"""Whole updates on real Delta tables: what is written, what is said, what is left when something fails."""

import itertools
import threading
import time
from dataclasses import replace

import pytest

from livetables.clock import Clock
from livetables.errors import StorageBusy
from livetables.events.facts import CreateUpdate, UpdateProgress
from livetables.events.reading import read_events
from livetables.events.state import fold
from livetables.events.states import UpdateCause
from livetables.pipeline import Pipeline
from livetables.plan.steps import Selection
from tests.event_log import progress, rule_counts

pytestmark = pytest.mark.pipeline

CHAIN = """
    import dlt

    @dlt.table(comment="as sent", table_properties={"quality": "bronze"})
    def raw():
        return (
            spark.readStream.format("cloudFiles").option("cloudFiles.format", "json")
            .schema("id BIGINT, amount DOUBLE").load("/in/landing")
        )

    @dlt.view
    @dlt.expect_or_drop("known id", "id IS NOT NULL")
    def known():
        return dlt.read_stream("raw")

    @dlt.table
    @dlt.expect("small", "amount < 100")
    @dlt.expect_or_drop("positive", "amount > 0")
    @dlt.expect_or_drop("not 7", "amount <> 7")
    def clean():
        return spark.readStream.table("known")

    @dlt.table
    def totals():
        return spark.sql("SELECT count(*) AS n, sum(amount) AS amount FROM clean")
"""
ROWS = [
    {"id": 1, "amount": 5.0},
    {"id": 2, "amount": 500.0},
    {"id": 3, "amount": -1.0},
    {"id": 4, "amount": None},
    {"amount": 7.0},
    {"id": 6, "amount": 7.0},
]


def quality(storage, flow):
    """Sum what the event log says of a flow: rows dropped, and passed and failed rows per rule."""
    dropped = sum(fact.data_quality.dropped_records for fact in progress(storage, flow) if fact.data_quality)
    return dropped, {rule: (count.passed, count.failed) for rule, count in rule_counts(storage, flow).items()}


@pytest.mark.shows(
    "A materialized view always equals its query over the current inputs",
    "A view is batch or streaming, and each reader evaluates it, with its expectations",
    "Streaming tables, materialized views and views take expectations",
    "`expect` keeps the row and counts it",
    "`expect_or_drop` does not write the row, and the flow goes on",
    "A row passes only when the predicate is TRUE: NULL fails",
    "All rules see the rows before any is dropped, so that passed + failed = rows, for each of them",
    "`dropped_records` counts a row once, however many rules reject it",
    "`failed_records` counts whatever the action is",
    "Rules of a view are counted by each flow that reads it, under the view's name",
    "An update takes what is new into streaming tables, and recomputes materialized views",
)
def test_triggered_updates_take_only_what_is_new(bench):
    """Each update adds the new rows once, recomputes the view, counts NULL as a failure, and logs in order."""
    bench.rows("landing", ROWS)
    [path] = bench.write(chain=CHAIN)
    assert "COMPLETED" == bench.run(path).state
    assert [(1, 5.0), (2, 500.0)] == bench.table("clean")
    assert [(2, 505.0)] == bench.table("totals")
    assert (
        1 + 3,
        {
            ("known", "known id"): (5, 1),
            ("clean", "small"): (3, 2),
            ("clean", "positive"): (3, 2),
            ("clean", "not 7"): (3, 2),
        },
    ) == quality(bench.storage, "clean")

    bench.rows("landing", [{"id": 9, "amount": 1.0}], file="2.json")
    state = bench.run(path)
    assert [(1, 5.0), (2, 500.0), (9, 1.0)] == bench.table("clean")
    assert [(3, 506.0)] == bench.table("totals")
    assert {"raw": 1, "clean": 1, "totals": 1} == {flow.name: flow.rows_out for flow in state.flows.values()}

    events = list(read_events(bench.storage))
    kinds = [kind for kind, _ in itertools.groupby(event.event_type for event in events)]
    assert ["user_action", "create_update", "update_progress"] == kinds[:3]
    progressed = [event for event in events if isinstance(event.fact, UpdateProgress)][:5]
    states = ["WAITING_FOR_RESOURCES", "INITIALIZING", "SETTING_UP_TABLES", "RUNNING", "COMPLETED"]
    assert states == [event.fact.state for event in progressed]
    assert states == [event.message.split(" is ")[-1].removesuffix(".") for event in progressed]
    assert state == fold(events)


@pytest.mark.shows(
    "A full refresh of all or some tables removes rows and checkpoints, and fills the tables again",
    "A refresh of some tables reads the others as they are stored, and reports them as EXCLUDED",
)
def test_full_refresh_starts_over_and_its_readers_go_on(bench):
    """A fully refreshed table holds its source once; a reader that is not refreshed takes the rows again, aloud."""
    bench.rows("landing", [{"id": 1, "amount": 1.0}])
    [path] = bench.write(chain=CHAIN)
    with bench.pipeline(path) as pipeline:
        pipeline.run()
        state = pipeline.run(Selection(full_refresh=("RAW",)))
        assert ("COMPLETED", "EXCLUDED") == (state.state, state.flows["clean"].status)
        assert any("'raw' is fully refreshed" in warning for warning in state.warnings)
        pipeline.run()
        assert ([(1, 1.0)], [(1, 1.0), (1, 1.0)]) == (bench.table("raw"), bench.table("clean"))
        pipeline.run(Selection(full_refresh_all=True))
    assert ([(1, 1.0)], [(1, 1.0)], [(1, 1.0)]) == tuple(bench.table(n) for n in ("raw", "clean", "totals"))


@pytest.mark.shows("A streaming table's rules see only new rows")
def test_continuous_mode_follows_its_source_until_it_is_stopped(bench):
    """Rows that arrive while it runs are taken; a stop loses and repeats nothing, and the next start goes on."""
    bench.rows("landing", [{"id": 1, "amount": 1.0}])
    [path] = bench.write(chain=CHAIN)
    conf = {"pipelines.trigger.interval": "200 ms"}
    stop = threading.Event()
    seen: list[int] = []

    def watch(event):
        if event.origin.get("flow_name") == "clean" and event.details.get("metrics"):
            seen.append(event.details["metrics"].get("num_output_rows", 0))
            if sum(seen) == 1:
                bench.rows("landing", [{"id": 2, "amount": 2.0}], file="2.json")
            elif sum(seen) == 2:
                stop.set()

    state = bench.run(path, continuous=True, overrides=conf, stop=stop, on_event=watch)
    assert ("COMPLETED", "STOPPED") == (state.state, state.flows["clean"].status)
    bench.rows("landing", [{"id": 3, "amount": 3.0}], file="3.json")
    bench.run(path)
    assert [(1, 1.0), (2, 2.0), (3, 3.0)] == bench.table("clean")
    assert (0, (3, 0)) == (quality(bench.storage, "clean")[0], quality(bench.storage, "clean")[1]["clean", "small"])


@pytest.mark.shows("When a Delta source gets a column, an update with the cause SCHEMA_CHANGE follows")
def test_a_source_that_gets_a_column_is_followed(bench, spark):
    """The update ends, a new one takes the rows with the new column, downstream too; nothing has failed."""
    source, frame = str(bench.folder / "source"), spark.createDataFrame([(1,)], "id INT")
    frame.write.format("delta").save(source)
    [path] = bench.write(
        follow="""
        import dlt

        @dlt.table
        def first():
            return spark.readStream.format("delta").load("/in/source")

        @dlt.table
        def second():
            return dlt.read_stream("first")
    """
    )
    stop, causes, levels = threading.Event(), [], set()

    def watch(event):
        levels.add(event.level)
        if event.event_type == "create_update":
            causes.append(event.details["cause"])
        if event.origin.get("flow_name") == "second" and event.details.get("metrics", {}).get("num_output_rows"):
            if causes == ["USER_ACTION"]:
                wider = spark.createDataFrame([(2, "x")], "id INT, name STRING")
                wider.write.format("delta").mode("append").option("mergeSchema", "true").save(source)
            else:
                stop.set()

    conf = {"pipelines.trigger.interval": "200 ms"}
    state = bench.run(path, continuous=True, overrides=conf, stop=stop, on_event=watch)
    assert ("COMPLETED", {"USER_ACTION", "SCHEMA_CHANGE"}, False) == (state.state, set(causes), "ERROR" in levels)
    assert [(1, None), (2, "x")] == bench.table("second")


FAILING = """
    import dlt

    def source():
        return spark.readStream.schema("id BIGINT").json("/in/numbers")

    @dlt.table
    @dlt.expect_or_fail("no 3", "id <> 3")
    def strict():
        return source()

    @dlt.table
    def after_strict():
        return dlt.read_stream("strict")

    @dlt.table
    def sibling():
        return source()

    @dlt.table
    @dlt.expect_or_fail("few", "n < 2")
    def strict_view():
        return dlt.read("sibling").groupBy().count().withColumnRenamed("count", "n")
"""


@pytest.mark.shows(
    "Streaming tables, materialized views and views take expectations",
    "`expect_or_fail` fails flow and update: its batch is not written, readers are skipped, other flows finish",
    "The message of a violated `fail` rule names flow, rules, input data and output record",
    "A flow that fails is retried; then the flows that read it are skipped, and the others finish",
)
def test_a_fail_expectation_rolls_back_and_skips_only_what_depends_on_it(bench):
    """Nothing of a refused batch is visible, dependants are skipped, siblings finish; once repaired, it goes on.

    With plans as users have them: the rule that fails and the counts are parts of them.
    """
    bench.confs = {}
    bench.rows("numbers", [{"id": 1}])
    [path] = bench.write(failing=FAILING)
    assert "COMPLETED" == bench.run(path).state
    bench.rows("numbers", [{"id": 2}, {"id": 3}], file="2.json")
    state = bench.run(path)
    statuses = {flow.name: flow.status for flow in state.flows.values()}
    assert {"strict": "FAILED", "after_strict": "SKIPPED", "sibling": "COMPLETED", "strict_view": "FAILED"} == statuses
    assert ("FAILED", [(1,)], [(1,), (2,), (3,)], [(1,)]) == (
        state.state,
        *(bench.table(name) for name in ("strict", "sibling", "strict_view")),
    )
    [message] = [m for m in state.errors if "'strict' has FAILED" in m]
    assert "Violated expectations: 'no 3'. Input data: '{\"id\":3}'" in message
    bench.write(failing=FAILING.replace("id <> 3", "id <> 4").replace("n < 2", "n < 9"))
    assert "COMPLETED" == bench.run(path).state
    assert [(1,), (2,), (3,)] == bench.table("after_strict")


#: A clock on which a minute of waiting is over in about a second.
FAST = Clock(monotonic=lambda: 50 * time.monotonic())
FLAKY = """
    import dlt
    from pathlib import Path

    tries = Path(__file__).parent / "tries"

    @dlt.table
    def flaky():
        if tries.exists():
            tries.write_text(tries.read_text() + "x")
            if len(tries.read_text()) < {good_from}:
                raise ConnectionError("the server went away")
        return spark.readStream.schema("id BIGINT").json("/in/numbers")
"""


@pytest.mark.shows("A flow that fails is retried; then the flows that read it are skipped, and the others finish")
@pytest.mark.parametrize(("good_from", "outcome", "tries"), [(3, "COMPLETED", 3), (9, "FAILED", 3)])
def test_a_flow_that_fails_is_tried_three_times(bench, good_from, outcome, tries):
    """A failure that may pass is tried again with growing waits: three tries in all, then the flow has failed."""
    bench.rows("numbers", [{"id": 1}])
    [path] = bench.write(flaky=FLAKY.format(good_from=good_from))
    with Pipeline(bench.pipeline(path).settings, clock=FAST) as pipeline:
        pipeline.graph  # noqa: B018 (the query is also called once to resolve it: that must not count)
        (bench.folder / "tries").write_text("")
        state = pipeline.run()
    assert (outcome, tries) == (state.state, len((bench.folder / "tries").read_text()))
    assert tries - 1 == sum("is tried again: ConnectionError" in warning for warning in state.warnings)


@pytest.mark.shows(
    "`pipelines.numUpdateRetryAttempts`: updates in production are retried, those in development are not"
)
@pytest.mark.parametrize("continuous", [False, True])
def test_a_failed_update_is_run_again_in_production(bench, continuous):
    """As a new update, which resets nothing again; in continuous mode the other flows make way for it."""
    bench.rows("numbers", [{"id": 1}])
    text = (
        FLAKY.format(good_from=4)
        + """
    @dlt.table
    def steady():
        return spark.readStream.schema("id BIGINT").json("/in/numbers")
    """
    )
    [path] = bench.write(flaky=text)
    bench.run(path)
    conf = {"pipelines.maxFlowRetryAttempts": "0", "pipelines.trigger.interval": "200 ms"}
    settings = bench.pipeline(path, continuous=continuous, overrides=conf).settings
    stop = threading.Event()

    def watch(event):
        if continuous and event.origin.get("flow_name") == "flaky" and event.details.get("metrics"):
            stop.set()

    with Pipeline(replace(settings, development=False), clock=FAST) as pipeline:
        pipeline.graph  # noqa: B018 (as above)
        (bench.folder / "tries").write_text("")
        state = pipeline.run(Selection(full_refresh_all=True), stop=stop, on_event=watch)
    assert ("COMPLETED", "xxxx") == (state.state, (bench.folder / "tries").read_text())
    events = list(read_events(bench.storage, types=[CreateUpdate]))[1:]
    assert [(UpdateCause.USER_ACTION, True), *[(UpdateCause.RETRY_ON_FAILURE, False)] * 3] == [
        (event.fact.cause, event.fact.full_refresh) for event in events
    ]
    assert 4 == len({event.origin["update_id"] for event in events})
    assert ([(1,)], [(1,)]) == (bench.table("flaky"), bench.table("steady"))


@pytest.mark.shows(
    "A streaming table has one flow or several: appending, AUTO CDC, once",
    "Rules of `create_streaming_table` hold for every flow into it, AUTO CDC too",
    "Several flows append to one table, each with its checkpoint; a new one reads back alone",
)
def test_several_flows_append_to_one_table_and_a_new_one_reads_back_alone(bench):
    """append_flow unions sources by name; a flow that is added later does not make the others run again."""
    bench.rows("a", [{"id": 1}])
    bench.rows("b", [{"id": 2, "word": "two"}])
    text = """
    import dlt
    dlt.create_streaming_table("both", expect_all_or_drop={"positive": "id > 0"})
    for name, columns in [("a", "id BIGINT"), ("b", "id BIGINT, word STRING")]:
        @dlt.append_flow(target="both", name=f"from_{name}")
        def flow(name=name, columns=columns):
            return spark.readStream.schema(columns).json(f"/in/{name}")
    """
    [path] = bench.write(flows=text.replace(', ("b", "id BIGINT, word STRING")', ""))
    bench.run(path)
    bench.write(flows=text)
    bench.rows("a", [{"id": -5}], file="2.json")
    bench.run(path)
    assert [(1, None), (2, "two")] == bench.table("both", "id, word")


@pytest.mark.shows(
    "Columns go to the declared column of the same name, whatever their position",
    "A declared column that is missing is NULL, and types are cast",
)
def test_declared_schema_matches_by_name(bench):
    """Columns go to the declared columns of the same name, cast; a missing one is NULL."""
    bench.rows("in_order", [{"id": "7", "firstname": "Ada"}])
    [path] = bench.write(
        declared="""
        import dlt
        @dlt.table(schema="id BIGINT, firstname STRING, age INT", partition_cols=["id"])
        def people():
            return spark.readStream.schema("firstname STRING, id STRING").json("/in/in_order")
        """
    )
    bench.run(path)
    assert [(7, "Ada", None)] == bench.table("people", "id, firstname, age")


@pytest.mark.shows("A pipeline has one update at a time")
def test_two_updates_do_not_share_a_storage_folder(bench):
    """A second update is refused by a sentence that names the folder; the lock goes with the first."""
    bench.rows("landing", [])
    [path] = bench.write(chain=CHAIN)
    with bench.pipeline(path) as pipeline, pipeline.storage.locked(), pytest.raises(StorageBusy) as caught:
        pipeline.run()
    assert "PIPELINE_BUSY" == caught.value.code
    assert str(bench.storage) in caught.value.diagnostic.message
