"""Excludes a hidden column from `*`: `_metadata` of a file source can be selected by its name only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from livetables.sql.lexer import NAME, WORD, Token, name_value

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

METADATA = "_metadata"
_BEFORE_STAR = frozenset({"SELECT", "DISTINCT", "ALL", ",", "("})


def mentions(tokens: Sequence[Token], column: str) -> bool:
    """Return whether a text contains the name of a column."""
    return any(token.kind in (WORD, NAME) and name_value(token).lower() == column for token in tokens)


def hidden_in_stars(tokens: Sequence[Token], column: str, owners: Collection[str]) -> Iterator[tuple[int, int, str]]:
    """Yield the edits that exclude a column from each `*`, and from `owner.*` of `owners` (in lower case)."""
    for index, token in enumerate(tokens):
        if token.text != "*" or not index:
            continue
        before = tokens[index - 1]
        if before.text == ".":
            if name_value(tokens[index - 2]).lower() not in owners:
                continue
        elif before.upper not in _BEFORE_STAR or tokens[index - 2].upper == "COUNT":
            continue
        excepts = tokens[index + 1].upper == "EXCEPT" and tokens[index + 2].text == "("
        if excepts and tokens[index + 3].upper not in ("SELECT", "WITH", "FROM"):
            yield tokens[index + 2].stop, tokens[index + 2].stop, f"{column}, "
        else:
            yield token.stop, token.stop, f" EXCEPT ({column})"


def alias_of(tokens: Sequence[Token], stop: int) -> str | None:
    """Return the alias of the relation that ends at `stop`, in lower case; None without one."""
    after = next((index for index, token in enumerate(tokens) if token.start >= stop), len(tokens) - 1)
    while tokens[after].text == ")":
        after += 1
    if tokens[after].upper == "AS":
        after += 1
    token = tokens[after]
    return name_value(token).lower() if token.kind in (WORD, NAME) and token.upper not in _NO_ALIAS else None


_NO_ALIAS = frozenset(
    {
        "WHERE",
        "GROUP",
        "ORDER",
        "HAVING",
        "JOIN",
        "INNER",
        "LEFT",
        "RIGHT",
        "FULL",
        "CROSS",
        "NATURAL",
        "ANTI",
        "SEMI",
        "LATERAL",
        "ON",
        "USING",
        "UNION",
        "EXCEPT",
        "INTERSECT",
        "MINUS",
        "LIMIT",
        "OFFSET",
        "QUALIFY",
        "WINDOW",
        "WITH",
        "WATERMARK",
        "TABLESAMPLE",
        "PIVOT",
        "UNPIVOT",
        "CLUSTER",
        "DISTRIBUTE",
        "SORT",
        "SELECT",
    }
)
