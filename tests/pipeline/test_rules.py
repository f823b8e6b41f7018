"""Rules of the platform's behaviour that whole updates show: changed code, changed rows, what is counted."""

import pytest

from livetables.events.state import RuleCount
from livetables.storage.layout import Storage
from tests.event_log import progress

pytestmark = pytest.mark.pipeline

#: Settings of the platform that published pipelines carry; a failure is told at once.
SETTINGS = {
    "pipelines.maxFlowRetryAttempts": "0",
    "pipelines.channel": "PREVIEW",
    "pipelines.applyChangesPreviewEnabled": "true",
    "pipelines.incompatibleViewCheck.enabled": "false",
    "spark.databricks.cloudFiles.schemaInference.sampleSize.numFiles": "10",
}
CODE = """
    import dlt

    def numbers():
        return spark.readStream.schema("id BIGINT").json("/in/numbers")

    @dlt.view
    def multiplied():
        return numbers().selectExpr("id", "1 * id AS viewed")

    @dlt.table
    def stream():
        pipeline = spark.conf.get("pipelines.id")
        return dlt.read_stream("multiplied").selectExpr("*", "1 * id AS queried", f"'{pipeline}' <> '' AS in_pipeline")

    @dlt.table
    @dlt.expect("small", "value < 10")
    def recomputed():
        return spark.read.schema("id BIGINT").json("/in/numbers").selectExpr("1 * id AS value")

    dlt.create_streaming_table("filled")

    @dlt.append_flow(target="filled", name="old_name")
    def filling():
        return numbers()

    @dlt.table
    def unfit():
        return numbers()
"""
REMOVED = """
    @dlt.table
    def removed():
        return numbers()
"""


@pytest.mark.shows(
    "A changed query applies to a streaming table's new rows, and to all rows of a view or materialized view",
    "A source that no longer fits the checkpoint fails the flow",
    "A materialized view's rules see all rows of the recomputation",
    '`spark.conf.get("pipelines.id")` has a value when code runs in a pipeline',
    "Other settings of the platform in `configuration` are accepted",
)
def test_what_a_change_of_the_code_means(bench):
    """Tables keep their rows, views and recomputations are as the code now is; a renamed flow reads back.

    A source that no longer fits its checkpoint fails, the table of removed code stays, rules of a recomputation see
    all rows, code can tell that it runs in a pipeline, and settings for the platform do no harm.
    """
    bench.rows("numbers", [{"id": 1}])
    [path] = bench.write(code=CODE + REMOVED)
    assert "COMPLETED" == bench.run(path, overrides=SETTINGS).state
    bench.rows("numbers", [{"id": 2}], file="2.json")
    changed = CODE.replace("1 * id", "10 * id").replace("old_name", "new_name")
    bench.write(
        code=changed.replace(
            "def unfit():\n        return numbers()", "def unfit():\n        return numbers().union(numbers())"
        )
    )
    with bench.pipeline(path, overrides=SETTINGS) as pipeline:
        state = pipeline.run()
        assert [(1,)] == [tuple(row) for row in pipeline.query("SELECT * FROM removed").collect()]
    assert [(1, 1, 1, True), (2, 20, 20, True)] == bench.table("stream")
    assert [(10,), (20,)] == bench.table("recomputed")
    assert {("recomputed", "small"): RuleCount(0, 2)} == state.flows["recomputed"].rules
    assert [(1,), (1,), (2,)] == bench.table("filled")
    assert ["unfit"] == [flow.name for flow in state.flows.values() if flow.status == "FAILED"]
    assert [(1,)] == bench.table("unfit")


