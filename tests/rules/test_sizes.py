"""Files and functions are short enough to be read at once: at most 350 and 40 lines.

An exception has a reason, and goes when the file or function is short enough.
"""

import ast

from tests.rules.source import PROGRAMS, nodes_of, python_files, text_of

LONGEST_FILE, LONGEST_FUNCTION = 350, 40

_SPLIT = "to be split"
LONG_FILES = {
    "livetables/autoloader/read/formats.py": _SPLIT,
    "livetables/cli/app.py": _SPLIT,
    "livetables/collect/facade.py": _SPLIT,
    "livetables/execute/scheduler.py": _SPLIT,
    "livetables/pipeline.py": _SPLIT,
    "tests/pipeline/test_updates.py": _SPLIT,
    "tests/spark/test_auto_loader.py": _SPLIT,
    "tests/unit/sql_printer.py": "one printer of a statement per clause of the SQL grammar, which belong together",
    "tests/unit/test_autoloader_reader_options.py": _SPLIT,
    "tests/unit/test_dbutils.py": _SPLIT,
    "tests/unit/test_facade.py": _SPLIT,
    "tests/unit/test_plan.py": _SPLIT,
    "tests/unit/test_settings.py": _SPLIT,
    "tests/unit/test_state.py": _SPLIT,
}
_STORY = "one story over several updates: its steps need each other"
_TABLE = "a table of expected values"
_PLATFORM = "its parameters are those of the platform's function"
LONG_FUNCTIONS = {
    "livetables/cdc/scd2.py::_versions": "one DataFrame expression, step by step",
    "livetables/cli/app.py::check": "its parameters are the options of the command",
    "livetables/collect/cdc.py::create_auto_cdc_from_snapshot_flow": _PLATFORM,
    "livetables/execute/scheduler.py::_set_up": _SPLIT,
    "livetables/graph/kinds.py::kind_of": _SPLIT,
    "livetables/pipeline.py::_update": _SPLIT,
    "livetables/settings/load.py::load_settings": _SPLIT,
    "loadgen/cli.py::run": "its parameters are the options of the command",
    "tests/pipeline/test_changed_code.py::test_tables_get_the_columns_that_their_flows_add": _STORY,
    "tests/pipeline/test_command_line.py::test_every_look_at_a_pipeline_is_one_json_document": _STORY,
    "tests/pipeline/test_drift.py::test_nothing_of_a_drifting_source_is_lost": _STORY,
    "tests/pipeline/test_sql_listing.py::test_the_listing_runs_as_it_was_written": _STORY,
    "tests/unit/sql_printer.py::datasets": _SPLIT,
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
