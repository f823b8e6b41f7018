"""The modules, paths and methods that `bound()` changes in this process, and their restoration."""

import importlib
import sys

import pyspark
import pytest
from pyspark.sql import DataFrameReader, SparkSession
from pyspark.sql.streaming.readwriter import DataStreamReader

from livetables.collect import facade
from livetables.collect.binding import MODULES, PROVIDED, bound, provide

PATCHED = (DataFrameReader, DataStreamReader, SparkSession)


def process_state():
    """Return the current state of everything that `bound` may change."""
    return {
        "modules": {name: sys.modules.get(name) for name in (*MODULES, *PROVIDED, "databricks", "databricks.sdk")},
        "attributes": [vars(pyspark).get(name) for name in ("pipelines", "dbutils")],
        "finders": list(sys.meta_path),
        "path": list(sys.path),
        "methods": {owner: dict(vars(owner)) for owner in PATCHED},
    }


def import_all(*more):
    """Import all modules of the facade and the platform, and then `more`."""
    for name in (*MODULES, *PROVIDED, *more):
        importlib.import_module(name)


def write(file, text):
    """Write a file, with missing parents."""
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
        import_all()
        inside = process_state()
    assert {key for key in before if inside[key] != before[key]} == set(before)
    assert process_state() == before


def test_the_process_is_as_before_after_an_error(tmp_path):
    """An exception inside `bound` also restores everything."""
    before = process_state()
    with pytest.raises(ModuleNotFoundError), bound([tmp_path]):
        import_all("not_there_at_all")
    assert process_state() == before


def test_bound_inside_bound_restores_the_outer_one():
    """Leaving the inner one of two open pipelines restores the state of the outer one."""
    with bound():
        import_all()
        outer = process_state()
        with bound():
            import_all()
        assert process_state() == outer


@pytest.mark.parametrize("statement", ["import pyspark.pipelines", "from pyspark import pipelines"])
def test_sparks_own_pipelines_are_back_afterwards(statement):
    """Outside `bound`, pyspark.pipelines is Spark's own module."""
    own = importlib.import_module("pyspark.pipelines")
    with bound():
        assert importlib.import_module("pyspark.pipelines") is not own
    names = {}
    exec(statement, names)
    assert (own, own) == (sys.modules["pyspark.pipelines"], pyspark.pipelines)


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
        ("from databricks import pipelines as dp", "dp.table"),
        ("import databricks.pipelines as dp", "dp.table"),
        ("import databricks.pipelines", "databricks.pipelines.table"),
        ("from databricks.pipelines import *", "table"),
    ],
)
@pytest.mark.parametrize("other", ["absent", "importable", "imported"])
def test_every_way_of_importing_gives_the_facade(request, statement, name, other):
    """Every form of import gives the facade, also with an unrelated package named dlt, imported before or not."""
    if other != "absent":
        request.getfixturevalue("unrelated_dlt")
    if other == "imported":
        importlib.import_module("dlt")
    names = {}
    with bound():
        exec(statement, names)
        assert eval(name, names) is facade.table


@pytest.mark.parametrize("imported", [True, False])
def test_an_unrelated_dlt_is_back_afterwards(unrelated_dlt, imported):
    """After `bound`, an unrelated package named dlt is imported again."""
    before = importlib.import_module("dlt") if imported else None
    with bound():
        pass
    assert sys.modules.get("dlt") is before
    assert "a data loading tool" == importlib.import_module("dlt").pipeline


def test_the_folders_of_the_project_come_first(tmp_path, monkeypatch):
    """A helper of the pipeline has precedence over an installed package of the same name."""
    for location in ("installed", "project"):
        write(tmp_path / location / "lt_rules.py", f"where = '{location}'")
    monkeypatch.syspath_prepend(tmp_path / "installed")
    with bound([tmp_path / "project", tmp_path]):
        assert sys.path[:2] == [str(tmp_path / "project"), str(tmp_path)]
        assert "project" == importlib.import_module("lt_rules").where


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
    """Two pipelines of one process may have helpers of one name: modules, packages or plain folders."""
    found = []
    for folder in ("one", "two"):
        write(tmp_path / folder / file, f"where = '{folder}'")
        names = {}
        with bound([tmp_path / folder]):
            exec(statement, names)
        found.append(names["where"])
    assert ["one", "two"] == found
    assert [] == [name for name in sys.modules if name.startswith("lt_")]


def test_a_folder_of_one_pipeline_may_be_a_module_of_the_next(tmp_path):
    """A helper folder without __init__.py is also removed from `sys.modules`."""
    write(tmp_path / "one" / "lt_lib" / "rules.py", "where = 'one'")
    write(tmp_path / "two" / "lt_lib.py", "where = 'two'")
    with bound([tmp_path / "one"]):
        importlib.import_module("lt_lib.rules")
    with bound([tmp_path / "two"]):
        assert "two" == importlib.import_module("lt_lib").where


def test_helpers_stay_until_the_pipeline_is_closed(tmp_path):
    """A helper stays in `sys.modules` inside `bound`, as query functions may import it later."""
    write(tmp_path / "lt_helper.py", "")
    with bound([tmp_path]):
        module = importlib.import_module("lt_helper")
        assert sys.modules["lt_helper"] is module


