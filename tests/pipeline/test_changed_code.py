"""What becomes of stored tables when the code of a pipeline changes between two updates."""

import pytest
from deltalake import DeltaTable

from livetables.errors import DefinitionError
from livetables.plan.steps import Alter, Inactive, OrphanFlow, Run, Selection, StartFlow
from livetables.storage.layout import Storage

pytestmark = pytest.mark.pipeline

CHANGING = """
    import dlt

    @dlt.table(comment="as sent", table_properties={"quality": "bronze", "team": "it's me"})
    def raw():
        return spark.readStream.schema("id BIGINT").json("/in/numbers")

    @dlt.table
    def copy():
        return dlt.read_stream("raw")

    @dlt.table(table_properties={"quality": "gold"})
    def totals():
        return spark.read.table("raw").groupBy("id").count()

    dlt.create_streaming_table("newest", comment="one row")
    dlt.apply_changes(target="newest", source="raw", keys=["id"], sequence_by="id")
"""


@pytest.mark.shows("A changed comment and changed table properties reach the stored table")
def test_a_stored_table_takes_a_changed_definition(bench):
    """Properties, comments, clustering: in place, also of a view and of a target of AUTO CDC; readers just go on."""
    bench.rows("numbers", [{"id": 1}])
    [path] = bench.write(changing=CHANGING)
    bench.run(path)
    changed = CHANGING.replace('comment="as sent"', 'comment="as it came, \\\\ and all"').replace(
        '"quality": "bronze", "team": "it\'s me"', '"quality": "it\'s bronze", "delta.appendOnly": "true"'
    )
    changed = changed.replace('"quality": "gold"}', '"tier": "gold"}, partition_cols=["id"]')
    changed = changed.replace(', comment="one row"', ', cluster_by=["id"]')
    bench.write(changing=changed)
    bench.rows("numbers", [{"id": 2}], file="2.json")
    with bench.pipeline(path) as pipeline:
        steps = pipeline.plan()
        assert ["raw", "totals", "newest"] == [step.dataset for step in steps if isinstance(step, Alter)]
        assert "COMPLETED" == pipeline.run().state
        assert not any(isinstance(step, Alter) for step in pipeline.plan())
    raw, totals, newest = (_described(bench, name) for name in ("raw", "totals", "newest"))
    assert ("as it came, \\ and all", {"quality": "it's bronze", "delta.appendOnly": "true"}) == raw
    assert (None, {"tier": "gold"}) == totals
    assert (None, {}) == newest
    assert ["id"] == DeltaTable(str(Storage(bench.storage).table("totals"))).metadata().partition_columns
    detail = bench.spark.sql(f"DESCRIBE DETAIL delta.`{Storage(bench.storage).hidden_table('newest')}`").first()
    assert ["id"] == detail.clusteringColumns
    assert ([(1,), (2,)], [(1, 1), (2, 1)]) == (bench.table("copy"), bench.table("totals"))

    bench.write(changing=changed.replace('"delta.appendOnly": "true"', '"delta.nothing": "true"'))
    with pytest.raises(DefinitionError, match="The table of 'raw' can't take its new definition") as caught:
        bench.run(path)
    assert ("CHANGE_REFUSED", 4) == (caught.value.code, caught.value.diagnostic.location.line)


def _described(bench, name):
    """Return a table's comment, and the properties that are not our own."""
    stored = DeltaTable(str(Storage(bench.storage).table(name))).metadata()
    ours = {key: value for key, value in stored.configuration.items() if not key.startswith("livetables.")}
    return stored.description, ours


@pytest.mark.shows(
    "A renamed flow has a new checkpoint, and reads its source again",
    "The table of a dataset that was removed from the code stays, and is inactive",
    "`pipelines.dropInactiveTables` removes such tables",
)
def test_what_leaves_the_code_stays_until_it_may_go(bench):
    """A removed table keeps its rows and can be queried; a renamed flow reads again, aloud; inactive tables may go."""
    bench.rows("numbers", [{"id": 1}])
    text = """
    import dlt

    dlt.create_streaming_table("all_numbers")

    @dlt.append_flow(target="all_numbers")
    def arriving():
        return spark.readStream.schema("id BIGINT").json("/in/numbers")

    @dlt.table
    def old():
        return spark.readStream.schema("id BIGINT").json("/in/numbers")
    """
    [path] = bench.write(leaving=text)
    bench.run(path)
    bench.write(leaving=text[: text.index("    @dlt.table\n")].replace("arriving", "coming"))
    with bench.pipeline(path) as pipeline:
        steps = pipeline.plan()
        assert [("all_numbers", StartFlow), ("all_numbers", OrphanFlow), ("all_numbers", Run), ("old", Inactive)] == [
            (step.dataset, type(step)) for step in steps
        ]
        state = pipeline.run()
        assert any("'coming' starts: it is new" in warning for warning in state.warnings)
        assert [1] == [row.id for row in pipeline.query("SELECT id FROM old").collect()]
    assert [(1,), (1,)] == bench.table("all_numbers")
    state = bench.run(path, overrides={"pipelines.dropInactiveTables": "true"})
    assert any("Table 'old' is dropped" in warning for warning in state.warnings)
    assert not Storage(bench.storage).table("old").exists()
    assert not Storage(bench.storage).checkpoint("old", "old").folder.exists()
    assert [(1,), (1,)] == bench.table("all_numbers")


