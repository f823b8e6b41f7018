"""A load into a real topic whose program is killed: it goes on, and each row is there once."""

import json
import subprocess
import sys
import threading

import pytest
from typer.testing import CliRunner

from loadgen.cli import app

pytestmark = [pytest.mark.pipeline, pytest.mark.kafka]
PHASES = """
    duration: 6s
    baseline_streams: 20
    phases:
      - {name: calm, from: 0s, to: 3s, streams: [{type: baseline, count: baseline_streams, rate: baseline_rate}]}
      - name: busy
        from: 3s
        streams:
          - {type: baseline, count: baseline_streams, rate: baseline_rate}
          - {type: 9x, rate: scale_9x_rate}
"""
ROWS = {("calm", "baseline"): 60_000, ("busy", "baseline"): 60_000, ("busy", "9x"): 27_000}
KILLS = 2


def test_each_row_of_a_killed_run_is_there_once(broker, tmp_path):
    """Killed twice in the middle of sending; what the topic holds at the end is read back and counted."""
    shape = tmp_path / "shape.yml"
    shape.write_text(PHASES)
    options = ["run", "--phases", shape, "--target", f"kafka:{broker}/killed", "--report", tmp_path / "out"]
    words = [str(word) for word in options]
    for kill in range(KILLS):
        resume = ["--resume"] if kill else []
        with subprocess.Popen([sys.executable, "-m", "loadgen", *words, *resume]) as process:
            await_row(tmp_path / "out", after=kill * 1_000_000)
            process.kill()
    result = CliRunner().invoke(app, [*words, "--resume"])
    assert result.exit_code == 0, result.stderr
    groups = json.loads((tmp_path / "out" / "analysis.json").read_text())["groups"]
    assert {(one["phase"], one["stream_type"]): one["read_back"]["rows"] for one in groups} == ROWS
    assert [(0, 0)] * len(ROWS) == [(one["read_back"]["duplicates"], one["read_back"]["missing"]) for one in groups]
    assert json.loads((tmp_path / "out" / "report.json").read_text())["sent"] == sum(ROWS.values())


def await_row(report, after):
    """Wait until the run has got so far (microseconds), for at most 30 s."""
    tick = threading.Event()
    for _ in range(600):
        tick.wait(0.05)
        if (report / "run.json").exists():
            position = json.loads((report / "run.json").read_text())["position"]
            if position["until"] > after:
                return
    raise AssertionError(position)


def test_each_row_of_any_kind_of_a_killed_run_is_there_once(broker, tmp_path):
    """Late, duplicate and corrupt rows, also those without a device; the counts are those of a run without a kill."""
    options = ["--rate", "4000", "--rows", "20000", "--start", "2026-06-21T11:00:00Z"]
    kinds = ["--late", "0.1", "--duplicates", "0.1", "--corrupt", "0.1"]
    devices = ["--devices-target", f"kafka:{broker}/devices_of_killed", "--device-changes", "0.5"]
    words = ["run", *options, *kinds, *devices, "--target", f"kafka:{broker}/kinds", "--report", str(tmp_path / "out")]
    with subprocess.Popen([sys.executable, "-m", "loadgen", *words]) as process:
        await_row(tmp_path / "out", after=1_000_000)
        process.kill()
    result = CliRunner().invoke(app, [*words, "--resume", "--check"])
    assert result.exit_code == 0, result.stderr
    assert "20,000 rows are at the target, 20,000 were sent" in result.stdout
    whole = ["run", *options[2:], *kinds, "--rate", "4000", "--target", "null", "--report", str(tmp_path / "whole")]
    assert CliRunner().invoke(app, [*whole, "--devices-target", "null", "--device-changes", "0.5"]).exit_code == 0
    reports = [json.loads((tmp_path / name / "report.json").read_text()) for name in ("out", "whole")]
    assert reports[0] == reports[1]
    assert all(reports[0]["by_kind"].values())
