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
        """Return a problem that shows its line with a caret."""
        return Problem(code, message, self.place(at), hint, self.excerpt(at))

    def excerpt(self, at: int) -> str:
        """Return the line of a character, and a caret below it."""
        begin = self.text.rfind("\n", 0, at) + 1
        end = self.text.find("\n", at)
        line = self.text[begin : end if end >= 0 else len(self.text)].rstrip()
        margin = "".join("\t" if char == "\t" else " " for char in self.text[begin:at])
        number = str(self.place(at).line)
        return f"{number} | {line}\n{' ' * len(number)} | {margin}^"
