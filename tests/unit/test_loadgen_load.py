"""`python -m loadgen run` as a whole: what it accepts, sends and says, how it ends and goes on."""

import csv
import json
import runpy
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from deltalake import DeltaTable
from typer.testing import CliRunner

from loadgen import load
from loadgen.cli import app
from loadgen.phases.preview import show_phases
from loadgen.phases.shape import SECOND
from loadgen.phases.shape_file import read_shape
from loadgen.plan import Plan
from loadgen.targets.opening import Null, Tables
from tests.loadgen_parts import PHASES, in_tables, lines_in, run

#: Of each table, at 5x.
ROWS = {"stream_table_001": 200, "stream_table_002": 100, "stream_table_3x_scale": 300}


@pytest.fixture
def shape(tmp_path):
    """Return a file of two short phases: 3,000 rows in a second."""
    file = tmp_path / "shape.yml"
    file.write_text(PHASES)
    return file


def samples_in(report):
    """Return the lines of seconds.csv."""
    return list(csv.DictReader((report / "seconds.csv").read_text().splitlines()))


def test_a_run_reports_its_phases(shape, tmp_path):
    """The report has rows, rates and lag of each phase; the samples lead from the first row to the last."""
    result = run("--phases", shape, "--target", "null", "--report", tmp_path / "report")
    assert (result.exit_code, result.stderr) == (0, "")
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert (report["sent"], report["by_kind"]["normal"]) == (3000, 3000)
    assert [("calm", 2, 1000, 1000), ("busy", 2, 2000, 2000)] == [
        (one["name"], one["streams"], one["target_rows"], one["sent_rows"]) for one in report["phases"]
    ]
    assert all(0 <= one["max_lag_seconds"] < 5 for one in report["phases"])
    samples = samples_in(tmp_path / "report")
    assert samples[-1]["sent_rows"] == samples[-1]["due_rows"] == "3000"
    assert "calm" in result.stdout


def test_files_hold_the_rows(shape, tmp_path):
    """JSON lines as the sensor pipeline reads them; no hidden file is left."""
    assert run("--phases", shape, "--target", f"files:{tmp_path / 'in'}", "--roll", "200ms").exit_code == 0
    files = sorted((tmp_path / "in").iterdir())
    assert len(files) >= 4
    assert all(file.name.startswith("part-") and file.suffix == ".json" for file in files)
    rows = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    assert len({(row["device_id"], row["event_time"]) for row in rows}) == len(rows) == 3000


def test_each_stream_has_a_delta_table(shape, tmp_path):
    """Named as in the mission, with the rows of the shape; a second run adds its own."""
    for runs in (1, 2):
        assert run("--phases", shape, "--target", f"delta:{tmp_path / 'tables'}", "--speed", "5x").exit_code == 0
        assert in_tables(tmp_path / "tables") == {name: (rows * runs, rows * runs) for name, rows in ROWS.items()}


def test_the_same_seed_and_start_give_the_same_rows(shape, tmp_path):
    """Whatever the target; another seed gives others."""
    rows = {}
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        options = ("--seed", seed, "--start", "2026-06-21T11:00:00Z", "--speed", "5x")
        assert run("--phases", shape, "--target", f"files:{tmp_path / name}", *options).exit_code == 0
        rows[name] = lines_in(tmp_path / name)
    assert rows["a"] == rows["b"] != rows["c"]


