"""`open` and `print` of source files, and the hint for other functions of Python that don't find a file."""

from __future__ import annotations

import builtins
import os
import re
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from livetables.notebook.file_system import way_into_path_map
from livetables.redaction import redacted

if TYPE_CHECKING:
    from collections.abc import Callable


def open_mapped(map_path: Callable[[str], str], file: Any, *args: Any, **kwargs: Any) -> Any:
    """Open a file as Python does; an absolute path is mapped by `map_path`."""
    if isinstance(file, str | os.PathLike):
        path = os.fspath(file)
        if isinstance(path, str) and path.startswith("/"):
            file = _local(map_path(path)) or path
    return builtins.open(file, *args, **kwargs)  # noqa: PTH123 (all of its parameters)


class Printer:
    """Prints with redacted secrets, as a notebook of the platform does; output to a file is not redacted."""

    def __call__(self, *values: object, file: Any = None, **kwargs: Any) -> None:
        """Print values."""
        shown = file in (None, sys.stdout, sys.stderr)
        print(*(redacted(str(value)) if shown else value for value in values), file=file, **kwargs)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as Python's own `print`, as a worker of Spark may not have livetables."""
        return partial, (print,)


def way_to_file(error: BaseException, map_path: Callable[[str], str]) -> str | None:
    """Return the hint for an error about a path of the platform; None for any other error."""
    path = getattr(error, "filename", None)
    if not (isinstance(error, FileNotFoundError | PermissionError) and isinstance(path, str) and path.startswith("/")):
        return None
    mapped = map_path(path)
    if mapped == path:
        return way_into_path_map(path)
    readers = "`open` in a source file or dbutils.fs" if _local(mapped) else "Spark"
    return f"It lies at {mapped} here; read it with {readers}, since the rest of Python does not follow path_map."


def _local(mapped: str) -> str | None:
    """Return a local path without `file:`; None for a path of another file system."""
    path = re.sub(r"^file:/+", "/", mapped)
    return path if path.startswith("/") else None
