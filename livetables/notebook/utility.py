"""What every module of `dbutils` has: `help()`, and a refusal by name of what it has not."""

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
    """The platform has this name and this runtime has not; `hasattr` says so, too."""


class Utility:
    """A module of `dbutils`, known to its user as `name`; `caller` tells which line of the user's calls it."""

    def __init__(self, name: str, caller: Callable[[], SourceLocation | None]) -> None:
        self._name = name
        self._caller = caller

    def help(self, method: str | None = None) -> None:
        """Print a line with the commands that run here."""
        del method
        print(f"{self._name} has {', '.join(self._commands())}; see docs/differences.md.")  # noqa: T201 (asked for)

    def __getattr__(self, name: str) -> Any:
        """Refuse a name that is not there."""
        if name.startswith("_"):  # Python's own protocols ask for these; pickle does before __init__ has run
            raise AttributeError(name)
        full = f"{self._name}.{name}"
        close = nearest(name, self._commands())
        otherwise = f"Did you mean '{self._name}.{close}'?" if close else "See docs/differences.md for what runs."
        hint = _INSTEAD.get(full, otherwise)
        raise NotSupportedError("NOT_SUPPORTED", f"{full} does not run here.", location=self._caller(), hint=hint)

    def _commands(self) -> list[str]:
        return sorted(name for name in {*dir(type(self)), *vars(self)} if not name.startswith("_"))

    def _error(self, code: str, message: str, hint: str) -> LivetablesError:
        return LivetablesError(code, message, location=self._caller(), hint=hint)
