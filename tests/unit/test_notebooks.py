"""Notebooks as source files: which cells run, warnings of the others, and the locations of errors."""

import json
from textwrap import dedent

import pytest

from livetables.collect import notebooks, python_files
from livetables.collect.binding import bound
from livetables.collect.registry import Registry
from livetables.errors import SourceLocation
from livetables.settings import load_settings

HEADER = "# Databricks notebook source\n"
NEXT = "\n# COMMAND ----------\n\n"


def table(name):
    """Return the text of a cell that defines a table."""
    return named(repr(name))


def named(expression):
    """Return the text of a cell that defines a table, named by a Python expression."""
    return f"import dlt\ndlt.create_streaming_table({expression})\n"


def ipynb(*cells, **metadata):
    """Return a notebook of Jupyter's with these code cells; a pair is the type and the text of another cell."""
    texts = [cell if isinstance(cell, tuple) else ("code", cell) for cell in cells]
    document = {
        "cells": [{"cell_type": kind, "source": text.splitlines(keepends=True)} for kind, text in texts],
        "metadata": metadata,
        "nbformat": 4,
    }
    return json.dumps(document, indent=1)


@pytest.fixture
def collect(tmp_path):
    """Return a function that writes files below `tmp_path` and collects the first, or those that are named."""

    def collect(texts, files=None, map_path=str, root=tmp_path):
        for name, text in texts.items():
            file = tmp_path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(text if isinstance(text, bytes) else text.encode())
        with bound([tmp_path]):
            chosen = [tmp_path / name for name in files or list(texts)[:1]]
            return python_files.collect(chosen, Registry(root=root), {}, map_path)

    return collect


def names(defined):
    """Return the names of the datasets."""
    return [dataset.name for dataset in defined.datasets]


def said(diagnostics):
    """Return code and location of each diagnostic."""
    return [(diagnostic.code, str(diagnostic.location)) for diagnostic in diagnostics]


MAGICS = [
    ("%md\n# Orders\nNot Python", None, None),
    ("%md-sandbox <b>Orders</b>", None, None),
    ("%%html\n<b>Orders</b>", None, None),
    ("%sql\nSELECT 1", "NOT_SUPPORTED", ".sql file"),
    ("%%sql\nSELECT 1", "NOT_SUPPORTED", ".sql file"),
    ("%pip install simplejson==3.1", "NOTEBOOK_MAGIC", "beside livetables"),
    ("!pip install simplejson", "NOTEBOOK_MAGIC", "beside livetables"),
    ("%sh\nls -la\nrm (", "NOTEBOOK_MAGIC", None),
    ("%fs ls /mnt", "NOTEBOOK_MAGIC", None),
    ("%scala\nval x = 1", "NOTEBOOK_MAGIC", None),
    ("%r\nx <- 1", "NOTEBOOK_MAGIC", None),
    ("%%bash\nls (", "NOTEBOOK_MAGIC", None),
    ("!ls -la", "NOTEBOOK_MAGIC", None),
    ("%load_ext autoreload", "NOTEBOOK_MAGIC", None),
    ("# not Python\n%sql\nSELECT 1", "NOT_SUPPORTED", ".sql file"),
]


@pytest.mark.parametrize(("cell", "code", "hint"), MAGICS)
@pytest.mark.parametrize("form", ["exported", "bare", "jupyter"])
def test_a_cell_that_is_not_python_is_not_run_and_that_is_said(collect, form, cell, code, hint):
    """A cell in another language is a warning, and does not run; a text cell is ignored."""
    before, after = table("before"), table("after")
    line = next(number for number, text in enumerate(cell.split("\n")) if text[0] in "%!")
    if form == "jupyter":
        defined = collect({"a.ipynb": ipynb(before, cell, after)})
        location = f"a.ipynb cell 2:{line + 1}"
    else:
        written = "\n".join(f"# MAGIC {text}" for text in cell.split("\n")) if form == "exported" else cell
        defined = collect({"a.py": NEXT.join([HEADER + before, written, after])})
        location = f"a.py:{line + 7}"
    assert (["before", "after"], ()) == (names(defined), defined.diagnostics)
    assert said(defined.warnings) == ([(code, location)] if code else [])
    assert [hint in warning.hint for warning in defined.warnings if hint] == ([True] if hint else [])


