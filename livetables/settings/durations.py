"""Durations as people write them: `90s`, `2 minutes`, `6 hour`."""

from __future__ import annotations

import re

from livetables.errors import SettingsError

_DURATION = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$", re.IGNORECASE)
_UNITS = {
    "": 1.0,
    "ms": 0.001,
    "millisecond": 0.001,
    "s": 1.0,
    "sec": 1.0,
    "second": 1.0,
    "m": 60.0,
    "min": 60.0,
    "minute": 60.0,
    "h": 3600.0,
    "hour": 3600.0,
    "d": 86400.0,
    "day": 86400.0,
}


def seconds(text: str, what: str) -> float:
    """Return a duration such as `90s`, `2 minutes`, `6 hour` in seconds; SettingsError names `what`."""
    match = _DURATION.match(text)
    unit = match[2].lower() if match else ""
    scale = _UNITS.get(unit, _UNITS.get(unit.removesuffix("s")))
    if match is None or scale is None:
        msg = f"{what} is '{text}', which is not a duration."
        raise SettingsError("WRONG_VALUE", msg, hint="Write it as 90s, 2m, 500ms or '10 seconds'.")
    return float(match[1]) * scale
