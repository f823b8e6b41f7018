"""What a user reads when something is wrong: a code, a place, one sentence and a way out."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from livetables.redaction import redacted

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class SourceLocation:
    """Where in the user's files something was said; `line` 0 means the whole file, `column` 0 the whole line."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        """Return `file:line:column`, as editors and terminals link it."""
        return ":".join([self.file, *(str(number) for number in (self.line, self.column) if number)])

    def hint(self, python: str, sql: str) -> str:
        """Return the hint that is in the language of the file."""
        return sql if self.file.lower().endswith(".sql") else python


@dataclass(frozen=True)
class Diagnostic:
    """One thing that is wrong, as data: errors carry it, `check` lists it, tests assert on `code`.

    Its words show no secret.
    """

    code: str
    message: str
    location: SourceLocation | None = None
    hint: str | None = None
    #: The line of the place, with a caret below it.
    excerpt: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", redacted(self.message))
        object.__setattr__(self, "hint", self.hint and redacted(self.hint))

    def __str__(self) -> str:
        """Return the text for a terminal: code and place, the sentence, the hint."""
        head = f"error[{self.code}]" + (f" {self.location}" if self.location else "")
        lines = [head, *(f"  {line}" for line in f"{self.message}\n{self.excerpt}".splitlines())]
        if self.hint:
            lines.append(f"  Hint: {self.hint}")
        return "\n".join(lines)

    @property
    def one_line(self) -> str:
        """The place and the sentence in one line."""
        return f"{self.location}: {self.message}" if self.location else self.message


class LivetablesError(Exception):
    """Base of all errors that are meant for a user; `exit_code` is what the command line returns."""

    exit_code = 1

    def __init__(
        self, code: str, message: str, *, location: SourceLocation | None = None, hint: str | None = None
    ) -> None:
        self.diagnostic = Diagnostic(code, message, location, hint)
        super().__init__(str(self.diagnostic))

    @property
    def code(self) -> str:
        """The stable name of the error."""
        return self.diagnostic.code

    def locate(self, location: SourceLocation) -> None:
        """Say where it happened, unless that is known."""
        if self.diagnostic.location is None:
            self.diagnostic = replace(self.diagnostic, location=location)
            self.args = (str(self.diagnostic),)


class SettingsError(LivetablesError, ValueError):
    """The settings, an option or an argument can't be used; nothing was started."""

    exit_code = 2


class DefinitionError(LivetablesError, RuntimeError):
    """A pipeline file defines something that can't be."""


class DatasetNotFoundError(LivetablesError, LookupError):
    """A query reads a name that is neither a dataset of the pipeline nor a table of the session."""


class NotInUpdateError(LivetablesError, LookupError):
    """An update has no flow or no expectation of this name."""


class UnreachableError(LivetablesError, ConnectionError):
    """A server that a source needs does not answer."""


class NewColumnsError(LivetablesError, RuntimeError):
    """Files have columns that a stream was not planned for; another update, which plans for them, goes on."""


class PipelineBusyError(LivetablesError, RuntimeError):
    """Another update holds the storage folder."""


class GraphError(LivetablesError, ValueError):
    """The pipeline has problems that were found before anything ran; `problems` holds all of them."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__("GRAPH_INVALID", f"The pipeline has {count(len(self.diagnostics), 'error')}.")

    def __str__(self) -> str:
        """Return every problem, one after the other."""
        return "\n".join(str(diagnostic) for diagnostic in self.diagnostics)


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
    """Return `1 error`, `2 errors`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
