"""What becomes of stored tables when the code of a pipeline changes between two updates."""

import pytest
from deltalake import DeltaTable

from livetables.errors import DefinitionError
from livetables.observe.stored import HIDDEN
from livetables.plan import Alter, Begin, Inactive, Leave, Run

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
        return spark.read.table("raw").groupBy().count()

    dlt.create_streaming_table("newest", comment="one row")
    dlt.apply_changes(target="newest", source="raw", keys=["id"], sequence_by="id")
"""


def test_a_stored_table_takes_a_changed_definition(bench):
    """Properties and comments change in place, also of a view and of a target of AUTO CDC; readers just go on."""
    bench.rows("numbers", [{"id": 1}])
    [path] = bench.write(changing=CHANGING)
    bench.run(path)
    changed = CHANGING.replace('comment="as sent"', 'comment="as it came, \\\\ and all"').replace(
        '"quality": "bronze", "team": "it\'s me"', '"quality": "it\'s bronze", "delta.appendOnly": "true"'
    )
    changed = changed.replace('"quality": "gold"', '"tier": "gold"').replace(', comment="one row"', "")
    bench.write(changing=changed)
    bench.rows("numbers", [{"id": 2}], file="2.json")
    with bench.pipeline(path) as pipeline:
        steps = pipeline.plan()
        assert ["raw", "totals", "newest"] == [step.dataset for step in steps if isinstance(step, Alter)]
        assert "COMPLETED" == pipeline.run().state
        assert not any(isinstance(step, Alter) for step in pipeline.plan())
    raw, totals, newest = (_described(bench, name) for name in ("raw", "totals", HIDDEN + "newest"))
    assert ("as it came, \\ and all", {"quality": "it's bronze", "delta.appendOnly": "true"}) == raw
    assert (None, {"tier": "gold"}) == totals
    assert (None, {}) == newest
    assert ([(1,), (2,)], [(2,)]) == (bench.table("copy"), bench.table("totals"))

    bench.write(changing=changed.replace('"delta.appendOnly": "true"', '"delta.nothing": "true"'))
    with pytest.raises(DefinitionError, match="The table of 'raw' can't take the new properties") as caught:
        bench.run(path)
    assert ("PROPERTIES_REFUSED", 4) == (caught.value.code, caught.value.problem.place.line)


def _described(bench, name):
    """Return a table's comment, and the properties that are not our own."""
    stored = DeltaTable(str(bench.storage / "tables" / name)).metadata()
    ours = {key: value for key, value in stored.configuration.items() if not key.startswith("livetables.")}
    return stored.description, ours


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
        assert [("all_numbers", Begin), ("all_numbers", Leave), ("all_numbers", Run), ("old", Inactive)] == [
            (step.dataset, type(step)) for step in steps
        ]
        state = pipeline.run()
        assert any("'coming' starts: it is new" in warning for warning in state.warnings)
        assert [1] == [row.id for row in pipeline.query("SELECT id FROM old").collect()]
    assert [(1,), (1,)] == bench.table("all_numbers")
    state = bench.run(path, overrides={"pipelines.dropInactiveTables": "true"})
    assert any("Table 'old' is dropped" in warning for warning in state.warnings)
    assert not (bench.storage / "tables" / "old").exists()
    assert not (bench.storage / "checkpoints" / "old").exists()
    assert [(1,), (1,)] == bench.table("all_numbers")
