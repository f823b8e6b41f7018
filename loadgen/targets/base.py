"""What every target promises."""

from __future__ import annotations

from collections import Counter
from operator import attrgetter
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from loadgen.rows import Kind, Row


class TargetError(RuntimeError):
    """The target cannot take rows; the message says which target and why."""


class Target(Protocol):
    """A place for rows. `write` is never called after `close`."""

    @property
    def delivered(self) -> Counter[Kind]:
        """Rows per kind that have arrived; complete after `close`."""

    def write(self, rows: Sequence[Row]) -> None:
        """Take rows; none is fine and gives the target a chance to finish what is in progress.

        Raises:
            TargetError: rows were refused; `close` may still be called.
        """

    def close(self) -> None:
        """Deliver what was taken, or leave it out of `delivered`.

        Raises:
            TargetError: some of it was not delivered.
        """


def count_kinds(rows: Iterable[Row]) -> Counter[Kind]:
    """Return rows per kind."""
    return Counter(map(attrgetter("kind"), rows))
