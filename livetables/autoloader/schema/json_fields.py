"""The fields of files of JSON lines, looked at before Spark reads them: a stream that gets a new one has to stop first.

Spark's JSON reader passes over a field that its schema lacks and says nothing. Arrow's goes through the same bytes
at a fraction of the cost (docs/decisions/0010), so each file is looked at once, on this machine; what goes on as it
began is only compared with that. The records are counted in passing: to have Spark count those of each file costs more
than to look.
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

from livetables.autoloader.schema import json_pattern as alike
from livetables.autoloader.schema.blocks import blocks

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from concurrent.futures import Future

THREADS = min(4, os.cpu_count() or 1)
#: Of so many files it is remembered what they have: those of which a schema was inferred are then read.
_KEPT = 1000
#: So many levels of objects and arrays Spark reads.
_DEEP = 1000
_DECODER = json.JSONDecoder()
_QUOTED = re.compile(r"""\"(?:[^"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'""")


class Look(NamedTuple):
    """The fields of a file, and how many records Spark will find in it; None when only Spark can tell."""

    fields: StructType
    records: int | None = None


def json_lines(path: str) -> Look:
    """Look at a file of JSON lines: values are strings in the fields of its objects, NullType where all are null.

    Lines that are no JSON objects have no fields. Raises UnreadableError for a damaged compressed file, and
    FileNotFoundError.
    """
    found = StructType()
    records = 0
    pattern: str | None = None
    for block in blocks(path):
        more = None if pattern is None else alike.count(block, pattern)
        if more is None:
            fields, more = _of_block(block)
            found = _fields_of_both(found, fields)
            pattern = alike.pattern(found)
        records += more
    return Look(found, records)


class Looks:
    """Looks at files of JSON lines, in threads; also ahead of the batch that has them, while Spark reads another."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="livetables-look")
        self._begun: dict[str, tuple[tuple[int, int], Future[Look]]] = {}

    def __enter__(self) -> Looks:
        """Return it."""
        return self

    def __exit__(self, *_: object) -> None:
        """End its threads."""
        self.close()

    def ahead(self, paths: Iterable[str]) -> None:
        """Begin to look at files."""
        for path in paths:
            with suppress(OSError):  # the batch that has it says what is wrong
                self._begin(path)

    def at(self, paths: Iterable[str]) -> list[Look]:
        """Return what files have; one that has changed since a look at it is looked at again. Raises as json_lines."""
        begun = [self._begin(path) for path in paths]
        self._begun.clear()
        return [look.result() for look in begun]

    def close(self) -> None:
        """End its threads."""
        self._threads.shutdown(cancel_futures=True)

    def _begin(self, path: str) -> Future[Look]:
        found = Path(path).stat()
        version = found.st_size, found.st_mtime_ns
        known = self._begun.get(path)
        if known is None or known[0] != version:
            known = self._begun[path] = version, self._threads.submit(_look, path, *version)
        return known[1]


@lru_cache(maxsize=_KEPT)
def _look(path: str, size: int, modified: int) -> Look:
    del size, modified  # of another version of the file, something else is known
    return json_lines(path)


def union(one: DataType, other: DataType) -> DataType:
    """Return the fields of both; where one has fields and the other a plain value, it is a string."""
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
    # Arrow ends the whole program when it meets null before any object, or thousands of levels in one.
    if not lines or not lines[0].lstrip().startswith(b"{") or any(map(_may_be_deep, lines)):
        return _of_lines(lines)
    reading = arrow_json.ReadOptions(use_threads=False, block_size=len(block) + 1)
    try:
        table = arrow_json.read_json(pa.BufferReader(block), read_options=reading)
        if table.num_rows == len(lines):  # Arrow also takes an object over several lines, and several in one
            return _struct({field.name: _of_arrow(field.type) for field in table.schema}), table.num_rows
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, UnicodeDecodeError, RecursionError):
        pass  # a malformed line, values of two kinds in one field, a name that is no UTF-8, hundreds of levels
    return _of_lines(lines)


def _may_be_deep(line: bytes) -> bool:
    return len(line) > _DEEP and line.count(b"{") + line.count(b"[") > _DEEP


def _of_lines(lines: Iterable[bytes]) -> tuple[StructType, int]:
    found = StructType()
    records = 0
    for line in lines:
        try:
            value = _beginning(line)
            items = value if isinstance(value, list) else [value]
            fields = [_of_fields(item) for item in items if isinstance(item, dict)]
        except (ValueError, RecursionError):
            value, fields = None, []
        # The objects of an array are a record each; what is no object is one, malformed.
        records += len(fields) if isinstance(value, list) and len(fields) == len(value) else 1
        found = reduce(_fields_of_both, fields, found)
    return found, records


def _beginning(line: bytes) -> Any:
    """Return the JSON value that a line begins with; Spark passes over what follows, and knows single quotes."""
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
    return StructType([StructField(name, kind) for name, kind in fields.items()])  # `add` takes long with many