COUNTS = """
    import dlt

    def numbers():
        return spark.readStream.schema("id BIGINT").option("maxFilesPerTrigger", "1").json("/in/numbers")

    @dlt.table
    @dlt.expect_or_fail("no 3", "id <> 3")
    @dlt.expect_or_drop("even", "id % 2 = 0")
    def strict():
        return numbers()

    @dlt.table
    def rates():
        return spark.createDataFrame([("old",)], "rate STRING")

    @dlt.foreach_batch_sink
    def outside(df, batch_id):
        df.write.mode("append").parquet(spark.conf.get("outside"))
        new = df.sparkSession.createDataFrame([("new",)], "rate STRING")
        new.write.format("delta").mode("overwrite").save(spark.conf.get("rates"))

    @dlt.append_flow(target="outside")
    def joined():
        return numbers().crossJoin(dlt.read("rates"))
"""


@pytest.mark.shows(
    "In a join of a stream with a table, each micro-batch reads the table's current version",
    "A flow that a `fail` rule stops has no counts of that attempt",
    "A row that violates a `fail` rule and a `drop` rule fails the flow",
    "A sink has no data quality counts",
)
def test_each_batch_joins_a_table_as_it_is_and_what_is_not_counted(bench, spark):
    """A table that changes between two batches is joined as it is; sinks and failed attempts have no counts.

    A row that breaks a `fail` rule and a `drop` rule fails the flow.
    """
    bench.rows("numbers", [{"id": 3}])
    bench.rows("numbers", [{"id": 4}], file="2.json")
    [path] = bench.write(counts=COUNTS)
    where = {"outside": str(bench.folder / "outside"), "rates": str(Storage(bench.storage).table("rates"))}
    state = bench.run(path, overrides=where)
    assert ("FAILED", "COMPLETED") == (state.flows["strict"].status, state.flows["joined"].status)
    assert [] == bench.table("strict")
    rows = spark.read.parquet(where["outside"]).collect()
    assert ["new", "old"] == sorted(row.rate for row in rows)
    assert {"strict": set(), "joined": {"metrics"}} == {
        name: told(bench.storage, name) - {"status"} for name in ("strict", "joined")
    }


def told(storage, flow):
    """What the event log tells of a flow's progress."""
    return {key for fact in progress(storage, flow) for key in fact.details()}


STREAMS = """
    import dlt

    @dlt.view
    def feed():
        return spark.readStream.schema("id INT, city STRING, at INT").json("/in/feed")

    dlt.create_streaming_table("users", table_properties={"delta.enableChangeDataFeed": "true"})
    dlt.create_auto_cdc_flow("users", "feed", ["id"], "at", except_column_list=["at"])

    @dlt.table
    def counted():
        return dlt.read_stream("feed").groupBy("city").count()

    @dlt.table
    def plain():
        return spark.readStream.table("users")

    @dlt.table
    def of_counted():
        return spark.readStream.table("counted")

    @dlt.table
    def skipping():
        return spark.readStream.option("skipChangeCommits", "true").table("users")

    @dlt.table
    def changes():
        return spark.readStream.option("readChangeFeed", "true").table("users").select("id", "city", "_change_type")
"""


@pytest.mark.shows(
    "A stream from a table with changed rows fails, unless `skipChangeCommits` is set",
    "A target of AUTO CDC is read as a stream with `skipChangeCommits` or `readChangeFeed`",
    "A table that is written in complete mode cannot be the source of a stream",
)
def test_streams_from_tables_whose_rows_are_changed(bench):
    """A stream from a table whose rows were changed fails, unless it skips such commits or reads them as changes."""
    bench.rows("feed", [{"id": 1, "city": "Rome", "at": 1}])
    [path] = bench.write(streams=STREAMS)
    with bench.pipeline(path) as pipeline:
        assert "COMPLETED" == pipeline.run().state
        bench.rows("feed", [{"id": 1, "city": "Bonn", "at": 2}], file="2.json")
        state = pipeline.run()
    failed = {flow.name for flow in state.flows.values() if flow.status == "FAILED"}
    assert {"plain", "of_counted"} == failed
    assert [(1, "Rome")] == bench.table("skipping")
    assert [(1, "Bonn", "update_postimage"), (1, "Rome", "insert"), (1, "Rome", "update_preimage")] == bench.table(
        "changes"
    )
