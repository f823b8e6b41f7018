"""The native engine: an open-loop schedule, also into a target that is slow, that refuses, or that had rows before."""

from threading import Event

import numpy as np
import pyarrow as pa
import pytest

from loadgen.datasets.columns import ColumnRows
from loadgen.engines import local
from loadgen.engines.local import LocalEngine
from loadgen.engines.native import ColumnSource
from loadgen.errors import target_error
from loadgen.phases.shape import SECOND
from loadgen.phases.shape_file import shape_of
from loadgen.report.record import Record
from loadgen.targets.base import Target
from tests.fake_clock import FakeClock
from tests.loadgen_parts import native_engine

START = 1_780_000_000 * SECOND
STREAMS = [{"type": "baseline", "count": 3, "rate": 70}, {"type": "3x", "rate": 1000}]
SHAPE = shape_of(
    {
        "duration": "40s",
        "phases": [
            {"name": "one", "from": "0s", "to": "10s", "streams": STREAMS[:1]},
            {"name": "two", "from": "10s", "to": "20s", "streams": STREAMS},
            {"name": "three", "from": "30s", "to": "40s", "streams": STREAMS[:1]},
        ],
    }
)
ALL = [stream.rows for stream in SHAPE.streams]


class Target(Target):
    """Keeps blocks; takes none while `busy` says so, and refuses while `broken` does (seconds of the run)."""

    max_rows = 500

    def __init__(self, clock, *, busy=(0, 0), broken=(0, 0), arrived=(0, 0, 0, 0)) -> None:
        super().__init__(np.array(arrived, dtype=np.int64))
        self.blocks = []
        self.moments = []
        self.clock, self.busy, self.broken = clock, busy, broken
        self.stop = lambda: None

    def within(self, span):
        """Return whether the run is in this span."""
        return span[0] <= self.clock.now() - 1000 < span[1]

    def ready(self):
        """Take none while busy."""
        return not self.within(self.busy)

    def write(self, block):
        """Keep it."""
        if self.within(self.broken):
            self.stop()
            raise target_error("It is broken.")
        self.blocks.append(block)
        self.moments.append(self.clock.now() - 1000)
        self._all_arrived(block.until)

    @property
    def rows(self):
        """Return all rows, by stream and time."""
        return by_stream(pa.Table.from_batches([block.rows for block in self.blocks]))


def by_stream(table):
    """Return rows in one order."""
    return table.sort_by([("stream_id", "ascending"), ("event_timestamp", "ascending")])


def engine_of(target, clock):
    """Return an engine and what records its run; it looks whenever a block is written."""
    engine = native_engine(SHAPE, START, target, clock)
    record = Record(SHAPE, engine)
    write = target.write

    def recorded(block):
        record.update()
        write(block)
        record.update()

    target.write = recorded
    return engine, record


def run(**target_options):
    """Run the whole load against a target; return target, record, engine."""
    clock = FakeClock()
    target = Target(clock, **target_options)
    engine, record = engine_of(target, clock)
    engine.send()
    return target, record, engine


def test_each_row_is_sent_once_and_when_it_is_due():
    """No row comes early, and none more than an interval late; also those of the phases' last moments."""
    target, record, engine = run()
    assert ALL == [target.rows.filter(pa.compute.field("stream_id") == n + 1).num_rows for n in range(len(ALL))]
    rows = target.rows.select(["device_id", "event_timestamp"]).to_pylist()
    assert len({(row["device_id"], row["event_timestamp"]) for row in rows}) == sum(ALL)
    for block, moment in zip(target.blocks, target.moments, strict=True):
        assert block.until <= round(moment * SECOND) <= block.until + 2 * target.interval
    assert [(one.sent_rows, one.target_rows) for one in record.phases()] == [(2100, 2100), (12100, 12100), (2100, 2100)]
    assert not engine.failed()


