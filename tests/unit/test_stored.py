"""Facts of stored tables without Java, and what `livetables tables` shows of them."""

import json

import pyarrow as pa
import pytest
from deltalake import write_deltalake
from typer.testing import CliRunner

from livetables.cli.app import app
from livetables.events.facts import DatasetDefinition
from livetables.events.log import EventLogWriter
from livetables.events.states import DatasetType
from livetables.storage import delta
from livetables.storage.layout import Storage
from livetables.storage.locations import Location
from livetables.storage.stored import select, stored_tables
from tests.unit.builders import FakeTime, event


@pytest.mark.shows("The table of a dataset that was removed from the code stays, and is inactive")
def test_tables_that_the_newest_update_did_not_define_are_inactive(tmp_path):
    """`livetables tables` marks them; an update that failed before it knew its tables says nothing of them."""
    for name in ("silver", "old", "now_a_view"):
        write_deltalake(str(Storage(tmp_path).table(name)), pa.table({"id": [1]}))
    marks = []
    log = EventLogWriter(Storage(tmp_path).events, FakeTime().clock)
    for seq, (update, kinds) in enumerate(
        [
            ("u-1", {"Silver": "STREAMING_TABLE", "old": "STREAMING_TABLE", "now_a_view": "MATERIALIZED_VIEW"}),
            ("u-2", {"Silver": "STREAMING_TABLE", "now_a_view": "VIEW"}),
            ("u-3", {}),
        ]
    ):
        log(event("create_update", {}, seq=seq, update_id=update))
        for name, kind in kinds.items():
            fact = DatasetDefinition(DatasetType(kind), num_flows=1)
            log(event(fact.event_type, fact.details(), seq=seq, update_id=update, dataset_name=name))
        log.flush()
        result = CliRunner().invoke(app, ["tables", "--storage", str(tmp_path), "--json"])
        marks.append([table["name"] for table in json.loads(result.stdout) if table["inactive"]])
    assert marks == [[], ["now_a_view", "old"], ["now_a_view", "old"]]
    assert "old (inactive)" in CliRunner().invoke(app, ["tables", "--storage", str(tmp_path)]).stdout


def test_tables_without_a_log_are_not_called_inactive(tmp_path):
    """That is unknown: the log may have been removed."""
    write_deltalake(str(Storage(tmp_path).table("silver")), pa.table({"id": [1]}))
    result = CliRunner().invoke(app, ["tables", "--storage", str(tmp_path), "--json"])
    assert [table["inactive"] for table in json.loads(result.stdout)] == [False]


@pytest.fixture(params=["local", "remote"])
def storage(request, tmp_path):
    """Return a storage with a table of three rows and a hidden table with one visible row of two.

    The remote one is the same folder by a URI, which takes the way of all other file systems.
    """
    local = Storage(tmp_path)
    for number in (1, 2):
        write_deltalake(str(local.table("plain")), pa.table({"id": range(number)}), mode="append")
    write_deltalake(str(local.hidden_table("target")), pa.table({"id": [1, 2], "__visible": [True, False]}))
    return local if request.param == "local" else Storage(Location(f"file://{tmp_path}"))


def test_facts_of_a_table_come_from_its_log(storage):
    """Also by a URI: whether there is one, its version, schema and properties."""
    assert [True, True, False] == [storage.has_table(name) for name in ("plain", "TARGET", "gone")]
    assert [1, 0, -1] == [storage.version(name) for name in ("plain", "target", "gone")]
    assert ["id"] == [field["name"] for field in json.loads(storage.schema_json("plain"))["fields"]]
    assert {} == delta.properties(storage.table("plain"))


def test_the_stored_tables_are_listed_with_the_rows_that_users_see(storage):
    """A target of AUTO CDC has its own name, and the folder of its hidden table."""
    tables = stored_tables(storage)
    assert [("plain", 3, 2, 1), ("target", 1, 1, 0)] == [
        (table["name"], table["rows"], table["files"], table["version"]) for table in tables
    ]
    assert [str(storage.table("plain")), str(storage.hidden_table("target"))] == [table["path"] for table in tables]


def test_rows_are_counted_where_the_log_has_no_statistics(storage):
    """A writer may leave them out."""
    folder = storage.table("plain")
    for file in delta.commit_files(folder):
        actions = [json.loads(line) for line in file.read_text().splitlines()]
        for action in actions:
            action.get("add", {}).pop("stats", None)
        file.write_text("\n".join(map(json.dumps, actions)))
    assert [("plain", 3), ("target", 1)] == [(table["name"], table["rows"]) for table in stored_tables(storage)]


def test_a_query_sees_the_visible_rows_of_a_hidden_table(storage):
    """It names the table `this`, whatever it is."""
    sql = "SELECT id FROM this ORDER BY id"
    assert [[0, 0, 1], [1]] == [select(sql, storage.table(name))["id"].to_pylist() for name in ("plain", "target")]


def test_storage_options_reach_the_delta_log():
    """They give access to a store; here they are for one that can't be reached."""
    options = {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ALLOW_HTTP": "true",
        "AWS_REGION": "x",
        "max_retries": "0",
    }
    keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    storage = Storage("s3://bucket/sales", {**options, **keys})
    with pytest.raises(OSError, match=r"127\.0\.0\.1:9"):
        delta.delta_table(storage.events)
