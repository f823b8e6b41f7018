"""`open`, `print` and other file functions of Python in files that were written for the platform."""

import pickle
from pathlib import Path
from types import SimpleNamespace

import pytest

from livetables.collect import python_files
from livetables.collect.binding import bound
from livetables.collect.registry import Registry
from livetables.notebook.dbutils import notebook_names
from livetables.settings import Settings

SPARK = SimpleNamespace(sparkContext=None, sql=None, table=None)


@pytest.fixture
def names(tmp_path):
    """Return the globals of a file, where `dbfs:/` and `/Volumes/` are folders with the file `raw/a.csv`."""
    for folder in ("dbfs", "volumes"):
        (tmp_path / folder / "raw").mkdir(parents=True)
        (tmp_path / folder / "raw" / "a.csv").write_text(folder)
    path_map = {"dbfs:/": "dbfs", "/Volumes/": "volumes", "/remote/": "s3://bucket/"}
    path_map["/file"] = f"file://{tmp_path}/dbfs"
    return notebook_names(SPARK, Settings("p", tmp_path, (), tmp_path, path_map=path_map))


@pytest.fixture
def collect(tmp_path, names):
    """Return a function that executes a text as a file of the pipeline and returns what it defines."""

    def collect(text, **helpers):
        for name, helper in {"a": text, **helpers}.items():
            (tmp_path / f"{name}.py").write_text(helper)
        with bound([tmp_path]):
            map_path = names["dbutils"].fs._map_path
            return python_files.collect([tmp_path / "a.py"], Registry(tmp_path, map_path), names, map_path)

    return collect


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/dbfs/raw/a.csv", "dbfs"),
        ("/Volumes/raw/a.csv", "volumes"),
        (Path("/Volumes/raw/a.csv"), "volumes"),
        ("/file/raw/a.csv", "dbfs"),
    ],
)
def test_open_follows_the_path_map(names, path, text):
    """`open` maps paths as Spark's readers and dbutils do."""
    with names["open"](path) as stream:
        assert stream.read() == text


def test_open_is_pythons_own_for_all_else(names, tmp_path, monkeypatch):
    """For local, relative and open files, `open` is that of Python, with its modes and parameters."""
    monkeypatch.chdir(tmp_path)
    with names["open"]("/dbfs/raw/new.txt", "w", encoding="utf-8") as stream:
        stream.write("żółw")
    assert (tmp_path / "dbfs" / "raw" / "new.txt").read_bytes() == "żółw".encode()
    for file in (f"{tmp_path}/dbfs/raw/new.txt", "dbfs/raw/new.txt", b"dbfs/raw/new.txt"):
        with names["open"](file=file, mode="rb") as stream:
            assert stream.read() == "żółw".encode()
    with Path("dbfs/raw/new.txt").open() as raw, names["open"](raw.fileno(), closefd=False) as again:
        assert again.fileno() == raw.fileno()


def test_open_and_print_can_be_pickled(names, capsys):
    """`open` and `print` can be pickled for the workers of Spark, where `print` is that of Python."""
    opened = pickle.loads(pickle.dumps(names["open"]))("/dbfs/raw/a.csv")
    with opened as stream:
        assert "dbfs" == stream.read()
    printed = pickle.dumps(names["print"])
    pickle.loads(printed)("text")
    assert (False, "text\n") == (b"livetables" in printed, capsys.readouterr().out)


@pytest.mark.parametrize(
    ("text", "location"),
    [
        ("import os\nos.listdir('/dbfs/raw')", "a.py:2"),
        ("from pathlib import Path\nPath('/dbfs/raw/a.csv').read_text()", "a.py:2"),
        ("import pandas\npandas.read_csv('/dbfs/raw/a.csv')", "a.py:2"),
        ("import helper", "helper.py:1"),
    ],
)
def test_an_error_of_pythons_own_says_where_the_file_is(collect, tmp_path, text, location):
    """The error of another function that does not map a path has a hint with the local path."""
    [diagnostic] = collect(text, helper="open('/dbfs/raw/a.csv')").diagnostics
    assert ("PYTHON_ERROR", location) == (diagnostic.code, str(diagnostic.location))
    assert diagnostic.hint.startswith(f"It lies at {tmp_path}/dbfs/raw")
    assert "read it with `open` in a source file or dbutils.fs" in diagnostic.hint


def test_what_pandas_is_given_by_open_is_read(collect):
    """Pandas can read a file that `open` has opened, as the hint says."""
    text = "import dlt, pandas\nwith open('/dbfs/raw/a.csv') as file:\n    table = pandas.read_csv(file).columns[0]\n"
    assert ["dbfs"] == [one.name for one in collect(text + "dlt.create_streaming_table(table)").datasets]


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("open('/mnt/lt_none/x')", 'Add `path_map: {"/mnt/": folder}`'),
        ("open('/remote/x')", "It lies at s3://bucket/x here; read it with Spark"),
        ("open('/lt_none/x')", None),
        ("open('lt_none')", None),
        ("raise OSError('x')", None),
        ("raise FileNotFoundError('/dbfs/x')", None),
    ],
)
def test_a_path_that_open_does_not_find(collect, text, hint):
    """The hint for a missing path of the platform is the line to add or the local path; others have none."""
    [diagnostic] = collect(text).diagnostics
    assert hint is diagnostic.hint or diagnostic.hint.startswith(hint)
