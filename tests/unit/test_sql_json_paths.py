"""The JSON paths of a query, and their calls of get_json_object."""

import pytest

from livetables.sql.edits import Edited
from livetables.sql.json_paths import json_paths
from livetables.sql.lexer import tokens


def complete_mode(text):
    """Return a text with all paths as paths on strings."""
    edits = [edit for path in json_paths(tokens(text)) for edit in path.on_string()]
    return Edited(text).replaced(sorted(edits))


@pytest.mark.shows("`column:path.to[0].field` extracts a value from JSON in a string, also in an expectation")
@pytest.mark.parametrize(
    ("text", "becomes"),
    [
        ("details:flow_progress", "get_json_object(details, '$.flow_progress')"),
        ("details:flow_progress.metrics", "get_json_object(details, '$.flow_progress.metrics')"),
        ("t.details:x", "get_json_object(t.details, '$.x')"),
        ("`a b`.`c`:x", "get_json_object(`a b`.`c`, '$.x')"),
        ("a:b[0]", "get_json_object(a, '$.b[0]')"),
        ("a:b[*].c[1][2]", "get_json_object(a, '$.b[*].c[1][2]')"),
        ("a:b[0]::int + 1", "get_json_object(a, '$.b[0]')::int + 1"),
        ("a:b::int", "get_json_object(a, '$.b')::int"),
        ("f(x, (y)):z", "get_json_object(f(x, (y)), '$.z')"),
        ("(a || b):c", "get_json_object((a || b), '$.c')"),
        ("xs[0]:c", "get_json_object(xs[0], '$.c')"),
        ("s.f(x).g[0]:c", "get_json_object(s.f(x).g[0], '$.c')"),
        ("a:['x y']", "get_json_object(a, '$[\\'x y\\']')"),
        ('a:["x y"].z', "get_json_object(a, '$[\\'x y\\'].z')"),
        ("a:`x y`.z", "get_json_object(a, '$[\\'x y\\'].z')"),
        ("a : b", "get_json_object(a , '$.b')"),
        ("a:b:c", "get_json_object(get_json_object(a, '$.b'), '$.c')"),
        ("a:b:c:d", "get_json_object(get_json_object(get_json_object(a, '$.b'), '$.c'), '$.d')"),
        ("SELECT a:b c, d:e AS f FROM g", "SELECT get_json_object(a, '$.b') c, get_json_object(d, '$.e') AS f FROM g"),
        ("IF(a:b = 'x:y', c:d, e)", "IF(get_json_object(a, '$.b') = 'x:y', get_json_object(c, '$.d'), e)"),
        ("a:b[", "get_json_object(a, '$.b')["),
        ("a:b[i]", "get_json_object(a, '$.b')[i]"),
        ("CAST(a:b AS STRUCT<x: INT>)", "CAST(get_json_object(a, '$.b') AS STRUCT<x: INT>)"),
    ],
)
def test_a_path_behind_an_operand_becomes_a_call(text, becomes):
    """A path on a string becomes get_json_object, as Spark has `:` only for VARIANT."""
    assert becomes == complete_mode(text).text


@pytest.mark.parametrize(
    "text",
    [
        "x::int",
        "x > :name",
        ":name",
        "f(:a, :b)",
        "x IN (:a) AND y BETWEEN :b AND :c OR z ILIKE :d ESCAPE :e",
        "SELECT :a FROM b LIMIT :c OFFSET :d",
        "CAST(x AS STRUCT<a: INT, b: ARRAY<STRUCT<c: STRING>>>)",
        "from_json(x, 'a:int')",
        "`a:b`",
        "'a:b'",
        "a -- :b",
        "a:",
        "a:[",
        ":",
    ],
)
def test_other_colons_stay(text):
    """Other colons stay: casts, parameters, types, strings, names, comments, and broken SQL."""
    assert text == complete_mode(text).text


def test_a_path_that_is_all_of_a_column_names_it():
    """A column that is only a path has the name of its last field, as on the platform."""
    text = "SELECT a:b.c, d:`e f`, g:h AS i, j:k::int, l:m + 1, f(n:o), p:q r, (SELECT s:t[0] FROM u) FROM v"
    names = {path.path: path.name for path in json_paths(tokens(text))}
    assert {".b.c": "`c`", "['e f']": "`e f`", ".t[0]": "`t`"} == {path: name for path, name in names.items() if name}


def test_what_was_not_rewritten_keeps_its_place():
    """Positions after a path map to their positions in the file."""
    text = "SELECT a:b:c, wrong FROM d"
    changed = complete_mode(text)
    assert text.index("wrong") == changed.origin(changed.text.index("wrong"))
    assert text.index("a:b") == changed.origin(changed.text.index("get_json_object"))
