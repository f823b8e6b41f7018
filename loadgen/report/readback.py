"""Reads back the rows at a target, as columns; the rows of each device come in the order of their time."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.json

from ..datasets.columns import SCHEMA
from ..errors import target_error
from ..targets.files import DIGITS
from ..targets.opening import Delta, Files, Kafka, Null, Tables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from ..phases.shape import LoadStream, Shape
    from ..targets.opening import Address

#: The columns of a line, where the time has another name.
_LINE = pa.schema([(field.name.replace("event_timestamp", "event_time"), field.type) for field in SCHEMA])


def read_back(
    address: Address,
    run_id: str,
    shape: Shape,
    begin_offsets: Mapping[int, int],
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[pa.RecordBatch]:
    """Yield the rows at a target, columns as `rows.SCHEMA`.

    Tables and topics may hold rows of other runs too. Files are those of the run.

    Args:
        address: the target.
        run_id: of the run.
        shape: its streams are the tables that are read.
        begin_offsets: by partition of a topic, the first offset; others are read from their first record. Reading ends
            at the newest record of the moment when it began.
        progress: called with the rows so far, and the number of records that were left out because they are no rows.

    Raises:
        LoadgenError: the target cannot be read.
    """
    rows = left_out = 0
    for batch, records in _parts(address, run_id, shape, begin_offsets):
        rows += batch.num_rows
        left_out += records - batch.num_rows
        if progress is not None:
            progress(rows, left_out)
        yield batch


def _parts(
    address: Address, run_id: str, shape: Shape, begin_offsets: Mapping[int, int]
) -> Iterator[tuple[pa.RecordBatch, int]]:
    """Yield rows, and the number of records from which they come."""
    if isinstance(address, Delta):
        for stream in shape.streams:
            for batch in _table(address.directory / stream.table):
                yield batch, batch.num_rows
    elif isinstance(address, Tables):
        for stream in shape.streams:
            for batch in _catalog_table(shape, stream):
                yield batch, batch.num_rows
    else:
        for lines in lines_at(address, run_id, begin_offsets):
            yield _rows(lines), len(lines)


def lines_at(address: Address, run_id: str, begin_offsets: Mapping[int, int]) -> Iterator[list[bytes]]:
    """Yield the lines at a target of JSON lines; see `read_back`."""
    if isinstance(address, Files):
        yield from _files(address.directory, run_id)
    elif isinstance(address, Kafka):
        from ..targets.topic import read_records  # Kafka's client is for this target alone

        for records in read_records(address, begin_offsets):
            yield [record.value() or b"" for record in records]
    else:
        assert isinstance(address, Null | Delta | Tables), address  # a new kind of target needs its own way to be read
        raise target_error("The target null keeps no rows: there is nothing to read back.")


def _table(path: Path) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a Delta table by time.

    By delta-rs' own engine: its dataset for pyarrow leaves threads behind that abort the interpreter at its exit.
    """
    from deltalake import DeltaTable, QueryBuilder

    query = f"SELECT {', '.join(SCHEMA.names)} FROM this ORDER BY event_timestamp"  # noqa: S608 (names of this file)
    try:
        for batch in QueryBuilder().register("this", DeltaTable(path)).execute(query):
            yield pa.record_batch(batch).cast(SCHEMA)
    except Exception as error:  # what the engine raises on the way has no type of its own
        raise target_error(f"Cannot read Delta table {path}: {' '.join(str(error).split())}.") from error


def _catalog_table(shape: Shape, stream: LoadStream) -> list[pa.RecordBatch]:
    """Return the rows of a table in Spark's catalog by time."""
    from ..engines.queries import SPARK_ERRORS, reason, table_name
    from ..engines.session import find_session

    name = table_name(shape, stream)
    try:
        rows = find_session(lambda _: None).table(name).select(*SCHEMA.names).orderBy("event_timestamp").toArrow()
    except SPARK_ERRORS as error:
        raise target_error(f"Cannot read table {name}: {reason(error)}.") from error
    batches: list[pa.RecordBatch] = rows.cast(SCHEMA).to_batches()
    return batches


def _files(directory: Path, run_id: str) -> Iterator[list[bytes]]:
    """Yield the lines of each file of a run; the names have its order. Spark's are in a folder for each batch."""
    try:
        if not directory.is_dir():
            raise target_error(f"Cannot read files in {directory}: there is no such folder.")
        native = sorted(directory.glob(f"part-{run_id}-{'[0-9]' * DIGITS}.json"))
        for path in native or sorted(directory.glob(f"*/{run_id}-*/part-*.txt")):
            yield path.read_bytes().splitlines()
    except OSError as error:
        cause = error.strerror or os.strerror(error.errno or 0)
        raise target_error(f"Cannot read files in {directory}: {cause}.") from error


def _rows(lines: Sequence[bytes]) -> pa.RecordBatch:
    """Return the rows of those lines that are rows."""
    # pyarrow's reader crashes the process on a text that begins with null.
    objects = [line for line in lines if line.startswith(b"{")]
    return pa.concat_batches([pa.RecordBatch.from_pylist([], SCHEMA), *_parsed(objects)])


def _parsed(lines: Sequence[bytes]) -> Iterator[pa.RecordBatch]:
    """Yield the rows of lines; lines that cannot be parsed are halved until the wrong one is found and left out."""
    if not lines:
        return
    text = b"\n".join(lines)
    how = pyarrow.json.ParseOptions(explicit_schema=_LINE, unexpected_field_behavior="ignore")
    try:
        one_block = pyarrow.json.ReadOptions(block_size=len(text) + 1)  # a later one might begin with null
        table = pyarrow.json.read_json(pa.BufferReader(text), one_block, how)
        table.validate(full=True)  # text in an encoding of its own
        if table.num_rows != len(lines):
            raise pa.ArrowInvalid("one has none or several rows")
    except pa.ArrowException:
        middle = len(lines) // 2
        if middle:
            yield from _parsed(lines[:middle])
            yield from _parsed(lines[middle:])
    else:
        yield from table.rename_columns(SCHEMA.names).to_batches()
