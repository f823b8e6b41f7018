"""The text of a SQL file, with locations and excerpts for diagnostics."""

from __future__ import annotations

from dataclasses import dataclass

from livetables.errors import Diagnostic, SourceLocation


@dataclass(frozen=True)
class Script:
    """A text, and the name of its file in messages."""

    file: str
    text: str

    def location(self, at: int) -> SourceLocation:
        """Return the line and the column of a character, both counted from 1."""
        return SourceLocation(self.file, self.text.count("\n", 0, at) + 1, at - self.text.rfind("\n", 0, at))

    def diagnostic(self, at: int, code: str, message: str, hint: str | None) -> Diagnostic:
        """Return a diagnostic about a character."""
        return Diagnostic(code, message, self.location(at), hint)

    def excerpt(self, location: SourceLocation) -> str:
        """Return the line of a location, with a caret below its column."""
        line = self.text.split("\n")[location.line - 1]
        margin = "".join("\t" if char == "\t" else " " for char in line[: location.column - 1])
        line, number = line.rstrip(), str(location.line)
        return f"{number} | {line}\n{' ' * len(number)} | {margin}^"
