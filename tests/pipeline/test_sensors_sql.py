"""The sensor pipeline in SQL beside the one in Python: the same input ends in the same tables and counts."""

from pathlib import Path

import pytest

from livetables.pipeline import Pipeline
from livetables.settings import load_settings, with_mode
from livetables.storage.stored import select, stored_tables
from tests.event_log import rule_counts
from tests.pipeline.test_sensors import BROKEN_CHANGES, check_account, send
from tests.small import SMALL

pytestmark = pytest.mark.pipeline
ROOT = Path(__file__).parents[2]
#: When a row came in: the two pipelines do not take it at the same moment.
INGESTION = "ingest_time"


def settings_of(file, folder, storage):
    """Return the settings of one of the two pipelines, over the readings and device changes in a folder."""
    settings = load_settings(
        ROOT / file,
        overrides={
            **SMALL,
            "sensors.landing_path": str(folder / "landing"),
            "sensors.devices.landing_path": str(folder / "devices"),
        },
        storage=str(folder / storage),
    )
    return with_mode(settings, continuous=False)


def update(settings):
    """Run one update; return the graph that it ran."""
    with Pipeline(settings) as pipeline:
        assert "COMPLETED" == pipeline.run().state
        return pipeline.graph


def said(graph):
    """Return what the code says of each dataset, but for its query and how its rules are written."""
    return {
        dataset.name: {
            "kind": dataset.kind,
            "comment": dataset.definition.comment,
            "properties": getattr(dataset.definition, "table_properties", None),
            "rules": [(rule.name, rule.action) for rule in dataset.definition.expectations],
            "columns": dataset.schema.simpleString(),
            "flows": {flow.name: sorted(flow.inputs) for flow in dataset.flows},
        }
        for dataset in graph.datasets.values()
    }


def stored(storage, graph):
    """Return the columns and types, and the rows in a fixed order, of each table as its users see it."""
    tables = {}
    for name, path in ((table["name"], Path(table["path"])) for table in stored_tables(storage)):
        columns = ", ".join(f'"{column}"' for column in graph.datasets[name].schema.names if column != INGESTION)
        table = select(f"SELECT {columns} FROM this", path)
        tables[name] = table.schema, sorted((rounded(row) for row in table.to_pylist()), key=repr)
    return tables


def rounded(row):
    """Return a row whose doubles do not show the order in which they were summed."""
    return {key: round(value, 9) if isinstance(value, float) else value for key, value in row.items()}


@pytest.mark.shows(
    "`CREATE [OR REFRESH] [PRIVATE] STREAMING TABLE`, with a query, with a flow, or alone",
    "`CREATE [OR REFRESH] [PRIVATE] MATERIALIZED VIEW`",
    "Older forms: `LIVE TABLE` and `LIVE VIEW`, also with `STREAMING`; `INCREMENTAL LIVE TABLE`",
    "`CREATE TEMPORARY VIEW`, batch or streaming",
    "`CONSTRAINT name EXPECT (...) [ON VIOLATION DROP ROW or FAIL UPDATE]` on tables and `LIVE` views",
    "`CREATE FLOW name AS AUTO CDC INTO`, `FLOW AUTO CDC`, `APPLY CHANGES INTO`, with all clauses in any order",
    "Files of both languages make one graph",
    "`STREAM(name)` and `STREAM name` read a table or view as a stream",
    "`WATERMARK column DELAY OF INTERVAL ...` after a source",
    "`STREAM read_files` is Auto Loader, with `inferColumnTypes`",
    "`_metadata` of files is not in `*`, and is read by its name",
    ways=["`STREAM read_files(...)` in SQL"],
)
def test_sql_and_python_make_the_same_tables(tmp_path, spark):
    """Two updates over good, corrupt, late and repeated readings and changes: datasets, tables and counts agree.

    And each row is accounted for. Values that are hard to parse are compared in tests/spark/test_sensors_sql.py.
    """
    del spark  # the pipelines run in the shared session
    files = {"pipeline_settings.json": "storage", "pipeline_settings_sql.json": "storage_sql"}
    pipelines = [settings_of(file, tmp_path, storage) for file, storage in files.items()]
    assert {".sql", ".py"} == {file.suffix for file in pipelines[1].files}
    # In one file, the copies of a reading differ in nothing: deduplication may keep any of them.
    target, one_file = f"files:{tmp_path / 'landing'}", ("--roll", "1h")
    first = send(target, tmp_path, 5_000, 11, *one_file)
    (tmp_path / "devices" / "broken.json").write_text(BROKEN_CHANGES)
    for settings in pipelines:
        update(settings)
    second = send(target, tmp_path, 3_000, 13, *one_file)  # its late rows are from 11
    python, sql = (update(settings) for settings in pipelines)

    check_account(tmp_path, first, second)
    assert said(python) == said(sql)
    expected, found = (
        stored(settings.storage, graph) for settings, graph in zip(pipelines, (python, sql), strict=True)
    )
    assert expected.keys() == found.keys()
    for name, (schema, rows) in expected.items():
        assert (schema, rows) == found[name], name
        assert rows != []
    python_counts, sql_counts = (rule_counts(settings.storage) for settings in pipelines)
    assert python_counts == sql_counts
    well_formed = sql_counts["valid_sensor_readings", "well_formed"]
    assert min(well_formed.passed, well_formed.failed) > 0
