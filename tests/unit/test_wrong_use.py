"""The output of `livetables check` for wrong calls: each name of the facade has a file in `golden`.

A file has several calls, each below a line `# %% what is wrong`, and each is collected alone. The expected output is in
the text of the same name, which is rewritten by

    GOLDEN=write .venv/bin/python -m pytest tests/unit/test_wrong_use.py
"""

import re
import warnings
from pathlib import Path

import pytest

from livetables.collect import facade
from livetables.collect.binding import bound
from livetables.collect.python_files import collect
from livetables.collect.registry import Registry
from tests.goldens import compare, said_of_each

GOLDEN = Path(__file__).parent / "golden"
FILES = sorted(GOLDEN.glob("*.py"))
_TITLE = re.compile(r"^# %% .*$", re.MULTILINE)


def said(file):
    """Return what `livetables check` prints for a file before it needs Spark."""
    with bound(), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        defined = collect([file], Registry(root=file.parent), {})
    aloud = [f"warning[{w.code}] {w.location}: {w.message}" for w in defined.warnings]
    return "\n".join([*aloud, *(str(diagnostic) for diagnostic in defined.diagnostics)])


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_wrong_use_is_said_clearly(file, tmp_path):
    """Each wrong call has the reviewed output: code, line, one sentence and a hint."""
    compare(file.with_suffix(".txt"), said_of_each(file, "#", tmp_path, said))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_no_wrong_use_is_silent_or_ends_in_python(file):
    """Each wrong call is an error or a warning of livetables, not of Python, and each error has a hint."""
    answers = re.split(_TITLE, file.with_suffix(".txt").read_text())[1:]
    errors = [answer for answer in answers if "error[" in answer]
    assert [] == [answer for answer in answers if not re.search(r"^(error|warning)\[", answer, re.MULTILINE)]
    assert [] == [answer for answer in answers if "PYTHON_ERROR" in answer or "Error:" in answer]
    assert [] == [error for error in errors if "  Hint: " not in error]


def test_every_name_has_its_wrong_uses():
    """Each name of the facade has a file of wrong calls."""
    assert sorted(facade.__all__) == sorted(file.stem for file in FILES)
