"""What every target promises."""

from __future__ import annotations

from collections import Counter
from operator import attrgetter
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class TargetError(RuntimeError):
    """The target cannot take rows; the message says which target and why."""


class Row(Protocol):
    """What a target takes: sensor events and device changes alike."""

    @property
    def kind(self) -> str:
        """What it is counted as."""

    @property
    def device_id(self) -> str | None:
        """The device that it is about, if it says so."""

    @property
    def line(self) -> str:
        """Its text, ASCII, without a newline."""


class Target(Protocol):
    """A place for rows. `write` is never called after `close`."""

    @property
    def delivered(self) -> Counter[str]:
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


def count_kinds(rows: Iterable[Row]) -> Counter[str]:
    """Return rows per kind."""
    return Counter(map(attrgetter("kind"), rows))
