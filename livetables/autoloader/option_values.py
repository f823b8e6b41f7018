"""Parses the values of Auto Loader's options as Spark does: sizes, intervals, timestamps, booleans.

An interval here is one of Spark's (`1 week 12 hours`), which has other units than the durations of pipeline settings
(`90s`), and no abbreviations.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

from livetables.errors import SettingsError

DAY_MS = 24 * 60 * 60 * 1000
_SIZE = re.compile(r"([0-9]+)([a-z]+)?")
_SIZES: dict[str, int] = {"b": 1} | {
    unit: int(1024**power) for power, letter in enumerate("kmgtp", 1) for unit in (letter, f"{letter}b")
}
_INTERVAL = re.compile(r"(?:interval\s+)?(\d+\s+[a-z]+(?:\s+\d+\s+[a-z]+)*)")
_UNITS = {
    "microsecond": 0.001,
    "millisecond": 1,
    "second": 1000,
    "minute": 60_000,
    "hour": 3_600_000,
    "day": DAY_MS,
    "week": 7 * DAY_MS,
    "month": 31 * DAY_MS,
    "year": 12 * 31 * DAY_MS,  # Spark's intervals have months of 31 days
}
_TIMESTAMP = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(:\d\d)?(?:\.(\d{1,6})\d*)?\s*(?:Z|UTC|GMT)?(?:([+-])(\d\d?)(?::?(\d\d))?)?)?",
    re.IGNORECASE,
)


def wrong_value(name: str, value: str, problem: str, hint: str) -> SettingsError:
    """Return the error for the value of an option: `problem` is a relative clause, `hint` says what is allowed."""
    return SettingsError("WRONG_VALUE", f"The option {name} is '{value}', {problem}.", hint=hint)


def boolean(name: str, value: str) -> bool:
    """Return the value of `true` or `false`, in any case."""
    if value.strip().lower() not in ("true", "false"):
        raise wrong_value(name, value, "which is neither true nor false", "Use true or false.")
    return value.strip().lower() == "true"


def one_of(name: str, value: str, allowed: tuple[str, ...]) -> str:
    """Return the allowed word that equals the value, compared without case."""
    for word in allowed:
        if word.lower() == value.strip().lower():
            return word
    raise wrong_value(name, value, "which is not one of its values", f"Use one of {', '.join(allowed)}.")


def positive_integer(name: str, value: str) -> int:
    """Return a whole number of at least 1."""
    if not re.fullmatch(r"[0-9]+", value.strip()) or int(value) == 0:
        raise wrong_value(name, value, "which is not a whole number from 1 on", "Write it as 1000.")
    return int(value)


def byte_size(name: str, value: str) -> int:
    """Return the bytes of a size such as `10g`, `500m`, `10gb`, `1024`, as Spark's JavaUtils.byteStringAsBytes."""
    match = _SIZE.fullmatch(value.strip().lower())
    scale = _SIZES.get(match[2] or "b") if match else None
    if match is None or scale is None or int(match[1]) == 0:
        raise wrong_value(name, value, "which is not a size", "Write it as 10g, 500m or a number of bytes.")
    return int(match[1]) * scale


def interval_ms(name: str, value: str) -> int:
    """Return the milliseconds of an interval such as `14 days` or `1 week 12 hours`; a month has 31 days."""
    match = _INTERVAL.fullmatch(value.strip().lower())
    words = match[1].split() if match else []
    scales = [_UNITS.get(unit.removesuffix("s")) for unit in words[1::2]]
    if not words or None in scales:
        raise wrong_value(name, value, "which is not an interval", "Write it as '14 days', '1 week' or '12 hours'.")
    return int(sum(int(amount) * (scale or 0) for amount, scale in zip(words[::2], scales, strict=True)))


def moment_ms(name: str, value: str) -> int:
    """Return the milliseconds since 1970 of a timestamp; without a time zone it is in UTC.

    Examples: `2026-01-01`, `2026-01-01T00:00:00`, `2026-01-01 00:00:00 UTC+1`.
    """
    error = wrong_value(
        name, value, "which is not a point in time", "Write it as 2026-01-01T00:00:00; without a zone it is UTC."
    )
    match = _TIMESTAMP.fullmatch(value.strip())
    if match is None:
        raise error
    day, time, seconds, fraction, sign, hours, minutes = match.groups()
    try:
        local = datetime.fromisoformat(f"{day}T{time or '00:00'}{seconds or ':00'}").replace(tzinfo=timezone.utc)
    except ValueError as cause:
        raise error from cause
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0)) * (-1 if sign == "-" else 1)
    return int((local - offset).timestamp()) * 1000 + int((fraction or "").ljust(3, "0")[:3])
