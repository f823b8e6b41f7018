"""Removes the values of secrets from every text that is shown or stored."""

from __future__ import annotations

import json
import re
import threading
from typing import Any
from weakref import WeakSet

#: The replacement of a secret, as on the platform.
REDACTED = "[REDACTED]"
_all: WeakSet[SecretValues] = WeakSet()
_lock = threading.Lock()


class SecretValues:
    """A set of secret values, which are redacted for as long as this object lives."""

    def __init__(self) -> None:
        self._values: set[str] = set()
        with _lock:
            _all.add(self)

    def add(self, value: str) -> str:
        """Redact a value from now on, and return it; a blank value is ignored, since blanks are in every text."""
        if value.strip():
            self._values.add(value)
        return value

    @property
    def values(self) -> tuple[str, ...]:
        """The secret values at this moment; other threads may add more."""
        return tuple(self._values)


def redacted(text: str) -> str:
    """Return a text with all secret values replaced, also in the forms in which Python and JSON quote them."""
    with _lock:
        values = {value for secrets in _all for value in secrets.values}
    if not values:
        return text
    written = {
        form
        for value in values
        for form in (value, repr(value)[1:-1], json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1])
    }
    # The replacement itself comes first: it is left alone, even when a secret is a part of that word.
    found = "|".join(map(re.escape, [REDACTED, *sorted(written, key=len, reverse=True)]))
    return re.sub(found, REDACTED, text)


def redacted_in(value: Any) -> Any:
    """Return nested data with all texts redacted; tuples become lists."""
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, dict):
        return {key: redacted_in(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [redacted_in(entry) for entry in value]
    return value
