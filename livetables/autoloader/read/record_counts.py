"""Counts the records of files without Spark: from line ends, from a footer, or from an earlier scan."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pyarrow as pa
from pyarrow import orc, parquet

from livetables.autoloader.schema.blocks import BLOCK_BYTES, is_compressed
from livetables.autoloader.schema.json_fields import THREADS
from livetables.storage.locations import local_path

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from livetables.autoloader.read.reader import FileGroup, FileReader

_T = TypeVar("_T")
#: Options of Spark's readers with which lines are not those of UTF-8 text.
OTHER_LINES = {"linesep", "encoding", "charset"}


def count_records(reader: FileReader, groups: Sequence[FileGroup]) -> dict[str, int | None]:
    """Return the record count of each file, None where only Spark can count; empty when records are not rows."""
    options = reader.format_options
    some_are_no_rows = reader.options.bad_records is not None or options.get("mode", "permissive") != "permissive"
    if (
        some_are_no_rows
        or OTHER_LINES & options.keys()
        or "true" in (options.get("multiline"), options.get("wholetext"))
    ):
        return {}

    def counted(file: str) -> int | None:
        path = local_path(file)
        return None if path is None else records_in_file(path, reader.options.format)

    known = {file: number for group in groups for file, number in zip(group.files, group.records, strict=False)}
    rest = [file for group in groups for file in group.files if known.get(file) is None]
    return {**known, **dict(zip(rest, in_threads(counted, rest), strict=True))}


def records_in_file(path: str, format_: str) -> int | None:
    """Return the number of records in a file of a format (`json` is JSON lines); None when only a reader can count.

    This is much cheaper than letting Spark count them while it reads.
    """
    if format_ == "binaryFile":
        return 1
    try:
        if format_ == "parquet":
            return int(parquet.read_metadata(path).num_rows)
        if format_ == "orc":
            return int(orc.ORCFile(path).nrows)
        return _lines(path, format_) if format_ in ("json", "text") and not is_compressed(path) else None
    except (pa.ArrowException, OSError):  # damaged or missing: the reader reports it
        return None


def in_threads(work: Callable[[str], _T], files: Sequence[str]) -> list[_T]:
    """Return the results of a function for each file, in order, computed in threads."""
    with ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="livetables-scan") as threads:
        return list(threads.map(work, files))


def _lines(path: str, format_: str) -> int | None:
    """Return the number of lines; for JSON, None when a line does not begin with a brace: no record, or several."""
    lines, objects, last = 0, 0, b"\n"
    with Path(path).open("rb") as stream:
        while block := stream.read(BLOCK_BYTES):
            if b"\r" in block:  # also a line end
                return None
            lines += block.count(b"\n")
            objects += block.count(b"\n{") + (last == b"\n" and block[:1] == b"{")
            last = block[-1:]
    lines += last != b"\n"
    return lines if format_ == "text" or lines == objects else None
