"""The command line: what it accepts, what it says, how it exits."""

from __future__ import annotations

import json
import socket
import time
from datetime import datetime, timezone
from pathlib import Path

import pytest
from typer.testing import CliRunner

from loadgen import parsing
from loadgen.cli import app
from loadgen.targets.opening import Delta, Files, Kafka, Null, Tables, parse_target

NOW = datetime(2026, 11, 21, tzinfo=timezone.utc)


def run(*arguments: object):
    """Run `loadgen run` in this process."""
    return CliRunner().invoke(app, ["run", *map(str, arguments)])


def closed_port() -> int:
    """Return a port that no server listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def test_a_run_writes_rows_and_a_report(tmp_path):
    """Files hold as many rows as the report says; the table shows the total."""
    target, report = tmp_path / "in", tmp_path / "out"
    arguments = ("--rate", 0, "--rows", 2000, "--late", 0.1, "--duplicates", 0.1, "--corrupt", 0.1)
    result = run(*arguments, "--target", f"files:{target}", "--report", report)
    assert (result.exit_code, result.stderr) == (0, "")
    lines = [line for path in target.iterdir() for line in path.read_text().splitlines()]
    counts = json.loads((report / "report.json").read_text())
    assert counts["sent"] == sum(counts["by_kind"].values()) == len(lines) == 2000
    assert all(counts["by_kind"].values())
    assert "2,000" in result.stdout


def test_seed_and_start_decide_the_bytes(tmp_path):
    """Two runs with the same seed, rows and start write the same bytes under different names."""
    arguments = ("--rate", 0, "--rows", 500, "--seed", 7, "--start", "2026-11-21T06:00:00Z")
    for folder in ("a", "b"):
        assert run(*arguments, "--corrupt", 0.2, "--target", f"files:{tmp_path / folder}").exit_code == 0
    one, other = (next((tmp_path / folder).iterdir()) for folder in ("a", "b"))
    assert one.read_bytes() == other.read_bytes()
    assert one.name != other.name


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rows", 1, "--late", 1.5], "--late 1.5 is not a share\n\nHint: write 0.05 for 5 % of the rows."),
        (["--rows", 1, "--corrupt", -0.1], "--corrupt -0.1 is not a share"),
        (["--rows", 1, "--duplicates", "nan"], "--duplicates nan is not a share"),
        (["--rows", 1, "--late", 0.6, "--corrupt", 0.5], "--late, --duplicates and --corrupt add up to 1.1, above 1"),
        ([], "--rows or --duration says when to end; neither was given"),
        (["--rows", 1, "--duration", "1s"], "--rows or --duration says when to end; both was given"),
        (["--duration", "soon"], "--duration 'soon' is not a duration above 0\n\nHint: write 90s, 2m or 1500ms."),
        (["--rows", 0], "--rows 0 is below 1"),
        (["--rows", 1, "--rate", -1], "--rate -1 is not a number of rows per second, 0 or more"),
        (["--rows", 1, "--devices", 0], "--devices 0 is below 1"),
        (["--rows", 1, "--speed", 0], "--speed '0' is not above 0 and at most 100000\n\nHint: write 10x."),
        (["--rows", 1, "--start", "noon"], "--start 'noon' is not an ISO 8601 time"),
    ],
)
def test_wrong_use_is_named(arguments, message):
    """Exit code 2 and one sentence that names option and value."""
    result = run(*arguments, "--target", "null")
    assert result.exit_code == 2
    assert result.stderr.startswith(f"Error: {message}")


@pytest.mark.parametrize(
    "target",
    ["", "kafka", "files:", "kafka:host/topic", "kafka:host:0/t", "kafka:host:99999/t", "kafka:host:1/", "s3:x"],
)
def test_a_wrong_target_shows_the_right_forms(target):
    """Exit code 2 and all forms."""
    result = run("--rows", 1, "--target", target)
    assert result.exit_code == 2
    forms = "delta:DIR, tables, files:DIR, kafka:HOST:PORT/TOPIC or null"
    assert result.stderr == f"Error: --target '{target}' is not a target\n\nHint: use {forms}.\n"


def test_targets_are_read():
    """All forms."""
    assert parse_target("files:/a/b") == Files(Path("/a/b"))
    assert parse_target("kafka:localhost:9092/sensor_data") == Kafka("localhost", 9092, "sensor_data")
    assert parse_target("delta:/a/b") == Delta(Path("/a/b"))
    assert parse_target("tables") == Tables()
    assert parse_target("null") == Null()


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("2m", 120), ("1500ms", 1.5), ("0.5", 0.5), ("7", 7), ("1h", 3600)]
)
def test_durations_are_read(text, seconds):
    """A number and a unit; without a unit, seconds."""
    assert parsing.parse_duration("--duration", text) == seconds


def test_start_is_read():
    """Z, an offset, no offset (UTC), and the default."""
    six = datetime(2026, 11, 21, 6, tzinfo=timezone.utc)
    for text in ("2026-11-21T06:00:00Z", "2026-11-21T07:00:00+01:00", "2026-11-21T06:00:00"):
        assert parsing.parse_start(text, NOW) == six
    assert parsing.parse_start(None, NOW) == NOW


def test_an_unreachable_broker_is_named_quickly(tmp_path):
    """Exit code 1 with host, port and cause; no report, because nothing was sent."""
    port = closed_port()
    began = time.monotonic()
    result = run("--rows", 1, "--target", f"kafka:127.0.0.1:{port}/t", "--report", tmp_path)
    assert time.monotonic() - began < 2
    assert result.exit_code == 1
    assert result.stderr == (
        f"Error: No Kafka broker at host 127.0.0.1, port {port}: connection refused. Nothing was sent.\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_report_that_cannot_be_written_is_named(tmp_path):
    """Exit code 1, before anything is sent, when the report's folder is a file."""
    (tmp_path / "x").touch()
    result = run("--rows", 1, "--rate", 0, "--target", "null", "--report", tmp_path / "x")
    assert result.exit_code == 1
    assert result.stderr == f"Error: Cannot write into {tmp_path / 'x'}: File exists. Nothing was sent.\n"
