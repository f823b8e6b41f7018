"""Collecting the Python files of a pipeline: their definitions, and the diagnostics of wrong files."""

from pathlib import Path
from textwrap import dedent

import pytest
from pyspark.sql import SparkSession

import livetables
from livetables.collect import python_files
from livetables.collect.binding import bound
from livetables.collect.registry import Registry
from livetables.errors import Diagnostic, SourceLocation
from livetables.spark.messages import first_sentence

GOOD = "import dlt\n\n@dlt.table\ndef good(): ...\n"


@pytest.fixture
def collect(tmp_path):
    """Return a function that writes files below `tmp_path` and collects them in that order."""

    def collect(texts, root=tmp_path, names=None):
        files = [tmp_path / name for name in texts]
        for file, text in zip(files, texts.values(), strict=True):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(text if isinstance(text, bytes) else dedent(text).encode())
        with bound([tmp_path]):
            return python_files.collect(files, Registry(root=root), names or {})

    return collect


def said(diagnostics):
    """Return code and location of each diagnostic."""
    return [(diagnostic.code, str(diagnostic.location)) for diagnostic in diagnostics]


def test_each_file_is_executed_by_itself(collect):
    """Two files may use one Python name; what they define comes in the order of the files."""
    first = "import dlt\nname = 'first'\n@dlt.table(name=name)\ndef f(): return name\n"
    second = "import dlt\nassert 'name' not in globals()\nname = 'second'\n@dlt.view(name=name)\ndef f(): return name\n"
    defined = collect({"b.py": first, "a.py": second})
    assert (["first", "second"], ()) == ([d.name for d in defined.datasets], defined.diagnostics)
    assert ["first", "second"] == [flow.query() for flow in defined.flows]


def test_a_file_has_its_globals(collect):
    """A file has `spark` without an import; `__file__` is the file, and `__name__` is not `__main__`."""
    text = """
        import dlt
        dlt.create_streaming_table(spark + __name__)
        dlt.create_streaming_table(__file__.rsplit("/", 1)[1].removesuffix(".py") + "_table")
    """
    defined = collect({"orders.py": text}, names={"spark": "spark_in_"})
    assert ["spark_in_orders", "orders_table"] == [d.name for d in defined.datasets]


def test_a_notebook_is_a_python_file(collect):
    """A notebook in the source format is executed as Python."""
    text = "# Databricks notebook source\n# MAGIC %md ## Orders\n\n# COMMAND ----------\n\n" + GOOD
    defined = collect({"notebook.py": text})
    assert (["good"], ()) == ([d.name for d in defined.datasets], defined.diagnostics)


def test_a_byte_order_mark_is_no_error(collect):
    """A file may begin with a byte order mark, which editors on Windows write."""
    defined = collect({"windows.py": b"\xef\xbb\xbf" + GOOD.encode()})
    assert (["good"], ()) == ([d.name for d in defined.datasets], defined.diagnostics)


@pytest.mark.parametrize(
    ("text", "code", "location", "message"),
    [
        ("x = 1\ndef broken(:\n", "SYNTAX_ERROR", "sub/bad.py:2", "invalid syntax."),
        ("x = 1\n\nraise ValueError('no rules')\n", "PYTHON_ERROR", "sub/bad.py:3", "ValueError: no rules"),
        ("def f():\n    return 1 / 0\n\nf()\n", "PYTHON_ERROR", "sub/bad.py:2", "ZeroDivisionError: division by zero"),
        ("import json\njson.loads('{')\n", "PYTHON_ERROR", "sub/bad.py:2", None),
        (
            "import not_there_at_all\n",
            "PYTHON_ERROR",
            "sub/bad.py:1",
            "ModuleNotFoundError: No module named 'not_there_at_all'",
        ),
        ("raise ValueError\n", "PYTHON_ERROR", "sub/bad.py:1", "ValueError"),
        ("import sys\nsys.exit()\n", "PYTHON_ERROR", "sub/bad.py:2", "SystemExit"),
        ("import dlt\n\ndlt.table('x')\n", "NOT_A_FUNCTION", "sub/bad.py:3", None),
        ("import dlt\n\ndlt.nothing('x')\n", "PYTHON_ERROR", "sub/bad.py:3", None),
    ],
)
def test_what_a_file_does_wrong_is_one_problem_with_its_line(collect, text, code, location, message):
    """An error in a file is one diagnostic with its line relative to the project; other files are collected."""
    defined = collect({"sub/bad.py": text, "good.py": GOOD})
    assert [(code, location)] == said(defined.diagnostics)
    assert message in (None, defined.diagnostics[0].message)
    assert ["good"] == [d.name for d in defined.datasets]


def test_a_file_that_is_not_text_is_a_problem_of_that_file(collect):
    """A file in another encoding without a coding line is an error of that file."""
    diagnostic = collect({"sub/bad.py": b"x = '\xff'\n"}).diagnostics[0]
    assert (diagnostic.code, diagnostic.location.file) == ("SYNTAX_ERROR", "sub/bad.py")


