"""Finds `column:path.to[0].field`, which the platform's SQL has for JSON in strings and Spark's only for VARIANT."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from livetables.model import quoted
from livetables.sql.edits import Edited
from livetables.sql.lexer import NAME, NUMBER, STRING, WORD, Token, UnfinishedError, name_value, string_value
from livetables.sql.lexer import tokens as tokens_of

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Words after which an expression begins: a `:` behind them belongs to a parameter.
_BEFORE_EXPRESSIONS = frozenset(
    {
        "ALL",
        "AND",
        "AS",
        "BETWEEN",
        "BY",
        "CASE",
        "DISTINCT",
        "DIV",
        "ELSE",
        "ESCAPE",
        "FROM",
        "HAVING",
        "ILIKE",
        "IN",
        "INTERVAL",
        "IS",
        "LIKE",
        "LIMIT",
        "NOT",
        "OFFSET",
        "ON",
        "OR",
        "QUALIFY",
        "REGEXP",
        "RETURN",
        "RLIKE",
        "SELECT",
        "THEN",
        "VALUES",
        "WHEN",
        "WHERE",
    }
)


@dataclass(frozen=True)
class JsonPath:
    """A path: its characters [start, stop), of which [start, colon) are what it is taken of; as JSON paths write it."""

    start: int
    colon: int
    stop: int
    path: str
    #: What the column is called when the path is all of an item of a SELECT and has no alias: its last field.
    name: str | None = None

    def on_string(self) -> list[tuple[int, int, str]]:
        """Return the edits, as `Edited.replaced` takes them, that make a call of get_json_object of it."""
        path = self.path.replace("\\", "\\\\").replace("'", "\\'")
        return [(self.start, self.start, "get_json_object("), (self.colon, self.stop, f", '${path}')")]

    def named(self) -> list[tuple[int, int, str]]:
        """Return the edit that gives the column its name."""
        return [(self.stop, self.stop, f" AS {self.name}")] if self.name else []


def outside_of_types(tokens: Sequence[Token]) -> list[int]:
    """Return where colons stand, without those of types such as STRUCT<a: INT>."""
    found, depth = [], 0
    for index, token in enumerate(tokens):
        if token.text == "<" and (depth or (index and tokens[index - 1].upper in ("STRUCT", "ARRAY", "MAP"))):
            depth += 1
        elif token.text == ">" and depth:
            depth -= 1
        elif token.text == ":" and not depth:
            found.append(index)
    return found


def follows_operand(tokens: Sequence[Token], index: int) -> bool:
    """Tell whether a colon stands behind something that it can take a path of."""
    before = tokens[index - 1] if index else None
    if before is None or before.upper in _BEFORE_EXPRESSIONS:
        return False
    return before.kind in (WORD, NAME) or before.text in (")", "]")


def on_string_columns(expression: str) -> str:
    """Return an expression with each path as a call of get_json_object; one that is no SQL as it is."""
    if ":" not in expression:
        return expression
    with suppress(UnfinishedError):
        edits = (edit for path in json_paths(tokens_of(expression)) for edit in path.on_string())
        return Edited(expression).replaced(sorted(edits)).text
    return expression


def json_paths(tokens: Sequence[Token]) -> list[JsonPath]:
    """Return the paths in a query; of `a:b:c` the longer one comes second."""
    found = []
    items = _item_starts(tokens)
    for index in outside_of_types(tokens):
        if follows_operand(tokens, index):
            first = _operand(tokens, index)
            last, path = _path(tokens, index + 1)
            if path:
                whole = first in items and tokens[last + 1].upper in ("", ",", "FROM", ")")
                whole = whole and tokens[last + 1].kind not in (NAME, STRING)
                names = [token for token in tokens[index + 1 : last + 1] if token.kind in (WORD, NAME)]
                name = quoted(name_value(names[-1])) if whole and names else None
                found.append(JsonPath(tokens[first].start, tokens[index].start, tokens[last].stop, path, name))
    return found


def _item_starts(tokens: Sequence[Token]) -> set[int]:
    """Return the tokens with which the items of SELECT lists begin."""
    starts: set[int] = set()
    lists = [False]  # whether the innermost brackets are in the list of a SELECT now
    for index, token in enumerate(tokens):
        before = tokens[index - 1] if index else None
        if before is not None and lists[-1] and before.upper in ("SELECT", "DISTINCT", ","):
            starts.add(index)
        if token.text in ("(", "["):
            lists.append(False)
        elif token.text in (")", "]") and len(lists) > 1:
            lists.pop()
        elif token.upper == "SELECT":
            lists[-1] = True
        elif token.upper == "FROM":
            lists[-1] = False
    return starts


def _operand(tokens: Sequence[Token], colon: int) -> int:
    """Return the first token of what a colon takes a path of: a name, a call, something in brackets, another path."""
    at = colon - 1
    while True:
        if tokens[at].text in (")", "]"):
            opening = _opening(tokens, at)
            before = tokens[opening - 1] if opening else None
            called = before is not None and before.kind in (WORD, NAME) and before.upper not in _BEFORE_EXPRESSIONS
            indexed = before is not None and tokens[opening].text == "[" and before.text in (")", "]")
            if not called and not indexed:
                return opening
            at = opening - 1
        elif at > 1 and tokens[at - 1].text in (".", ":"):
            at -= 2
        else:
            return at


def _opening(tokens: Sequence[Token], closing: int) -> int:
    depth = 0
    for at in range(closing, -1, -1):
        depth += (tokens[at].text in (")", "]")) - (tokens[at].text in ("(", "["))
        if depth == 0:
            return at
    return closing


def _path(tokens: Sequence[Token], at: int) -> tuple[int, str]:
    """Return the last token of a path that begins at a token, and the path; no path when there is none."""
    last, pieces = at - 1, []
    while at < len(tokens):
        token = tokens[at]
        if token.kind in (WORD, NAME):
            pieces.append(f"['{name_value(token)}']" if token.kind == NAME else f".{token.text}")
            last = at
        elif token.text == "[" and at + 2 < len(tokens) and tokens[at + 2].text == "]":
            inside = tokens[at + 1]
            if inside.kind == STRING:
                pieces.append(f"['{string_value(inside)}']")
            elif inside.kind == NUMBER or inside.text == "*":
                pieces.append(f"[{inside.text}]")
            else:
                break
            last = at = at + 2
        else:
            break
        at += 1
        if tokens[at].text == ".":
            at += 1
        elif tokens[at].text != "[":
            break
    return last, "".join(pieces)
