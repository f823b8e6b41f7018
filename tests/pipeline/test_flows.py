"""AUTO CDC, sinks, once flows and hooks in whole updates: what is stored, what is seen, what is told."""

import pytest

from livetables.cdc import apply as cdc
from livetables.errors import GraphError
from livetables.events.reading import read_events
from livetables.plan.steps import Selection
from livetables.storage.stored import stored_tables

pytestmark = pytest.mark.pipeline

USERS = """
    import dlt
    from pyspark.sql.functions import col

    @dlt.view
    @dlt.expect_or_drop("known id", "id IS NOT NULL")
    def feed():
        schema = "id INT, city STRING, op STRING, at INT"
        return spark.readStream.format("cloudFiles").option("cloudFiles.format", "json").schema(schema).load("/in/feed")

    dlt.create_streaming_table("users", comment="newest", expect_all={"lives": "city IS NOT NULL"})
    dlt.create_auto_cdc_flow(target="users", source="feed", keys=["id"], sequence_by=col("at"),
                             apply_as_deletes="op = 'D'", except_column_list=["op", "at"])
    dlt.create_streaming_table("users_history", schema="id INT, city STRING, __START_AT INT, __END_AT INT")
    dlt.apply_changes("users_history", "feed", keys=[col("id")], sequence_by="at", stored_as_scd_type=2,
                      apply_as_deletes=col("op") == "D", column_list=["id", "city"])

    @dlt.table
    def by_city():
        return spark.sql("SELECT city, count(*) AS n FROM users GROUP BY city")
"""


def changed(*events):
    """Rows of the feed."""
    return [{"id": key, "city": city, "op": op, "at": at} for key, city, op, at in events]


def details(storage, flow, kind="flow_progress"):
    """The details of a flow's events of one type."""
    return [event.details for event in read_events(storage, types=[kind]) if event.origin["flow_name"] == flow]


def crash_after_the_first_merge(monkeypatch):
    """Let each target's next merge be committed and then fail, so that its batch comes again."""
    crashed, apply = set(), cdc.apply

    def crashing(events, dataset, hidden):
        counts = apply(events, dataset, hidden)
        if dataset.name not in crashed:
            crashed.add(dataset.name)
            raise ConnectionError("committed, not in the checkpoint")
        return counts

    monkeypatch.setattr(cdc, "apply", crashing)
    return crashed


@pytest.mark.shows(
    "A streaming table has one flow or several: appending, AUTO CDC, once",
    "Rules of `create_streaming_table` hold for every flow into it, AUTO CDC too",
    "Type 1 ignores a late event; type 2 inserts it into the history",
    "Type 1: a deleted row does not come back with an older event",
    "Type 2: a delete ends the open version, and an older event that comes later becomes history",
    "`column_list` and `except_column_list` choose the target's columns",
    "The columns of the sequence and of deletes may be left out",
    "The conditions of deletes and truncates see all columns of the source",
    "The target has the chosen columns, with type 2 also `__START_AT` and `__END_AT`",
    "A declared schema of type 2 includes `__START_AT` and `__END_AT`, of the sequence's type",
    "Flows report `num_upserted_rows` and `num_deleted_rows`, not `num_output_rows`",
    "Readers of a target see neither tombstones nor hidden columns",
)
def test_a_change_feed_fills_tables_that_others_read(bench, monkeypatch):
    """Both types over two updates, with a late event and a crash between a merge and its checkpoint.

    Users see neither tombstones nor hidden columns.
    """
    bench.rows("feed", changed((1, "Rome", "I", 1), (2, "Oslo", "I", 1), (1, None, "D", 4), (None, "x", "I", 1)))
    [path] = bench.write(users=USERS)
    state = bench.run(path)
    assert state.state == "COMPLETED"
    with bench.pipeline(path) as pipeline:
        see = lambda sql: sorted((tuple(row) for row in pipeline.query(sql).collect()), key=repr)  # noqa: E731 (short, and used at once)
        assert see("SELECT * FROM users") == [(2, "Oslo")]
        assert see("SELECT * FROM users_history") == [(1, "Rome", 1, 4), (2, "Oslo", 1, None)]
        bench.rows("feed", changed((1, "Bonn", "U", 2), (2, "Kyiv", "U", 3)), file="2.json")
        crashed = crash_after_the_first_merge(monkeypatch)
        assert pipeline.run().state == "COMPLETED"
        assert crashed == {"users", "users_history"}
        assert see("SELECT * FROM users") == [(2, "Kyiv")]
        assert see("SELECT * FROM users_history") == [
            (1, "Bonn", 2, 4),
            (1, "Rome", 1, 2),
            (2, "Kyiv", 3, None),
            (2, "Oslo", 1, 3),
        ]
        assert see("SELECT * FROM by_city") == [("Kyiv", 1)]
    assert {"users": 1, "users_history": 4, "by_city": 1} == {
        t["name"]: t["rows"] for t in stored_tables(bench.storage)
    }
    told = [d for d in details(bench.storage, "users") if "metrics" in d]
    assert [(d["metrics"]["num_upserted_rows"], d["metrics"]["num_deleted_rows"]) for d in told] == [(1, 1), (2, 0)]
    assert all("num_output_rows" not in d["metrics"] for d in told)
    assert sum(d["data_quality"]["dropped_records"] for d in told) == 1
    rules = [(r["dataset"], r["name"], r["failed_records"]) for r in told[0]["data_quality"]["expectations"]]
    assert sorted(rules) == [("feed", "known id", 1), ("users", "lives", 1)]
    assert [d["flow_type"] for d in details(bench.storage, "users", "flow_definition")] == ["CHANGE", "CHANGE"]


