"""Sensor readings as JSON lines: normal, late, duplicate and corrupt rows, and their event times."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from fractions import Fraction
from itertools import count
from random import Random
from typing import TYPE_CHECKING, Literal, NamedTuple

from ..phases.shape import NOMINAL_RATE
from .corruption import WAYS, Parts, good_line
from .sensors import Device, fleet, reading

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ..phases.shape import LoadStream

Kind = Literal["normal", "late", "duplicate", "corrupt"]
KINDS: tuple[Kind, ...] = ("normal", "late", "duplicate", "corrupt")

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
RECENT = 1000  # normal rows that a duplicate may repeat

LATE_BY = 2 * 3600 * 1_000_000  # microseconds, at least
# Late times are odd microseconds in a window of 2**32 us (72 min); each late row takes a slot of the window
# in the order of a full-period generator (glibc's constants), so no slot comes back within 2**31 late rows.
# Each row moves the simulated time by 2 us or more, so by then the window has moved on by its whole length:
# no late event time occurs twice, without a memory of those sent.
SLOTS = 2**31
NEXT_SLOT = (1_103_515_245, 12_345)


class Reading(NamedTuple):
    """One row to send; a tuple, because it is faster to make than a dataclass."""

    kind: Kind
    device_id: str | None  # None when the row is corrupt and has none
    line: str  # without its newline; ASCII


@dataclass(frozen=True)
class Shares:
    """Probabilities, 0 to 1, that a row is of a kind; what is left over is normal. Default: all normal."""

    late: float = 0.0
    duplicates: float = 0.0
    corrupt: float = 0.0


@dataclass(frozen=True)
class ReadingSettings:
    """Everything that decides the readings of a stream at one rate: equal settings give equal bytes.

    Attributes:
        start: simulated time of the first row.
        seed: of the devices and of every random draw.
        devices: number of devices, 1 or more; they take turns.
        rate: rows per second; 0 stands for `NOMINAL_RATE`.
        speed: simulated seconds per second, above 0.
        shares: how many rows are late, duplicate and corrupt.
    """

    start: datetime
    seed: int = 1
    devices: int = 100
    rate: float = 1000.0
    speed: float = 1.0
    shares: Shares = Shares()


def generate(settings: ReadingSettings) -> Iterator[Reading]:
    """Yield the readings of a stream at one rate, without end."""
    first = (settings.start - EPOCH) // timedelta(microseconds=2)
    times = _spaced(first, Fraction(settings.speed), Fraction(settings.rate or NOMINAL_RATE), count())
    return readings(fleet(settings.devices, settings.seed), Random(settings.seed), settings.shares, times)


def event_times(start: int, speed: Fraction, stream: LoadStream) -> Iterator[int]:
    """Yield the event time of each row of a stream: even microseconds since 1970, each at least 2 after the last.

    Args:
        start: simulated time of the run's start, microseconds since 1970 UTC.
        speed: simulated seconds per second of the run.
        stream: gives the rates.
    """
    last = -1
    for one in stream.segments:
        if one.rows:
            first = max((start + int(one.begin * speed)) // 2, last + 1)
            now = 2 * first
            for now in _spaced(first, speed, Fraction(one.rate), range(one.rows)):
                yield now
            last = now // 2


def readings(devices: Sequence[Device], rng: Random, shares: Shares, times: Iterable[int]) -> Iterator[Reading]:
    """Yield one reading for each event time (even microseconds since 1970); the devices take turns."""
    random = rng.random
    late_below = shares.late
    duplicate_below = late_below + shares.duplicates
    corrupt_below = duplicate_below + shares.corrupt
    recent: list[Reading] = []
    normal = corrupt = 0
    slot = rng.randrange(SLOTS)
    for number, now in enumerate(times):
        device = devices[number % len(devices)]
        draw = random()
        if draw < late_below:
            slot = (NEXT_SLOT[0] * slot + NEXT_SLOT[1]) % SLOTS
            yield _good("late", device, _late_time(now, slot), random())
        elif draw < duplicate_below and recent:
            yield recent[int(random() * len(recent))]._replace(kind="duplicate")
        elif duplicate_below <= draw < corrupt_below:
            parts = Parts(number, device.device_id, *reading(device, now / 1e6, random()), _iso(now))
            yield Reading("corrupt", *WAYS[corrupt % len(WAYS)](parts))
            corrupt += 1
        else:
            row = _good("normal", device, now, random())
            recent[normal % RECENT : normal % RECENT + 1] = [row]  # appends until the ring is full
            normal += 1
            yield row


def _spaced(first: int, speed: Fraction, rate: Fraction, numbers: Iterable[int]) -> Iterator[int]:
    """Yield even microseconds for rows by their numbers; `first` is half the time of row 0."""
    # Pairs of microseconds per row, exact: rounding must never give two rows the same time.
    step = max(Fraction(1), speed * 500_000 / rate)
    numerator, denominator = step.numerator, step.denominator
    return (2 * (first + number * numerator // denominator) for number in numbers)


def _late_time(now: int, slot: int) -> int:
    """Return the latest odd microsecond of this slot that is `LATE_BY` or more before `now`."""
    newest = (now - LATE_BY - 1) // 2
    return 2 * (newest - (newest - slot) % SLOTS) + 1


def _good(kind: Kind, device: Device, micros: int, noise: float) -> Reading:
    temperature, humidity = reading(device, micros / 1e6, noise)
    return Reading(kind, device.device_id, good_line(device.device_id, temperature, humidity, _iso(micros)))


def _iso(micros: int) -> str:
    return (EPOCH + timedelta(microseconds=micros)).isoformat(timespec="microseconds")[:26] + "Z"