def test_ctrl_c_prints_the_result_and_the_run_goes_on(shape, tmp_path):
    """Exit code 0, and `--resume` sends the rest: each row once."""
    shape.write_text(PHASES.replace("500ms", "60s").replace("duration: 1s", "duration: 2m").replace("1s,", "2m,"))
    options = ["--phases", shape, "--roll", "100ms", "--speed", "60x", "--start", "2026-06-21T11:00:00Z"]
    where = ["--target", f"files:{tmp_path / 'in'}", "--report", tmp_path]
    command = [sys.executable, "-m", "loadgen", "run", *map(str, [*options, *where])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        _await(tmp_path / "run.json")
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "calm" in said
    before = json.loads((tmp_path / "report.json").read_text())["sent"]
    assert before == len(lines_in(tmp_path / "in")) < 6000
    with (tmp_path / "seconds.csv").open("a") as file:
        file.write("1000.0,9")  # as after a crash
    assert run(*options, *where, "--resume").exit_code == 0
    assert json.loads((tmp_path / "report.json").read_text())["sent"] == 6000
    samples = [(float(one["at"]), int(one["sent_rows"])) for one in samples_in(tmp_path)]
    assert samples == sorted(set(samples))
    assert samples[-1][1] == 6000
    assert run(*options, "--target", f"files:{tmp_path / 'whole'}").exit_code == 0
    assert lines_in(tmp_path / "in") == lines_in(tmp_path / "whole")
    again = run(*options, *where, "--resume")
    assert again.exit_code == 2
    assert "has sent all its rows" in again.stderr


class LateEngine:
    """Knows the time of the run when it has started, as Spark's does: 1,000 s."""

    seconds = 0
    feed = None

    def start(self):
        """Start."""
        self.seconds = 1000

    def now(self):
        """Return the time."""
        return self.seconds * SECOND

    def arrived(self):
        """Return that nothing has arrived."""
        return np.zeros(3, dtype=np.int64)

    def __getattr__(self, name):
        return dict


def test_the_time_of_a_run_is_asked_for_when_it_runs(shape, tmp_path, monkeypatch):
    """`began` of run.json, by which others place what they see, is that of the engine's clock."""
    monkeypatch.setattr(load, "_open", lambda *_: LateEngine())
    one = load.Load(Plan(read_shape(shape), Null(), "spark", 0, report=tmp_path))
    one.start()
    one.stop_all_streams()
    began = json.loads((tmp_path / "run.json").read_text())["began"]
    assert time.time() - began == pytest.approx(1000, abs=100)
    assert [float(sample["at"]) for sample in samples_in(tmp_path)] == [1000]


def _await(file: Path) -> None:
    """Wait for a file, for at most 20 s."""
    tick = threading.Event()
    for _ in range(400):
        if file.exists():
            return
        tick.wait(0.05)
    raise AssertionError(file)


def test_a_steady_run_is_resumed(tmp_path):
    """Each row once, and the kinds of all rows are counted, as in a run without a stop."""
    options = ["--rate", 2000, "--rows", 5000, "--late", 0.1, "--corrupt", 0.1, "--start", "2026-06-21T11:00:00Z"]
    where = ["--target", f"files:{tmp_path / 'in'}", "--report", tmp_path, "--roll", "200ms"]
    command = [sys.executable, "-m", "loadgen", "run", *map(str, [*options, *where])]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _await(tmp_path / "run.json")
        process.send_signal(signal.SIGINT)
    assert len(lines_in(tmp_path / "in")) < 5000
    assert run(*options, *where, "--resume").exit_code == 0
    assert (
        run(*options, "--target", f"files:{tmp_path / 'whole'}", "--report", tmp_path / "whole_report").exit_code == 0
    )
    assert lines_in(tmp_path / "in") == lines_in(tmp_path / "whole")
    reports = [json.loads((folder / "report.json").read_text()) for folder in (tmp_path, tmp_path / "whole_report")]
    assert reports[0] == reports[1]


def test_a_wrong_shape_is_named_with_its_file(shape):
    """Exit code 2: file, place and the nearest right key."""
    shape.write_text(PHASES.replace("baseline_rate: 1000", "baseline_rat: 1000"))
    result = run("--phases", shape, "--target", "null")
    assert result.exit_code == 2
    assert result.stderr.startswith(f"Error: --phases {shape}: baseline_rat is not a key\n\nHint: did you mean")
    missing = run("--phases", "scalin", "--target", "null")
    assert missing.exit_code == 2
    assert missing.stderr.endswith("Hint: did you mean scaling?\n")


def test_a_wrong_target_shows_the_right_forms(shape):
    """The same with and without phases."""
    for options in (["--rows", 1], ["--phases", shape]):
        assert "Hint: use delta:DIR, tables, files:DIR" in run(*options, "--target", "detla:/x").stderr


def test_a_run_goes_on_only_with_the_same_options(shape, tmp_path):
    """Otherwise its rows would be others."""
    where = ["--target", f"files:{tmp_path / 'in'}", "--report", tmp_path / "report"]
    assert "no run has begun in" in run("--phases", shape, *where, "--resume").stderr
    assert run("--phases", shape, *where).exit_code == 0
    journal = tmp_path / "report" / "run.json"
    journal.write_text(json.dumps({**json.loads(journal.read_text()), "ended": False}))
    assert "--speed is not as in the run in" in run("--phases", shape, *where, "--speed", "2x", "--resume").stderr
    assert "--phases is not as in the run in" in run("--phases", shape, *where, "--seed", 9, "--resume").stderr
    journal.write_text("{")
    assert "can't be read" in run("--phases", shape, *where, "--resume").stderr


def test_a_target_that_cannot_be_used_is_named(shape, tmp_path):
    """Exit code 1 before anything is sent: a folder that is a file, a table with other columns."""
    (tmp_path / "file").touch()
    for target in ("files", "delta"):
        result = run("--phases", shape, "--target", f"{target}:{tmp_path / 'file'}")
        assert result.exit_code == 1
        assert f"{tmp_path / 'file'}" in result.stderr
        assert result.stderr.endswith("Nothing was sent.\n")
    DeltaTable.create(tmp_path / "tables" / "stream_table_001", pa.schema([("other", pa.int64())]))
    result = run("--phases", shape, "--target", f"delta:{tmp_path / 'tables'}")
    assert result.exit_code == 1
    assert "has other columns than these rows: other." in result.stderr
    result = run("--phases", shape, "--target", "null", "--report", tmp_path / "file")
    assert result.exit_code == 1
    assert f"Cannot write into {tmp_path / 'file'}" in result.stderr


def test_the_timing_can_be_looked_at_without_a_run():
    """The mission's phases: times, streams, rows per second; in test mode a tenth."""
    file = Path("scaling")
    assert [("baseline", 0, 180, 50, 50_000), ("3x", 180, 360, 51, 53_000), ("9x", 360, 600, 52, 62_000)] == [
        (one["name"], one["from"], one["to"], one["streams"], one["rate"]) for one in show_phases(read_shape(file))
    ][:3]
    assert [50, 60, 70, 50] == [one["streams"] * 10 for one in show_phases(read_shape(file, test_mode=True))]
    shown = CliRunner().invoke(app, ["phases", "scaling", "--speed", "10x"])
    assert shown.exit_code == 0
    assert "62,000" in shown.stdout


class Widgets:
    """Stands in for a notebook's parameters: their defaults."""

    def __init__(self):
        self.values = {}

    def text(self, name, value):
        """Make one."""
        self.values[name] = value

    def dropdown(self, name, value, choices):
        """Make one."""
        assert value in choices
        self.text(name, value)

    def get(self, name):
        """Return its value."""
        return self.values[name]


def test_the_notebook_runs_a_load_of_its_parameters(monkeypatch):
    """The mission's phases in test mode, by Spark, into tables of the catalog; it fails when a stream does."""
    loads = []

    class FakeLoad:
        def __init__(self, plan):
            self.plan, self.called = plan, []
            loads.append(self)

        def __getattr__(self, name):
            return lambda: self.called.append(name)

        def failure(self):
            return "1 of 7 streams failed."

    monkeypatch.setattr(load, "Load", FakeLoad)
    monkeypatch.chdir(Path(load.__file__).parent)
    with pytest.raises(RuntimeError, match="1 of 7 streams failed"):
        runpy.run_path("notebook.py", {"dbutils": SimpleNamespace(widgets=Widgets())})
    [made] = loads
    assert made.called == ["start", "wait", "analyze_data"]
    assert (made.plan.address, made.plan.engine, len(made.plan.shape.streams)) == (Tables(), "spark", 7)
    assert made.plan.shape.settings["checkpoint_path"] == "/tmp/dlt_checkpoints"  # noqa: S108 (a value of the documented configuration)


def test_tables_are_sparks():
    """The native engine has no catalog."""
    result = run("--phases", "scaling", "--target", "tables")
    assert result.exit_code == 2
    assert result.stderr.endswith("Hint: add --engine spark, or use delta:DIR.\n")
