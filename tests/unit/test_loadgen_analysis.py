"""What arrived at a target, counted by phase and stream type: what the numbers of a run's report mean."""

import json
import random
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from rich.console import Console

from loadgen.datasets.columns import SCHEMA, ColumnRows
from loadgen.phases.shape import SECOND
from loadgen.phases.shape_file import shape_of
from loadgen.report import analysis
from loadgen.report.analysis import Summary, as_table, problems

START = 1_780_000_000 * SECOND
BASELINE = {"type": "baseline", "count": 3, "rate": 7}
SHAPE = {
    "duration": "60s",
    "phases": [
        {"name": "slow", "from": "5s", "to": "20s", "streams": [BASELINE]},
        {"name": "fast", "from": "20s", "to": "30s", "streams": [{**BASELINE, "rate": 31}, {"type": "3x", "rate": 90}]},
        {"name": "silence", "from": "30s", "to": "40s", "streams": [{"type": "3x", "rate": 0}]},
        {"name": "end", "from": "50s", "to": "60s", "streams": [BASELINE]},
    ],
}


def rows_of(shape, start=START):
    """Return all rows of a load, those of a phase after those of the one before."""
    rows, first, blocks = ColumnRows(shape, start), np.zeros(len(shape.streams), dtype=np.int64), []
    for phase, part in enumerate(shape.phases):
        end = rows.due(phase, part.end)
        blocks.append(rows.block(phase, first, end))
        first = end
    return pa.concat_batches(blocks)


def groups_of(shape, *batches, start=START):
    """Return the groups of some batches, by phase and type."""
    summary = Summary(shape, start)
    for batch in batches:
        summary.add(batch)
    return {(group["phase"], group["stream_type"]): group for group in summary.groups()}


def without(batch, *rows):
    """Return a batch without the rows at these places."""
    return batch.take(pa.array([at for at in range(batch.num_rows) if at not in rows]))


def with_column(batch, name, values):
    """Return a batch with other values in a column."""
    at = SCHEMA.get_field_index(name)
    return batch.set_column(at, SCHEMA.field(at), pa.array(values, SCHEMA.field(at).type))


def places(batch, device, phase_begin=0):
    """Return the places of a device's rows that are later than the given seconds of the run."""
    after = pa.scalar(START + phase_begin * SECOND).cast(SCHEMA.field("event_timestamp").type)
    mask = pc.and_(pc.equal(batch["device_id"], device), pc.greater_equal(batch["event_timestamp"], after))
    return np.flatnonzero(mask.to_numpy(zero_copy_only=False)).tolist()


@pytest.mark.parametrize("speed", [Fraction(1), Fraction(10), Fraction(1, 2), Fraction(7, 3)])
def test_a_load_that_arrived_as_a_whole_has_no_problems(speed):
    """Other rates in other phases, a pause, and a phase in which a stream has no rows are no gaps."""
    shape = shape_of(SHAPE, speed=speed)
    groups = groups_of(shape, rows_of(shape))
    assert [(key, problems(group)) for key, group in groups.items()] == [
        (("slow", "baseline"), []),
        (("fast", "baseline"), []),
        (("fast", "3x"), []),
        (("silence", "3x"), []),
        (("end", "baseline"), []),
    ]
    assert sum(group["rows"] for group in groups.values()) == sum(stream.rows for stream in shape.streams)
    assert groups["fast", "3x"]["max_gap_seconds"] == pytest.approx(float(speed * 10 / 90), abs=2e-6)


def test_rows_in_batches_of_any_size_give_the_same_groups(monkeypatch):
    """What is counted does not depend on how a target cuts its rows."""
    shape = shape_of(SHAPE)
    rows = rows_of(shape)
    whole = groups_of(shape, rows)
    monkeypatch.setattr(analysis, "FOLD_ROWS", 50)
    cut = groups_of(shape, *(rows.slice(at, 17) for at in range(0, rows.num_rows, 17)))
    for group in whole.values():
        group["temperature"] = pytest.approx(group["temperature"])
    assert cut == whole


def test_a_checksum_tells_streams_apart_that_differ_in_one_row():
    """And says nothing of the order of the rows."""
    shape = shape_of(SHAPE)
    rows = rows_of(shape)
    sums = []
    for batch in (rows, rows.take(pa.array(np.arange(rows.num_rows)[::-1])), rows.slice(1), rows.slice(0, 0)):
        summary = Summary(shape, START)
        summary.add(batch)
        sums.append(summary.streams())
    whole, backwards, less, none = sums
    assert whole == backwards
    assert {number: one["rows"] for number, one in whole.items()} == {
        stream.stream_id: stream.rows for stream in shape.streams if stream.rows
    }
    first = rows["stream_id"][0].as_py()
    assert [number for number in whole if whole[number] != less[number]] == [first]
    assert len({one["checksum"] for one in whole.values()}) == len(whole)
    assert none == {}


