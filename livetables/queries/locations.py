"""Where in the user's files something is defined or read: the calling line of Python, the position in a SQL file."""

from __future__ import annotations

import os
import sys
from contextvars import ContextVar
from pathlib import Path

from livetables.errors import SourceLocation

#: The attribute of a Spark exception that holds the location in a SQL file.
SQL_LOCATION = "livetables_sql_location"
#: The location in a SQL file of the relation that is being opened; None while Python reads.
sql_location: ContextVar[SourceLocation | None] = ContextVar("sql_location", default=None)


def location_in(root: Path, file: str, line: int) -> SourceLocation:
    """Return the location of a line; a file below `root` is named relative to it."""
    path = Path(file)
    return SourceLocation(str(path.relative_to(root)) if path.is_relative_to(root) else file, line)


def calling_location(root: Path) -> SourceLocation:
    """Return the line of the user's file that is being executed now: the nearest frame outside this package."""
    location = sql_location.get()
    if location is not None:
        return location
    package = str(Path(__file__).parent.parent) + os.sep
    frame = sys._getframe(1)  # noqa: SLF001 (the documented way to walk frames cheaply)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(package):
        frame = frame.f_back
    return location_in(root, frame.f_code.co_filename, frame.f_lineno)
