"""Finds JSON paths, `column:path.to[0].field`, which Spark has only for VARIANT and the platform also for strings."""

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

#: Words before an expression: a `:` after them begins a parameter.
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
    """A path in a text: its range [start, stop), with the operand [start, colon), and `path` as JSON paths write it."""

    start: int
    colon: int
    stop: int
    path: str
    #: The name of the column, the last field of the path, when the path is a whole SELECT item without an alias.
    name: str | None = None

    def on_string(self) -> list[tuple[int, int, str]]:
        """Return the edits, for `Edited.replaced`, that convert it into a call of get_json_object."""
        path = self.path.replace("\\", "\\\\").replace("'", "\\'")
        return [(self.start, self.start, "get_json_object("), (self.colon, self.stop, f", '${path}')")]

    def named(self) -> list[tuple[int, int, str]]:
        """Return the edit that adds the name of the column as an alias."""
        return [(self.stop, self.stop, f" AS {self.name}")] if self.name else []


def outside_of_types(tokens: Sequence[Token]) -> list[int]:
    """Return the indexes of colons, without those of types such as STRUCT<a: INT>."""
    colons, depth = [], 0
    for index, token in enumerate(tokens):
        if token.text == "<" and (depth or (index and tokens[index - 1].upper in ("STRUCT", "ARRAY", "MAP"))):
            depth += 1
        elif token.text == ">" and depth:
            depth -= 1
        elif token.text == ":" and not depth:
            colons.append(index)
    return colons


def follows_operand(tokens: Sequence[Token], index: int) -> bool:
    """Return whether the colon at an index follows an operand of a path."""
    before = tokens[index - 1] if index else None
    if before is None or before.upper in _BEFORE_EXPRESSIONS:
        return False
    return before.kind in (WORD, NAME) or before.text in (")", "]")


def on_string_columns(expression: str) -> str:
    """Return an expression with each path as a call of get_json_object; unchanged when it is no SQL."""
    if ":" not in expression:
        return expression
    with suppress(UnfinishedError):
        edits = (edit for path in json_paths(tokens_of(expression)) for edit in path.on_string())
        return Edited(expression).replaced(sorted(edits)).text
    return expression


def json_paths(tokens: Sequence[Token]) -> list[JsonPath]:
    """Return the paths in a query; of the two in `a:b:c`, the longer one is the second."""
    result = []
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
                result.append(JsonPath(tokens[first].start, tokens[index].start, tokens[last].stop, path, name))
    return result


def _item_starts(tokens: Sequence[Token]) -> set[int]:
    """Return the indexes of the first tokens of all items of SELECT lists."""
    starts: set[int] = set()
    lists = [False]  # for each open bracket, the innermost last: whether it is in a SELECT list
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
    """Return the index of the first token of a colon's operand: a name, a call, brackets or another path."""
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
    """Return the index of the last token of a path that begins at `at`, and the path; "" when there is none."""
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
