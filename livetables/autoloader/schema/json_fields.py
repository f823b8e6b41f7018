"""Scans files of JSON lines for their fields before Spark reads them: a stream must stop before it reads a new field.

Spark's JSON reader silently ignores a field that its schema lacks. Arrow's reader parses the same bytes at a fraction
of the cost (docs/decisions/0010), so each file is scanned once, on this machine; blocks that repeat the known fields
are only matched with a regular expression. The scan also counts the records: letting Spark count them per file costs
more than the scan.
"""

from __future__ import annotations

import json
import os
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import lru_cache, reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.json as arrow_json
from pyspark.sql.types import ArrayType, DataType, NullType, StringType, StructField, StructType

from livetables.autoloader.schema.blocks import line_blocks
from livetables.autoloader.schema.json_pattern import count_matching_lines, record_pattern

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from concurrent.futures import Future

THREADS = min(4, os.cpu_count() or 1)
#: Size of the cache of scans: the files that a schema was inferred from are read next.
_CACHED_FILES = 1000
#: The nesting depth of objects and arrays that Spark's JSON reader accepts.
_MAX_DEPTH = 1000
_DECODER = json.JSONDecoder()
_QUOTED = re.compile(r"""\"(?:[^"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'""")


class FileScan(NamedTuple):
    """The fields of a file, and the number of records that Spark will find in it; None when only Spark can count."""

    fields: StructType
    records: int | None = None


def scan_json_lines(path: str) -> FileScan:
    """Return the fields and records of a file of JSON lines: values are strings, or NullType where all are null.

    Lines that are not JSON objects have no fields. Raises UnreadableError for a damaged compressed file, and
    FileNotFoundError.
    """
    found = StructType()
    records = 0
    pattern: str | None = None
    for block in line_blocks(path):
        more = None if pattern is None else count_matching_lines(block, pattern)
        if more is None:
            fields, more = _of_block(block)
            found = _fields_of_both(found, fields)
            pattern = record_pattern(found)
        records += more
    return FileScan(found, records)


class Scanner:
    """Scans files of JSON lines in threads, also ahead of their batch, while Spark reads another one."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="livetables-scan-json")
        #: By path: (size, modification time) and the scan of this version.
        self._begun: dict[str, tuple[tuple[int, int], Future[FileScan]]] = {}

    def __enter__(self) -> Scanner:
        """Return the scanner."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the threads."""
        self.close()

    def prefetch(self, paths: Iterable[str]) -> None:
        """Start to scan files, without waiting."""
        for path in paths:
            with suppress(OSError):  # reported by the batch that has the file
                self._begin(path)

    def scan(self, paths: Iterable[str]) -> list[FileScan]:
        """Return the scans of files; a file that changed since its scan began is scanned again.

        Raises as scan_json_lines.
        """
        begun = [self._begin(path) for path in paths]
        self._begun.clear()
        return [scan.result() for scan in begun]

    def close(self) -> None:
        """Stop the threads."""
        self._threads.shutdown(cancel_futures=True)

    def _begin(self, path: str) -> Future[FileScan]:
        status = Path(path).stat()
        version = status.st_size, status.st_mtime_ns
        begun = self._begun.get(path)
        if begun is None or begun[0] != version:
            begun = self._begun[path] = version, self._threads.submit(cached_scan, path, *version)
        return begun[1]


@lru_cache(maxsize=_CACHED_FILES)
def cached_scan(path: str, size: int, modified: int) -> FileScan:
    """Return the scan of one version of a file, from a cache when it was scanned lately."""
    del size, modified  # part of the cache key: another version is scanned again
    return scan_json_lines(path)


def union(one: DataType, other: DataType) -> DataType:
    """Return the type that has the fields of both; where a struct or array meets another kind of value, a string."""
    if isinstance(one, NullType):
        return other
    if isinstance(other, NullType):
        return one
    if isinstance(one, ArrayType) and isinstance(other, ArrayType):
        return ArrayType(union(one.elementType, other.elementType))
    if isinstance(one, StructType) and isinstance(other, StructType):
        return _fields_of_both(one, other)
    return one if one == other else StringType()


def _fields_of_both(one: StructType, other: StructType) -> StructType:
    if one == other:
        return one
    both = {field.name: field.dataType for field in one.fields}
    for field in other.fields:
        both[field.name] = union(both[field.name], field.dataType) if field.name in both else field.dataType
    return _struct(both)


def _of_block(block: bytes) -> tuple[StructType, int]:
    lines = [line for line in block.splitlines() if line.strip()]
    # Arrow crashes the process at `null` before any object, and at thousands of nesting levels.
    if not lines or not lines[0].lstrip().startswith(b"{") or any(map(_may_be_deep, lines)):
        return _of_lines(lines)
    reading = arrow_json.ReadOptions(use_threads=False, block_size=len(block) + 1)
    try:
        table = arrow_json.read_json(pa.BufferReader(block), read_options=reading)
        if table.num_rows == len(lines):  # Arrow accepts objects over several lines, and several objects in one
            return _struct({field.name: _of_arrow(field.type) for field in table.schema}), table.num_rows
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, UnicodeDecodeError, RecursionError):
        pass  # a malformed line, two kinds of values in one field, a name that is not UTF-8, hundreds of levels
    return _of_lines(lines)


def _may_be_deep(line: bytes) -> bool:
    return len(line) > _MAX_DEPTH and line.count(b"{") + line.count(b"[") > _MAX_DEPTH


def _of_lines(lines: Iterable[bytes]) -> tuple[StructType, int]:
    found = StructType()
    records = 0
    for line in lines:
        try:
            value = _first_value(line)
            items = value if isinstance(value, list) else [value]
            fields = [_of_fields(item) for item in items if isinstance(item, dict)]
        except (ValueError, RecursionError):
            value, fields = None, []
        # Each object of an array is a record; anything that is not an object is one malformed record.
        records += len(fields) if isinstance(value, list) and len(fields) == len(value) else 1
        found = reduce(_fields_of_both, fields, found)
    return found, records


def _first_value(line: bytes) -> Any:
    """Return the JSON value at the beginning of a line; Spark ignores what follows, and accepts single quotes."""
    text = line.decode("utf-8-sig").strip()
    try:
        return _DECODER.raw_decode(text)[0]
    except ValueError:
        return _DECODER.raw_decode(_QUOTED.sub(_in_double_quotes, text))[0]


def _in_double_quotes(quoted: re.Match[str]) -> str:
    text = quoted[0]
    return text if text[0] == '"' else '"' + text[1:-1].replace("\\'", "'").replace('"', '\\"') + '"'


def _of_value(value: Any) -> DataType:
    if value is None:
        return NullType()
    if isinstance(value, dict):
        return _of_fields(value)
    if isinstance(value, list):
        element: DataType = NullType()
        for item in value:
            element = union(element, _of_value(item))
        return ArrayType(element)
    return StringType()


def _of_fields(fields: Mapping[str, Any]) -> StructType:
    return _struct({key: _of_value(item) for key, item in fields.items()})


def _of_arrow(kind: pa.DataType) -> DataType:
    if pa.types.is_null(kind):
        return NullType()
    if pa.types.is_struct(kind):
        return _struct({kind.field(at).name: _of_arrow(kind.field(at).type) for at in range(kind.num_fields)})
    return ArrayType(_of_arrow(kind.value_type)) if pa.types.is_list(kind) else StringType()


def _struct(fields: Mapping[str, DataType]) -> StructType:
    return StructType([StructField(name, kind) for name, kind in fields.items()])  # `add` is slow with many fields
