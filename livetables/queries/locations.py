"""Locations in the user's files: the line of Python that is executing, the position of a query in a SQL file."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING

from livetables.errors import SourceLocation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.errors import PySparkException

#: The location in a SQL file of the relation that is being opened; None while Python code reads.
_sql_location: ContextVar[SourceLocation | None] = ContextVar("sql_location", default=None)
#: The attribute of a Spark exception that holds a location in a SQL file. Spark's exceptions can't be wrapped: user
#: code may catch them by their class.
_ATTRIBUTE = "livetables_sql_location"


def location_in(root: Path, file: str, line: int) -> SourceLocation:
    """Return the location of a line; a file below `root` is named relative to it."""
    path = Path(file)
    return SourceLocation(str(path.relative_to(root)) if path.is_relative_to(root) else file, line)


def calling_location(root: Path) -> SourceLocation:
    """Return the location in the user's files that is executing: a relation of a SQL file, or a line of Python.

    The line is that of the nearest stack frame outside this package.
    """
    location = _sql_location.get()
    if location is not None:
        return location
    package = str(Path(__file__).parent.parent) + os.sep
    frame = sys._getframe(1)  # noqa: SLF001 (the documented way to walk frames cheaply)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(package):
        frame = frame.f_back
    return location_in(root, frame.f_code.co_filename, frame.f_lineno)


@contextmanager
def sql_location(location: SourceLocation | None) -> Iterator[None]:
    """Make `location` the one that `calling_location` returns inside this context; None for Python code."""
    token = _sql_location.set(location)
    try:
        yield
    finally:
        _sql_location.reset(token)


def set_location(error: PySparkException, location: SourceLocation) -> None:
    """Attach a location in a SQL file to an exception of Spark; the first one stays."""
    vars(error).setdefault(_ATTRIBUTE, location)


def location_of(error: BaseException) -> SourceLocation | None:
    """Return the location in a SQL file that `set_location` attached to an exception; None when there is none."""
    location: SourceLocation | None = getattr(error, _ATTRIBUTE, None)
    return location
