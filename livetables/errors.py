"""The errors that livetables reports to its users: one family, each with a code, a location, a hint and what it leaves.

Every class is also the built-in exception that a user would catch, such as ValueError or LookupError.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from livetables.redaction import redacted

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class SourceLocation:
    """A position in the user's files; `line` 0 means the whole file, `column` 0 the whole line.

    >>> import livetables as lt
    >>> str(lt.SourceLocation("rooms.py", 12))
    'rooms.py:12'
    """

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        """Return `file:line:column`, as editors and terminals link it."""
        return ":".join([self.file, *(str(number) for number in (self.line, self.column) if number)])

    def hint(self, python: str, sql: str) -> str:
        """Return the hint that fits the language of the file."""
        return sql if self.file.lower().endswith(".sql") else python


@dataclass(frozen=True)
class Diagnostic:
    """One finding about a pipeline, as data: errors carry it, `check` lists it, tests assert on `code`.

    Its texts never show a secret.

    >>> import livetables as lt
    >>> where = lt.SourceLocation("rooms.py", 3)
    >>> print(lt.Diagnostic("WRONG_VALUE", "The value of 'limit' is -1.", where, "Give 0 or more."))
    error[WRONG_VALUE] rooms.py:3
      The value of 'limit' is -1.
      Hint: Give 0 or more.
    """

    code: str
    message: str
    location: SourceLocation | None = None
    #: What the user can do about it.
    hint: str | None = None
    #: The source line of the location, with a caret below it.
    excerpt: str = ""
    #: The state that tables, checkpoints or caches are in after the error, as a sentence.
    left_behind: str | None = None

    def __post_init__(self) -> None:
        for name in ("message", "hint", "left_behind"):
            text = getattr(self, name)
            object.__setattr__(self, name, text and redacted(text))

    def __str__(self) -> str:
        """Return the text for a terminal: code and location, message, hint, state."""
        head = f"error[{self.code}]" + (f" {self.location}" if self.location else "")
        lines = [head, *(f"  {line}" for line in f"{self.message}\n{self.excerpt}".splitlines())]
        if self.hint:
            lines.append(f"  Hint: {self.hint}")
        if self.left_behind:
            lines.append(f"  State: {self.left_behind}")
        return "\n".join(lines)

    @property
    def one_line(self) -> str:
        """The location and the message in one line."""
        return f"{self.location}: {self.message}" if self.location else self.message


class LivetablesError(Exception):
    """Base class of all errors that livetables reports to its users.

    Attributes:
        exit_code: What the command line returns: 2 for wrong settings and options, otherwise 1.
        leaves: What every error of the class leaves behind, unless the code that raises it knows more.
    """

    exit_code: ClassVar[int] = 1
    leaves: ClassVar[str | None] = None

    def __init__(
        self,
        code: str,
        message: str,
        *,
        location: SourceLocation | None = None,
        hint: str | None = None,
        left_behind: str | None = None,
    ) -> None:
        self.diagnostic = Diagnostic(code, message, location, hint, left_behind=left_behind)
        super().__init__(str(self))

    def __str__(self) -> str:
        """Return the text for a terminal: code and location, message, hint, state."""
        return str(replace(self.diagnostic, left_behind=self.left_behind))

    @property
    def code(self) -> str:
        """The stable name of the error, listed in docs/errors.md."""
        return self.diagnostic.code

    @property
    def message(self) -> str:
        """What is wrong, in one sentence, without code, location and hint."""
        return self.diagnostic.message

    @property
    def location(self) -> SourceLocation | None:
        """Where in the user's files the error is, if that is known."""
        return self.diagnostic.location

    @property
    def hint(self) -> str | None:
        """What the user can do about it."""
        return self.diagnostic.hint

    @property
    def left_behind(self) -> str | None:
        """The state that tables, checkpoints or caches are in after the error; None when nothing is known of it."""
        return self.diagnostic.left_behind or self.leaves

    def locate(self, location: SourceLocation) -> None:
        """Set the location, unless one is known already."""
        if self.diagnostic.location is None:
            self.diagnostic = replace(self.diagnostic, location=location)
            self.args = (str(self),)


class SettingsError(LivetablesError, ValueError):
    """The settings, an option or an argument can't be used."""

    exit_code = 2
    leaves = "Nothing was started."


class UnknownKeywordError(SettingsError, TypeError):
    """A function of the public API was called with a keyword that it does not have."""


class DefinitionError(LivetablesError, RuntimeError):
    """A pipeline file has a definition that is not allowed."""

    leaves = "Nothing was run."


class GraphError(LivetablesError, ValueError):
    """The pipeline has errors that were found before anything ran; `diagnostics` has all of them."""

    leaves = "Nothing was run; tables and checkpoints are unchanged."

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__("GRAPH_INVALID", f"The pipeline has {count(len(self.diagnostics), 'error')}.")

    def __str__(self) -> str:
        """Return every diagnostic, one after the other, then the state that they leave behind."""
        return "\n".join([*map(str, self.diagnostics), f"State: {self.left_behind}"])


class DatasetNotFoundError(LivetablesError, LookupError):
    """A query reads a name that is neither a dataset of the pipeline nor a table of the session."""


class NotInUpdateError(LivetablesError, LookupError):
    """An update has no flow or no expectation of this name."""


class UnreachableError(LivetablesError, ConnectionError):
    """A server that a source needs does not answer."""


class NewColumnsError(LivetablesError, RuntimeError):
    """Files have columns that a stream was not planned for; the next update plans for them and continues."""


class UpdateFailed(LivetablesError, RuntimeError):
    """An update ended in the state FAILED."""


class StorageBusy(LivetablesError, RuntimeError):
    """Another update holds the storage folder."""

    leaves = "This update was not started; the other one is not affected."


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that is closest to `name`, or None when nothing is close."""
    by_lower = {candidate.lower(): candidate for candidate in known}
    close = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[close[0]] if close else None


def did_you_mean(name: str, known: Iterable[str], otherwise: str) -> str:
    """Return the hint that names the nearest known name, or `otherwise`."""
    close = nearest(name, known)
    return f"Did you mean '{close}'?" if close else otherwise


def count(number: int, noun: str) -> str:
    """Return a number with its noun: `1 error`, `2 errors`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
