"""The tables of docs/auto-loader.md are written from the options, and every row names a test that exists."""

import pytest

from dev.docs._auto_loader_tests import FORMAT_TESTS, MODE_TESTS, OPTION_TESTS, WAYS
from dev.docs.auto_loader import DOCUMENT, TableError, document, options_table
from dev.docs.markdown import ROOT
from livetables.autoloader.options import FORMATS, MODES, OPTIONS, Option


def test_the_document_is_what_the_code_says():
    """When this fails, `make docs` writes the tables anew: read what has changed."""
    text = (ROOT / DOCUMENT).read_text()
    assert document(text) == text


def test_every_option_mode_format_and_way_has_a_row():
    """Whoever looks one up finds it, with its test; what left the code left the tables."""
    text = (ROOT / DOCUMENT).read_text()
    assert [name for name in (*OPTIONS, *MODES, *FORMATS) if f"`{name}" not in text and f".{name}" not in text] == []
    assert OPTION_TESTS.keys() <= OPTIONS.keys()
    assert (set(MODE_TESTS), set(FORMAT_TESTS)) == (set(MODES), set(FORMATS))
    assert all(name in " ".join(WAYS) for name in ("cloudFiles", "`read_files", "STREAM read_files", "cloud_files"))


@pytest.mark.parametrize(
    ("tests", "says"),
    [
        ({}, "No test shows `cloudFiles.format`"),
        ({"format": ("tests/unit/nowhere.py::test_nothing",)}, "There is no test tests/unit/nowhere.py::test_nothing"),
        ({"format": ("tests/unit/test_autoloader_selection.py::test_globs_in_the_load_path",)}, "There is no test"),
    ],
)
def test_an_option_that_works_needs_a_test_that_exists(monkeypatch, tests, says):
    """A method is named with its class; without a test the document is not written."""
    monkeypatch.setattr("dev.docs.auto_loader.OPTION_TESTS", tests)
    with pytest.raises(TableError, match=says):
        options_table({"format": Option("the format of the files")})


def test_a_table_needs_its_place():
    """A comment that was lost by hand is named."""
    with pytest.raises(TableError, match="needs the comments <!-- options -->"):
        document("# Auto Loader\n")