EVOLVING = """
    import dlt

    def events():
        return spark.readStream.schema("id BIGINT, name STRING, at BIGINT, more STRUCT<a: INT>").json("/in/events")

    @dlt.table
    def raw():
        return events()

    @dlt.table
    def seen():
        return dlt.read_stream("raw").select("id", "name")

    @dlt.view
    def feed():
        return events()

    dlt.create_streaming_table("newest")
    dlt.apply_changes("newest", "feed", keys=["id"], sequence_by="at", ignore_null_updates=True)
    dlt.create_streaming_table("history")
    dlt.apply_changes("history", "feed", keys=["id"], sequence_by="at", stored_as_scd_type=2,
                      track_history_except_column_list=["name"])
"""


@pytest.mark.shows(
    "A table gets new columns and struct fields of its query; a column that the query lost is NULL in new rows"
)
def test_tables_get_the_columns_that_their_flows_add(bench):
    """Before any flow runs, so that those who read them find the columns; what a feed no longer has, is NULL."""
    bench.rows("events", [{"id": 1, "name": "a", "at": 1, "more": {"a": 1}, "city": "X"}])
    [path] = bench.write(evolving=EVOLVING)
    bench.run(path)
    wider = EVOLVING.replace("more STRUCT<a: INT>", "more STRUCT<a: INT, b: INT>, city STRING")
    wider = wider.replace('"id", "name")', '"id", "city")')
    bench.write(evolving=wider)
    bench.rows(
        "events",
        [{"id": 1, "name": "b", "at": 2, "more": {"b": 2}, "city": "Y"}, {"id": 2, "name": "c", "at": 1, "city": "Z"}],
        file="2.json",
    )
    with bench.pipeline(path) as pipeline:
        altered = {step.dataset: list(step.columns) for step in pipeline.plan() if isinstance(step, Alter)}
        assert altered == {
            "raw": ["`more`.`b`", "`city`"],
            "newest": ["`more`.`b`", "`city`"],
            "history": ["`more`.`b`", "`city`"],
            "seen": ["`city`"],
        }
        state = pipeline.run()
        assert state.state == "COMPLETED", state.errors
        newest = [tuple(row) for row in pipeline.query("SELECT * FROM newest ORDER BY id").collect()]
        history = pipeline.query("SELECT id, name, more, city, __START_AT, __END_AT FROM history ORDER BY id, 5")
        assert newest == [(1, "b", 2, (1, 2), "Y"), (2, "c", 1, None, "Z")]
        assert [tuple(row) for row in history.collect()] == [
            (1, "a", (1, None), None, 1, 2),
            (1, "b", (None, 2), "Y", 2, None),
            (2, "c", None, "Z", 1, None),
        ]
    assert bench.table("seen") == [(1, "a", None), (1, None, "Y"), (2, None, "Z")]

    narrow = wider.replace(", more STRUCT<a: INT, b: INT>, city STRING", "")
    bench.write(evolving=narrow.replace('"id", "city")', '"id")'))
    bench.rows("events", [{"id": 2, "name": "d", "at": 5}, {"id": 2, "at": 4}], file="3.json")
    with bench.pipeline(path) as pipeline:
        assert not any(isinstance(step, Alter) for step in pipeline.plan())
        state = pipeline.run(Selection(refresh=("newest", "history")))
        assert state.state == "COMPLETED", state.errors
        newest = pipeline.query("SELECT * FROM newest WHERE id = 2").collect()
        history = pipeline.query("SELECT name, more, city, __START_AT, __END_AT FROM history WHERE id = 2 ORDER BY 4")
        assert newest == [(2, "d", 5, None, "Z")]  # as NULL changes nothing there
        assert [tuple(row) for row in history.collect()] == [
            ("c", None, "Z", 1, 4),
            (None, None, None, 4, 5),
            ("d", None, None, 5, None),
        ]

    bench.write(evolving=wider.replace('["name"]', '["more"]'))
    with pytest.raises(DefinitionError, match="'history' are stored for track_history 'all but name'") as caught:
        bench.run(path)
    assert caught.value.code == "LAYOUT_CHANGED"
