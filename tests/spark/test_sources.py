"""What a pipeline reads from outside itself: only Spark can show what its readers make of it."""

import pytest

from livetables.errors import GraphError, SettingsError

pytestmark = pytest.mark.spark


def test_tables_outside_the_pipeline_and_mapped_paths_are_read(bench, spark):
    """--table registers Delta, Parquet, JSON and CSV by any name, as batch or stream; dbfs:/ paths are mapped."""
    frame = spark.createDataFrame([(1, "a")], "id INT, word STRING")
    for kind in ("delta", "parquet", "json", "csv"):
        frame.write.format(kind).option("header", "true").save(str(bench.folder / kind))
    [path] = bench.write(
        outside="""
        import dlt
        for kind in ("delta", "parquet", "json", "csv"):
            dlt.table(name=f"b_{kind}")(lambda kind=kind: spark.table(f"main.ref.{kind}_table").select("id", "word"))
            dlt.table(name=f"s_{kind}")(lambda kind=kind: spark.readStream.table(f"main.ref.{kind}_table"))
        dlt.table(name="sql")(lambda: spark.sql("SELECT delta_table.id, word FROM main.ref.delta_table"))
        dlt.table(name="mapped")(lambda: spark.read.format("json").load("dbfs:/data/json"))
        dlt.table(name="mapped_json")(lambda: spark.read.json("dbfs:/data/json"))
        """
    )
    tables = {f"main.ref.{kind}_table": str(bench.folder / kind) for kind in ("delta", "parquet", "json", "csv")}
    options = {"tables": tables, "path_map": {"dbfs:/data": str(bench.folder)}}
    with bench.pipeline(path, **options) as pipeline:
        graph = pipeline.graph
    columns = {key: sorted(d.schema.names) for key, d in graph.datasets.items()}
    assert all(names == ["id", "word"] for names in columns.values())
    assert {"main.ref.delta_table"} == set(graph.datasets["sql"].flows[0].external_inputs)
    kinds = {key: d.kind for key, d in graph.datasets.items()}
    assert {"streaming table"} == {kind for key, kind in kinds.items() if key.startswith("s_")}

    tables["main.ref.csv_table"] = str(bench.folder / "nowhere")
    with bench.pipeline(path, **options) as pipeline, pytest.raises(GraphError, match="nowhere' does not exist"):
        _ = pipeline.graph


@pytest.mark.shows(
    "When Auto Loader meets a new column, the update restarts with the wider schema", modes=["addNewColumns"]
)
def test_auto_loader_follows_a_new_column_in_the_same_run(bench):
    """Every JSON leaf is a string; the update ends at the new column, and another one reads all rows with it."""
    bench.rows("drops", [{"id": 1, "at": {"x": 2.5}}])
    [path] = bench.write(
        loader="""
        import dlt
        @dlt.table
        def drops():
            return spark.readStream.format("cloudFiles").option("cloudFiles.format", "json").load("/in/drops")
        """
    )
    bench.run(path)
    bench.rows("drops", [{"id": 2, "at": {"x": 1}, "new": True}], file="2.json")
    bench.run(path)
    assert [("1", "2.5", None), ("2", "1", "true")] == bench.table("drops", "id, at.x, new")


def test_auto_loader_takes_csv_with_a_schema_and_batches_by_size(bench):
    """Without inference the first line is a row; a limit in bytes splits the files into batches, as 1b or 10g."""
    for name in ("1.csv", "2.csv"):
        (bench.folder / name).write_text("1,a\n2,b\n")
    [path] = bench.write(
        loader="""
        import dlt
        @dlt.table
        def drops():
            reader = spark.readStream.format("cloudFiles").option("cloudFiles.format", "csv")
            return reader.option("cloudFiles.maxBytesPerTrigger", "1b").schema("id INT, v STRING").load("/in/*.csv")
        """
    )
    state = bench.run(path)
    assert [(1, "a"), (1, "a"), (2, "b"), (2, "b")] == bench.table("drops")
    assert 2 == state.flows["drops"].batches
    path.write_text(path.read_text().replace('"1b"', '"much"'))
    with bench.pipeline(path) as pipeline, pytest.raises(GraphError, match="is 'much', which is not a size"):
        _ = pipeline.graph


def test_a_missing_landing_folder_and_a_wrong_format_are_named(bench):
    """The folder is named with the command that makes it, the format with the nearest right one."""
    text = """
        import dlt
        @dlt.table
        def drops():
            return spark.readStream.format("cloudFiles").option("cloudFiles.format", "{kind}").load("/in/nowhere")
        """
    for kind, code, hint in [
        ("text", "LANDING_FOLDER_NOT_FOUND", "mkdir -p"),
        ("jsn", "WRONG_VALUE", "Did you mean 'json'?"),
    ]:
        [path] = bench.write(loader=text.format(kind=kind))
        with bench.pipeline(path) as pipeline, pytest.raises(GraphError) as caught:
            _ = pipeline.graph
        [diagnostic] = caught.value.diagnostics
        assert (code, True, 3) == (diagnostic.code, hint in diagnostic.hint, diagnostic.location.line - 2)


def test_an_unreachable_broker_is_named_with_host_port_and_cause(bench):
    """A closed port is refused at once, with the place in the user's file; what else is wrong can wait."""
    [path] = bench.write(
        kafka="""
        import dlt
        @dlt.table
        def events():
            reader = spark.readStream.format("kafka").option("subscribe", "t")
            return reader.option("kafka.bootstrap.servers", spark.conf.get("my.bootstrap_servers")).load()
        @dlt.table
        def wrong():
            return dlt.read("nowhere")
        """
    )
    conf = {"my.bootstrap_servers": "127.0.0.1:9"}
    with bench.pipeline(path, overrides=conf) as pipeline, pytest.raises(GraphError) as caught:
        _ = pipeline.graph
    [diagnostic] = caught.value.diagnostics
    assert ("BROKER_UNREACHABLE", 6) == (diagnostic.code, diagnostic.location.line)
    assert "127.0.0.1:9: connection refused" in diagnostic.message


def test_a_selection_of_an_unknown_table_is_refused(bench):
    """--refresh of a name that is no table says which one was meant."""
    from livetables.plan.steps import Selection

    [path] = bench.write(one="import dlt\ndlt.table(name='orders')(lambda: spark.range(1))\n")
    with bench.pipeline(path) as pipeline, pytest.raises(SettingsError, match="Did you mean 'orders'"):
        pipeline.plan(Selection(refresh=("ordres",)))
