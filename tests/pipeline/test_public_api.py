"""The public Python API: every example in its docstrings runs."""

import doctest
import json
from pathlib import Path

import pytest

import livetables as lt

PIPELINE = """
import dlt


@dlt.table
@dlt.expect_or_drop("known room", "room IS NOT NULL")
def readings():
    files = spark.readStream.format("cloudFiles").option("cloudFiles.format", "json")
    return files.schema("room STRING, celsius DOUBLE").load("/Volumes/main/rooms")


@dlt.table
def warm_rooms():
    return spark.read.table("readings").where("celsius > 25")
"""
ROWS = [{"room": "r1", "celsius": 21.5}, {"room": "r2", "celsius": 26.0}, {"celsius": 3.0}]
SETTINGS = {"name": "rooms", "libraries": [{"file": {"path": "rooms.py"}}]}


@pytest.fixture
def project(tmp_path, monkeypatch, spark):
    """Go into a folder with the pipeline of the examples and its rows; the examples share one session."""
    (tmp_path / "rooms.py").write_text(PIPELINE)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "1.json").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    (tmp_path / "pipeline_settings.json").write_text(json.dumps(SETTINGS))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def examples():
    """Return the docstrings of the public names, and of their public methods, that have examples."""
    finder = doctest.DocTestFinder(exclude_empty=True)
    names = [name for name in lt.__all__ if name != "errors"]
    found = [test for name in names for test in finder.find(getattr(lt, name), name, globs={})]
    return [test for test in [*finder.find(lt, "livetables", globs={}), *found] if test.examples]


@pytest.mark.parametrize("example", examples(), ids=lambda test: test.name)
def test_the_examples_of_the_public_api_run(example, project):
    """What a docstring shows is what happens."""
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    output = []
    runner.run(example, out=output.append)
    assert runner.failures == 0, "".join(output)


def test_every_public_name_has_an_example():
    """A reader copies it and has a start."""
    shown = {test.name.split(".")[0] for test in examples()}
    assert sorted(set(lt.__all__) - {"errors"} - shown) == []


def rooms(project):
    """Return the settings of the pipeline of the examples."""
    return lt.load_settings(
        paths=[Path("rooms.py")], storage=project / "out", path_map={"/Volumes/main/rooms": project / "data"}
    )


def test_a_running_update_is_waited_for_and_stopped(project):
    """In continuous mode: rows that arrive later are seen by a condition, and leaving the block stops it."""
    with lt.Pipeline(rooms(project)) as pipeline:
        with pipeline.start(continuous=True) as running:
            running.wait(lambda update: update.flow("readings").rows_in >= 3, timeout=120)
            (project / "data" / "2.json").write_text(json.dumps({"room": "r3", "celsius": 30.0}) + "\n")
            running.wait(lambda update: update.flow("readings").rows_in >= 4, timeout=120)
        assert (running.update.state, pipeline.table("readings").rows) == ("COMPLETED", 3)


def test_a_wait_ends_when_the_update_has_failed(project):
    """The error says which condition could not become true, and why the update failed."""
    (project / "rooms.py").write_text(PIPELINE.replace("celsius > 25", "raise_error('no such room') IS NULL"))
    failed = pytest.raises(lt.errors.UpdateFailed, match="no such room")
    with lt.Pipeline(rooms(project)) as pipeline, failed, pipeline.start() as running:
        running.wait(lambda update: update.flow("warm_rooms").status == "COMPLETED", timeout=120)
