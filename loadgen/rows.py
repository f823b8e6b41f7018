"""The stream of rows: which kind each row is, its event time, and its line."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from fractions import Fraction
from itertools import count
from random import Random
from typing import TYPE_CHECKING, Literal, NamedTuple

from loadgen.corruption import WAYS, Parts, good_line
from loadgen.readings import Device, fleet, reading

if TYPE_CHECKING:
    from collections.abc import Iterator

Kind = Literal["normal", "late", "duplicate", "corrupt"]
KINDS: tuple[Kind, ...] = ("normal", "late", "duplicate", "corrupt")

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
NOMINAL_RATE = 10_000  # rows per simulated second when the rate is unlimited
RECENT = 1000  # normal rows that a duplicate may repeat

LATE_BY = 2 * 3600 * 1_000_000  # microseconds, at least
# Late times are odd microseconds in a window of 2**32 us (72 min); each late row takes a slot of the window
# in the order of a full-period generator (glibc's constants), so no slot comes back within 2**31 late rows.
# Each row moves the simulated time by 2 us or more, so by then the window has moved on by its whole length:
# no late event time occurs twice, without a memory of those sent.
SLOTS = 2**31
NEXT_SLOT = (1_103_515_245, 12_345)


class Row(NamedTuple):
    """One row to send; a tuple and not a dataclass, because it is made for every row."""

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
class Stream:
    """Everything that decides the rows, and nothing else: equal streams give equal bytes.

    Attributes:
        start: simulated time of the first row.
        seed: of the devices and of every random draw.
        devices: number of devices, 1 or more; they take turns.
        rate: rows per real second; 0 stands for `NOMINAL_RATE`.
        speed: simulated seconds per real second, above 0.
        shares: how many rows are late, duplicate and corrupt.
    """

    start: datetime
    seed: int = 1
    devices: int = 100
    rate: float = 1000.0
    speed: float = 1.0
    shares: Shares = Shares()


def generate(stream: Stream) -> Iterator[Row]:
    """Yield the stream's rows, without end."""
    rng = Random(stream.seed)
    random = rng.random
    devices = fleet(stream.devices, stream.seed)
    late_below = stream.shares.late
    duplicate_below = late_below + stream.shares.duplicates
    corrupt_below = duplicate_below + stream.shares.corrupt
    recent: list[Row] = []
    normal = corrupt = 0
    slot = rng.randrange(SLOTS)
    for number, now in enumerate(_times(stream)):
        device = devices[number % stream.devices]
        draw = random()
        if draw < late_below:
            slot = (NEXT_SLOT[0] * slot + NEXT_SLOT[1]) % SLOTS
            yield _good("late", device, _late_time(now, slot), random())
        elif draw < duplicate_below and recent:
            yield recent[int(random() * len(recent))]._replace(kind="duplicate")
        elif duplicate_below <= draw < corrupt_below:
            parts = Parts(number, device.device_id, *reading(device, now / 1e6, random()), _iso(now))
            yield Row("corrupt", *WAYS[corrupt % len(WAYS)](parts))
            corrupt += 1
        else:
            row = _good("normal", device, now, random())
            recent[normal % RECENT : normal % RECENT + 1] = [row]  # appends until the ring is full
            normal += 1
            yield row


def _times(stream: Stream) -> Iterator[int]:
    """Yield each row's simulated time: even microseconds since 1970, each at least 2 later than the last."""
    first = (stream.start - EPOCH) // timedelta(microseconds=2)
    # Pairs of microseconds per row, exact: rounding must never give two rows the same time.
    step = max(Fraction(1), Fraction(stream.speed) * 500_000 / Fraction(stream.rate or NOMINAL_RATE))
    numerator, denominator = step.numerator, step.denominator
    return (2 * (first + number * numerator // denominator) for number in count())


def _late_time(now: int, slot: int) -> int:
    """Return the latest odd microsecond that has this slot and lies `LATE_BY` or more before `now`."""
    newest = (now - LATE_BY - 1) // 2
    return 2 * (newest - (newest - slot) % SLOTS) + 1


def _good(kind: Kind, device: Device, micros: int, noise: float) -> Row:
    temperature, humidity = reading(device, micros / 1e6, noise)
    return Row(kind, device.device_id, good_line(device.device_id, temperature, humidity, _iso(micros)))


def _iso(micros: int) -> str:
    return (EPOCH + timedelta(microseconds=micros)).isoformat(timespec="microseconds")[:26] + "Z"
