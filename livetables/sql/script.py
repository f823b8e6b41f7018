"""The text of a SQL file: where in it something stands, and how that is shown."""

from __future__ import annotations

from dataclasses import dataclass

from livetables.errors import Place, Problem


@dataclass(frozen=True)
class Script:
    """A text, and how its file is called in messages."""

    file: str
    text: str

    def place(self, at: int) -> Place:
        """Return line and column of a character, both from 1 on."""
        return Place(self.file, self.text.count("\n", 0, at) + 1, at - self.text.rfind("\n", 0, at))

    def problem(self, at: int, code: str, message: str, hint: str | None) -> Problem:
        """Return a problem at a character."""
        return Problem(code, message, self.place(at), hint)

    def excerpt(self, place: Place) -> str:
        """Return the line of a place, and a caret below its column."""
        line = self.text.split("\n")[place.line - 1]
        margin = "".join("\t" if char == "\t" else " " for char in line[: place.column - 1])
        line, number = line.rstrip(), str(place.line)
        return f"{number} | {line}\n{' ' * len(number)} | {margin}^"
