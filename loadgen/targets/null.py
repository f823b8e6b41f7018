"""A target that drops blocks: measures the generator itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .base import Target

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .base import Block


class NullTarget(Target):
    """Drops rows."""

    def write(self, block: Block) -> None:
        """Drop."""
        self._all_arrived(block.until)

    def position(self) -> Mapping[str, object]:
        """Return how far the run is."""
        return {"until": int(self.arrived.min())}
