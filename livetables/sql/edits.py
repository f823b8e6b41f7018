"""Texts with replaced parts, which map each of their positions to a position in the file."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class Edited:
    """A text made from `base`: its part that begins at `starts[i]` comes from position `origins[i]` of `base`.

    Parts with an odd index are replacements; the others are unchanged.
    """

    text: str
    starts: tuple[int, ...] = (0,)
    origins: tuple[int, ...] = (0,)
    base: Edited | None = field(default=None, repr=False)

    def before(self, at: int) -> int:
        """Return the position of a character before the last edit; of a replacement, the start of the replaced part."""
        index = bisect_right(self.starts, at) - 1
        return self.origins[index] + (0 if index % 2 else at - self.starts[index])

    def origin(self, at: int) -> int:
        """Return the position of a character in the file."""
        return self.base.origin(self.before(at)) if self.base else self.before(at)

    def replaced(self, parts: Iterable[tuple[int, int, str]]) -> Edited:
        """Return the text with each `text[start:stop]` replaced; `parts` are (start, stop, replacement) in order."""
        pieces: list[str] = []
        starts: list[int] = []
        origins: list[int] = []
        length = done = 0
        for start, stop, replacement in [*parts, (len(self.text), len(self.text), "")]:
            for piece, origin in ((self.text[done:start], done), (replacement, start)):
                pieces.append(piece)
                starts.append(length)
                origins.append(origin)
                length += len(piece)
            done = stop
        return Edited("".join(pieces), tuple(starts), tuple(origins), self)

    def part(self, start: int, stop: int) -> Edited:
        """Return the part [start, stop) of the text."""
        return Edited(self.text[start:stop], (0,), (start,), self)