def test_an_error_in_a_helper_points_into_the_helper(collect, tmp_path):
    """The location of an error in a helper is in the helper, not at its import."""
    (tmp_path / "lt_rules.py").write_text("RULES = {}\nRULES['missing']\n")
    defined = collect({"orders.py": "import lt_rules\n"})
    assert (Diagnostic("PYTHON_ERROR", "KeyError: 'missing'", SourceLocation("lt_rules.py", 2)),) == defined.diagnostics


def test_an_error_in_a_library_points_at_the_users_call(collect, tmp_path):
    """The location of an error in an installed library is the user's call, also with the environment in the project."""
    library = tmp_path / ".venv" / "site-packages" / "lt_library.py"
    library.parent.mkdir(parents=True)
    library.write_text("def load():\n    raise OSError('no rules')\n")
    text = f"import sys\nsys.path.append({str(library.parent)!r})\nimport lt_library\n\nlt_library.load()\n"
    assert [("PYTHON_ERROR", "orders.py:5")] == said(collect({"orders.py": text}).diagnostics)


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        ("AnalysisException('It fails.')", "SPARK_ERROR", "It fails."),
        (
            "PySparkTypeError(errorClass='CANNOT_BE_NONE', messageParameters={'arg_name': 'a'})",
            "CANNOT_BE_NONE",
            "[CANNOT_BE_NONE] Argument `a` cannot be None.",
        ),
    ],
)
def test_an_error_of_spark_keeps_its_condition(collect, error, code, sentence):
    """The code of an error of Spark is its condition, which users search for."""
    diagnostic = collect({"orders.py": f"from pyspark.errors import *\n\nraise {error}\n"}).diagnostics[0]
    assert (code, sentence, "orders.py:3") == (diagnostic.code, diagnostic.message, str(diagnostic.location))


def test_a_syntax_error_in_a_helper_points_into_the_helper(collect, tmp_path):
    """The location of a syntax error in a helper is in the helper."""
    (tmp_path / "lt_rules.py").write_text("x = 1\ny = (\n")
    assert [("SYNTAX_ERROR", "lt_rules.py:2")] == said(collect({"orders.py": "import lt_rules\n"}).diagnostics)


def test_all_files_problems_are_reported_together(collect):
    """The errors of all files are reported together, with those between files."""
    defined = collect({"a.py": GOOD, "b.py": "1 / 0", "c.py": "(", "d.py": GOOD})
    assert [("DUPLICATE_DATASET", "d.py:3"), ("PYTHON_ERROR", "b.py:1"), ("SYNTAX_ERROR", "c.py:1")] == sorted(
        said(defined.diagnostics)
    )


def test_what_a_file_defined_before_its_error_stays(collect):
    """Definitions before an error of a file are kept: reading these datasets is no second error."""
    defined = collect({"a.py": GOOD + "\n1 / 0\n"})
    assert (["good"], [("PYTHON_ERROR", "a.py:6")]) == ([d.name for d in defined.datasets], said(defined.diagnostics))


def test_a_project_folder_named_livetables_keeps_the_users_lines(collect, monkeypatch):
    """In a project folder named livetables, an error still has the user's line."""
    monkeypatch.setattr(SparkSession, "getActiveSession", lambda: None)  # other tests may have one, and this table
    above = Path(livetables.__file__).parents[1]
    text = "import dlt\n\ndlt.read('orders')\n"
    diagnostic = collect({"livetables/pipelines/orders.py": text}, root=above).diagnostics[0]
    assert (True, 3) == (diagnostic.location.file.endswith("livetables/pipelines/orders.py"), diagnostic.location.line)


def test_a_read_at_module_level_without_a_session_is_a_problem(collect, monkeypatch):
    """A read at module level without a session is an error that names the table."""
    monkeypatch.setattr(SparkSession, "getActiveSession", lambda: None)  # other tests may have one
    defined = collect({"orders.py": "import dlt\n\nrows = dlt.read('orders')\n"})
    assert [("PYTHON_ERROR", "orders.py:3")] == said(defined.diagnostics)
    assert "'orders'" in defined.diagnostics[0].message


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("[CODE] It fails; line 1 pos 7;\n'Project [*]\n+- 'Relation", "ValueError: [CODE] It fails; line 1 pos 7"),
        ("It fails.\n\nJVM stacktrace:\norg.apache.Thing\n\tat a.b(C.scala:1)", "ValueError: It fails."),
        ("It fails.\n\tat a.b(C.scala:1)\n\tat c.d(E.scala:2)", "ValueError: It fails."),
        ("one\n\ntwo\nthree\nfour", "ValueError: one two three"),
    ],
)
def test_an_error_is_said_without_frames_and_plans(text, first):
    """The message of an error of Spark has no plan and no JVM frames."""
    assert first_sentence(ValueError(text)) == first
