"""What `bound()` changes in this process, and that leaving it leaves nothing behind."""

import importlib
import sys

import pyspark
import pytest
from pyspark.sql import DataFrameReader, SparkSession
from pyspark.sql.streaming.readwriter import DataStreamReader

from livetables.collect import facade
from livetables.collect.binding import MODULES, bound

PATCHED = (DataFrameReader, DataStreamReader, SparkSession)


def process_state():
    """Everything that `bound` may touch, as it is now."""
    return {
        "modules": {name: sys.modules.get(name) for name in MODULES},
        "attribute": vars(pyspark).get("pipelines"),
        "path": list(sys.path),
        "methods": {owner: dict(vars(owner)) for owner in PATCHED},
    }


def write(file, text):
    """Write a file, and the folders above it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


@pytest.fixture
def unrelated_dlt(tmp_path, monkeypatch):
    """Put an unrelated package named dlt, such as PyPI's, on sys.path."""
    write(tmp_path / "site" / "dlt.py", "pipeline = 'a data loading tool'")
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.delitem(sys.modules, "dlt", raising=False)
    yield tmp_path / "site"
    sys.modules.pop("dlt", None)


def test_the_process_is_as_before_afterwards(tmp_path):
    """Modules, the attribute of pyspark, sys.path and the readers' methods are the same objects again."""
    before = process_state()
    with bound([tmp_path]):
        inside = process_state()
    assert {key for key in before if inside[key] != before[key]} == set(before)
    assert process_state() == before


def test_the_process_is_as_before_after_an_error(tmp_path):
    """A pipeline that fails must not leave its patches to the next one."""
    before = process_state()
    with pytest.raises(KeyError), bound([tmp_path]):
        raise KeyError
    assert process_state() == before


def test_bound_inside_bound_restores_the_outer_one():
    """Two pipelines may be open at once: leaving the inner one leaves the outer one bound."""
    with bound():
        outer = process_state()
        with bound():
            pass
        assert process_state() == outer


@pytest.mark.parametrize("statement", ["import pyspark.pipelines", "from pyspark import pipelines"])
def test_sparks_own_pipelines_are_back_afterwards(statement):
    """Spark has a module of this name too; code outside the pipeline gets that one."""
    own = importlib.import_module("pyspark.pipelines")
    with bound():
        assert sys.modules["pyspark.pipelines"] is not own
    names = {}
    exec(statement, names)  # noqa: S102
    assert (sys.modules["pyspark.pipelines"], pyspark.pipelines) == (own, own)


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("import dlt", "dlt.table"),
        ("import dlt as d", "d.table"),
        ("from dlt import *", "table"),
        ("from dlt import table as t", "t"),
        ("from pyspark import pipelines as dp", "dp.table"),
        ("import pyspark.pipelines as dp", "dp.table"),
        ("import pyspark.pipelines", "pyspark.pipelines.table"),
        ("from pyspark.pipelines import table", "table"),
    ],
)
@pytest.mark.parametrize("other", ["absent", "importable", "imported"])
def test_every_way_of_importing_gives_the_facade(request, statement, name, other):
    """Also with an unrelated package named dlt on this machine, imported before or not."""
    if other != "absent":
        request.getfixturevalue("unrelated_dlt")
    if other == "imported":
        importlib.import_module("dlt")
    names = {}
    with bound():
        exec(statement, names)  # noqa: S102 (an import form is text)
        assert eval(name, names) is facade.table  # noqa: S307


@pytest.mark.parametrize("imported", [True, False])
def test_an_unrelated_dlt_is_back_afterwards(unrelated_dlt, imported):
    """A process that uses PyPI's dlt beside a pipeline keeps it."""
    before = importlib.import_module("dlt") if imported else None
    with bound():
        pass
    assert sys.modules.get("dlt") is before
    assert importlib.import_module("dlt").pipeline == "a data loading tool"


def test_the_folders_of_the_project_come_first(tmp_path, monkeypatch):
    """A helper of the pipeline wins over a package of the same name that is installed."""
    for place in ("installed", "project"):
        write(tmp_path / place / "lt_rules.py", f"where = '{place}'")
    monkeypatch.syspath_prepend(tmp_path / "installed")
    with bound([tmp_path / "project", tmp_path]):
        assert sys.path[:2] == [str(tmp_path / "project"), str(tmp_path)]
        assert importlib.import_module("lt_rules").where == "project"


@pytest.mark.parametrize(
    ("statement", "file"),
    [
        ("import lt_helper; where = lt_helper.where", "lt_helper.py"),
        ("from lt_helper import where", "lt_helper.py"),
        ("from lt_lib import where", "lt_lib/__init__.py"),
        ("from lt_lib import rules; where = rules.where", "lt_lib/rules.py"),
        ("import lt_lib.rules; where = lt_lib.rules.where", "lt_lib/rules.py"),
        ("from lt_lib.deep.rules import where", "lt_lib/deep/rules.py"),
    ],
)
def test_each_pipeline_gets_its_own_helpers(tmp_path, statement, file):
    """Two pipelines of one process may have helpers of the same name: module, package or plain folder."""
    found = []
    for folder in ("one", "two"):
        write(tmp_path / folder / file, f"where = '{folder}'")
        names = {}
        with bound([tmp_path / folder]):
            exec(statement, names)  # noqa: S102
        found.append(names["where"])
    assert found == ["one", "two"]
    assert [name for name in sys.modules if name.startswith("lt_")] == []


def test_a_folder_of_one_pipeline_may_be_a_module_of_the_next(tmp_path):
    """A folder without __init__.py leaves no trace either."""
    write(tmp_path / "one" / "lt_lib" / "rules.py", "where = 'one'")
    write(tmp_path / "two" / "lt_lib.py", "where = 'two'")
    with bound([tmp_path / "one"]):
        importlib.import_module("lt_lib.rules")
    with bound([tmp_path / "two"]):
        assert importlib.import_module("lt_lib").where == "two"


def test_helpers_stay_until_the_pipeline_is_closed(tmp_path):
    """Query functions import lazily, while the update runs."""
    write(tmp_path / "lt_helper.py", "")
    with bound([tmp_path]):
        module = importlib.import_module("lt_helper")
        assert sys.modules["lt_helper"] is module


def test_modules_from_elsewhere_are_not_forgotten(tmp_path, monkeypatch):
    """A library that a pipeline imports first stays: only the pipeline's own folders change between pipelines."""
    write(tmp_path / "pipe_lib" / "lt_library.py", "")
    (tmp_path / "pipe").mkdir()
    monkeypatch.syspath_prepend(tmp_path / "pipe_lib")
    with bound([tmp_path / "pipe"]):
        module = importlib.import_module("lt_library")
    assert sys.modules.pop("lt_library", None) is module
