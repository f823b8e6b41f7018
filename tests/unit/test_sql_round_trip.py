"""Random SQL: each printed form of a statement is parsed as that statement, and positions are kept."""

import re

import pytest
from hypothesis import Phase, given, note, settings
from hypothesis import strategies as st

from livetables.sql.edits import Edited
from livetables.sql.lexer import END, UnfinishedError, statements, tokens
from livetables.sql.parser import parse
from livetables.sql.script import Script
from tests.unit.sql_printer import STATEMENTS, Printer, without_places

#: To shrink a statement takes minutes, and its text says enough.
thorough = settings(max_examples=200, deadline=None, phases=(Phase.reuse, Phase.generate))
quick = settings(max_examples=100, deadline=None)


@pytest.mark.shows(
    "`COMMENT`, `TBLPROPERTIES`, `PARTITIONED BY`, `CLUSTER BY (...)`, `LOCATION`, `WITH ROW FILTER`, in any order",
    "`CREATE FLOW name AS AUTO CDC INTO`, `FLOW AUTO CDC`, `APPLY CHANGES INTO`, with all clauses in any order",
    "Keywords in any letter case, names in back-quotes",
)
@thorough
@given(st.lists(STATEMENTS, min_size=1, max_size=2), st.data())
def test_statements_are_read_as_they_are_meant(written, data):
    """A statement is parsed in any order of clauses, letter case and quotes, with any comments and line breaks."""
    text = ";".join(Printer(data.draw).text(statement) for statement in written)
    note(text)
    assert written == [without_places(parse(text, found)) for found in statements(text)]


_PIECES = (
    "SELECT",
    "a",
    "`b``c`",
    "'x;''y'",
    '"/*"',
    "'--'",
    r"'\';'",
    "r'\\'",
    "1.5e3",
    ".5D",
    "::",
    "=>",
    "${k}",
    ";",
    ":p",
    "-- c;'\n",
    "/* ; /* ' */ */",
    " ",
    "\n",
    "(",
    "`",
    "'",
    "/*",
    "*/",
    "é",
)
TEXTS = st.lists(st.sampled_from(_PIECES) | st.text(max_size=2), max_size=12).map("".join)


@quick
@given(TEXTS)
def test_tokens_and_what_is_between_them_are_the_text(text):
    """Every character belongs to one token, or to white space and comments, up to a quote that does not end."""
    try:
        stop = tokens(text)[-1].stop
    except UnfinishedError as error:
        stop = error.start
    found = tokens(text, 0, stop)
    assert (END, stop) == (found[-1].kind, found[-1].start)
    at = 0
    for token in found:
        assert [END] == [skipped.kind for skipped in tokens(text[at : token.start] + "\n")]
        assert text[token.start : token.stop] == token.text
        at = token.stop


_ENDLESS = ("a", "SELECT 1", "'x;y'", '";"', "`;`", "r';'", "/* ; */", "-- ;\n", "\n", "(';')", r"'\';'")


@pytest.mark.shows("`;`, quotes and comment marks inside of strings, names and comments do not end a statement")
@quick
@given(st.lists(st.lists(st.sampled_from(_ENDLESS), min_size=1, max_size=5), max_size=4))
def test_only_a_semicolon_ends_a_statement(written):
    """A `;` in a string, a name or a comment ends no statement; comments alone are no statement."""
    told = [[token.text for token in tokens(" ".join(pieces))[:-1]] for pieces in written]
    text = ";".join(" ".join(pieces) for pieces in written)
    assert [words for words in told if words] == [[token.text for token in found[:-1]] for found in statements(text)]


@st.composite
def edited(draw):
    """Return a text with some edits, and the original position of each of its characters and of its end."""
    text = Edited(draw(st.text("abc", max_size=12)))
    origins = list(range(len(text.text) + 1))
    for _ in range(draw(st.integers(0, 4))):
        ends = sorted(draw(st.lists(st.integers(0, len(text.text)), max_size=6)))
        pairs = list(zip(ends[::2], ends[1::2], strict=False))
        if pairs and draw(st.booleans()):
            (start, stop), *_ = pairs
            text, origins = text.part(start, stop), origins[start : stop + 1]
            continue
        parts = [(start, stop, draw(st.text("xyz", max_size=4))) for start, stop in pairs]
        text = text.replaced(parts)
        before = list(origins)
        for start, stop, replacement in reversed(parts):
            origins[start:stop] = [before[start]] * len(replacement)
    return text, origins


@quick
@given(edited())
def test_an_edited_text_knows_where_its_characters_stood(made):
    """A kept character has its original position; a replacement has the start of the replaced part."""
    text, origins = made
    assert origins == [text.origin(at) for at in range(len(text.text) + 1)]


@quick
@given(st.text("ab\n\t", max_size=30), st.data())
def test_an_excerpt_points_at_its_character(text, data):
    """The caret is below the character of the location, with tabs kept as tabs."""
    at = data.draw(st.integers(0, len(text)))
    script = Script("a.sql", text)
    shown, caret = (re.sub(r"^ *\d* \| ", "", line) for line in script.excerpt(script.location(at)).split("\n"))
    location = script.location(at)
    assert text.split("\n")[location.line - 1].rstrip() == shown.rstrip()
    assert (location.column - 1, "^") == (len(caret) - 1, caret[-1])