SNAPSHOTS = """
    import dlt

    def snapshots(last, available):
        version = (last or 0) + 1
        if version > available:
            return None
        return spark.read.schema("id INT, v STRING, w STRING").json(f"/in/snapshots/{version}.json"), version

    dlt.create_streaming_table("tracked")
    dlt.apply_changes_from_snapshot("tracked", lambda last: snapshots(last, int(spark.conf.get("versions"))),
                                    keys=["id"], stored_as_scd_type=2, track_history_column_list=["v"])
    dlt.create_streaming_table("at_once")
    dlt.apply_changes_from_snapshot("at_once", lambda last: snapshots(last, 2), keys=["id"], stored_as_scd_type=2,
                                    track_history_except_column_list=["w"])
    dlt.create_streaming_table("current")
    dlt.create_auto_cdc_from_snapshot_flow("current", "latest", ["id"], stored_as_scd_type=1)
    dlt.create_streaming_table("periodic")
    dlt.create_auto_cdc_from_snapshot_flow("periodic", "latest", ["id"], stored_as_scd_type=2)

    @dlt.view
    def latest():
        return spark.read.schema("id INT, v STRING").json("/in/latest")
"""


@pytest.mark.shows(
    "A view is batch or streaming, and each reader evaluates it, with its expectations",
    "The documented example of snapshots with versions and a tracked column",
    "The documented example of periodic snapshots of type 2",
    "A key that a snapshot lacks is deleted",
    "Snapshot flows report no counts of upserts and deletes",
)
def test_snapshots_become_changes(bench):
    """The documented examples: periodic snapshots, and versions with a tracked column, over two updates and in one.

    A key that a snapshot lacks is deleted, untracked columns change in place, and no counts are told.
    """
    first = [{"id": 1, "v": "a1", "w": "b1"}, {"id": 2, "v": "a2", "w": "b2"}, {"id": 4, "v": "a4", "w": "b4"}]
    second = [{"id": 2, "v": "new", "w": "b2"}, {"id": 3, "v": "a3", "w": "b3"}, {"id": 4, "v": "a4", "w": "new"}]
    bench.rows("snapshots", first, file="1.json")
    bench.rows("snapshots", second, file="2.json")
    bench.rows("latest", [{"id": 1, "v": "a1"}, {"id": 2, "v": "a2"}])
    [path] = bench.write(snapshots=SNAPSHOTS)
    with bench.pipeline(path, overrides={"versions": "1"}) as pipeline:
        pipeline.run()
    bench.rows("latest", [{"id": 2, "v": "b2"}, {"id": 3, "v": "a3"}])
    with bench.pipeline(path, overrides={"versions": "2"}) as pipeline:
        pipeline.run()
        see = lambda sql: sorted((tuple(row) for row in pipeline.query(sql).collect()), key=repr)  # noqa: E731 (short, and used at once)
        documented = [
            (1, "a1", "b1", 1, 2),
            (2, "a2", "b2", 1, 2),
            (2, "new", "b2", 2, None),
            (3, "a3", "b3", 2, None),
            (4, "a4", "new", 1, None),
        ]
        assert see("SELECT * FROM tracked") == see("SELECT * FROM at_once") == documented
        assert see("SELECT * FROM current") == [(2, "b2"), (3, "a3")]
        old, new = sorted(see("SELECT DISTINCT __START_AT FROM periodic"))
        assert see("SELECT * FROM periodic") == sorted(
            [(1, "a1", *old, *new), (2, "a2", *old, *new), (2, "b2", *new, None), (3, "a3", *new, None)], key=repr
        )
    assert not any("rows" in name for d in details(bench.storage, "periodic") for name in d.get("metrics", {}))


