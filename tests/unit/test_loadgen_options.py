"""Options of a run: they go together with every shape; where an engine or a target can not, one error names both."""

import json

import pytest

from tests.loadgen_parts import PHASES, in_tables, lines_in, run

#: Of rows at 2.5 a second.
TIMES = ("00.000000", "00.400000", "00.800000", "01.200000", "01.600000")


@pytest.fixture
def shape(tmp_path):
    """Return a file of two short phases: 3,000 rows in a second."""
    file = tmp_path / "shape.yml"
    file.write_text(PHASES)
    return file


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--engine", "flink"], "--engine 'flink' is not an engine\n\nHint: use python, native or spark."),
        (["--speed", "fast"], "--speed 'fast' is not above 0 and at most 100000\n\nHint: write 10x."),
        (["--resume"], "--resume needs --report"),
        (["--seed", -1], "--seed -1 is not a whole number from 0"),
        (["--rows", 5, "--duration", "1s"], "--rows or --duration says when to end; both was given"),
        (
            ["--engine", "native", "--late", 0.1],
            "--late needs --engine python: --engine native makes no such rows\n\nHint: leave --engine out, or leave",
        ),
        (
            ["--engine", "spark", "--rate", 0],
            "--rate 0 is as fast as possible: --engine spark sends by the second\n\nHint: give a rate above 0, or",
        ),
    ],
)
def test_wrong_use_is_named(shape, arguments, message):
    """Exit code 2 and one sentence that names the option, or both that do not fit together."""
    result = run("--phases", shape, "--target", "null", *arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"Error: {message}")


@pytest.mark.parametrize(
    ("arguments", "cause"), [(["--corrupt", 0.1], "--corrupt"), (["--engine", "python"], "--engine python")]
)
def test_tables_take_no_json_lines(shape, arguments, cause):
    """Exit code 2; target and cause are named, and what to do."""
    result = run("--phases", shape, "--target", "delta:x", *arguments)
    assert result.exit_code == 2
    assert result.stderr == (
        f"Error: --target delta:x needs rows with columns: {cause} makes JSON lines\n\nHint: use files:DIR or "
        "kafka:HOST:PORT/TOPIC, or --engine native without --late, --duplicates and --corrupt.\n"
    )


def test_a_load_in_phases_has_rows_of_all_kinds(shape, tmp_path):
    """Late, duplicate and corrupt rows, a number of rows, a rate, devices and their registry: for any shape."""
    mixed = ("--late", 0.1, "--duplicates", 0.1, "--corrupt", 0.1, "--rows", 1000, "--rate", 2000, "--devices", 5)
    where = ("--target", f"files:{tmp_path / 'in'}", "--devices-target", f"files:{tmp_path / 'devices'}")
    result = run("--phases", shape, *mixed, *where, "--report", tmp_path / "out", "--check")
    assert result.exit_code == 0, result.stderr
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["sent"] == sum(report["by_kind"].values()) == len(lines_in(tmp_path / "in")) == 1000
    assert all(report["by_kind"].values())
    assert [(one["name"], one["sent_rows"]) for one in report["phases"]] == [("calm", 500), ("busy", 500)]
    assert report["device_changes"]["by_operation"]["INSERT"] == 3 * 5
    assert "1,000 rows are at the target, 1,000 were sent" in result.stdout


def test_a_steady_rate_goes_into_delta_tables(tmp_path):
    """With rows in columns, which are read back; `--rate 0` is as fast as possible."""
    where = ("--target", f"delta:{tmp_path / 'tables'}", "--devices", 20, "--report", tmp_path / "out")
    result = run("--rate", 0, "--rows", 5000, *where)
    assert result.exit_code == 0, result.stderr
    assert in_tables(tmp_path / "tables") == {"stream_table_001": (5000, 5000)}
    [group] = json.loads((tmp_path / "out" / "analysis.json").read_text())["groups"]
    found = group["read_back"]
    assert (found["rows"], found["devices"], found["missing"], found["duplicates"]) == (5000, 20, 0, 0)


def test_a_steady_rate_of_the_native_engine_may_have_a_fraction(tmp_path):
    """Its rows are evenly spaced."""
    where = ("--target", f"files:{tmp_path / 'in'}", "--start", "2026-06-21T11:00:00Z")
    assert run("--engine", "native", "--rate", 2.5, "--duration", "2s", *where).exit_code == 0
    times = [json.loads(line)["event_time"] for line in lines_in(tmp_path / "in")]
    assert sorted(time[17:] for time in times) == [f"{second}Z" for second in TIMES]
