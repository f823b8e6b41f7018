"""Recognises, by a regular expression, blocks of JSON lines without new fields: a third of the cost of parsing.

Most files repeat one kind of record, so most blocks need no parsing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql.types import ArrayType, NullType, StructType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql.types import DataType

_SPACE = r"[ \t]*"
_STRING = r'"(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*"'
_NUMBER = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"
_SCALAR = f"(?:{_STRING}|{_NUMBER}|true|false|null)"
#: The longest useful expression, in characters: matching a longer one is slower than parsing.
_MAX_LENGTH = 20_000


def record_pattern(fields: StructType) -> str | None:
    """Return an expression for lines that have only these fields, with values of the same kinds; None when impossible.

    It is strict: a line that matches is one JSON object, but some JSON objects with these fields do not match.
    """
    if not all(map(_needs_no_escape, _names(fields))):
        return None
    found = rf"\A(?:{_object(fields)}\r?\n)*\z"
    return found if len(found) <= _MAX_LENGTH else None


def count_matching_lines(block: bytes, pattern: str) -> int | None:
    """Return the number of lines in a block of whole lines when every line matches, else None."""
    ended = block if block.endswith(b"\n") else block + b"\n"
    [matches] = pc.match_substring_regex(pa.array([ended], pa.large_binary()), pattern).to_pylist()
    return ended.count(b"\n") if matches else None


def _names(kind: DataType) -> Iterator[str]:
    if isinstance(kind, ArrayType):
        yield from _names(kind.elementType)
    if isinstance(kind, StructType):
        for field in kind.fields:
            yield field.name
            yield from _names(field.dataType)


def _needs_no_escape(name: str) -> bool:
    """Whether a field name needs no JSON escaping."""
    return name.isprintable() and '"' not in name and "\\" not in name


def _value(kind: DataType) -> str:
    if isinstance(kind, StructType):
        return f"(?:null|{_object(kind)})"
    if isinstance(kind, ArrayType):
        return rf"(?:null|\[{_list(_value(kind.elementType))}\])"
    return "null" if isinstance(kind, NullType) else _SCALAR


def _object(fields: StructType) -> str:
    # Names whose values are of one kind share an expression, so that the automaton has fewer states.
    names: dict[str, list[str]] = {}
    for field in fields.fields:
        names.setdefault(_value(field.dataType), []).append(re.escape(field.name))
    pairs = [f'"(?:{"|".join(same)})"{_SPACE}:{_SPACE}{value}' for value, same in names.items()]
    return rf"\{{{_list('(?:' + '|'.join(pairs) + ')')}\}}" if pairs else rf"\{{{_SPACE}\}}"


def _list(item: str) -> str:
    """Return the expression of zero or more items, separated by commas."""
    return f"{_SPACE}(?:{item}{_SPACE}(?:,{_SPACE}{item}{_SPACE})*)?"
