"""The output of `livetables check` for broken SQL: each file of `sql/broken/` has several texts.

Each text stands below a line `-- %% what is wrong`, and is collected alone. What is said of it is in the text of the
same name, which is written again by

    GOLDEN=write .venv/bin/python -m pytest tests/unit/test_sql_errors.py
"""

import contextlib
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livetables.collect.registry import Registry
from livetables.collect.sql_files import collect
from livetables.sql.json_paths import json_paths
from livetables.sql.lexer import UnfinishedError, cells, statements, tokens
from tests.goldens import compare, said_of_each

CORPUS = Path(__file__).parent / "sql"
FILES = sorted((CORPUS / "broken").glob("*.sql"))
_TITLE = re.compile(r"^-- %% .*$", re.MULTILINE)

CONFIGURATION = {"region": "eu", "limit": "10", "apostrophe": "it's", "part": "COMENT 'c'"}
PARAMETERS = {"day": "2026-01-01", "source": "b"}


def said(file):
    """Return the errors of a file as `livetables check` prints them, and the datasets that it still defines."""
    registry = Registry(root=file.parent)
    collect([file], registry, CONFIGURATION, PARAMETERS)
    found = registry.freeze()
    names = ", ".join(dataset.name for dataset in found.datasets)
    return "\n".join([*map(str, found.diagnostics), *([f"Defined: {names}"] if names else [])])


@pytest.mark.shows(
    "`CONSTRAINT name EXPECT (...) [ON VIOLATION DROP ROW or FAIL UPDATE]` on tables and `LIVE` views",
    "`MASK` of a column",
    "`USING DELTA`",
    "`STORED AS BITEMPORAL`, `SYSTEM SEQUENCE BY`",
    "A query alone, `INSERT`, `MERGE`, `DROP` and other statements that belong to no pipeline",
)
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_broken_sql_is_explained(file, tmp_path):
    """Each mistake has a code, a location with a caret, one sentence and a hint."""
    compare(file.with_suffix(".txt"), said_of_each(file, "--", tmp_path, said))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_nothing_broken_is_silent(file):
    """Each broken text has an error, and each error has a location and a hint."""
    answers = re.split(_TITLE, file.with_suffix(".txt").read_text())[1:]
    assert [] == [answer for answer in answers if "error[" not in answer]
    errors = [error for answer in answers for error in re.split(r"^(?=error\[)", answer, flags=re.MULTILINE)[1:]]
    assert [] == [error for error in errors if not re.match(r"error\[\w+\] \w+\.sql:\d+:\d+\n", error)]
    assert [] == [error for error in errors if "  Hint: " not in error]


def test_a_file_that_is_no_text_is_named(tmp_path):
    """A file in another encoding is an error with a hint; other files are still collected."""
    bad, good = tmp_path / "bad.sql", tmp_path / "good.sql"
    bad.write_bytes("CREATE VIEW größer AS SELECT 1".encode("latin-1"))
    good.write_text("CREATE VIEW good AS SELECT 1")
    registry = Registry(root=tmp_path)
    collect([bad, good], registry, {}, {})
    found = registry.freeze()
    assert ["good"] == [dataset.name for dataset in found.datasets]
    (diagnostic,) = found.diagnostics
    assert ("SQL_SYNTAX", "bad.sql", "Save it as UTF-8 text.") == (
        diagnostic.code,
        str(diagnostic.location),
        diagnostic.hint,
    )


STATEMENTS = [
    (text, found[:-1])
    for text in [file.read_text() for file in CORPUS.glob("*.sql")]
    for cell in cells(text)
    for found in statements(text, *cell)
]


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(STATEMENTS), st.sampled_from(["", *"()[,:'`", "x", "AS", "${", "/*"]), st.data())
def test_a_wrong_token_is_a_problem_at_worst(tmp_path_factory, written, wrong, data):
    """With any token replaced by another text, no exception is raised, and each error has a hint."""
    text, found = written
    token = data.draw(st.sampled_from(found))
    file = tmp_path_factory.getbasetemp() / "wrong.sql"
    file.write_text(text[found[0].start : token.start] + wrong + text[token.stop : found[-1].stop])
    registry = Registry(root=file.parent)
    collect([file], registry, CONFIGURATION, PARAMETERS)
    assert [] == [diagnostic for diagnostic in registry.reporter.errors if not diagnostic.hint]
    with contextlib.suppress(UnfinishedError):
        json_paths(tokens(file.read_text()))
