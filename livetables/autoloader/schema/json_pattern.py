"""Tells lines of JSON that have no other fields than lines before them, which is cheaper than to tell what they have.

Most files repeat one kind of record. A regular expression of it passes over a line at a third of what parsing costs.
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
#: To match a longer expression takes longer than to parse.
_LONGEST = 20_000


def pattern(fields: StructType) -> str | None:
    """Return the expression of lines that have no other fields, with values of the same kinds; None when there is none.

    It is a narrow one: a line that it matches is one JSON object, but not the other way round.
    """
    if not all(map(_is_plain, _names(fields))):
        return None
    found = rf"\A(?:{_object(fields)}\r?\n)*\z"
    return found if len(found) <= _LONGEST else None


def count(block: bytes, pattern: str) -> int | None:
    """Return the number of lines in a block of whole ones when each matches, None otherwise."""
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


def _is_plain(name: str) -> bool:
    """Tell whether a name stands in JSON as it is, without escapes."""
    return name.isprintable() and '"' not in name and "\\" not in name


def _value(kind: DataType) -> str:
    if isinstance(kind, StructType):
        return f"(?:null|{_object(kind)})"
    if isinstance(kind, ArrayType):
        return rf"(?:null|\[{_list(_value(kind.elementType))}\])"
    return "null" if isinstance(kind, NullType) else _SCALAR


def _object(fields: StructType) -> str:
    # Names whose values are of one kind share an expression: matching needs fewer states.
    names: dict[str, list[str]] = {}
    for field in fields.fields:
        names.setdefault(_value(field.dataType), []).append(re.escape(field.name))
    pairs = [f'"(?:{"|".join(alike)})"{_SPACE}:{_SPACE}{value}' for value, alike in names.items()]
    return rf"\{{{_list('(?:' + '|'.join(pairs) + ')')}\}}" if pairs else rf"\{{{_SPACE}\}}"


def _list(item: str) -> str:
    """Return the expression of items with commas between them, or none."""
    return f"{_SPACE}(?:{item}{_SPACE}(?:,{_SPACE}{item}{_SPACE})*)?"