FLOWS = """
    import dlt

    heard = []

    @dlt.on_event_hook(max_allowable_consecutive_failures=1)
    def hook(event):
        heard.append(event["event_type"])
        assert isinstance(event["details"][event["event_type"]], dict)
        with open(spark.conf.get("heard"), "a") as file:
            file.write(event["event_type"] + "\\n")

    @dlt.on_event_hook(max_allowable_consecutive_failures=0)
    def failing(event):
        raise ValueError("no")

    def numbers():
        return spark.readStream.schema("id BIGINT").json("/in/numbers")

    dlt.create_streaming_table("all_numbers")

    @dlt.append_flow(target="all_numbers")
    def arriving():
        return numbers()

    @dlt.append_flow(target="all_numbers", once=True)
    def old():
        return spark.range(100, 102)

    dlt.create_sink("copy", "delta", {"path": "/in/copy"})

    @dlt.append_flow(target="copy")
    def copying():
        return dlt.read_stream("all_numbers").where("id < 100")

    @dlt.foreach_batch_sink
    def by_hand(df, batch_id):
        known = spark.table("all_numbers").count() + spark.sql("SELECT * FROM default.all_numbers").count()
        df.selectExpr("id", f"{known} AS known").write.mode("append").parquet(spark.conf.get("by_hand"))

    @dlt.update_flow(target="by_hand", spark_conf={"spark.sql.shuffle.partitions": "1"})
    def sums():
        return numbers().groupBy("id").count()
"""


@pytest.mark.shows(
    "A streaming table has one flow or several: appending, AUTO CDC, once",
    "A flow with `once=True` runs once, and again only after a full refresh",
)
def test_once_flows_sinks_and_hooks(bench, spark):
    """A once flow runs once, until a full refresh; sinks get what is new; hooks hear of every stable event."""
    bench.rows("numbers", [{"id": 1}])
    [path] = bench.write(flows=FLOWS)
    heard, by_hand = bench.folder / "heard", bench.folder / "by_hand"
    conf = {"heard": str(heard), "by_hand": str(by_hand)}
    with bench.pipeline(path, overrides=conf) as pipeline:
        state = pipeline.run()
        assert state.state == "COMPLETED"
        assert any("'failing' failed" in warning and "off" in warning for warning in state.warnings)
        assert heard.read_text().split()[:2] == ["user_action", "create_update"]
        assert heard.read_text().split()[-1] == "update_progress"
        bench.rows("numbers", [{"id": 2}], file="2.json")
        pipeline.run()
        assert bench.table("all_numbers") == [(1,), (100,), (101,), (2,)]
        copied = spark.read.format("delta").load(str(bench.folder / "copy"))
        assert sorted(row.id for row in copied.collect()) == [1, 2]
        written = sorted((row.id, row.known > 0) for row in spark.read.parquet(str(by_hand)).collect())
        assert written == [(1, True), (2, True)]  # its function finds the pipeline's tables by their names
        pipeline.run(Selection(full_refresh=("all_numbers",)))
    assert bench.table("all_numbers") == [(1,), (100,), (101,), (2,)]


def test_a_sink_whose_function_raises_says_what_and_where(bench):
    """The query itself knows of a Python exception only as a text of many lines."""
    bench.rows("numbers", [{"id": 1}])
    [path] = bench.write(
        failing="""
        import dlt

        @dlt.foreach_batch_sink
        def web(df, batch_id):
            raise ValueError("no route to the web")

        @dlt.append_flow(target="web")
        def numbers():
            return spark.readStream.schema("id BIGINT").json("/in/numbers")
        """
    )
    state = bench.run(path, overrides={"pipelines.numUpdateRetryAttempts": "0", "pipelines.maxFlowRetryAttempts": "0"})
    assert "Flow 'numbers' has FAILED: ValueError: no route to the web (failing.py:6)" in state.errors


def test_a_hook_hears_of_a_graph_that_fails(bench):
    """It may be the one who has to tell somebody; what came before the files were read is told too."""
    [path] = bench.write(
        broken="""
        import dlt

        @dlt.on_event_hook
        def hook(event):
            with open(spark.conf.get("heard"), "a") as file:
                file.write(event["message"] + "\\n")

        @dlt.table
        def lost():
            return spark.read.table("nowhere")
        """
    )
    heard = bench.folder / "heard"
    with pytest.raises(GraphError):
        bench.run(path, overrides={"heard": str(heard)})
    lines = heard.read_text().splitlines()
    assert lines[0] == "User started an update."
    assert any("nowhere" in line for line in lines)
    assert lines[-1].endswith("is FAILED.")
