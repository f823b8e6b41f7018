"""Keeps the values of secrets out of all that is shown or stored."""

from __future__ import annotations

import json
import re
import threading
from typing import Any
from weakref import WeakSet

#: What stands in a text in the place of a secret, as on the platform.
REDACTED = "[REDACTED]"
_all: WeakSet[Hidden] = WeakSet()
_turn = threading.Lock()


class Hidden:
    """Values that no text may show, for as long as their owner keeps this."""

    def __init__(self) -> None:
        self._values: set[str] = set()
        with _turn:
            _all.add(self)

    def add(self, value: str) -> str:
        """Hide a value from now on, and return it; a blank one hides nothing, since blanks are everywhere."""
        if value.strip():
            self._values.add(value)
        return value

    @property
    def values(self) -> tuple[str, ...]:
        """What is hidden now; other threads may hide more meanwhile."""
        return tuple(self._values)


def redacted(text: str) -> str:
    """Return a text without hidden values, as they are or as Python and JSON quote them."""
    with _turn:
        values = {value for hidden in _all for value in hidden.values}
    if not values:
        return text
    written = {
        form
        for value in values
        for form in (value, repr(value)[1:-1], json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1])
    }
    # What was redacted before comes first: it stays as it is, even when a secret is part of that word.
    found = "|".join(map(re.escape, [REDACTED, *sorted(written, key=len, reverse=True)]))
    return re.sub(found, REDACTED, text)


def redacted_in(value: Any) -> Any:
    """Return nested data with all its texts redacted."""
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, dict):
        return {key: redacted_in(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [redacted_in(entry) for entry in value]
    return value