def test_a_slow_target_shows_as_lag_and_loses_nothing():
    """Blocked for 8 s in the second phase: that phase has the lag, and all is caught up in blocks of bounded size."""
    target, record, _ = run(busy=(11, 19))
    assert sum(ALL) == target.rows.num_rows == sum(one.sent_rows for one in record.phases())
    one, two, three = record.phases()
    assert one.max_lag_seconds < 0.5
    assert 7.5 < two.max_lag_seconds < 8.5
    assert three.max_lag_seconds < 0.5  # the silence between 20 and 30 s is no lag
    assert max(block.rows.num_rows for block in target.blocks) <= target.max_rows + len(ALL)
    assert max(sample.due_rows - sample.sent_rows for sample in record.samples) > 7 * 1210


def test_the_rate_of_a_phase_is_that_of_its_rows():
    """Those of the first phase take 8 s longer than they should; those of the second catch up."""
    _, record, _ = run(busy=(9, 17))
    one, two, three = (group.actual_rate for group in record.groups() if group.stream_type == "baseline")
    assert one == pytest.approx(2100 / 17, rel=0.02)
    assert two == pytest.approx(2100 / 3, rel=0.1)
    assert three == pytest.approx(210, rel=0.02)


def test_a_target_that_refuses_is_asked_again():
    """For half a minute; then everything arrives, once."""
    target, record, engine = run(broken=(5, 35))
    assert sum(ALL) == target.rows.num_rows
    assert not engine.failed()
    assert not engine.trouble()
    assert max(one.max_lag_seconds for one in record.phases()) == pytest.approx(30, abs=1.5)


def test_a_target_that_refuses_for_long_ends_the_run():
    """The cause is kept, and what had arrived before is counted."""
    target, record, engine = run(broken=(5, 10_000))
    assert engine.failed()
    assert engine.trouble() == "It is broken."
    assert target.clock.now() - 1000 == pytest.approx(5 + local.OUTAGE_SECONDS, abs=2)
    assert sum(one.sent_rows for one in record.phases()) == target.rows.num_rows == pytest.approx(210 * 5, abs=50)


def test_a_fault_of_the_generator_is_a_failure():
    """It must not look like a run that ended well."""
    clock = FakeClock()
    target = Target(clock)
    target.write = {}.__getitem__
    engine = native_engine(SHAPE, START, target, clock)
    with pytest.raises(TypeError):
        engine.send()
    assert engine.failed()
    assert "The generator itself failed: TypeError" in engine.trouble()


def test_a_stop_is_heard_while_the_target_refuses():
    """A user who presses Ctrl-C in an outage does not wait for its end."""
    clock = FakeClock()
    target = Target(clock, broken=(5, 10_000))
    engine, record = engine_of(target, clock)
    target.stop = engine._stop.set
    engine.send()
    assert engine.failed()
    assert clock.now() - 1000 < 10
    results = record.phases()
    clock.sleep(100)  # what would have been due since then does not count
    assert record.phases() == results


def test_a_run_goes_on_where_each_stream_was():
    """Streams that were further than others are not sent twice."""
    whole, _, _ = run()
    arrived = [3 * SECOND, 12 * SECOND + 7, 12 * SECOND + 7, 15 * SECOND]
    rest, _, _ = run(arrived=arrived)
    rows, first, before = ColumnRows(SHAPE, START), np.zeros(len(ALL), dtype=np.int64), []
    for phase in range(len(SHAPE.phases)):
        end = np.maximum(first, np.minimum(rows.due(phase, SHAPE.end), SHAPE.due(np.array(arrived))))
        before.append(rows.block(phase, first, end))
        first = end
    assert by_stream(pa.concat_tables([pa.Table.from_batches(before), rest.rows])).equals(whole.rows.combine_chunks())


def test_a_target_is_asked_what_has_arrived_while_rows_are_made():
    """Else rows that are made slowly would look like a target that does not answer."""
    clock, asked = FakeClock(), Event()
    target = Target(clock)
    source = ColumnSource(SHAPE, START, as_lines=False)
    due, calls = source.due, []

    def ready():
        calls.append(1)
        if len(calls) > 1:
            asked.set()
        return True

    def slow(*moment):
        assert asked.wait(10)
        return due(*moment)

    target.ready, source.due = ready, slow
    engine = LocalEngine(SHAPE, source, target, clock)
    clock.sleep(1)
    engine.send()
    assert sum(ALL) == target.rows.num_rows
