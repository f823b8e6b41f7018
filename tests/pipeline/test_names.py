"""One pipeline, two names: what a file means does not depend on the name that it imports."""

import pytest

from livetables.graph.drawing import graph_document
from livetables.plan.steps import Selection

pytestmark = pytest.mark.pipeline

IMPORTS = ("import dlt as api", "from pyspark import pipelines as api")
PIPELINE = """
    from pyspark.sql.functions import col

    def arriving(name):
        return spark.readStream.schema("id INT, city STRING, op STRING, at INT").json("/in/" + name)

    @api.table(comment="as sent", table_properties={"quality": "bronze"}, partition_cols=["op"])
    @api.expect("has a city", "city IS NOT NULL")
    @api.expect_or_drop("has an id", col("id").isNotNull())
    def events():
        return arriving("events")

    @api.append_flow(target="events")
    def more_events():
        return arriving("more")

    @api.temporary_view
    @api.expect_all_or_drop({"has a time": "at > 0"})
    def feed():
        return spark.readStream.table("events")

    api.create_streaming_table("users", expect_all_or_fail={"known operation": "op <> 'X'"})
    api.create_auto_cdc_flow(target="users", source="feed", keys=["id"], sequence_by=col("at"), name="newest",
                             apply_as_deletes="op = 'D'", except_column_list=["at"])

    @api.materialized_view(cluster_by=["city"])
    @api.expect_all_or_fail({"some": "n > 0"})
    def by_city():
        return spark.sql("SELECT city, count(*) AS n FROM users GROUP BY city")

    api.create_sink("copy", "delta", {"path": "/in/copy"})

    @api.append_flow(target="copy", name="copying")
    def to_copy():
        return spark.readStream.table("events").where("op <> 'D'")
"""
TABLES = ("events", "users", "by_city")


@pytest.mark.shows("A streaming table with a query of its own takes further append flows")
def test_a_file_means_the_same_under_both_names(bench, spark):
    """Equal graphs, plans, tables, sinks and counts, whichever of the two names a pipeline imports."""
    bench.rows(
        "events",
        [
            {"id": 1, "city": "Rome", "op": "I", "at": 1},
            {"id": 2, "city": "Oslo", "op": "I", "at": 1},
            {"id": 2, "op": "D", "at": 3},
            {"city": "nowhere", "op": "I", "at": 1},
        ],
    )
    bench.rows("more", [{"id": 1, "city": "Bonn", "op": "U", "at": 2}, {"id": 9, "city": "Bern", "op": "I", "at": 0}])
    found = []
    for number, imports in enumerate(IMPORTS):
        bench.storage = bench.folder / f"storage {number}"
        [path] = bench.write(both=f"    {imports}\n{PIPELINE}")
        mapped = {"/in/copy": str(bench.folder / f"copy {number}"), "/in": str(bench.folder)}
        with bench.pipeline(path, path_map=mapped) as pipeline:
            graph, plan = graph_document(pipeline.graph), pipeline.plan(Selection())
            state = pipeline.run()
            stored = {name: _rows(pipeline.query(f"FROM {name}")) for name in TABLES}
        copied = _rows(spark.read.format("delta").load(mapped["/in/copy"]))
        counts = {flow.name: (flow.status, flow.rows_out, flow.dropped, flow.rules) for flow in state.flows.values()}
        found.append((graph, plan, stored, copied, counts))
    assert found[0] == found[1]
    _, _, stored, copied, _ = found[0]
    assert stored["users"] == [(1, "Bonn", "U")]
    assert stored["by_city"] == [("Bonn", 1)]
    assert (5, 4) == (len(stored["events"]), len(copied))


def _rows(frame):
    return sorted((tuple(row) for row in frame.collect()), key=repr)
