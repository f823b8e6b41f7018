"""What a file tells before Spark reads it: how many records it has, and the names in the header of a CSV file."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
from pyarrow import orc, parquet

from livetables.autoloader.schema.blocks import BLOCK_BYTES, head, is_compressed

if TYPE_CHECKING:
    from collections.abc import Mapping


def records(path: str, kind: str) -> int | None:
    """Return how many records of a format (`json` is JSON lines) a file has; None when only a reader can tell.

    That is much cheaper than to have Spark count them as it reads them.
    """
    if kind == "binaryFile":
        return 1
    try:
        if kind == "parquet":
            return int(parquet.read_metadata(path).num_rows)
        if kind == "orc":
            return int(orc.ORCFile(path).nrows)
        return _lines(path, kind) if kind in ("json", "text") and not is_compressed(path) else None
    except (pa.ArrowException, OSError):  # it is damaged or gone, which is for the reader to say
        return None


def _lines(path: str, kind: str) -> int | None:
    """Return the number of lines; of JSON, None when some do not begin with a brace: no record, or several."""
    lines, objects, last = 0, 0, b"\n"
    with Path(path).open("rb") as stream:
        while block := stream.read(BLOCK_BYTES):
            if b"\r" in block:  # which may end a line, too
                return None
            lines += block.count(b"\n")
            objects += block.count(b"\n{") + (last == b"\n" and block[:1] == b"{")
            last = block[-1:]
    lines += last != b"\n"
    return lines if kind == "text" or lines == objects else None


def csv_header(path: str, options: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names in the first line of a CSV file that is not empty, as Spark would call them."""
    given = {key.lower(): value for key, value in options.items()}
    comment, separator = given.get("comment"), given.get("sep", given.get("delimiter", ","))
    encoding = given.get("encoding", given.get("charset", "utf-8"))
    text = b"".join(head(path)).decode(encoding, "replace").removeprefix("\ufeff")
    lines = (line for line in text.splitlines(keepends=True) if line.strip() and not (comment and line[0] == comment))
    rows = csv.reader(lines, delimiter=separator[:1], quotechar=given.get("quote", '"') or None)
    names = [name.strip() if given.get("ignoreleadingwhitespace") == "true" else name for name in next(rows, [])]
    lower = [name.lower() for name in names]
    return tuple(
        f"_c{at}" if not name else f"{name}{at}" if lower.count(name.lower()) > 1 else name
        for at, name in enumerate(names)
    )
