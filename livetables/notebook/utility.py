"""The base of the modules of `dbutils`: `help()`, and an error that names a missing function."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from livetables.errors import LivetablesError, nearest

if TYPE_CHECKING:
    from collections.abc import Callable

    from livetables.errors import SourceLocation

_INSTEAD = {
    "dbutils.fs.mount": "Map the mount point to a folder: path_map in livetables.yml.",
    "dbutils.notebook.exit": "Leave it out: a file ends with its last line.",
    "dbutils.notebook.run": "Include the other notebook with %run, or import a module.",
}


class NotSupportedError(LivetablesError, AttributeError):
    """A name that the platform has and this runtime has not; for `hasattr`, it does not exist."""


class Utility:
    """A module of `dbutils`: `name` is its public name, `caller` returns the line of the user's call."""

    def __init__(self, name: str, caller: Callable[[], SourceLocation | None]) -> None:
        self._name = name
        self._caller = caller

    def help(self, method: str | None = None) -> None:
        """Print the functions that run here, in one line."""
        del method
        print(f"{self._name} has {', '.join(self._functions())}; see docs/differences.md.")  # noqa: T201 (the user called help)

    def __getattr__(self, name: str) -> Any:
        """Raise NotSupportedError for a missing name."""
        if name.startswith("_"):  # for Python's own protocols; pickle reads them before __init__ has run
            raise AttributeError(name)
        full = f"{self._name}.{name}"
        close = nearest(name, self._functions())
        otherwise = f"Did you mean '{self._name}.{close}'?" if close else "See docs/differences.md for what runs."
        hint = _INSTEAD.get(full, otherwise)
        raise NotSupportedError("NOT_SUPPORTED", f"{full} does not run here.", location=self._caller(), hint=hint)

    def _functions(self) -> list[str]:
        return sorted(name for name in {*dir(type(self)), *vars(self)} if not name.startswith("_"))

    def _error(self, code: str, message: str, hint: str) -> LivetablesError:
        return LivetablesError(code, message, location=self._caller(), hint=hint)