def test_a_load_of_which_nothing_arrived_still_has_its_groups():
    """They say what was expected; the report is JSON, with null where there is nothing to measure."""
    shape = shape_of(SHAPE)
    groups = groups_of(shape)
    assert json.loads(json.dumps(groups["fast", "3x"])) == {
        "phase": "fast",
        "stream_type": "3x",
        "rows": 0,
        "expected_rows": 900,
        "devices": 0,
        "expected_devices": 10,
        "nulls": dict.fromkeys(SCHEMA.names, 0),
        "duplicates": 0,
        "missing": 0,
        "gaps": 0,
        "max_gap_seconds": None,
        "out_of_range": {"temperature": 0, "humidity": 0, "pressure": 0},
        "temperature": {"min": None, "mean": None, "max": None, "stddev": None},
    }
    assert problems(groups["fast", "3x"]) == ["too few rows: 900", "too few devices: 10"]
    assert problems(groups["silence", "3x"]) == []


def test_a_stream_with_few_rows_has_few_devices():
    """Devices take turns: of four rows each has a device of its own, and six devices never speak."""
    shape = shape_of({"duration": "4s", "phases": [{"streams": [{"type": "baseline", "rate": 1}]}]})
    [group] = groups_of(shape, rows_of(shape)).values()
    assert (group["devices"], group["expected_devices"], group["max_gap_seconds"]) == (4, 4, None)


def test_rows_between_others_that_did_not_arrive_are_missing():
    """Two holes, of one row and of three."""
    shape = shape_of(SHAPE)
    rows = rows_of(shape)
    device = places(rows, "device-004-03")
    group = groups_of(shape, without(rows, device[5], *device[10:13]))["fast", "3x"]
    assert (group["rows"], group["missing"], group["gaps"]) == (896, 4, 2)
    assert group["max_gap_seconds"] == pytest.approx(4 * 10 / 90, abs=2e-6)
    assert problems(group) == ["too few rows: 4", "missing: 4", "gaps: 2"]


def test_a_hole_over_the_end_of_a_phase_is_seen_in_the_rows():
    """There the time between two events says nothing, so it is no gap; the rows of both phases are too few."""
    shape = shape_of(SHAPE)
    rows = rows_of(shape)
    early, late = places(rows, "device-001-00"), places(rows, "device-001-00", 20)
    groups = groups_of(shape, without(rows, early[early.index(late[0]) - 1], late[0]))
    assert problems(groups["slow", "baseline"]) == problems(groups["fast", "baseline"]) == ["too few rows: 1"]


def test_rows_that_come_again_are_duplicates(monkeypatch):
    """Also in a later batch; they make no gap, and the rows after them are not late."""
    shape = shape_of(SHAPE)
    rows = rows_of(shape)
    [again] = (places(rows, "device-004-03")[20:24],)
    for fold in (10, 10_000):
        monkeypatch.setattr(analysis, "FOLD_ROWS", fold)
        for end in (again[-1] + 1, rows.num_rows):
            group = groups_of(shape, rows[:end], rows.take(pa.array(again)), rows[end:])["fast", "3x"]
            assert (group["rows"], group["duplicates"], group["missing"]) == (904, 4, 0)
            assert problems(group) == ["too many rows: 4", "duplicates: 4"]


def test_rows_in_the_wrong_order_count_as_duplicates():
    """All targets keep a device's order, so a row that is not later than the one before it is wrong."""
    shape = shape_of(SHAPE)
    rows = rows_of(shape)
    order = list(range(rows.num_rows))
    one, two = places(rows, "device-004-03")[20:22]
    order[one], order[two] = two, one
    group = groups_of(shape, rows.take(pa.array(order)))["fast", "3x"]
    assert (group["rows"], group["duplicates"], group["missing"], group["gaps"]) == (900, 1, 1, 1)


def test_nulls_and_values_out_of_range_are_counted_by_column():
    """A value that is not a number is out of range, and not a part of the mean."""
    shape = shape_of({"duration": "4s", "phases": [{"streams": [{"type": "baseline", "rate": 2}]}]})
    rows = with_column(rows_of(shape), "temperature", [4.99, 5, 40, 40.01, None, float("nan"), 20, 20])
    rows = with_column(rows, "humidity", [19.99, 90, 90.01, 20, 20, 20, None, None])
    rows = with_column(rows, "device_id", [*rows["device_id"].to_pylist()[:7], None])
    [group] = groups_of(shape, rows).values()
    assert {name: count for name, count in group["nulls"].items() if count} == {
        "temperature": 1,
        "humidity": 2,
        "device_id": 1,
    }
    assert group["out_of_range"] == {"temperature": 3, "humidity": 2, "pressure": 0}
    assert (group["rows"], group["devices"], group["duplicates"]) == (8, 7, 0)
    values = np.array([4.99, 5, 40, 40.01, 20, 20])
    expected = {"min": 4.99, "mean": values.mean(), "max": 40.01, "stddev": values.std()}
    assert group["temperature"] == pytest.approx(expected)
    json.dumps(group, allow_nan=False)


