"""Durations as text: `90s`, `2 minutes`, `1 week 12 hours`, `interval 6 hour`."""

from __future__ import annotations

import re

from livetables.errors import SettingsError

_NUMBER = r"\d+(?:\.\d+)?"
_PART = rf"({_NUMBER})\s*([a-z]+)"
_DURATION = re.compile(rf"(?:interval\s+)?{_PART}(?:\s+{_PART})*")
_DAY = 86_400.0
_UNITS = {
    "microsecond": 0.000_001,
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
    "d": _DAY,
    "day": _DAY,
    "week": 7 * _DAY,
    "month": 31 * _DAY,  # as Spark counts the months of a watermark's delay
    "year": 12 * 31 * _DAY,
}


def parse_duration(text: str) -> float | None:
    """Return a duration in seconds, or None when the text is none; a number without a unit is in seconds.

    Units may be in plural, and letter case does not count.
    """
    text = text.strip().lower()
    if re.fullmatch(_NUMBER, text):
        return float(text)
    if not _DURATION.fullmatch(text):
        return None
    parts = re.findall(_PART, text)
    scales = [_UNITS.get(unit) or _UNITS.get(unit.removesuffix("s")) for _, unit in parts]
    if None in scales:
        return None
    return sum(float(amount) * (scale or 0.0) for (amount, _), scale in zip(parts, scales, strict=True))


def seconds(text: str, what: str) -> float:
    """Return a duration in seconds; raises SettingsError, which names the option or key `what`."""
    duration = parse_duration(text)
    if duration is None:
        message = f"{what} is '{text}', which is not a duration."
        raise SettingsError("WRONG_VALUE", message, hint="Write it as 90s, 2m, 500ms or '10 seconds'.")
    return duration
