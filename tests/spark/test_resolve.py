"""Graph resolution: only Spark can say what a query reads and returns."""

import pytest
from pyspark.sql import functions as F  # noqa: N812 (the name all Spark code uses)
from pyspark.sql.streaming.state import GroupStateTimeout

from livetables.errors import GraphError
from livetables.graph.graph import FlowInput
from livetables.spark.jvm import is_stateless
from livetables.storage.layout import Storage

pytestmark = pytest.mark.spark

FORMS = """
    import dlt
    from pyspark import pipelines as dp

    BATCH = {
        "b1": lambda: dlt.read("Upstream"),
        "b2": lambda: spark.table("upstream"),
        "b3": lambda: spark.read.table("UPSTREAM"),
        "b4": lambda: spark.read.table("LIVE.upstream"),
        "b5": lambda: spark.sql("SELECT u.id, word FROM LIVE.upstream AS u WHERE u.id > 0 -- LIVE.nothing"),
        "b6": lambda: spark.sql(
            "WITH late AS (SELECT * FROM `upstream`) "
            "SELECT * FROM late WHERE id IN (SELECT id FROM live.Upstream)"
        ),
        "b7": lambda: spark.read.format("delta").table("upstream"),
        "b8": lambda: spark.table("cat.sch.upstream"),
        "b9": lambda: spark.sql("SELECT upstream.id, word FROM sch.upstream"),
    }
    STREAM = {
        "s1": lambda: dlt.read_stream("upstream"),
        "s2": lambda: dlt.readStream("live.upstream"),
        "s3": lambda: spark.readStream.table("upstream"),
        "s4": lambda: spark.readStream.format("delta").table("LIVE.upstream"),
        "s5": lambda: spark.sql("SELECT * FROM STREAM(LIVE.upstream) WHERE id > 0"),
        "s6": lambda: spark.sql("SELECT * FROM STREAM upstream"),
        "s7": lambda: spark.readStream.option("maxFilesPerTrigger", 1).table("cat.sch.upstream"),
        "s8": lambda: dlt.read_stream("a_view"),
        "s9": lambda: spark.sql("SELECT s.id, t.word FROM STREAM(upstream) s JOIN upstream t ON s.id = t.id"),
    }
    for name, query in {**BATCH, **STREAM}.items():
        dlt.table(name=name)(query)

    @dp.table
    def upstream():
        return spark.readStream.schema("id BIGINT, word STRING").json("/in/words")

    @dlt.view
    def a_view():
        frame = spark.readStream.table("upstream")
        assert frame.columns == ["id", "word"] and frame.schema["id"].dataType.simpleString() == "bigint"
        return frame.filter(frame.id > 0)

    @dlt.table
    def counted():
        assert dlt.read("upstream").count() == 0  # during resolution, or before the first row
        return dlt.read("upstream").groupBy("word").count()
"""


def namespace(bench, path, **options):
    """A pipeline that publishes to cat.sch."""
    from dataclasses import replace

    from livetables.model import Namespace
    from livetables.pipeline import Pipeline

    pipeline = bench.pipeline(path, **options)
    return Pipeline(replace(pipeline.settings, namespace=Namespace("cat", "sch")))


@pytest.mark.shows(
    "`@table` over a streaming DataFrame is a streaming table, over a batch DataFrame a materialized view"
)
def test_every_reading_form_gives_an_edge_and_the_right_kind(bench):
    """Each form of reading a dataset, in any letter case, becomes an edge; batch -> MV, stream -> ST."""
    bench.rows("words", [{"id": 1, "word": "a"}, {"id": 2, "word": "b"}])
    [path] = bench.write(forms=FORMS)
    with namespace(bench, path) as pipeline:
        graph = pipeline.graph
        inputs = {key: graph.datasets[key].inputs for key in graph.datasets}
        kinds = {key: graph.datasets[key].kind for key in graph.datasets}
    batch, stream = [f"b{i}" for i in range(1, 10)], [f"s{i}" for i in range(1, 10)]
    assert dict.fromkeys(batch, ("upstream",)) == {key: inputs[key] for key in batch}
    assert {key: ("a_view",) if key == "s8" else ("upstream",) for key in stream} == {k: inputs[k] for k in stream}
    assert {"materialized view"} == {kinds[key] for key in [*batch, "counted"]}
    assert {"streaming table"} == {kinds[key] for key in stream}
    assert not Storage(bench.storage).table("a").parent.exists()


