"""Files and functions are short enough to be read at once: at most 350 and 40 lines.

An exception has a reason, and goes when the file or function is short enough.
"""

import ast

from tests.rules.source import PROGRAMS, nodes_of, python_files, text_of

LONGEST_FILE, LONGEST_FUNCTION = 350, 40

_ONE_TABLE = "tests of one table of cases, or of one class, that are read together"
LONG_FILES = {
    "livetables/spark/jvm.py": "the one adapter to private names of Spark; two files would be two places to upgrade",
    "tests/pipeline/test_updates.py": _ONE_TABLE,
    "tests/spark/test_auto_loader.py": _ONE_TABLE,
    "tests/unit/sql_printer.py": "one printer of a statement per clause of the SQL grammar, which belong together",
    "tests/unit/test_autoloader_reader_options.py": _ONE_TABLE,
    "tests/unit/test_facade.py": _ONE_TABLE,
    "tests/unit/test_plan.py": _ONE_TABLE,
    "tests/unit/test_settings.py": _ONE_TABLE,
    "tests/unit/test_state.py": _ONE_TABLE,
}
_STORY = "one story over several updates: its steps need each other"
_TABLE = "a table of expected values"
LONG_FUNCTIONS = {
    "livetables/settings/load.py::load_settings": "a public function: its docstring has every keyword",
    "tests/pipeline/test_changed_code.py::test_tables_get_the_columns_that_their_flows_add": _STORY,
    "tests/pipeline/test_command_line.py::test_every_look_at_a_pipeline_is_one_json_document": _STORY,
    "tests/pipeline/test_drift.py::test_nothing_of_a_drifting_source_is_lost": _STORY,
    "tests/pipeline/test_sql_listing.py::test_the_listing_runs_as_it_was_written": _STORY,
    "tests/unit/sql_printer.py::datasets": "one strategy with a line per clause of the statement",
    "tests/unit/test_state.py::test_batches_add_up": _TABLE,
    "tests/unit/test_state.py::test_the_columns_are_those_of_the_platform": _TABLE,
}


def test_files_are_short():
    """At most 350 lines, but for the exceptions, which are longer."""
    assert sorted(LONG_FILES) == sorted(
        file for file in python_files(*PROGRAMS) if len(text_of(file).splitlines()) > LONGEST_FILE
    )


def test_functions_are_short():
    """At most 40 lines with signature and docstring, but for the exceptions, which are longer."""
    assert sorted(LONG_FUNCTIONS) == sorted(
        f"{file}::{node.name}"
        for file in python_files(*PROGRAMS)
        for node in nodes_of(file)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        if node.end_lineno - node.lineno + 1 > LONGEST_FUNCTION
    )