def test_the_warning_names_what_is_not_run(collect):
    """The warning contains the magic line, so that users know which packages to install."""
    warning = collect({"a.py": HEADER + "# MAGIC %pip install -q one two==2\n"}).warnings[0]
    assert "%pip install -q one two==2 is not run." == warning.message


@pytest.mark.parametrize(
    "text",
    [
        HEADER + "# MAGIC %pip install x\n# MAGIC\n# MAGIC import dlt\n# MAGIC dlt.create_streaming_table('t')\n",
        HEADER + "# MAGIC %python\n# MAGIC import dlt\n# MAGIC dlt.create_streaming_table('t')\n",
        HEADER + "%pip install x\n" + table("t"),
        HEADER + "# MAGIC %md\n# MAGIC # Orders\n" + table("t"),
        HEADER + "# MAGIC Orders: not a magic, and not Python\n" + table("t"),
        HEADER + "%%time\n" + table("t"),
        HEADER + "import dlt\n%time dlt.create_streaming_table('t')\n",
        HEADER + "if True:\n    %matplotlib inline\n" + table("t"),
        HEADER + "%pip install x\nfrom __future__ import annotations\n" + table("t"),
        "\ufeff" + HEADER + "# MAGIC %md Orders\n" + NEXT + table("t"),
        (HEADER + "# MAGIC %md Orders\n" + NEXT + table("t")).replace("\n", "\r\n"),
    ],
)
def test_python_beside_a_magic_runs(collect, text):
    """Python in the cell of a magic runs: after `%pip`, or after text without a separator."""
    defined = collect({"a.py": text})
    assert (["t"], ()) == (names(defined), defined.diagnostics)


@pytest.mark.parametrize("suffix", [".py", ".ipynb"])
def test_a_percent_sign_in_python_is_no_magic(collect, suffix):
    """A line with `%` inside an expression or a string is no magic."""
    cell = dedent('''
        import dlt
        name = ("%s"
        % "t")
        name = name \\
        % ()
        text = """
        %sql
        !ls
        """
        same = (name
          != text)
        dlt.create_streaming_table(name + str(len(text)))
    ''')
    defined = collect({"a" + suffix: ipynb(cell) if suffix == ".ipynb" else HEADER + cell})
    assert (["t10"], (), ()) == (names(defined), defined.diagnostics, defined.warnings)


def test_magics_in_a_plain_file_are_comments(collect):
    """A file without the first line of a notebook has no magics."""
    defined = collect({"a.py": "# MAGIC %sql\n# MAGIC SELECT 1\n" + table("t")})
    assert (["t"], ()) == (names(defined), defined.warnings)


@pytest.mark.parametrize(
    ("name", "text", "code", "location"),
    [
        ("a.py", HEADER + "# MAGIC %sh\n# MAGIC ls\n" + NEXT + "x = 1\n1 / 0\n", "PYTHON_ERROR", "a.py:8"),
        ("a.py", HEADER + "# MAGIC %run ./b\n" + NEXT + "x = 1\n1 / 0\n", "PYTHON_ERROR", "a.py:7"),
        ("a.py", HEADER + "x = 1" + NEXT + "y = '\x0c'; def f(:\n", "SYNTAX_ERROR", "a.py:5"),
        ("a.py", HEADER + "x = '\u2028'\n1 / 0\n", "PYTHON_ERROR", "a.py:3"),
        ("a.ipynb", ipynb("x = 1\n", ("markdown", "# Orders"), "\n1 / 0\n"), "PYTHON_ERROR", "a.ipynb cell 3:2"),
        ("a.ipynb", ipynb("x = 1\n", "%pip install x\ny = (\n"), "SYNTAX_ERROR", "a.ipynb cell 2:2"),
        ("a.ipynb", ipynb("import dlt\n", "\n\ndlt.table('x')\n"), "NOT_A_FUNCTION", "a.ipynb cell 2:3"),
    ],
)
def test_the_line_of_an_error_is_that_of_the_file_or_the_cell(collect, name, text, code, location):
    """The line of an error is that of the file or the cell, whatever is before it."""
    assert [(code, location)] == said(collect({name: text, "b.py": "b = 1\n"}).diagnostics)


