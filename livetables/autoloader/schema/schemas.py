"""Schemas of files: merges and compares them, and stores their versions."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from pyspark.sql import types as T

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_INTEGERS: dict[type[T.DataType], int] = {T.ByteType: 10, T.ShortType: 10, T.IntegerType: 10, T.LongType: 20}
_MAX_PRECISION = 38


@dataclass(frozen=True)
class Version:
    """A stored version of a source's schema, with its time and the reason for it; `path` is the load path."""

    path: str
    number: int
    time: datetime
    reason: str
    schema: T.StructType


class SchemaStore:
    """The versions of one source's schema: files 0, 1, 2, ... in the folder `_schemas`.

    `path` is the load path of the source, which is stored with each version; a reader of versions can omit it.
    """

    def __init__(self, folder: Path, path: str = "") -> None:
        self._folder = folder / "_schemas"
        self._path = path

    def latest(self) -> T.StructType | None:
        """Return the newest schema, or None before the first."""
        numbers = self._numbers()
        return self._read(numbers[-1]).schema if numbers else None

    def versions(self) -> tuple[Version, ...]:
        """Return all versions, the oldest first."""
        return tuple(self._read(number) for number in self._numbers())

    def append(self, schema: T.StructType, reason: str, now: datetime) -> Version:
        """Store a schema as the newest version, atomically: after a crash it is complete or absent."""
        version = Version(self._path, next(reversed(self._numbers()), -1) + 1, now, reason, schema)
        self._folder.mkdir(parents=True, exist_ok=True)
        unfinished = self._folder / ".next"
        with unfinished.open("w", encoding="utf-8") as written:
            content = {"path": self._path, "time": now.isoformat(), "reason": reason, "schema": schema.jsonValue()}
            json.dump(content, written, indent=1)
            written.flush()
            os.fsync(written.fileno())
        unfinished.replace(self._folder / str(version.number))
        return version

    def _numbers(self) -> list[int]:
        names = (path.name for path in self._folder.iterdir()) if self._folder.is_dir() else ()
        return sorted(int(name) for name in names if name.isdecimal())

    def _read(self, number: int) -> Version:
        content = json.loads((self._folder / str(number)).read_text(encoding="utf-8"))
        time, schema = datetime.fromisoformat(content["time"]), T.StructType.fromJson(content["schema"])
        return Version(content["path"], number, time, content["reason"], schema)


def list_schemas(folder: Path) -> list[tuple[Version, ...]]:
    """Return the schema versions of each source with a store in this folder, sorted by load path."""
    stores = (SchemaStore(path.parent) for path in folder.glob("*/_schemas"))
    return sorted(filter(None, (store.versions() for store in stores)), key=lambda versions: versions[0].path)


def ddl(schema: T.StructType) -> str:
    """Return the columns in SQL notation: `id bigint, tags array<string>`."""
    return ", ".join(f"{_quoted(field.name)} {field.dataType.simpleString()}" for field in schema.fields)


def merge(old: T.StructType, new: T.StructType, widen: bool) -> T.StructType:
    """Return `old` with the fields that only `new` has appended to their structs.

    The types of `old` stay; with `widen`, types that Auto Loader can widen become wide enough for `new`. Names are
    compared with their case.
    """
    found = {field.name: field for field in new.fields}
    kept = [
        T.StructField(f.name, _merged(f.dataType, found[f.name].dataType, widen), f.nullable, f.metadata)
        if f.name in found
        else f
        for f in old.fields
    ]
    added = [T.StructField(f.name, f.dataType, True, f.metadata) for f in new.fields if f.name not in old.names]
    return T.StructType(kept + added)


def new_fields(old: T.StructType, new: T.StructType, case_sensitive: bool) -> tuple[str, ...]:
    """Return the dotted paths of the fields of `new` that `old` lacks, through arrays by `element`, maps by `value`.

    Fields inside a new field are not listed.
    """
    return tuple(_new_in(old, new, "", str if case_sensitive else str.lower))


def without_case_variants(known: T.StructType, found: T.StructType) -> T.StructType:
    """Return `found` without fields, at any depth, whose names differ from a known name only by case."""
    by_lower = {field.name.lower(): field for field in known.fields}
    fields = []
    for field in found.fields:
        at = by_lower.get(field.name.lower())
        if at is None or at.name == field.name:
            kind = field.dataType if at is None else _type_without_case_variants(at.dataType, field.dataType)
            fields.append(T.StructField(field.name, kind, field.nullable, field.metadata))
    return T.StructType(fields)


def as_strings(schema: T.StructType) -> T.StructType:
    """Return the schema with all leaf types replaced by strings; structs, arrays and maps stay."""
    return _rebuilt(schema, lambda _: T.StringType())


