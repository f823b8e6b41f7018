"""The rows of a load: a function of seed, stream and number, however they are cut into blocks."""

import json
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from loadgen.datasets.columns import SCHEMA, ColumnRows, lines
from loadgen.phases.shape import DEVICES, SECOND
from loadgen.phases.shape_file import shape_of

START = 1_780_000_000 * SECOND
STREAMS = [{"type": "baseline", "count": 3, "rate": 7}, {"type": "3x", "rate": 100}]
SHAPE = {
    "duration": "20s",
    "phases": [{"from": "0s", "to": "10s", "streams": STREAMS[:1]}, {"from": "10s", "to": "20s", "streams": STREAMS}],
}


def sent(shape, *moments):
    """Return all rows, sent at these seconds of the run, in the order of streams and numbers."""
    rows, blocks = ColumnRows(shape, START), []
    first = np.zeros(len(shape.streams), dtype=np.int64)
    for phase in range(len(shape.phases)):
        for moment in moments:
            end = np.maximum(first, rows.due(phase, round(moment * SECOND)))
            blocks.append(rows.block(phase, first, end))
            first = end
    table = pa.Table.from_batches(blocks)
    return table.sort_by([("stream_id", "ascending"), ("event_timestamp", "ascending")])


def test_rows_do_not_depend_on_when_they_are_sent():
    """So a run that was interrupted goes on without duplicates or holes."""
    shape = shape_of(SHAPE)
    whole = sent(shape, 20)
    assert whole.equals(sent(shape, 0.3, 1.0, 9.99, 10, 10.001, 17, 20))
    assert whole.schema == SCHEMA
    assert whole.num_rows == sum(stream.rows for stream in shape.streams) == 3 * 140 + 1000


def test_streams_and_seeds_have_rows_of_their_own():
    """Equal seeds give equal rows."""
    one, same, other = (sent(shape_of({**SHAPE, "seed": seed}), 20) for seed in (1, 1, 2))
    assert one.equals(same)
    assert pc.mean(pc.equal(one["temperature"], other["temperature"])).as_py() < 0.01
    [first, second] = (one.filter(pc.field("stream_id") == number)["temperature"] for number in (1, 2))
    assert pc.mean(pc.equal(first, second)).as_py() < 0.05


def test_values_are_spread_over_their_ranges():
    """Temperature, humidity and pressure have two decimals; devices take turns."""
    rows = sent(shape_of({**SHAPE, "phases": [{"streams": [{"type": "baseline", "rate": 5000}]}]}), 20)
    ranges = {name: tuple(pc.min_max(rows[name]).as_py().values()) for name in ("temperature", "humidity", "pressure")}
    assert ranges == {"temperature": (5.0, 40.0), "humidity": (20.0, 90.0), "pressure": (980.0, 1040.0)}
    assert abs(pc.mean(rows["temperature"]).as_py() - 22.5) < 0.2
    assert len(pc.unique(rows["device_id"])) == DEVICES


@pytest.mark.parametrize("speed", [Fraction(1), Fraction(10), Fraction(1, 2), Fraction(7, 3)])
def test_event_times_are_those_of_the_shape(speed):
    """Simulated time runs `speed` times as fast as the run; each device's gaps are equal."""
    shape = shape_of(SHAPE, speed=speed)
    rows = sent(shape, 20 / speed).filter(pc.field("stream_id") == 4)
    times = rows["event_timestamp"].cast(pa.int64()).to_numpy() - START
    assert abs(times[0] - 10 * SECOND) <= 1  # microseconds
    assert abs(np.diff(times) - speed * SECOND / 100).max() <= 1
    assert times[-1] < 20 * SECOND


def test_a_line_is_a_json_object_as_the_sensor_pipeline_reads_it():
    """The time is called event_time there."""
    rows = sent(shape_of(SHAPE), 1)
    first = json.loads(lines(rows.combine_chunks().to_batches()[0])[1].as_py())
    assert first == {
        "device_id": "device-001-01",
        "event_time": "2026-05-28T20:26:40.142857Z",
        "stream_type": "baseline",
        "stream_id": 1,
        **{name: rows[name][1].as_py() for name in ("temperature", "humidity", "pressure")},
    }


def test_all_lines_say_what_the_columns_say():
    """Each value that there is, as the shortest text of its number; times to the microsecond, also on whole seconds."""
    streams = [{"type": "baseline", "count": 3, "rate": 10_000}, {"type": "9x", "rate": 7}]
    rows = sent(shape_of({"duration": "3s", "phases": [{"streams": streams}]}), 3)
    [batch] = rows.combine_chunks().to_batches()
    found = lines(batch).to_pylist()
    times = batch["event_timestamp"].cast(pa.timestamp("us")).cast(pa.string()).to_pylist()
    for line, row, time in zip(found, batch.drop_columns(["event_timestamp"]).to_pylist(), times, strict=True):
        expected = {"device_id": row.pop("device_id"), "event_time": f"{time.replace(' ', 'T')}Z", **row}
        assert json.loads(line) == expected
        assert line == json.dumps(expected, separators=(",", ":")).replace(".0,", ",")
    assert any(".000000Z" in line for line in found)
    assert len(set(batch["pressure"].to_pylist())) > 5900