BROKEN = """
    import dlt

    @dlt.table
    def orders():
        return spark.readStream.schema("id BIGINT").json("/in/orders")

    @dlt.table
    def misspelt():
        return spark.readStream.table("LIVE.odrers")

    @dlt.table
    def bare():
        return spark.read.table("odrers")

    @dlt.table
    def chicken():
        return dlt.read("egg")

    @dlt.table
    def egg():
        return dlt.read("chicken")

    @dlt.table
    @dlt.expect("positive", "idd > 0")
    @dlt.expect("unparsable", "id >")
    @dlt.expect("not a condition", "id + 1")
    def ruled():
        return dlt.read_stream("orders")

    @dlt.table
    def needs_egg():
        return dlt.read("egg")

    @dlt.table
    def nothing():
        dlt.read("orders")

    @dlt.table
    def of_view():
        return spark.readStream.table("summary")

    @dlt.table
    def summary():
        return dlt.read("orders")

    @dlt.table
    def wrong_column():
        return dlt.read("orders").select("idd")
"""
AGAIN = """
    import dlt

    @dlt.table
    def Orders():
        return spark.range(1)

    dlt.table("name")
"""


@pytest.mark.shows(
    "A materialized view cannot be the source of a stream",
    "A cycle is an error",
    "Unknown names fail the update before it starts, and all of them are listed",
    "A predicate is a boolean SQL expression over the dataset's columns",
)
def test_check_reports_every_problem_at_once_with_place_and_hint(bench):
    """All problems come together, each with code, file:line and hint; a dataset that reads a broken one adds none."""
    paths = bench.write(broken=BROKEN, again=AGAIN)
    bench.folder.joinpath("orders").mkdir()
    with bench.pipeline(*paths) as pipeline, pytest.raises(GraphError) as caught:
        _ = pipeline.graph
    found = {(p.code, p.location.file.split("/")[-1]): p for p in caught.value.diagnostics}
    lines = BROKEN.splitlines()

    def line(text):
        return 1 + next(i for i, code in enumerate(lines) if text in code)

    codes = sorted(p.code for p in caught.value.diagnostics)
    assert [
        "CYCLE",
        "DATASET_NOT_FOUND",
        "DATASET_NOT_FOUND",
        "DUPLICATE_DATASET",
        "INVALID_EXPECTATION",
        "INVALID_EXPECTATION",
        "INVALID_EXPECTATION",
        "NOT_A_DATAFRAME",
        "NOT_A_FUNCTION",
        "STREAM_OF_MATERIALIZED_VIEW",
        "UNRESOLVED_COLUMN.WITH_SUGGESTION",
    ] == codes
    assert "Did you mean 'orders'?" == found["DATASET_NOT_FOUND", "broken.py"].hint
    assert line("def nothing") - 1 == found["NOT_A_DATAFRAME", "broken.py"].location.line
    assert "chicken -> egg -> chicken" in found["CYCLE", "broken.py"].message
    assert "again.py" in found["DUPLICATE_DATASET", "again.py"].location.file
    assert line('select("idd")') == found["UNRESOLVED_COLUMN.WITH_SUGGESTION", "broken.py"].location.line
    assert 8 == found["NOT_A_FUNCTION", "again.py"].location.line
    assert not Storage(bench.storage).table("a").parent.exists()


@pytest.mark.shows("A streaming aggregate rewrites its table (complete mode); with watermark and window, it appends")
def test_a_streaming_aggregate_without_watermark_is_complete(bench):
    """A streaming aggregate without watermark resolves to complete mode, one with watermark and window to append."""
    [path] = bench.write(
        modes="""
        import dlt
        from pyspark.sql import functions as F

        def source():
            return spark.readStream.schema("at TIMESTAMP, id BIGINT").json("/in/x")

        @dlt.table
        def totals():
            return source().groupBy("id").count()

        @dlt.table
        def by_minute():
            return source().withWatermark("at", "1 minute").groupBy(F.window("at", "1 minute")).count()
        """
    )
    bench.folder.joinpath("x").mkdir()
    with bench.pipeline(path) as pipeline:
        modes = {key: d.flows[0].output_mode for key, d in pipeline.graph.datasets.items()}
    assert {"totals": "complete", "by_minute": "append"} == modes


def test_a_flow_knows_how_it_reads_each_dataset(bench):
    """As a stream, in batch, both ways, and through a view as that view reads."""
    bench.rows("words", [{"id": 1, "word": "a"}])
    [path] = bench.write(forms=FORMS)
    with namespace(bench, path) as pipeline:
        reads = {key: dataset.flows[0].reads for key, dataset in pipeline.graph.datasets.items()}
        inputs = pipeline.graph.datasets["s9"].flows[0].inputs
    stream, batch = FlowInput("upstream", streaming=True), FlowInput("upstream", streaming=False)
    assert {"b1": (batch,), "b5": (batch,), "s1": (stream,), "s5": (stream,), "a_view": (stream,)} == {
        key: reads[key] for key in ("b1", "b5", "s1", "s5", "a_view")
    }
    assert (FlowInput("a_view", streaming=True),) == reads["s8"]
    assert ({stream, batch}, ("upstream",)) == (set(reads["s9"]), inputs)