def nulls_as_strings(schema: T.StructType) -> T.StructType:
    """Return the schema with strings where all values so far were null."""
    return _rebuilt(schema, lambda leaf: T.StringType() if isinstance(leaf, T.NullType) else leaf)


def sorted_columns(schema: T.StructType) -> T.StructType:
    """Return the schema with its fields in alphabetical order at all levels, as Spark infers it from JSON."""
    return _rebuilt(schema, lambda leaf: leaf, order=lambda fields: sorted(fields, key=lambda field: field.name))


def _merged(old: T.DataType, new: T.DataType, widen: bool) -> T.DataType:
    if isinstance(old, T.StructType) and isinstance(new, T.StructType):
        return merge(old, new, widen)
    if isinstance(old, T.ArrayType) and isinstance(new, T.ArrayType):
        element = _merged(old.elementType, new.elementType, widen)
        return T.ArrayType(element, old.containsNull or new.containsNull)
    if isinstance(old, T.MapType) and isinstance(new, T.MapType):
        value = _merged(old.valueType, new.valueType, widen)
        return T.MapType(old.keyType, value, old.valueContainsNull or new.valueContainsNull)
    if isinstance(old, T.NullType):
        return new
    return _widened(old, new) if widen else old


def _type_without_case_variants(known: T.DataType, found: T.DataType) -> T.DataType:
    if isinstance(known, T.StructType) and isinstance(found, T.StructType):
        return without_case_variants(known, found)
    if isinstance(known, T.ArrayType) and isinstance(found, T.ArrayType):
        return T.ArrayType(_type_without_case_variants(known.elementType, found.elementType), found.containsNull)
    return found


def _widened(old: T.DataType, new: T.DataType) -> T.DataType:
    """Return `new`, or the decimal that holds both, if the platform widens `old` to it; else `old`.

    Byte, short and int widen to a wider integer, a decimal or a double; long to a decimal; float to double; decimal to
    a wider decimal; date to a timestamp without time zone (which only Parquet files have).
    """
    order = list(_INTEGERS)
    narrow, wide = type(old), type(new)
    if narrow in order and wide in order:
        return new if order.index(wide) > order.index(narrow) else old
    if isinstance(new, T.DoubleType) and narrow in (*order[:3], T.FloatType):
        return new
    if isinstance(old, T.DateType) and isinstance(new, T.TimestampNTZType):
        return new
    if isinstance(new, T.DecimalType) and (isinstance(old, T.DecimalType) or narrow in order):
        return _wide_decimal(old if isinstance(old, T.DecimalType) else T.DecimalType(_INTEGERS[narrow], 0), new) or old
    return old


def _wide_decimal(left: T.DecimalType, right: T.DecimalType) -> T.DecimalType | None:
    scale = max(left.scale, right.scale)
    precision = max(left.precision - left.scale, right.precision - right.scale) + scale
    return T.DecimalType(precision, scale) if precision <= _MAX_PRECISION else None


def _new_in(old: T.DataType, new: T.DataType, path: str, key: Callable[[str], str]) -> list[str]:
    if isinstance(old, T.ArrayType) and isinstance(new, T.ArrayType):
        return _new_in(old.elementType, new.elementType, f"{path}element.", key)
    if isinstance(old, T.MapType) and isinstance(new, T.MapType):
        return _new_in(old.valueType, new.valueType, f"{path}value.", key)
    if not (isinstance(old, T.StructType) and isinstance(new, T.StructType)):
        return []
    known = {key(field.name): field.dataType for field in old.fields}
    paths = []
    for field in new.fields:
        name = f"{path}{_quoted(field.name)}"
        at = known.get(key(field.name))
        paths += [name] if at is None else _new_in(at, field.dataType, f"{name}.", key)
    return paths


def _quoted(name: str) -> str:
    return name if re.fullmatch(r"\w+", name) else f"`{name.replace('`', '``')}`"


def _rebuilt(
    schema: T.StructType,
    leaf: Callable[[T.DataType], T.DataType],
    order: Callable[[list[T.StructField]], list[T.StructField]] = list,
) -> T.StructType:
    def of(data_type: T.DataType) -> T.DataType:
        if isinstance(data_type, T.StructType):
            return _rebuilt(data_type, leaf, order)
        if isinstance(data_type, T.ArrayType):
            return T.ArrayType(of(data_type.elementType), data_type.containsNull)
        if isinstance(data_type, T.MapType):
            return T.MapType(data_type.keyType, of(data_type.valueType), data_type.valueContainsNull)
        return leaf(data_type)

    fields = [T.StructField(f.name, of(f.dataType), f.nullable, f.metadata) for f in order(schema.fields)]
    return T.StructType(fields)
