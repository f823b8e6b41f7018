"""A target that counts rows and drops them: measures the generator itself."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from loadgen.targets.base import count_kinds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loadgen.targets.base import Row


class NullTarget:
    """Counts rows."""

    def __init__(self) -> None:
        self.delivered: Counter[str] = Counter()

    def write(self, rows: Sequence[Row]) -> None:
        """Count."""
        self.delivered.update(count_kinds(rows))

    def close(self) -> None:
        """Nothing is in progress."""
