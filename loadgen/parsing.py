"""Reads and checks the values of options. Each function raises a LoadgenError that names option and value."""

from __future__ import annotations

import math
import re
from datetime import datetime, timezone
from fractions import Fraction

from .errors import option_error

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "": 1.0}
DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|)", re.ASCII)
SPEED = re.compile(r"(\d+(?:\.\d+)?)x?", re.ASCII)
MAX_SPEED = 100_000.0  # a day in a second; keeps every event time within the years a datetime can hold
SLOWEST = 0.001  # rows per second
YEARS = range(1971, 3000)


def parse_duration(option: str, text: str) -> float:
    """Return seconds, above 0, from 90s, 2m, 1500ms, 1h, or a plain number of seconds."""
    match = DURATION.fullmatch(text.strip())
    seconds = float(match[1]) * UNITS[match[2]] if match else 0.0
    if seconds <= 0:
        raise option_error(f"{option} '{text}' is not a duration above 0", "write 90s, 2m or 1500ms.")
    return seconds


def parse_start(text: str | None, now: datetime) -> datetime:
    """Return the simulated start: `now` by default; a time without an offset is UTC."""
    if text is None:
        return now
    try:
        # Python 3.10 does not read the Z.
        start = datetime.fromisoformat(re.sub("[zZ]$", "+00:00", text))
    except ValueError:
        start = None
    if start is None or start.year not in YEARS:
        raise option_error(
            f"--start '{text}' is not an ISO 8601 time of the years {YEARS[0]} to {YEARS[-1]}",
            "write 2026-11-21T06:00:00Z.",
        )
    return start if start.tzinfo else start.replace(tzinfo=timezone.utc)


def parse_rate(rate: float) -> Fraction:
    """Return rows per second, from 0 (as fast as possible) or SLOWEST up, as a fraction with a small denominator."""
    if not (math.isfinite(rate) and rate >= 0):
        raise option_error(f"--rate {rate:g} is not a number of rows per second, 0 or more")
    if 0 < rate < SLOWEST:
        raise option_error(f"--rate {rate:g} is below {SLOWEST:g}")
    return Fraction(rate).limit_denominator(round(1 / SLOWEST))


def check_share(option: str, share: float, of: str) -> float:
    """Return a share of `of`, 0 to 1."""
    if not 0 <= share <= 1:
        raise option_error(f"{option} {share:g} is not a share", f"write 0.05 for 5 % of the {of}.")
    return share


def parse_speed(text: str) -> Fraction:
    """Return simulated seconds per real second, above 0 and at most MAX_SPEED, from 10x, 10 or 0.5."""
    match = SPEED.fullmatch(text.strip())
    speed = Fraction(match[1]) if match else Fraction(0)
    if not 0 < speed <= MAX_SPEED:
        raise option_error(f"--speed '{text}' is not above 0 and at most {MAX_SPEED:g}", "write 10x.")
    return speed


def at_least_one(option: str, value: int) -> int:
    """Return a count of 1 or more."""
    if value < 1:
        raise option_error(f"{option} {value} is below 1")
    return value