def test_modules_from_elsewhere_are_not_forgotten(tmp_path, monkeypatch):
    """A module outside the folders of the pipeline stays in `sys.modules`."""
    write(tmp_path / "pipe_lib" / "lt_library.py", "")
    (tmp_path / "pipe").mkdir()
    monkeypatch.syspath_prepend(tmp_path / "pipe_lib")
    with bound([tmp_path / "pipe"]):
        module = importlib.import_module("lt_library")
    assert sys.modules.pop("lt_library", None) is module


RUNTIME = {"spark": "the session", "dbutils": "the utilities", "display": print}


@pytest.fixture(params=["absent", "importable", "imported"])
def sdk(request, tmp_path, monkeypatch):
    """Return whether databricks-sdk and databricks-connect are absent, importable or imported."""
    if request.param != "absent":
        site = tmp_path / "site" / "databricks"
        write(site / "__init__.py", "__path__ = __import__('pkgutil').extend_path(__path__, __name__)")
        write(site / "sdk" / "__init__.py", "class WorkspaceClient: ...")
        write(site / "sdk" / "runtime" / "__init__.py", "spark = 'of a cluster'")
        write(site / "connect" / "__init__.py", "where = 'connect'")
        monkeypatch.syspath_prepend(tmp_path / "site")
    if request.param == "imported":
        importlib.import_module("databricks.sdk.runtime")
    yield request.param
    for name in [name for name in sys.modules if name.split(".")[0] == "databricks"]:
        del sys.modules[name]


@pytest.mark.parametrize(
    ("statement", "expression"),
    [
        ("from databricks.sdk.runtime import spark, dbutils, display", "(spark, dbutils, display)"),
        ("from databricks.sdk.runtime import *", "(spark, dbutils, display)"),
        ("import databricks.sdk.runtime as r", "(r.spark, r.dbutils, r.display)"),
        (
            "import databricks.sdk.runtime",
            "[getattr(databricks.sdk.runtime, name) for name in ('spark', 'dbutils', 'display')]",
        ),
        (
            "from databricks.sdk import runtime\nfrom pyspark.dbutils import DBUtils",
            "(runtime.spark, DBUtils(spark=runtime.spark), runtime.display)",
        ),
        ("from pyspark.dbutils import DBUtils", "('the session', DBUtils('the session'), print)"),
    ],
)
def test_the_globals_of_a_file_can_be_imported(sdk, statement, expression):
    """The globals of a file can be imported from the modules that have them on the platform."""
    names = {}
    with bound():
        provide(RUNTIME)
        exec(statement, names)
        assert list(eval(expression, names)) == list(RUNTIME.values())


def test_what_a_file_has_in_place_of_a_builtin_can_not_be_imported():
    """`open` and `print` can't be imported, as the platform's module does not have them."""
    with bound():
        provide({**RUNTIME, "open": None, "print": None})
        assert importlib.import_module("databricks.sdk.runtime").__all__ == list(RUNTIME)


def test_what_is_really_installed_is_there_beside_it(sdk):
    """Inside `bound`, only the module of the runtime of an installed databricks-sdk is replaced."""
    if sdk == "absent":
        with bound(), pytest.raises(ModuleNotFoundError):
            importlib.import_module("databricks.connect")
        return
    before = sys.modules.get("databricks.sdk.runtime")
    with bound():
        provide(RUNTIME)
        assert "the session" == importlib.import_module("databricks.sdk.runtime").spark
        assert "connect" == importlib.import_module("databricks.connect").where
        client = importlib.import_module("databricks.sdk").WorkspaceClient
    names = {}
    exec("import databricks.sdk.runtime as r, databricks.sdk", names)
    assert (names["r"].spark, names["databricks"].sdk.runtime) == ("of a cluster", names["r"])
    assert names["r"] is before or before is None
    assert (client, False) == (names["databricks"].sdk.WorkspaceClient, hasattr(names["databricks"], "pipelines"))


def test_nothing_of_the_platform_is_left_afterwards(sdk):
    """After `bound`, modules of the platform can't be imported: some code detects the platform that way."""
    with bound():
        import_all()
    for name in ("databricks.pipelines", "pyspark.dbutils"):
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module(name)
    assert ("databricks" in sys.modules) == (sdk != "absent")


def test_a_folder_of_the_project_may_be_named_databricks(tmp_path):
    """A folder of the project named databricks can be imported: it often has the files of a bundle."""
    write(tmp_path / "databricks" / "jobs.py", "where = 'project'")
    with bound([tmp_path]):
        import_all()
        assert "project" == importlib.import_module("databricks.jobs").where
    assert [] == [name for name in sys.modules if name.split(".")[0] == "databricks"]


def test_two_open_pipelines_have_their_own_globals():
    """An inner pipeline does not change the globals that files of the outer one import later."""
    with bound():
        provide({"dbutils": "outer"})
        with bound():
            provide({"dbutils": "inner"})
            assert "inner" == importlib.import_module("databricks.sdk.runtime").dbutils
        assert "outer" == importlib.import_module("databricks.sdk.runtime").dbutils
