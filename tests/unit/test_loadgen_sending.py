"""Pacing, targets and the run, with a clock that never waits."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from datetime import datetime, timezone
from itertools import islice
from types import SimpleNamespace

import pytest

from loadgen.pacing import MAX_BATCH, Schedule, batches
from loadgen.report import as_json, write_report
from loadgen.rows import Row, Shares, Stream, generate
from loadgen.sending import send, stop_signals
from loadgen.targets.base import TargetError
from loadgen.targets.files import FilesTarget, Roll
from loadgen.targets.null import NullTarget
from tests.fake_clock import FakeClock

STREAM = Stream(datetime(2026, 11, 21, tzinfo=timezone.utc), shares=Shares(0.1, 0.1, 0.1))


@pytest.fixture
def clock():
    """Return a fake clock."""
    return FakeClock()


def never() -> bool:
    """Nobody asks to stop."""
    return False


def some_rows(count: int) -> list[Row]:
    """Return rows of all kinds."""
    return list(islice(generate(STREAM), count))


@pytest.mark.parametrize("rate", [0.5, 30, 1000, 60_000])
def test_a_duration_sends_rate_times_duration(clock, rate):
    """Rows come at the rate from beginning to end, and as many as rate times duration."""
    sent = 0
    for size in batches(Schedule(rate, duration=10), clock, never):
        sent += size
        assert sent == pytest.approx(rate * min(clock.now() - 1000, 10), abs=1 + 1e-6)
    assert (sent, clock.now()) == (rate * 10, pytest.approx(1010, abs=0.11))


def test_a_number_of_rows_is_met_exactly(clock):
    """`rows` ends the run in the middle of a batch."""
    assert sum(batches(Schedule(1000, rows=12_345), clock, never)) == 12_345
    assert clock.now() == pytest.approx(1012.345, abs=0.1)


def test_rate_zero_never_sleeps(clock):
    """As fast as possible: full batches, no waiting."""
    assert list(batches(Schedule(0, rows=12_000), clock, never)) == [MAX_BATCH, MAX_BATCH, 2000]
    assert clock.now() == 1000


def test_what_a_stall_delayed_is_caught_up(clock):
    """After 3 s without progress, the rows of these 3 s follow without a pause."""
    run = batches(Schedule(1000, duration=60), clock, never)
    next(run)
    clock.sleep(3)
    assert next(run) == 3005  # and those of the 5 ms wait


def test_a_slow_target_does_not_prolong_a_duration(clock):
    """At the end of the duration the run ends, also with rows left."""
    run = batches(Schedule(100_000, duration=5), clock, never)
    sizes = []
    for size in run:
        sizes.append(size)
        clock.sleep(1)
    assert sum(sizes) < 100_000 * 5
    assert clock.now() <= 1007


def test_stopping_ends_the_run_and_closes_the_target(clock, tmp_path):
    """After a stop the file in progress gets its name, and all rows written count."""
    target = FilesTarget(tmp_path, "a", clock, Roll(60, 10**6))
    told: list[int] = []
    send(generate(STREAM), Schedule(100, duration=60), target, clock, told.append, lambda: clock.now() > 1005)
    assert [path.name for path in tmp_path.iterdir()] == ["part-a-000000.json"]
    assert target.delivered.total() == told[-1] == len((tmp_path / "part-a-000000.json").read_text().split("\n")) - 1


def test_a_signal_asks_to_stop_and_the_handlers_come_back():
    """SIGTERM is noted, not obeyed at once; afterwards everything is as before."""
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    with stop_signals() as stopped:
        assert not stopped()
        os.kill(os.getpid(), signal.SIGTERM)
        assert stopped()
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


def test_the_target_does_not_change_the_rows(clock, tmp_path):
    """Files hold exactly the stream's lines, in order; kinds are counted as by the null target."""
    files, null = FilesTarget(tmp_path, "a", clock, Roll(rows=700)), NullTarget()
    for target in (files, null):
        send(generate(STREAM), Schedule(0, rows=3000), target, clock, lambda _: None, never)
    lines = "".join(path.read_text() for path in sorted(tmp_path.iterdir())).splitlines()
    assert lines == [row.line for row in some_rows(3000)]
    assert files.delivered == null.delivered
    assert null.delivered.total() == 3000


def test_a_file_is_hidden_until_it_is_complete(clock, tmp_path):
    """Unfinished files begin with a dot; after its second the file appears whole, even without a new row."""
    target = FilesTarget(tmp_path / "new", "a", clock, Roll(seconds=1))
    target.write(some_rows(10))
    assert [path.name for path in (tmp_path / "new").iterdir()] == [".part-a-000000.json.tmp"]
    assert target.delivered.total() == 0
    clock.sleep(1)
    target.write([])
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["part-a-000000.json"]
    assert target.delivered.total() == 10


def test_files_are_rolled_at_the_number_of_rows(clock, tmp_path):
    """One large batch is cut into files of the given size."""
    target = FilesTarget(tmp_path, "a", clock, Roll(seconds=60, rows=400))
    target.write(some_rows(1000))
    target.close()
    assert [len(path.read_text().splitlines()) for path in sorted(tmp_path.iterdir())] == [400, 400, 200]


def test_two_runs_share_a_folder(clock, tmp_path):
    """Runs with different ids never overwrite each other, even at the same time."""
    targets = [FilesTarget(tmp_path, run_id, clock, Roll()) for run_id in "ab"]
    for target in targets:
        target.write(some_rows(5))
    for target in targets:
        target.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["part-a-000000.json", "part-b-000000.json"]


def test_a_full_disk_leaves_no_visible_part(clock, tmp_path):
    """A failed write is named, removes its file, and its rows do not count."""
    target = FilesTarget(tmp_path, "a", clock, Roll())
    target.write(some_rows(5))

    def full(_text: str) -> None:
        raise OSError(28, "No space left on device")

    real, target._file = target._file, SimpleNamespace(write=full, close=target._file.close)
    with pytest.raises(TargetError, match=r"Cannot write files into .*: No space left on device\."):
        target.write(some_rows(5))
    target.close()
    assert real.closed
    assert list(tmp_path.iterdir()) == []
    assert target.delivered == Counter()


def test_a_file_in_the_way_is_named(clock, tmp_path):
    """A folder that cannot be made is an error with its path."""
    (tmp_path / "x").touch()
    with pytest.raises(TargetError, match="File exists"):
        FilesTarget(tmp_path / "x", "a", clock, Roll())


def test_the_report_has_exactly_its_fields(tmp_path):
    """All kinds are there, zeros too, and nothing else; an old report is replaced, no temporary file stays."""
    write_report(tmp_path / "new", as_json(Counter({"normal": 1})))
    path = write_report(tmp_path / "new", as_json(Counter({"normal": 7, "late": 2})))
    expected = {"sent": 9, "by_kind": {"normal": 7, "late": 2, "duplicate": 0, "corrupt": 0}}
    assert json.loads(path.read_text()) == expected
    assert [entry.name for entry in (tmp_path / "new").iterdir()] == ["report.json"]
    assert json.loads(as_json({}))["sent"] == 0
