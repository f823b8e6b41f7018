"""The marker `shows`, which connects a test with the rows of documents that it shows."""

from textwrap import dedent

import pytest

from dev.docs import evidence
from dev.docs.base import DocumentError
from dev.docs.evidence import Claim, check_names, claims_of


@pytest.fixture
def written(tmp_path):
    """Return a function that writes a test file and returns its path."""

    def write(text):
        (tmp_path / "test_x.py").write_text(dedent(text))
        return tmp_path / "test_x.py"

    return write


def test_functions_and_methods_show_rules_and_options(written):
    """A test is named by its file, its class and its function, as pytest does; other markers are no claims."""
    path = written("""
        import pytest

        @pytest.mark.shows("Rows stay", "Rows go", options=["header"])
        @pytest.mark.parametrize("x", [1])
        def test_rows(x): ...

        class TestColumns:
            @pytest.mark.shows(modes=["rescue"])
            def test_columns(self): ...
        """)
    assert [
        Claim("rules", "Rows stay", f"{path}::test_rows"),
        Claim("rules", "Rows go", f"{path}::test_rows"),
        Claim("options", "header", f"{path}::test_rows"),
        Claim("modes", "rescue", f"{path}::TestColumns::test_columns"),
    ] == claims_of(path)


@pytest.mark.parametrize("marker", ["shows(RULE)", 'shows(options="header")', 'shows(option=["header"])'])
def test_a_marker_has_strings_and_lists_of_known_kinds(written, marker):
    """It is read from the text: an expression, a string in place of a list and a misspelt kind are refused."""
    with pytest.raises(DocumentError, match=r"::test_rows: the marker `shows` takes"):
        claims_of(written(f"import pytest\n@pytest.mark.{marker}\ndef test_rows(): ...\n"))


def test_a_marker_names_what_exists(monkeypatch):
    """A rule that was reworded is found at its test, with the nearest rule."""
    monkeypatch.setattr(evidence, "claims", lambda: (Claim("rules", "Rows stayed", "tests/x.py::test_rows"),))
    with pytest.raises(DocumentError, match=r"tests/x.py::test_rows shows 'Rows stayed'.* Did you mean: Rows stay$"):
        check_names("rules", ["Rows stay", "Columns go"])
