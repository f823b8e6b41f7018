"""Schema hints: a user's types for some columns of an inferred schema, as in `day DATE, user.id BIGINT`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from pyspark.sql.types import ArrayType, DataType, MapType, StructField, StructType

from livetables.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PART = r"(?:`(?:[^`]|``)+`|\w+)"
_PATH = re.compile(rf"{_PART}(?:\.{_PART})*")
#: A token of the hints: a quoted name, a quoted text, or one character.
_TOKEN = re.compile(r"`(?:[^`]|``)*`|'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|.", re.DOTALL)
_OPENS = {")": "(", ">": "<"}


class _Hint(NamedTuple):
    """One hint: its path and type as written, and the position of its first character, from 1."""

    path: list[str]
    type: str
    at: int

    def error(self, problem: str, advice: str) -> SettingsError:
        return _error(self.at, f"'{'.'.join(self.path)} {self.type}'", problem, advice)


def apply_hints(schema: StructType, hints: str, parse_type: Callable[[str], DataType]) -> StructType:
    """Return the schema with the types of the hints; missing columns are appended.

    A later hint wins. A path goes through structs by names, through arrays by `element`, through maps by `key` and
    `value`. Names are compared without case, and the column takes the case of the hint, so that a hint can correct
    the case. Raises SettingsError when a hint can't be parsed or does not fit the schema.
    """
    for hint in _hints(hints):
        try:
            wanted = parse_type(hint.type)
        except Exception as error:
            problem = f"'{hint.type}' is not a type"
            raise hint.error(problem, "Write a type of Spark SQL, such as DECIMAL(10,2) or ARRAY<STRING>.") from error
        changed = _placed(schema, 0, wanted, hint)
        assert isinstance(changed, StructType)
        schema = changed
    return schema


def _hints(text: str) -> Iterator[_Hint]:
    for at, item in _items(text):
        match = _PATH.match(item)
        rest = item[match.end() :] if match else item
        if match is None or (rest and not rest[0].isspace()):
            problem = "the name of a column can't be read" if item else "a hint is missing beside the comma"
            advice = "Write hints as `name TYPE, name.field TYPE`; names with other characters stand in back-quotes."
            raise _error(at, f"'{item}'", problem, advice)
        if not rest:
            raise _error(at, f"'{item}'", "it has no type", f"Write it as {item} STRING.")
        yield _Hint(re.findall(_PART, match[0]), rest.strip(), at)


def _items(text: str) -> Iterator[tuple[int, str]]:
    """Yield (position, text) of each hint; commas in brackets and quotes do not separate hints."""
    start, opened = 0, list[int]()
    for token in _TOKEN.finditer(text if text.strip() else ""):
        mark, at = token[0], token.start()
        if mark in _OPENS.values():
            opened.append(at)
        elif mark in _OPENS:
            if not opened or text[opened.pop()] != _OPENS[mark]:
                raise _error(at + 1, f"'{mark}'", "no bracket is open that it would close", "Remove it, or open one.")
        elif mark in ("`", "'", '"'):
            raise _error(at + 1, mark, "the quote does not end", f"Write a second {mark} where it ends.")
        elif mark == "," and not opened:
            yield _item(text, start, at)
            start = token.end()
    if opened:
        raise _error(opened[-1] + 1, f"'{text[opened[-1]]}'", "the bracket is not closed", "Close it.")
    if text.strip():
        yield _item(text, start, len(text))


def _item(text: str, start: int, stop: int) -> tuple[int, str]:
    item = text[start:stop]
    return start + len(item) - len(item.lstrip()) + 1, item.strip()


def _placed(current: DataType, depth: int, wanted: DataType, hint: _Hint) -> DataType:
    """Return the type `current` with `wanted` in the place that the hint's path, from `depth` on, names."""
    if depth == len(hint.path):
        return wanted
    step = hint.path[depth].lower()
    if isinstance(current, ArrayType) and step == "element":
        return ArrayType(_placed(current.elementType, depth + 1, wanted, hint), current.containsNull)
    if isinstance(current, MapType) and step in ("key", "value"):
        key, value = current.keyType, current.valueType
        if step == "key":
            key = _placed(key, depth + 1, wanted, hint)
        else:
            value = _placed(value, depth + 1, wanted, hint)
        return MapType(key, value, current.valueContainsNull)
    if isinstance(current, StructType):
        return _in_struct(current, depth, wanted, hint)
    here = ".".join(hint.path[:depth])
    ways = {ArrayType: f"Go on with {here}.element.", MapType: f"Go on with {here}.key or {here}.value."}
    way = ways.get(type(current), f"Give the type of all of it: {here} STRUCT<...>.")
    raise hint.error(f"{here} is of type {current.simpleString()}, which has no field {hint.path[depth]}", way)


def _in_struct(struct: StructType, depth: int, wanted: DataType, hint: _Hint) -> StructType:
    written = hint.path[depth]
    name = written[1:-1].replace("``", "`") if written.startswith("`") else written
    at = next((i for i, known in enumerate(struct.names) if known == name), None)
    if at is None:
        at = next((i for i, known in enumerate(struct.names) if known.lower() == name.lower()), None)
    fields = list(struct.fields)
    if at is not None:
        old = fields[at]
        fields[at] = StructField(name, _placed(old.dataType, depth + 1, wanted, hint), old.nullable, old.metadata)
    elif depth and written.lower() == "element":
        here = ".".join(hint.path[:depth])
        raise hint.error(f"{here} is no array", f"Give the type of all of it: {here} ARRAY<...>.")
    else:
        fields.append(StructField(name, _placed(StructType(), depth + 1, wanted, hint)))
    return StructType(fields)


def _error(at: int, shown: str, problem: str, advice: str) -> SettingsError:
    message = f"The option cloudFiles.schemaHints is wrong at character {at}, {shown}: {problem}."
    return SettingsError("WRONG_VALUE", message, hint=advice)
