"""Time and waiting, injected so that tests do not wait."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Time and waiting."""

    def now(self) -> float:
        """Return seconds that never run backwards; only differences have a meaning."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


class SystemClock:
    """The machine's monotonic clock."""

    def now(self) -> float:
        """Return time.monotonic()."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)
