"""A steady rate: a shape of one phase, sent by the python engine, with a clock that never waits."""

from __future__ import annotations

import os
import signal
from collections import Counter
from fractions import Fraction
from pathlib import Path

import pytest

from loadgen.datasets.readings import Shares
from loadgen.engines.local import Window
from loadgen.phases.schedule import limited_in_rows, limited_in_time, scaled, steady_shape
from loadgen.phases.shape import SECOND
from loadgen.phases.shape_file import read_shape, shape_of
from loadgen.signals import stop_signals
from loadgen.targets.files import FilesTarget
from tests.loadgen_parts import LineTarget, python_engine

START = 1_780_000_000 * SECOND
SHARES = Shares(0.1, 0.1, 0.1)


def steady(rate, *, rows=None, seconds=None):
    """Return the shape of a steady rate."""
    return steady_shape(Fraction(rate), rows=rows, seconds=seconds, speed=Fraction(1))


def engine_of(shape, target, **settings):
    """Return an engine with rows of all kinds."""
    return python_engine(shape, START, target, shares=SHARES, **settings)


@pytest.mark.parametrize("rate", [0.5, 30, 1000, 60_000])
def test_a_duration_sends_rate_times_duration(rate):
    """Rows come at the rate from beginning to end, and as many as rate times duration."""
    target = LineTarget()
    engine = engine_of(steady(rate, seconds=10), target, window=Window(deadline=10 * SECOND))
    target.on_write = lambda block: moments.append((block.until, engine.now(), len(target.lines)))
    moments = []
    engine.send()
    for until, now, sent in moments:
        assert sent == pytest.approx(rate * until / SECOND, abs=1 + 1e-6)
        assert until <= now <= until + 2 * target.interval or until == 10 * SECOND
    assert (len(target.lines), engine.now()) == (rate * 10, pytest.approx(10 * SECOND, abs=0.11 * SECOND))
    assert engine.complete()


def test_a_number_of_rows_is_met_exactly():
    """`rows` ends the run in the middle of a block."""
    target = LineTarget()
    engine = engine_of(steady(1000, rows=12_345), target)
    engine.send()
    assert len(target.lines) == 12_345
    assert engine.now() == pytest.approx(12.345 * SECOND, abs=0.1 * SECOND)


def test_rate_zero_never_sleeps():
    """As fast as possible: full blocks, no waiting."""
    target = LineTarget()
    target.max_rows = 5000
    sizes = []
    target.on_write = lambda block: sizes.append(len(block.lines))
    engine = engine_of(steady(0, rows=12_000), target)
    engine.send()
    assert sizes == [5000, 5000, 2000]
    assert engine.now() == 0


def test_rate_zero_ends_at_its_duration():
    """After the time, no further block is sent; the run counts as complete."""
    target = LineTarget()
    target.max_rows = 500
    engine = engine_of(steady(0, seconds=5), target, window=Window(deadline=5 * SECOND))
    target.on_write = lambda _block: engine._clock.sleep(1)
    engine.send()
    assert 5 * 500 <= len(target.lines) <= 7 * 500
    assert (engine.failed(), engine.complete()) == (False, True)


def test_what_a_stall_delayed_is_caught_up():
    """After 3 s without progress, the rows of these 3 s follow without a pause."""
    target = LineTarget()
    engine = engine_of(steady(1000, seconds=60), target)
    sizes = []

    def stall(block):
        sizes.append(len(block.lines))
        if len(sizes) == 1:
            engine._clock.sleep(3)

    target.on_write = stall
    engine.send()
    assert 3000 <= max(sizes) <= 3200  # and those of the interval before
    assert len(target.lines) == 60_000


def test_a_slow_target_does_not_prolong_a_duration():
    """At the end of the duration the run ends, also with rows left."""
    target = LineTarget()
    target.max_rows = 5000
    engine = engine_of(steady(100_000, seconds=5), target, window=Window(deadline=5 * SECOND))
    target.on_write = lambda _block: engine._clock.sleep(1)
    engine.send()
    assert len(target.lines) < 100_000 * 5
    assert engine.now() <= 7 * SECOND


def test_stopping_ends_the_run_and_closes_the_target(tmp_path):
    """After a stop all rows written count."""
    target = FilesTarget(tmp_path, "a", 1, interval=SECOND)
    engine = engine_of(steady(100, seconds=60), target)
    write = target.write

    def stop(block):
        write(block)
        if engine.now() > 5 * SECOND:
            engine._stop.set()

    target.write = stop
    engine.send()
    lines = [line for path in tmp_path.iterdir() for line in path.read_text().splitlines()]
    assert all(path.name.startswith("part-a-") for path in tmp_path.iterdir())
    assert 500 <= engine.kinds().total() == len(lines) < 700
    assert not engine.failed()


def test_a_signal_asks_to_stop_and_the_handlers_come_back():
    """SIGTERM is noted, not obeyed at once; afterwards everything is as before."""
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    with stop_signals() as stopped:
        assert not stopped()
        os.kill(os.getpid(), signal.SIGTERM)
        assert stopped()
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


def test_a_resumed_run_sends_the_rest():
    """The rows that had arrived are made again and left out; they count by kind."""
    whole, rest = LineTarget(), LineTarget(arrived=4 * SECOND)
    shape = steady(1000, seconds=10)
    first, second = engine_of(shape, whole), engine_of(shape, rest)
    first.send()
    second.send()
    assert rest.lines == whole.lines[4000:]
    assert second.kinds() == first.kinds()


def test_all_streams_of_a_shape_can_have_rows_of_all_kinds():
    """Each stream has devices of its own, and the rows that its rates give."""
    streams = [{"type": "baseline", "count": 2, "rate": 500}, {"type": "3x", "rate": 1500}]
    phases = [{"from": "0s", "to": "2s", "streams": streams[:1]}, {"from": "2s", "to": "4s", "streams": streams}]
    target = LineTarget(streams=3)
    engine = engine_of(shape_of({"duration": "4s", "phases": phases}), target)
    engine.send()
    assert len(target.lines) == engine.kinds().total() == 4 * 1000 + 2 * 1500
    assert set(engine.kinds()) == {"normal", "late", "duplicate", "corrupt"}
    assert Counter(device is not None for device in target.devices)[True] > 6500
    assert len(set(target.devices) - {None}) == 3 * 10


@pytest.mark.parametrize(("rows", "streams"), [(1, 1), (12_345, 50), (10_000_000, 51)])
def test_any_shape_can_end_after_a_number_of_rows(rows, streams):
    """Exactly, also when rows of several streams fall due at the same moment."""
    shape = limited_in_rows(read_shape(Path("scaling")), rows)
    assert shape.rows == int(shape.due_at(shape.end).sum()) == rows
    assert sum(stream.rows > 0 for stream in shape.streams) == streams


def test_any_shape_can_end_after_a_time():
    """The phases that begin later are left out."""
    shape = limited_in_time(read_shape(Path("scaling")), 200)
    assert [(phase.name, phase.end // SECOND) for phase in shape.phases] == [("baseline", 180), ("3x", 200)]
    assert shape.rows == 200 * 50_000 + 20 * 3000


def test_the_rate_of_any_shape_can_be_given():
    """It is that of the busiest phase; the others change in proportion. With 0 there is no pace."""
    shape = scaled(read_shape(Path("scaling")), Fraction(6200))
    assert [sum(one.rate for one in shape.segments(at)) for at in range(4)] == [5000, 5300, 6200, 5000]
    assert not scaled(shape, Fraction(0)).paced
