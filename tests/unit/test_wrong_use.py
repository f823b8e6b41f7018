"""What `livetables check` says of wrong use: each name of the facade has a file of it in `golden`.

A file holds several uses, each below a line `# %% what is wrong`, and each is collected alone. What is said of them is
in the text of the same name, which is written anew by

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
    """Return what `livetables check` prints of the text in `file`, before it needs Spark."""
    with bound(), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        defined = collect([file], Registry(root=file.parent), {})
    aloud = [f"warning[{w.code}] {w.location}: {w.message}" for w in defined.warnings]
    return "\n".join([*aloud, *(str(diagnostic) for diagnostic in defined.diagnostics)])


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_wrong_use_is_said_clearly(file, tmp_path):
    """Each wrong use has its code, its line, one sentence and a way out, in words that a review has seen."""
    compare(file.with_suffix(".txt"), said_of_each(file, "#", tmp_path, said))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_no_wrong_use_is_silent_or_ends_in_python(file):
    """Nothing wrong is taken without a word, nothing is told as Python tells it, and each error shows a way out."""
    answers = re.split(_TITLE, file.with_suffix(".txt").read_text())[1:]
    errors = [answer for answer in answers if "error[" in answer]
    assert [answer for answer in answers if not re.search(r"^(error|warning)\[", answer, re.MULTILINE)] == []
    assert [answer for answer in answers if "PYTHON_ERROR" in answer or "Error:" in answer] == []
    assert [error for error in errors if "  Hint: " not in error] == []


def test_every_name_has_its_wrong_uses():
    """A new name comes with its file."""
    assert sorted(facade.__all__) == sorted(file.stem for file in FILES)
