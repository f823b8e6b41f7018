"""Rows that are read back from a target: those that were sent, whatever else is there."""

import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from loadgen.datasets.columns import SCHEMA, ColumnRows
from loadgen.errors import LoadgenError
from loadgen.phases.shape import SECOND
from loadgen.phases.shape_file import shape_of
from loadgen.report.analysis import Summary, problems
from loadgen.report.readback import read_back
from loadgen.targets.opening import Delta, Files, Null, Opening, Roll, open_target
from tests.fake_clock import FakeClock
from tests.loadgen_parts import native_engine

START = 1_780_000_000 * SECOND
BASELINE = {"type": "baseline", "count": 2, "rate": 20}
SHAPE = shape_of(
    {
        "duration": "6s",
        "phases": [
            {"name": "one", "from": "0s", "to": "3s", "streams": [BASELINE]},
            {"name": "two", "from": "3s", "to": "6s", "streams": [BASELINE, {"type": "3x", "rate": 60}]},
        ],
    }
)


def send(address, run_id="run", start=START):
    """Send the whole load, in blocks of half a second where the target lets that be said."""
    target = open_target(address, SHAPE, Opening(run_id, roll=Roll(seconds=0.5)))
    engine = native_engine(SHAPE, start, target, FakeClock())
    engine.send()
    assert not engine.failed()


def sent():
    """Return the rows that were sent, in the order of `by_row`."""
    rows, first, blocks = ColumnRows(SHAPE, START), np.zeros(3, dtype=np.int64), []
    for phase, part in enumerate(SHAPE.phases):
        end = rows.due(phase, part.end)
        blocks.append(rows.block(phase, first, end))
        first = end
    return by_row(blocks)


def by_row(batches):
    """Return rows by stream and time."""
    table = pa.Table.from_batches(batches, SCHEMA)
    return table.sort_by([("stream_id", "ascending"), ("event_timestamp", "ascending")])


def rows_at(address, run_id="run", told=None):
    """Return what is read back."""
    progress = None if told is None else lambda *numbers: told.append(numbers)
    return list(read_back(address, run_id, SHAPE, {}, progress))


@pytest.fixture(params=[Delta, Files])
def address(request, tmp_path):
    """Each place that needs no server."""
    return request.param(tmp_path / "target")


def test_what_was_sent_is_read_back(address):
    """All rows to the last bit, and of each device in the order of their time."""
    send(address)
    told = []
    batches = rows_at(address, told=told)
    assert by_row(batches).equals(sent())
    assert told[-1] == (420, 0)
    summary = Summary(SHAPE, START)
    for batch in batches:
        summary.add(batch)
    assert [problems(group) for group in summary.groups()] == [[], [], []]


def test_another_run_in_the_same_place_is_no_part_of_this_one(address):
    """Files say whose they are, also when a run's id begins with that of another; tables are told apart by time."""
    send(address)
    send(address, "run-2", START + 10 * SECOND)
    summary = Summary(SHAPE, START)
    for batch in rows_at(address):
        summary.add(batch)
    assert [problems(group) for group in summary.groups()] == [[], [], []]


@pytest.mark.parametrize(
    "spoiled",
    [
        b"null",
        b"[1]",
        b"no JSON",
        b'{"device_id":"device-001-01","event_time":"2026-05',
        b'{"device_id":"device-001-01","event_time":"yesterday"}',
        b'{"device_id":"device-001-01","temperature":"warm"}',
        b'{"device_id":"\xff"}',
        b'{"stream_id":1} {"stream_id":2}',
    ],
)
def test_lines_that_are_no_rows_are_left_out_and_counted(tmp_path, spoiled):
    """Wherever they are in a file; all others are read."""
    send(Files(tmp_path))
    [first, *_, last] = sorted(tmp_path.iterdir())
    first.write_bytes(spoiled + b"\n" + first.read_bytes())
    lines = last.read_bytes().splitlines()
    last.write_bytes(b"\n".join([*lines[:7], spoiled, spoiled, *lines[7:], spoiled]))
    told = []
    assert by_row(rows_at(Files(tmp_path), told=told)).equals(sent())
    assert told[-1] == (420, 4)


def test_a_line_without_some_columns_is_a_row_with_nulls(tmp_path):
    """So the analysis can count them; columns that rows do not have are not read."""
    name = f"part-run-{SECOND:015}.json"
    (tmp_path / name).write_text('{"device_id":"a","event_time":"2026-05-28T20:26:40Z","other":{"x":[1]}}\n')
    [batch] = rows_at(Files(tmp_path))
    [row] = batch.to_pylist()
    assert (row["device_id"], row["event_timestamp"].isoformat()) == ("a", "2026-05-28T20:26:40+00:00")
    assert [name for name, value in row.items() if value is None] == SCHEMA.names[2:]


def test_a_folder_without_files_of_the_run_has_no_rows(tmp_path):
    """The run may have been stopped before its first file."""
    send(Files(tmp_path), "another")
    assert rows_at(Files(tmp_path)) == []


def test_a_table_that_is_gone_is_named(tmp_path):
    """In one sentence."""
    send(Delta(tmp_path))
    shutil.rmtree(tmp_path / "stream_table_002")
    with pytest.raises(LoadgenError, match=r"^Cannot read Delta table .*/stream_table_002: .+\.$"):
        rows_at(Delta(tmp_path))


def test_a_table_that_has_lost_a_file_is_named(tmp_path):
    """Rows are never left out in silence."""
    send(Delta(tmp_path))
    next((tmp_path / "stream_table_001").glob("*.parquet")).unlink()
    with pytest.raises(LoadgenError, match=r"^Cannot read Delta table .*/stream_table_001: .+not found.+\.$"):
        rows_at(Delta(tmp_path))


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        (Null(), "The target null keeps no rows: there is nothing to read back."),
        (Files(Path("/nowhere")), "Cannot read files in /nowhere: there is no such folder."),
    ],
)
def test_a_place_that_has_nothing_to_read_is_an_error(address, sentence):
    """It is not the same as a place without rows."""
    with pytest.raises(LoadgenError) as caught:
        rows_at(address)
    assert str(caught.value) == sentence
