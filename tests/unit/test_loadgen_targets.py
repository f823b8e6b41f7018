"""Targets that need no server: what they write, and what is said when they cannot."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime, timezone
from fractions import Fraction
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pytest

from loadgen.datasets.readings import ReadingSettings, Shares, generate
from loadgen.errors import LoadgenError
from loadgen.phases.schedule import steady_shape
from loadgen.phases.shape import SECOND
from loadgen.report.results import report_json, write_report
from loadgen.targets.base import Block
from loadgen.targets.files import FilesTarget
from tests.loadgen_parts import LineTarget, python_engine

START = 1_780_000_000 * SECOND
START_TIME = datetime.fromtimestamp(1_780_000_000, timezone.utc)
SHARES = Shares(0.1, 0.1, 0.1)


def block(rows: int, until: int = SECOND) -> Block:
    """Return a block of readings."""
    readings = list(islice(generate(ReadingSettings(START_TIME, shares=SHARES)), rows))
    devices = pa.RecordBatch.from_arrays([pa.array([row.device_id for row in readings], pa.string())], ["device_id"])
    return Block(0, until, pa.array([rows]).to_numpy(), devices, pa.array([row.line for row in readings]))


def names(folder: Path) -> list[str]:
    """Return the names in a folder, sorted."""
    return sorted(path.name for path in folder.iterdir())


def test_the_target_does_not_change_the_rows(tmp_path):
    """Files hold exactly the stream's lines, in order; kinds are counted as by any target."""
    files, kept = FilesTarget(tmp_path, "a", 1, max_rows=700), LineTarget()
    shape = steady_shape(Fraction(0), rows=3000, seconds=None, speed=Fraction(1))
    engines = [python_engine(shape, START, target, shares=SHARES) for target in (files, kept)]
    for engine in engines:
        engine.send()
    lines = "".join(path.read_text() for path in sorted(tmp_path.iterdir())).splitlines()
    settings = ReadingSettings(START_TIME, devices=shape.devices, rate=0, shares=SHARES)
    assert lines == kept.lines == [row.line for row in islice(generate(settings), 3000)]
    assert engines[0].kinds() == engines[1].kinds()
    assert engines[1].kinds().total() == 3000


def test_a_file_is_hidden_until_it_is_complete(tmp_path, monkeypatch):
    """An unfinished file begins with a dot; it appears whole."""
    target = FilesTarget(tmp_path / "new", "a", 1)
    seen = []
    replace = Path.replace

    def look(path, final):
        seen.append((names(tmp_path / "new"), len(path.read_text().splitlines())))
        return replace(path, final)

    monkeypatch.setattr(Path, "replace", look)
    target.write(block(10))
    assert seen == [([".part-a-000000001000000.json.tmp"], 10)]
    assert names(tmp_path / "new") == ["part-a-000000001000000.json"]
    assert target.arrived.tolist() == [SECOND]


def test_a_file_appears_at_its_age(tmp_path):
    """After its second, also when few rows have come."""
    target = FilesTarget(tmp_path, "a", 1, interval=SECOND)
    shape = steady_shape(Fraction(10), rows=None, seconds=3, speed=Fraction(1))
    python_engine(shape, START, target, shares=SHARES).send()
    assert [len(path.read_text().splitlines()) for path in sorted(tmp_path.iterdir())] == [10, 10, 10]


def test_files_are_rolled_at_the_number_of_rows(tmp_path):
    """Many rows that are due are cut into files of the given size."""
    target = FilesTarget(tmp_path, "a", 1, interval=60 * SECOND, max_rows=400)
    shape = steady_shape(Fraction(0), rows=1000, seconds=None, speed=Fraction(1))
    python_engine(shape, START, target, shares=SHARES).send()
    assert [len(path.read_text().splitlines()) for path in sorted(tmp_path.iterdir())] == [400, 400, 200]


def test_a_file_is_complete_at_its_rows_before_its_age(tmp_path):
    """Whichever comes first."""
    target = FilesTarget(tmp_path, "a", 1, interval=60 * SECOND, max_rows=100)
    shape = steady_shape(Fraction(100), rows=None, seconds=5, speed=Fraction(1))
    python_engine(shape, START, target, shares=SHARES).send()
    assert [len(path.read_text().splitlines()) for path in sorted(tmp_path.iterdir())] == [100] * 5


def test_two_runs_share_a_folder(tmp_path):
    """Runs with different ids never overwrite each other, even at the same time."""
    targets = [FilesTarget(tmp_path, run_id, 1) for run_id in "ab"]
    for target in targets:
        target.write(block(5))
    for target in targets:
        target.close()
    assert names(tmp_path) == ["part-a-000000001000000.json", "part-b-000000001000000.json"]


def test_a_full_disk_leaves_no_visible_part(tmp_path, monkeypatch):
    """A failed write is named, removes its file, and its rows do not count; it can be offered again."""
    target = FilesTarget(tmp_path, "a", 1)

    def full(path: Path, _data: bytes) -> None:
        path.touch()
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", full)
        with pytest.raises(LoadgenError, match=r"Cannot write files into .*: No space left on device\."):
            target.write(block(5))
    target.close()
    assert list(tmp_path.iterdir()) == []
    assert target.arrived.tolist() == [0]
    target.write(block(5))
    assert len(names(tmp_path)) == 1


def test_a_file_in_the_way_is_named(tmp_path):
    """A folder that cannot be made is an error with its path."""
    (tmp_path / "x").touch()
    with pytest.raises(LoadgenError, match="File exists"):
        FilesTarget(tmp_path / "x", "a", 1)


def test_the_report_has_exactly_its_fields(tmp_path):
    """All kinds are there, zeros too, and nothing else; an old report is replaced, no temporary file stays."""
    write_report(tmp_path / "new", report_json(Counter({"normal": 1})))
    path = write_report(tmp_path / "new", report_json(Counter({"normal": 7, "late": 2})))
    expected = {"sent": 9, "by_kind": {"normal": 7, "late": 2, "duplicate": 0, "corrupt": 0}}
    assert json.loads(path.read_text()) == expected
    assert [entry.name for entry in (tmp_path / "new").iterdir()] == ["report.json"]
    assert json.loads(report_json({}))["sent"] == 0
