"""Texts of which parts are replaced, and which still know where in a file each of their characters stood."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class Edited:
    """A text, and the one that it was made from: the part of it from `starts[i]` stood there from `origins[i]`.

    Every other part, from the second one on, was put in the place of what stood there.
    """

    text: str
    starts: tuple[int, ...] = (0,)
    origins: tuple[int, ...] = (0,)
    base: Edited | None = field(default=None, repr=False)

    def before(self, at: int) -> int:
        """Return where a character stood before the last edit; of what was put in its place, where that began."""
        index = bisect_right(self.starts, at) - 1
        return self.origins[index] + (0 if index % 2 else at - self.starts[index])

    def origin(self, at: int) -> int:
        """Return where in the file a character stood."""
        return self.base.origin(self.before(at)) if self.base else self.before(at)

    def replaced(self, parts: Iterable[tuple[int, int, str]]) -> Edited:
        """Return the text with `text[start:stop]` replaced, for each (start, stop, replacement), in their order."""
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
        """Return a part of the text."""
        return Edited(self.text[start:stop], (0,), (start,), self)
