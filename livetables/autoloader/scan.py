"""What fields a file has, before it is read: names alone, since a stream that gets a new one has to stop first.

Spark's JSON reader passes over a field that its schema lacks and says nothing. Arrow's goes through the same bytes
at a fraction of the cost (docs/decisions/0010), so each file is looked at once, on this machine.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import json
import zlib
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO

import pyarrow as pa
import pyarrow.json as arrow_json
from pyspark.sql.types import ArrayType, DataType, NullType, StringType, StructType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

#: How much of a file is looked at in one go, in bytes: it is in memory several times over.
BLOCK_BYTES = 16 << 20
#: What opens a compressed file and notices that its end is missing, which Arrow's readers of gzip and bzip2 do not.
_OPENERS: dict[str, Callable[[str], BinaryIO]] = {
    "gz": partial(gzip.open, mode="rb"),
    "bz2": partial(bz2.open, mode="rb"),
    **{end: partial(pa.input_stream, compression="detect") for end in ("zst", "lz4")},
}  # type: ignore[dict-item]


class UnreadableError(Exception):
    """The content of a file is damaged; the message says how."""


def json_fields(path: str) -> StructType:
    """Return the fields of the objects in a file of JSON lines, their values all as strings; NullType where all are null.

    Lines that are no JSON objects have no fields. Raises UnreadableError for a damaged compressed file, and
    FileNotFoundError.
    """
    found: DataType = StructType()
    for block in _blocks(path):
        found = union(found, _of_block(block))
    return found if isinstance(found, StructType) else StructType()


def csv_header(path: str, options: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names in the first line of a CSV file that is not empty, as Spark would call them."""
    given = {key.lower(): value for key, value in options.items()}
    comment, separator = given.get("comment"), given.get("sep", given.get("delimiter", ","))
    encoding = given.get("encoding", given.get("charset", "utf-8"))
    text = b"".join(_head(path)).decode(encoding, "replace").removeprefix("\ufeff")
    lines = (line for line in text.splitlines(keepends=True) if line.strip() and not (comment and line[0] == comment))
    rows = csv.reader(lines, delimiter=separator[:1], quotechar=given.get("quote", '"') or None)
    names = [name.strip() if given.get("ignoreleadingwhitespace") == "true" else name for name in next(rows, [])]
    lower = [name.lower() for name in names]
    return tuple(
        f"_c{at}" if not name else f"{name}{at}" if lower.count(name.lower()) > 1 else name
        for at, name in enumerate(names)
    )


def union(one: DataType, other: DataType) -> DataType:
    """Return the fields of both; where one has fields and the other a plain value, it is a string."""
    if isinstance(one, NullType):
        return other
    if isinstance(other, NullType):
        return one
    if isinstance(one, ArrayType) and isinstance(other, ArrayType):
        return ArrayType(union(one.elementType, other.elementType))
    if not (isinstance(one, StructType) and isinstance(other, StructType)):
        return one if one == other else StringType()
    if one == other:
        return one
    both = {field.name: field.dataType for field in one.fields}
    for field in other.fields:
        both[field.name] = union(both[field.name], field.dataType) if field.name in both else field.dataType
    return _struct(both)


def _of_block(block: bytes) -> DataType:
    reading = arrow_json.ReadOptions(use_threads=False, block_size=len(block) + 1)
    try:
        schema = arrow_json.read_json(pa.BufferReader(block), read_options=reading).schema
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):  # a malformed line, or values of two kinds in one field
        return _of_lines(block)
    return _struct({field.name: _of_arrow(field.type) for field in schema})


def _of_lines(block: bytes) -> DataType:
    found: DataType = StructType()
    for line in block.splitlines():
        try:
            value = json.loads(line)
        except ValueError:
            continue
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict):
                found = union(found, _of_value(item))
    return found


def _of_value(value: Any) -> DataType:
    if value is None:
        return NullType()
    if isinstance(value, dict):
        return _struct({key: _of_value(item) for key, item in value.items()})
    if isinstance(value, list):
        element: DataType = NullType()
        for item in value:
            element = union(element, _of_value(item))
        return ArrayType(element)
    return StringType()


def _of_arrow(kind: pa.DataType) -> DataType:
    if pa.types.is_null(kind):
        return NullType()
    if pa.types.is_struct(kind):
        return _struct({kind.field(at).name: _of_arrow(kind.field(at).type) for at in range(kind.num_fields)})
    return ArrayType(_of_arrow(kind.value_type)) if pa.types.is_list(kind) else StringType()


def _struct(fields: Mapping[str, DataType]) -> StructType:
    struct = StructType()
    for name, kind in fields.items():
        struct.add(name, kind)
    return struct


def _blocks(path: str) -> Iterator[bytes]:
    """Yield a file in blocks of whole lines."""
    rest = b""
    for piece in _pieces(path, BLOCK_BYTES):
        whole, newline, rest = (rest + piece).rpartition(b"\n")
        if newline:
            yield whole + newline
    if rest.strip():
        yield rest


def _head(path: str) -> Iterator[bytes]:
    """Yield the beginning of a file, up to the end of a line after the first 64 KB or to its own end."""
    for piece in _pieces(path, 1 << 16):
        yield piece
        if b"\n" in piece:
            return


def _pieces(path: str, size: int) -> Iterator[bytes]:
    opened = _OPENERS.get(path.rpartition(".")[2].lower(), partial(open, mode="rb"))
    with opened(path) as stream:
        try:
            while piece := stream.read(size):
                yield piece
        except (OSError, EOFError, zlib.error) as error:
            raise UnreadableError(str(error)) from error


def check(path: str) -> None:
    """Read a compressed file to its end; raises UnreadableError when it is damaged."""
    if path.rpartition(".")[2].lower() in _OPENERS:
        for _ in _pieces(path, BLOCK_BYTES):
            pass
