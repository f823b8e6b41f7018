"""What `livetables tables` shows of a storage folder, without Java."""

import json
from datetime import date, datetime, timezone
from decimal import Decimal

import pyarrow as pa
import pytest
from deltalake import write_deltalake
from pyspark.sql.types import ArrayType, StringType
from typer.testing import CliRunner

from livetables.cli.app import app
from livetables.events.facts import DatasetDefinition
from livetables.events.log import EventLogWriter
from livetables.events.states import DatasetType
from livetables.show.rows import to_json
from tests.unit.builders import FakeTime, event


@pytest.mark.shows("The table of a dataset that was removed from the code stays, and is inactive")
def test_tables_that_the_newest_update_did_not_define_are_inactive(tmp_path):
    """`livetables tables` marks them; an update that failed before it knew its tables says nothing of them."""
    for name in ("silver", "old", "now_a_view"):
        write_deltalake(str(tmp_path / "tables" / name), pa.table({"id": [1]}))
    marks = []
    log = EventLogWriter(tmp_path / "system" / "events", FakeTime().clock)
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
    """Nobody knows: the log may have been removed."""
    write_deltalake(str(tmp_path / "tables" / "silver"), pa.table({"id": [1]}))
    result = CliRunner().invoke(app, ["tables", "--storage", str(tmp_path), "--json"])
    assert [table["inactive"] for table in json.loads(result.stdout)] == [False]


def test_values_become_json():
    """As whoever reads `--json` expects them: times in UTC, nothing as Python writes it."""
    values = [
        datetime(2026, 1, 2, tzinfo=timezone.utc),
        date(2026, 1, 2),
        b"a",
        Decimal("1.50"),
        ArrayType(StringType()),
    ]
    assert json.loads(to_json(values)) == ["2026-01-02T00:00:00Z", "2026-01-02", "YQ==", "1.50", "array<string>"]