def test_a_notebook_outside_the_root_keeps_its_cell(collect, tmp_path):
    """A notebook outside the project has its full path, and its cell, in locations."""
    location = collect({"a.ipynb": ipynb("x = 1", "1 / 0")}, root=tmp_path / "other").diagnostics[0].location
    assert SourceLocation(f"{tmp_path}/a.ipynb cell 2", 1) == location


def test_a_dataset_of_a_notebook_knows_its_cell(collect):
    """The location of a dataset contains the cell."""
    cell = "import dlt\n\n@dlt.table\ndef orders(): ...\n"
    defined = collect({"sub/a.ipynb": ipynb("x = 1", cell)})
    assert "sub/a.ipynb cell 2" == defined.datasets[0].location.file


@pytest.mark.parametrize(
    ("text", "location"),
    [
        ("", "a.ipynb:1"),
        ('{"cells": [\n{"cell_type": }', "a.ipynb:2"),
        ("[]", "a.ipynb"),
        ('{"worksheets": []}', "a.ipynb"),
        (b'{"cells": "\xff"}', "a.ipynb"),
    ],
)
def test_a_file_that_is_no_notebook_is_a_problem(collect, text, location):
    """A file that is no notebook is one error; the other files are collected."""
    defined = collect({"a.ipynb": text, "b.py": table("t")}, ["a.ipynb", "b.py"])
    assert ([("SYNTAX_ERROR", location)], ["t"]) == (said(defined.diagnostics), names(defined))


@pytest.mark.parametrize(
    ("metadata", "language"),
    [
        ({"application/vnd.databricks.v1+notebook": {"language": "sql"}, "language_info": {"name": "python"}}, "sql"),
        ({"language_info": {"name": "scala"}}, "scala"),
        ({"kernelspec": {"language": "R"}}, "r"),
        ({"application/vnd.databricks.v1+notebook": {"language": "python"}}, None),
        ({"language_info": {"name": "ipython"}}, None),
        ({"kernelspec": {"name": "x"}, "language_info": None}, None),
    ],
)
def test_a_notebook_in_another_language_is_refused(collect, metadata, language):
    """A notebook in another language than Python is an error."""
    defined = collect({"a.ipynb": ipynb(table("t"), **metadata)})
    assert names(defined) == ([] if language else ["t"])
    assert [(p.code, language in p.message) for p in defined.diagnostics] == (
        [("NOT_SUPPORTED", True)] if language else []
    )


@pytest.mark.parametrize("target", ["./b", "b", "./b.py", '"./b"', "./b $x=1", "../sub/b", "./b  # names"])
@pytest.mark.parametrize("magic", ["# MAGIC %run", "%run"])
def test_run_includes_the_other_notebook(collect, target, magic):
    """`%run` executes the other notebook at that line; its path is relative to the file."""
    cells = [HEADER + "assert 'name' not in globals()", f"{magic} {target}", named("'t' + name")]
    defined = collect({"sub/a.py": NEXT.join(cells), "sub/b.py": HEADER + "name = '_of_b'\n"})
    assert (["t_of_b"], ()) == (names(defined), defined.diagnostics)


def test_notebooks_of_both_kinds_include_each_other(collect):
    """A `.py` notebook can include an `.ipynb` one and the other way round, without the suffix."""
    texts = {
        "a.ipynb": ipynb("%run ./lib/b", named("b + c")),
        "lib/b.py": HEADER + "# MAGIC %run ./c" + NEXT + "b = 'b' + c\n",
        "lib/c.ipynb": ipynb("c = 'c'"),
    }
    assert ["bcc"] == names(collect(texts))


def test_an_absolute_path_of_run_is_mapped(collect, tmp_path):
    """An absolute path of `%run` is mapped by path_map."""
    texts = {"a.py": HEADER + "%run /Shared/b\n", "lib/b.py": table("t")}
    assert ["t"] == names(collect(texts, map_path=lambda path: path.replace("/Shared", f"{tmp_path}/lib")))


def test_run_of_a_notebook_that_is_not_there(collect):
    """`%run` of a missing notebook is an error, whose hint is the nearest name; the file ends there."""
    defined = collect({"a.py": HEADER + "x = 1\n%run ./confg\nundefined\n", "config.py": ""})
    assert [("RUN_NOT_FOUND", "a.py:3")] == said(defined.diagnostics)
    assert "Did you mean 'config'?" == defined.diagnostics[0].hint


