"""Row filters: who reads a table sees the rows for which its filter is TRUE; what is stored is complete."""

import pytest

from livetables.cli.app import app
from livetables.errors import GraphError
from livetables.plan.steps import Alter, Reset, Selection

pytestmark = pytest.mark.pipeline

FUNCTIONS = """
    CREATE FUNCTION main.security.lies_in(region STRING, wanted STRING)
    RETURNS BOOLEAN RETURN region = wanted; -- NULL is not TRUE

    CREATE FUNCTION `is;even`(id BIGINT) RETURNS BOOLEAN RETURN id % 2 = 0;
"""
ORDERS = """
    import dlt

    spark.udf.register("is_small", lambda id: id < 10, "boolean")

    @dlt.table(row_filter="ROW FILTER main.security.lies_in ON (region, 'eu')")
    def orders():
        return spark.readStream.schema("id BIGINT, region STRING, at BIGINT").json("/in/orders")

    @dlt.table
    def copies():
        return spark.readStream.table("orders").select("id")

    @dlt.table(row_filter="ROW FILTER `is;even` ON (`how-many`)")
    def totals():
        return spark.sql("SELECT count(*) AS `how-many` FROM orders AS o WHERE o.id > 0")

    dlt.create_streaming_table("newest", row_filter="ROW FILTER is_small ON (id)")
    dlt.apply_changes(target="newest", source="orders", keys=["region"], sequence_by="at")

    @dlt.table
    def seen_newest():
        return dlt.read("newest").select("id")
"""


def orders(*rows):
    """Return rows of orders."""
    return [{"id": id_, "region": region, "at": at} for id_, region, at in rows]


@pytest.fixture
def project(bench, monkeypatch):
    """A folder with a file of functions, which is the current one."""
    monkeypatch.chdir(bench.folder)
    (bench.folder / "functions.sql").write_text(FUNCTIONS)
    (bench.folder / "livetables.yml").write_text("functions: functions.sql")
    return bench


@pytest.mark.shows(
    "All readers, flows too, get the rows for which the row filter is TRUE; the table stores all rows",
    "A changed row filter needs no full refresh",
)
def test_readers_see_what_the_row_filter_shows(project):
    """Streams, batches, SQL, targets of AUTO CDC and `query` do; flows that write work on all rows of their table.

    A changed filter counts from the next update on, without a full refresh.
    """
    project.rows("orders", orders((1, "eu", 1), (2, "us", 1), (3, None, 1), (12, "eu", 2)))
    [path] = project.write(shop=ORDERS)
    with project.pipeline(path) as pipeline:
        see = lambda sql: sorted(tuple(row) for row in pipeline.query(sql).collect())  # noqa: E731 (short, and used at once)
        assert pipeline.run().state == "COMPLETED"
        assert pipeline.warnings == ()
        assert project.table("orders", "id") == [(1,), (12,), (2,), (3,)]
        assert see("SELECT id FROM orders") == see("FROM spark_catalog.default.`Orders` |> SELECT id") == [(1,), (12,)]
        assert see("SELECT o.id FROM orders o JOIN default.orders p USING (id)") == [(1,), (12,)]
        assert (see("FROM copies"), see("FROM totals")) == ([(1,), (12,)], [(2,)])
        assert (see("FROM newest"), see("FROM seen_newest")) == ([], [])  # 12 is newest, and hidden

    project.write(shop=ORDERS.replace("'eu'", "'us'"))
    project.rows("orders", orders((4, "us", 3), (5, "eu", 3), (13, "us", 2)), file="2.json")
    with project.pipeline(path) as pipeline:
        steps = pipeline.plan()
        assert [step.dataset for step in steps if isinstance(step, Alter | Reset)] == ["orders"]
        assert pipeline.run().state == "COMPLETED"
        assert see("SELECT id FROM orders") == [(2,), (4,), (13,)]
        assert (see("FROM copies"), see("FROM totals")) == ([(1,), (4,), (12,), (13,)], [])
        assert project.table("totals") == [(3,)]
        assert (see("SELECT id FROM newest"), see("FROM seen_newest")) == ([(4,)], [(4,)])

    project.write(shop=ORDERS.replace("row_filter=\"ROW FILTER main.security.lies_in ON (region, 'eu')\"", ""))
    project.run(path, selection=Selection(refresh=("orders",)))
    with project.pipeline(path) as pipeline:
        assert see("SELECT count(*) FROM orders") == [(7,)]


@pytest.mark.shows("All readers, flows too, get the rows for which the row filter is TRUE; the table stores all rows")
def test_query_without_the_function_says_so(project, capsys):
    """What it prints then is complete: the filter is not applied, and a warning says how to define its function."""
    project.rows("orders", orders((1, "eu", 1), (2, "us", 1)))
    [path] = project.write(shop=ORDERS)
    project.run(path)
    query = ["query", "SELECT id FROM orders", "--json", "--storage", str(project.storage)]
    (project.folder / "pipeline_settings.json").write_text('{"libraries": [{"file": {"path": "shop.py"}}]}')
    app(query, standalone_mode=False)
    assert capsys.readouterr().out.split() == ["[", "{", '"id":', "1", "}", "]"]
    (project.folder / "livetables.yml").unlink()
    app(query, standalone_mode=False)
    said = capsys.readouterr()
    assert said.out.count('"id"') == 2
    assert " ".join(said.err.split()) == (
        "warning[ROW_FILTER_NOT_APPLIED] The row filter `lies_in`(`region`, 'eu') of 'orders' is not applied: there is "
        "no such function. Define it in a SQL file that 'functions' names in livetables.yml."
    )


@pytest.mark.shows("A row filter must fit the columns of its table, and return a boolean")
def test_a_row_filter_must_fit_its_table(project):
    """Its columns, the arguments of its function and what that returns are checked; a missing one is a warning."""
    text = """
    import dlt

    def numbers():
        return spark.range(3)
    """
    wrong = ["lies_in ON (region, 'eu')", "lies_in ON (id)", "abs ON (ID)", "nowhere ON (id)", "isnull ON (id)"]
    for number, row_filter in enumerate(wrong):
        text += f'\n    dlt.table(numbers, name="t{number}", row_filter="ROW FILTER {row_filter}")'
    [path] = project.write(wrong=text)
    with project.pipeline(path) as pipeline, pytest.raises(GraphError) as caught:
        pipeline.graph  # noqa: B018 (the graph is checked when it is asked for)
    names, arguments, kind = caught.value.diagnostics
    assert [(p.code, p.location.line) for p in caught.value.diagnostics] == [
        ("INVALID_ROW_FILTER", 7),
        ("INVALID_ROW_FILTER", 8),
        ("INVALID_ROW_FILTER", 9),
    ]
    assert names.message == "The row filter of 't0' names 'region', which is not one of its columns."
    assert names.hint == "The columns are id."
    assert "WRONG_NUM_ARGS" in arguments.message
    assert "FILTER_NOT_BOOLEAN" in kind.message
    [warning] = pipeline.warnings
    assert (warning.code, warning.location.line) == ("ROW_FILTER_NOT_APPLIED", 10)
    assert "Define it with spark.udf.register in a source file" in warning.message
