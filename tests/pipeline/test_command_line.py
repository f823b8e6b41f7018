"""The command line as a user meets it: documents on stdout, exit codes, Ctrl-C, a kill."""

import gzip
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from typer.testing import CliRunner

from livetables.cli.app import app

pytestmark = pytest.mark.pipeline
PIPELINE = """
    import dlt
    from pyspark.sql import functions as F
    from my_helper import double

    twice = F.udf(double, "bigint")

    @dlt.table
    @dlt.expect("even", "doubled % 2 = 0")
    def doubled():
        numbers = spark.readStream.schema("id BIGINT").json(spark.conf.get("numbers"))
        return numbers.select("id", twice("id").alias("doubled"))
"""
#: Without a helper of the project: the shared session's workers have started elsewhere.
IN_PROCESS = PIPELINE.replace("from my_helper import double", "double = None").replace(
    'twice("id")', 'F.expr("id * 2")'
)


def invoke(*words):
    """Run a command in this process, in the shared session; return its exit code and JSON document."""
    result = CliRunner().invoke(app, [*map(str, words), "--json"])
    return result.exit_code, json.loads(result.stdout) if result.stdout else result.exception


@pytest.mark.shows("A dry run checks the graph and writes nothing")
def test_every_look_at_a_pipeline_is_one_json_document(bench):
    """check, graph, plan, events, tables and query print one document; check and plan write nothing."""
    bench.rows("numbers", [{"id": 1}])
    [path] = bench.write(simple=IN_PROCESS)
    where = ["--storage", bench.storage]
    source = [path, "--set", f"numbers={bench.folder / 'numbers'}", *where]
    code, document = invoke("check", *source)
    assert (0, True, ["doubled"]) == (code, document["ok"], document["datasets"])
    assert ["create", "run"] == [step["step"] for step in invoke("plan", *source)[1]]
    assert not bench.storage.exists()
    [dataset] = invoke("graph", *source)[1]["datasets"]
    assert ("doubled", "streaming table", ["even"]) == (
        dataset["name"],
        dataset["kind"],
        [rule["name"] for rule in dataset["expectations"]],
    )
    bench.run(path, overrides={"numbers": str(bench.folder / "numbers")})
    assert [("doubled", 1)] == [(table["name"], table["rows"]) for table in invoke("tables", *where)[1]]
    assert (0, [{"id": 1, "at": "2026-11-21T06:00:00Z"}]) == invoke(
        "query", "SELECT id, TIMESTAMP '2026-11-21 06:00:00' AS at FROM doubled", *where
    )
    for statement in ("DELETE FROM doubled", "INSERT INTO doubled VALUES (9, 9)", "CREATE TABLE x (id INT)"):
        assert "would change something" in str(invoke("query", statement, *where)[1])
    assert ["id", "doubled"] == [row["col_name"] for row in invoke("query", "DESCRIBE doubled", *where)[1]]
    events = invoke("events", *where)[1]
    assert {
        "id",
        "sequence",
        "origin",
        "timestamp",
        "message",
        "level",
        "maturity_level",
        "error",
        "details",
        "event_type",
    } == set(events[0])
    path.write_text("import dlt\ndlt.table('x')\n")
    code, document = invoke("check", *source)
    [diagnostic] = document["problems"]
    assert (1, False, "NOT_A_FUNCTION", 2) == (code, document["ok"], diagnostic["code"], diagnostic["line"])


