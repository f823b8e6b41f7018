"""The code in README.md and docs/ runs: pipelines, tests, scripts, settings and commands, in the order of a document.

Each document has a folder of its own, with readings in `data`; /Volumes/main/rooms is this folder too. Commands run in
this process, in the shared session.
"""

import json
import subprocess
import sys

import pytest
import yaml
from typer.testing import CliRunner

from livetables.cli.app import app
from tests.documents import ROOT, blocks, documents
from tests.small import SMALL

pytestmark = pytest.mark.pipeline

#: What the pipelines of the documents read: each row is a reading of a room, and a good reading of a sensor.
READINGS = [
    {
        "room": room,
        "celsius": celsius,
        "time": time,
        "device_id": room,
        "temperature": celsius,
        "humidity": 40.0,
        "event_time": time,
    }
    for room, celsius, time in [("r1", 21.5, "2026-01-01T12:00:00Z"), ("r2", 26.5, "2026-01-01T12:01:00Z")]
]
#: A pipeline for commands that look at what the pipeline of the settings file has stored.
EXAMPLE = "CREATE MATERIALIZED VIEW example AS SELECT 1 AS id;"
MAPPED = ("--path-map", "/Volumes/main/rooms/landing=data", "--path-map", "/Volumes/main/rooms=data")
#: Commands that need a former update, unless they name a storage folder.
LOOKS = ("events", "files", "query", "tables")


@pytest.fixture
def folder(tmp_path, monkeypatch, spark):
    """An empty project, in which documents lay down their files, as the current folder."""
    for name in ("data", "rooms/landing", "tests/data/rooms"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "1.json").write_text("".join(json.dumps(row) + "\n" for row in READINGS))
    (tmp_path / "example.sql").write_text(EXAMPLE)
    libraries = [{"file": {"path": "example.sql"}}]
    (tmp_path / "pipeline_settings.json").write_text(json.dumps({"name": "example", "libraries": libraries}))
    (tmp_path / "livetables.yml").write_text(yaml.safe_dump({"configuration": SMALL}))
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("document", documents())
def test_the_code_of_a_document_runs(document, folder):
    """Each block that is not marked as not run succeeds: a command ends with exit code 0, a pipeline has no error.

    Files come first, since a document may use one above the block that shows it.
    """
    found = [block for block in blocks((ROOT / document).read_text(), document) if not block.not_run]
    for block in found:
        if block.name:
            write(folder / block.name, block)
    for number, block in enumerate(found):
        try:
            run(block, folder, number)
        except Exception as error:
            raise AssertionError(f"{block.place} does not run: {error}") from error


def run(block, folder, number):
    """Run a block; raise an exception when it fails."""
    if block.language == "python" and "\ndef test_" in block.text:
        run_tests(folder / f"test_block_{number}.py", block.text)
    elif block.language == "python" and "@dlt." not in block.text and "@dp." not in block.text:
        exec(compile(block.text, block.place, "exec"), {"__name__": "__main__"})
    elif block.language in ("python", "sql"):
        file = folder / (block.name or f"block_{number}.{'py' if block.language == 'python' else 'sql'}")
        write(file, block)
        livetables("check", str(file), *MAPPED)
    elif block.language == "json":
        whole = block.text if block.text.startswith(("{", "[")) else f"{{{block.text}}}"
        json.loads(whole)
    elif block.language == "yaml":
        assert isinstance(yaml.safe_load(block.text), dict)
    else:
        for command in block.commands:
            run_command(*command)


def write(file, block):
    """Write the file that a block shows; an excerpt without imports gets that of `dlt`."""
    file.parent.mkdir(parents=True, exist_ok=True)
    excerpt = block.language == "python" and "import" not in block.text
    file.write_text(("import dlt\n" if excerpt else "") + block.text)


def run_tests(file, text):
    """Run the tests of a block as pytest does, in this process."""
    file.write_text(text)
    code = pytest.main(["-q", "-p", "no:cacheprovider", "--rootdir", str(file.parent), "--import-mode=importlib", file])
    assert code == 0, f"pytest ends with {code!r}"


def run_command(program, *words):
    """Run a command of a shell; of a target of make, and of tests, only whether they exist."""
    match (program, *words):
        case ("livetables", *_):
            livetables(*words)
        case ("make", *targets):
            execute("make", "--dry-run", *targets)
        case ("python", "-m", "pytest", *tests):
            execute(sys.executable, "-m", "pytest", "--collect-only", "-q", *tests)
        case ("python", *_):
            execute(sys.executable, *words)
        case _:
            raise ValueError(f"'{program}' is no program that this test runs: mark the block as not run")


def livetables(command, *words):
    """Run a command of livetables in the shared session."""
    if command in LOOKS and "--storage" not in words:
        livetables("run", "--triggered")
    result = CliRunner().invoke(app, [command, *words])
    assert result.exit_code == 0, (
        f"livetables {command} ends with {result.exit_code}: {result.output}{result.exception}"
    )


def execute(*command):
    """Run a program in the project's folder."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)} ends with {done.returncode}: {done.stdout}{done.stderr}"
