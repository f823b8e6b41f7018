"""The tables of docs/auto-loader.md are written from the options, and every row names a test that shows it."""

import pytest

from dev.docs import evidence
from dev.docs.auto_loader import DOCUMENT, document, options_table, texts
from dev.docs.base import DocumentError
from livetables.autoloader.options import FORMATS, MODES, OPTIONS, Option


def test_the_document_is_what_the_code_says():
    """When this fails, `make docs` writes the tables: read what has changed."""
    text = DOCUMENT.read_text()
    assert document(text) == text


def test_every_option_mode_format_and_way_has_a_row():
    """Each is found, with its test; what left the code left the tables."""
    text, about = DOCUMENT.read_text(), texts()
    assert [name for name in (*OPTIONS, *MODES, *FORMATS) if f"`{name}" not in text and f".{name}" not in text] == []
    assert (set(MODES), set(FORMATS)) == (set(about["modes"]), set(about["formats"]))
    ways = " ".join(about["ways"])
    assert all(name in ways for name in ("cloudFiles", "`read_files", "STREAM read_files", "cloud_files"))


def test_an_option_that_works_needs_a_test(monkeypatch):
    """Without one the document is not written."""
    monkeypatch.setattr(evidence, "claims", lambda: ())
    with pytest.raises(DocumentError, match=r"No test shows `cloudFiles\.format`"):
        options_table({"format": Option("the format of the files")})


def test_a_table_needs_its_place():
    """A comment that was lost by hand is named."""
    with pytest.raises(DocumentError, match="needs the comments <!-- options -->"):
        document("# Auto Loader\n")