def test_an_error_in_an_included_notebook_points_into_it(collect, tmp_path):
    """The location of an error in an included notebook is in that notebook."""
    texts = {"p/a.py": HEADER + "%run ../b\n", "b.ipynb": ipynb("\n1 / 0")}
    assert [("PYTHON_ERROR", f"{tmp_path}/b.ipynb cell 1:2")] == said(collect(texts, root=tmp_path / "p").diagnostics)


def test_notebooks_that_run_each_other_are_refused(collect):
    """Notebooks that `%run` each other are an error."""
    defined = collect({"a.py": HEADER + "%run ./b\n", "b.py": HEADER + "\n%run ./a\n"})
    assert [("RUN_CYCLE", "b.py:3")] == said(defined.diagnostics)
    assert "a.py -> b.py -> a.py" in defined.diagnostics[0].message


@pytest.mark.parametrize("files", [["a.py", "sub/b.py"], ["sub/b.py", "a.py"]])
def test_a_source_file_that_another_one_includes_runs_once(collect, files):
    """A source file that another one includes is executed once; both have its names."""
    texts = {
        "a.py": HEADER + "%run ./sub/c\n" + named("name + _of_b + __file__[-4:-3]"),
        "sub/c.py": HEADER + "%run ./b\n",
        "sub/b.py": HEADER + "name = 'silver'\n_of_b = '_of_'\n" + table("bronze"),
    }
    defined = collect(texts, files)
    assert (["bronze", "silver_of_a"], ()) == (sorted(names(defined)), defined.diagnostics)


@pytest.mark.parametrize("files", [["a.py", "b.py", "c.py"], ["b.py", "c.py", "a.py"]])
@pytest.mark.parametrize(
    ("text", "diagnostic"), [("x = 1\n1 / 0\n", ("PYTHON_ERROR", "b.py:3")), ("%run ./a", ("RUN_CYCLE", None))]
)
def test_what_an_included_source_file_does_wrong_is_said_once(collect, files, text, diagnostic):
    """An error in an included source file is reported once."""
    texts = {"a.py": HEADER + "%run ./b\nundefined\n", "b.py": HEADER + text, "c.py": HEADER + "%run ./b\n"}
    defined = collect(texts, files)
    assert [code for code, _ in said(defined.diagnostics)] == [diagnostic[0]]
    assert str(defined.diagnostics[0].location) == (diagnostic[1] or ("b.py:2" if files[0] == "a.py" else "a.py:2"))


@pytest.mark.parametrize(("first", "kind"), [("x = 1", "type"), ("from __future__ import annotations", "str")])
def test_annotations_are_what_the_file_says(collect, first, kind):
    """Annotations are strings only with the file's own `from __future__`, which has effect in later cells, too."""
    cells = [first, "def f(x: int): ...", named("type(f.__annotations__['x']).__name__")]
    assert [kind] == names(collect({"a.ipynb": ipynb(*cells)}))


def test_a_dataclass_in_a_pipeline_file_works(collect):
    """A pipeline file may define a dataclass."""
    text = "from dataclasses import dataclass\n\n@dataclass\nclass Rule:\n    name: str\n\n"
    assert ["t"] == names(collect({"a.py": text + named("Rule('t').name")}))


def test_a_folder_gives_its_notebooks_too(tmp_path, monkeypatch):
    """A folder of sources contains `.ipynb` files, without the checkpoints of Jupyter."""
    monkeypatch.chdir(tmp_path)
    for name in ("a.py", "b.ipynb", ".ipynb_checkpoints/b-checkpoint.ipynb"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert ["a.py", "b.ipynb"] == [file.name for file in load_settings(paths=(tmp_path,)).files]


def test_a_notebook_is_read_as_data(tmp_path):
    """Reading a notebook executes nothing: it returns code, includes and warnings, with locations below the root."""
    file = tmp_path / "orders.py"
    file.write_text(f"{HEADER}x = 1\n%run ./rules\n%pip install y\n")
    notebook = notebooks.read_notebook(file, tmp_path)
    code, include = notebook.parts
    assert (code.file, code.text) == (str(file), f"{HEADER}x = 1\n")
    assert include == notebooks.Include("./rules", SourceLocation("orders.py", 3))
    assert [("NOTEBOOK_MAGIC", SourceLocation("orders.py", 4))] == [(w.code, w.location) for w in notebook.warnings]