def _rows(key, frames, state):
    """A function over the groups of a query with state."""
    yield from frames


def _batches(frames):
    """A function over the rows of a query without state."""
    yield from frames


STATELESS = {
    "select": lambda stream, table: stream.select("id", F.upper("word").alias("word")),
    "where": lambda stream, table: stream.where("id > 0"),
    "explode": lambda stream, table: stream.select(F.explode(F.split("word", " "))),
    "union": lambda stream, table: stream.union(stream),
    "join with a table": lambda stream, table: stream.join(table, "id"),
    "join with an aggregate of a table": lambda stream, table: stream.join(table.groupBy("id").count(), "id"),
    "watermark": lambda stream, table: stream.withWatermark("at", "1 minute"),
    "map in pandas": lambda stream, table: stream.mapInPandas(_batches, stream.schema),
    "subquery over a table": lambda stream, table: sql(stream, table, "SELECT * FROM s WHERE id IN (SELECT id FROM t)"),
    "CTE": lambda stream, table: sql(stream, table, "WITH c AS (SELECT id + 1 AS id FROM s) SELECT * FROM c"),
    "repartition": lambda stream, table: stream.repartition(2),
    "observe": lambda stream, table: stream.observe("seen", F.count(F.lit(1))),
    "hint": lambda stream, table: stream.join(table.hint("broadcast"), "id"),
}
STATEFUL = {
    "aggregate": lambda stream, table: stream.groupBy("word").count(),
    "aggregate by window": lambda stream, table: stream.groupBy(F.window("at", "1 minute")).count(),
    "distinct": lambda stream, table: stream.distinct(),
    "drop duplicates": lambda stream, table: stream.dropDuplicates(["id"]),
    "drop duplicates within watermark": lambda stream, table: stream.withWatermark(
        "at", "1 minute"
    ).dropDuplicatesWithinWatermark(["id"]),
    "join of streams": lambda stream, table: stream.join(stream.select("id"), "id"),
    "limit": lambda stream, table: stream.limit(3),
    "groups with state": lambda stream, table: stream.groupBy("word").applyInPandasWithState(
        _rows, "id BIGINT", "id BIGINT", "append", GroupStateTimeout.NoTimeout
    ),
    "state below a projection": lambda stream, table: stream.groupBy("id").count().where("count > 1").select("id"),
    "state in a union": lambda stream, table: stream.select("id").union(stream.select("id").distinct()),
    "state in a CTE": lambda stream, table: sql(stream, table, "WITH c AS (SELECT DISTINCT id FROM s) SELECT * FROM c"),
}


def sql(stream, table, text):
    """Return a SQL query over a stream `s` and a table `t`."""
    return stream.sparkSession.sql(text.replace(" s", " {s}").replace(" t", " {t}"), s=stream, t=table)


@pytest.mark.parametrize(
    ("query", "stateless"),
    [(query, True) for query in STATELESS.values()] + [(query, False) for query in STATEFUL.values()],
    ids=[*STATELESS, *STATEFUL],
)
def test_a_query_without_state_is_recognised(spark, tmp_path, query, stateless):
    """Spark alone knows the operators of a plan: aggregates, joins of streams and the like keep state."""
    schema = "id BIGINT, word STRING, at TIMESTAMP"
    stream = spark.readStream.schema(schema).json(str(tmp_path))
    assert stateless == is_stateless(query(stream, spark.createDataFrame([], schema)))


def test_the_graph_knows_which_flows_keep_state(bench):
    """Through views, too; a batch query keeps nothing, and no micro-batches either."""
    [path] = bench.write(
        state="""
        import dlt

        @dlt.table
        def source():
            return spark.readStream.schema("id BIGINT").json("/in/x")

        @dlt.view
        def once_each():
            return dlt.read_stream("source").dropDuplicates(["id"])

        @dlt.table
        def unique():
            return dlt.read_stream("once_each").where("id > 0")

        @dlt.table
        def positive():
            return dlt.read_stream("source").where("id > 0")

        @dlt.table
        def copied():
            return dlt.read("positive")
        """
    )
    bench.folder.joinpath("x").mkdir()
    with bench.pipeline(path) as pipeline:
        stateless = {key: d.flows[0].stateless for key, d in pipeline.graph.datasets.items()}
    assert {"source": True, "once_each": False, "unique": False, "positive": True, "copied": False} == stateless