def test_a_file_that_spark_can_not_read_is_named(bench):
    """In the flow's error and by `livetables files`; once it is whole, all is read."""
    landing = bench.folder / "landing"
    landing.mkdir()
    whole = gzip.compress(bytes(range(32, 127)) * 10_000 + b"\n")
    (landing / "1.txt.gz").write_bytes(whole[:-20])
    [path] = bench.write(
        lines="""
        import dlt

        @dlt.table(spark_conf={"pipelines.maxFlowRetryAttempts": "0"})
        def lines():
            reader = spark.readStream.format("cloudFiles").option("cloudFiles.format", "text")
            return reader.schema("value STRING").load("/in/landing")
    """
    )
    state = bench.run(path)
    [error] = [said for said in state.errors if "FAILED_READ_FILE" in said]
    assert f"[FAILED_READ_FILE] {landing}/1.txt.gz can't be read: Unexpected end of" in error
    [source] = invoke("files", "--storage", bench.storage)[1]
    [file] = source["files"]
    assert (file["state"], file["path"], file["error"] in error) == ("FAILED", f"file://{landing}/1.txt.gz", True)
    (landing / "1.txt.gz").write_bytes(whole)
    bench.run(path)
    [source] = invoke("files", "--storage", bench.storage, "--state", "read")[1]
    assert [(file["rows"], file["error"]) for file in source["files"]] == [(1, None)]


def start(bench, path):
    """Start `livetables run --continuous` as a program of its own; return it and its Java once a batch is reported."""
    command = [sys.executable, "-u", "-m", "livetables", "run", path, "--continuous", "--storage", bench.storage]
    quick = "spark.driver.extraJavaOptions=-XX:TieredStopAtLevel=1"  # it lives for seconds
    process = subprocess.Popen(
        [*map(str, command), "--set", f"numbers={bench.folder / 'numbers'}", "--set", quick],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=bench.folder,
    )
    patience = threading.Timer(120, process.kill)  # its output then ends
    patience.start()
    lines = []
    for line in process.stdout:
        lines.append(line)
        if " out" in line:
            patience.cancel()
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
            return process, int(children.split()[0])
    raise AssertionError("".join(lines))


@pytest.mark.shows("A streaming table takes each source row exactly once, and appends")
def test_ctrl_c_stops_cleanly_and_a_kill_loses_nothing(bench):
    """An error names a killed Java; then, and after Ctrl-C, the next run continues: each row once.

    UDFs may use the project's helpers.
    """
    bench.write(my_helper="def double(number):\n    return number * 2\n")
    [path] = bench.write(udf=PIPELINE)
    bench.rows("numbers", [{"id": 1}])
    process, java = start(bench, path)
    os.kill(java, signal.SIGKILL)
    rest = process.communicate(timeout=120)[0]
    assert (1, True, False) == (process.returncode, "error[SPARK_ENDED]" in rest, "Traceback" in rest)
    bench.rows("numbers", [{"id": 2}], file="2.json")
    process, _ = start(bench, path)
    process.send_signal(signal.SIGINT)
    rest = process.communicate(timeout=120)[0]
    assert (0, True) == (process.returncode, "is COMPLETED" in rest)
    bench.rows("numbers", [{"id": 3}], file="3.json")
    bench.write(udf=IN_PROCESS)
    run = ["run", path, "--triggered", "--storage", bench.storage, "--set", f"numbers={bench.folder / 'numbers'}"]
    result = CliRunner().invoke(app, [*map(str, run)])
    assert (0, [(1, 2), (2, 4), (3, 6)]) == (result.exit_code, bench.table("doubled"))


def test_a_second_ctrl_c_ends_at_once_when_java_does_not_answer(bench):
    """It says so without a trace; Java, which would stay behind, is ended too."""
    [path] = bench.write(udf=IN_PROCESS)
    bench.rows("numbers", [{"id": 1}])
    process, java = start(bench, path)
    os.kill(java, signal.SIGSTOP)
    process.send_signal(signal.SIGINT)
    pressing = threading.Timer(1, process.send_signal, [signal.SIGINT])
    pressing.start()
    rest = process.communicate(timeout=60)[0]
    assert (process.returncode, "Interrupted." in rest, "Traceback" in rest) == (130, True, False)
    command = Path(f"/proc/{java}/cmdline")
    assert not command.exists() or not command.read_bytes()  # its parent may not have reaped it yet
