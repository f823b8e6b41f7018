"""Rows that are replaced by key or by a predicate; tables and checkpoints that lie elsewhere."""

import pytest

from livetables.storage.delta import is_table
from livetables.storage.stored import stored_tables

pytestmark = pytest.mark.pipeline

REPLACING = """
    import dlt
    from pyspark.sql import functions as F

    def arriving(folder):
        reader = spark.readStream.format("cloudFiles").option("cloudFiles.format", "json")
        return reader.schema("region INT, device STRING, seq INT").load(folder)

    @dlt.table(private=True, path="/mnt/regions")
    def events():
        return arriving("/in/events")

    dlt.create_streaming_table("regions", spark_conf={"spark.sql.shuffle.partitions": "1"})

    @dlt.replace_flow(target="regions", replace_using=["region"], sequence_by="seq")
    def latest():
        return spark.readStream.table("events")

    @dlt.table(replace_where=F.col("seq") >= 2)
    def recent():
        return spark.read.table("events").select("region", "seq")
"""


def events(*rows):
    """Rows of the source."""
    return [{"region": region, "device": device, "seq": seq} for region, device, seq in rows]


@pytest.mark.shows(
    "A temporary or private table is stored, and not published",
    "REPLACE USING: a row replaces the older rows with its key, by sequence",
    "REPLACE WHERE: a batch query replaces the rows of a predicate",
    "`REPLACE USING (...) SEQUENCE BY` and `REPLACE WHERE`",
)
def test_newer_rows_of_a_key_replace_older_ones(bench, spark, tmp_path):
    """The documented example, a late batch and rows of the same sequence; a predicate's rows are computed again."""
    bench.rows("events", events((1, "iOS", 1), (1, "Android", 1), (2, "iOS", 1), (2, "desktop", 1), (None, "x", 1)))
    [path] = bench.write(regions=REPLACING)
    with bench.pipeline(path, path_map={"/in": str(tmp_path), "/mnt": str(tmp_path / "mnt")}) as pipeline:
        assert pipeline.run().state == "COMPLETED"
        see = lambda name: sorted((tuple(r) for r in pipeline.query(f"FROM {name}").collect()), key=repr)  # noqa: E731 (short, and used at once)
        assert see("recent") == []
        second = ((1, "iOS", 2), (1, "Android", 2), (1, "desktop", 2), (3, "iOS", 1), (3, "desktop", 2), (None, "y", 2))
        bench.rows("events", events(*second), file="2.json")
        pipeline.run()
        bench.rows("events", events((1, "late", 1), (2, "same", 1)), file="3.json")
        state = pipeline.run()
        assert see("regions") == sorted(
            [
                (1, "iOS", 2),
                (1, "Android", 2),
                (1, "desktop", 2),
                (2, "iOS", 1),
                (2, "desktop", 1),
                (2, "same", 1),
                (3, "desktop", 2),
                (None, "y", 2),
            ],
            key=repr,
        )
        assert see("recent") == sorted([(1, 2), (1, 2), (1, 2), (3, 2), (None, 2)], key=repr)
    assert (state.flows["latest"].rows_out, state.flows["recent"].rows_out) == (1, 5)
    stored = {table["name"]: table for table in stored_tables(bench.storage)}
    assert [name for name, table in stored.items() if table["private"]] == ["events"]
    assert is_table(tmp_path / "mnt" / "regions")


@pytest.mark.shows("REPLACE USING: a row replaces the older rows with its key, by sequence")
def test_a_batch_that_comes_again_adds_nothing(bench, spark):
    """A process that dies between the commit and the checkpoint's own makes Spark send the batch again."""
    bench.rows("events", events((1, "iOS", 1), (2, "iOS", 1)))
    [path] = bench.write(regions=REPLACING.replace(', path="/mnt/regions"', ""))
    with bench.pipeline(path) as pipeline:
        pipeline.run()
        for name in ("0", ".0.crc"):
            (pipeline.storage.checkpoint("regions", "latest").folder / "commits" / name).path.unlink()
        assert pipeline.run().state == "COMPLETED"
        assert pipeline.query("FROM regions").count() == 2


MOVED = """
    import dlt

    dlt.create_streaming_table("events")

    @dlt.append_flow(target="events", import_checkpoint="/old/checkpoint")
    def feed():
        return spark.readStream.schema("id INT").json("/in/events")
"""


def test_a_flow_goes_on_where_another_checkpoint_ends(bench, spark, tmp_path):
    """What was read elsewhere is not read again, except after a full refresh; a folder without one is refused."""
    bench.rows("events", [{"id": 1}])
    source = spark.readStream.schema("id INT").json(str(tmp_path / "events"))
    writer = source.writeStream.format("noop").option("checkpointLocation", str(tmp_path / "old" / "checkpoint"))
    writer.trigger(availableNow=True).start().awaitTermination()
    bench.rows("events", [{"id": 2}], file="2.json")
    [path] = bench.write(moved=MOVED)
    with bench.pipeline(path, path_map={"/in": str(tmp_path), "/old": str(tmp_path / "old")}) as pipeline:
        pipeline.run()
        assert [row.id for row in pipeline.query("FROM events").collect()] == [2]
