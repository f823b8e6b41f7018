"""Reads the column names of a CSV file from its header line."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from livetables.autoloader.schema.blocks import head

if TYPE_CHECKING:
    from collections.abc import Mapping


def csv_header(path: str, options: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names in the first line of a CSV file that is not empty, as Spark names the columns.

    `options` are those of Spark's CSV reader. A missing name becomes `_c0`, and a repeated one gets its position.
    """
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