def test_rows_of_other_times_are_of_other_runs():
    """A topic or a table may hold several; a run's time ends before its first microsecond after the last phase."""
    shape = shape_of(SHAPE)
    groups = groups_of(shape, rows_of(shape, START - 60 * SECOND), rows_of(shape), rows_of(shape, START + 60 * SECOND))
    assert groups == groups_of(shape, rows_of(shape))


def test_rows_without_a_time_have_a_group_of_their_own():
    """It is unknown which phase they belong to."""
    shape = shape_of(SHAPE)
    rows = rows_of(shape)
    times = rows["event_timestamp"].cast(pa.int64()).to_pylist()
    at = places(rows, "device-004-03")[8]
    groups = groups_of(shape, with_column(rows, "event_timestamp", [*times[:at], None, *times[at + 1 :]]))
    lost = groups[None, "3x"]
    assert (lost["rows"], lost["expected_rows"], lost["nulls"]["event_timestamp"], lost["duplicates"]) == (1, 0, 1, 0)
    assert problems(groups["fast", "3x"]) == ["too few rows: 1", "missing: 1", "gaps: 1"]


def test_rows_of_types_that_the_shape_does_not_have_are_shown():
    """They come after those of the shape, by phase."""
    shape = shape_of(SHAPE)
    rows = rows_of(shape)
    types = ["9x" if name == "3x" else name for name in rows["stream_type"].to_pylist()]
    groups = groups_of(shape, with_column(rows, "stream_type", types))
    assert list(groups)[1:4] == [("fast", "baseline"), ("fast", "3x"), ("fast", "9x")]
    assert problems(groups["fast", "9x"]) == ["too many rows: 900", "too many devices: 10"]


def test_the_counts_are_those_of_a_plain_loop(monkeypatch):
    """Over a load with rows left out, repeated and swapped at random, in batches."""
    chance, shape = random.Random(7), shape_of(SHAPE)
    rows = rows_of(shape)
    order = [at for at in range(rows.num_rows) for _ in range(chance.choice([0, 1, 1, 1, 1, 1, 1, 2]))]
    for _ in range(30):
        at = chance.randrange(len(order) - 40)
        order[at], order[at + 40] = order[at + 40], order[at]
    monkeypatch.setattr(analysis, "FOLD_ROWS", 300)
    rows = rows.take(pa.array(order))
    found = groups_of(shape, *(rows.slice(at, 71) for at in range(0, rows.num_rows, 71)))
    counts = {key: [0, 0, 0, 0] for key in found}
    latest = {}
    intervals = {("slow", "baseline"): 10 / 7, ("fast", "baseline"): 10 / 31, ("fast", "3x"): 10 / 90}
    for row in rows.to_pylist():
        at = row["event_timestamp"].timestamp() - START / SECOND
        phase = "slow" if at < 20 else "fast" if at < 30 else "end"
        key, (before, before_phase) = (phase, row["stream_type"]), latest.get(row["device_id"], (-1, ""))
        counts[key][0] += 1
        counts[key][1] += at <= before
        if at > before:
            latest[row["device_id"]] = (at, phase)
            if before_phase == phase:
                holes = round((at - before) / intervals.get(key, 10 / 7)) - 1
                counts[key][2] += holes
                counts[key][3] += holes > 0
    expected = {
        key: [group[name] for name in ("rows", "duplicates", "missing", "gaps")] for key, group in found.items()
    }
    assert expected == counts
    assert all(counts["fast", "baseline"])
    assert all(counts["fast", "3x"])


def test_the_table_shows_what_is_wrong():
    """A line for each group; problems in words, so that they are seen without colours too."""
    shape = shape_of(SHAPE)
    rows = rows_of(shape)
    summary = Summary(shape, START)
    summary.add(without(rows, places(rows, "device-004-03")[8]))
    console = Console(width=110)
    with console.capture() as screen:
        console.print(as_table(summary.groups()))
    lines = [line.split("  ") for line in screen.get().splitlines()]
    cells = [[cell.strip() for cell in line if cell.strip()] for line in lines]
    assert ["fast", "3x", "899", "900", "10", "0.222 s", "too few rows: 1, missing: 1, gaps: 1"] in cells
    assert ["slow", "baseline", "315", "315", "30", "1.429 s", "-"] in cells
