"""Sensor rows as columns: a row is a function of seed, stream and number, here in numpy; for Spark `spark_columns.py`.

All arithmetic is on 64-bit integers, with Spark's own hash (XXH64 of the seed, the stream and the row's number), so
that both engines make the same bytes. Only the last division gives a float: of whole hundredths, which is exact to the
last bit everywhere.
"""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..phases.shape import SECOND

if TYPE_CHECKING:
    from fractions import Fraction

    from numpy.typing import NDArray

    from ..phases.shape import LoadStream, Shape

    Longs = NDArray[np.uint64]

SCHEMA = pa.schema(
    [
        ("device_id", pa.string()),
        ("event_timestamp", pa.timestamp("us", tz="UTC")),
        ("temperature", pa.float64()),  # deg C
        ("humidity", pa.float64()),  # % relative humidity
        ("pressure", pa.float64()),  # hPa
        ("stream_type", pa.string()),
        ("stream_id", pa.int32()),
    ]
)
#: Lowest value and number of values, in hundredths.
TEMPERATURE, HUMIDITY, PRESSURE = (500, 3501), (2000, 7001), (98_000, 6001)

# XXH64, as published; Spark hashes a row's columns one after the other, with the hash so far as the next seed.
_PRIMES = tuple(
    np.uint64(prime)
    for prime in (0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5)
)
_SPARK_SEED = np.uint64(42)
_LONG_BYTES = np.uint64(8)


class ColumnRows:
    """Makes the rows of all streams of a shape, those of one phase at a time.

    Args:
        shape: the load.
        start: simulated time of the run's start, microseconds since 1970 UTC.
    """

    def __init__(self, shape: Shape, start: int) -> None:
        streams, phases = shape.streams, range(len(shape.phases))
        self._shape = shape
        self._start = start
        ids = np.array([stream.stream_id for stream in streams], dtype=np.uint64)
        self._seeds = _hash(ids, _hash(np.uint64(shape.seed), _SPARK_SEED))
        #: Rates are whole numbers of rows in this many seconds.
        self._unit = math.lcm(*(part.rate.denominator for one in streams for part in one.segments))
        rates = [[int(_rate(stream, phase) * self._unit) for stream in streams] for phase in phases]
        self._rate = np.array(rates, dtype=np.int64)
        self._most = np.array([[_rows(stream, phase) for stream in streams] for phase in phases], dtype=np.int64)
        before = [[stream.due(phase.begin) for stream in streams] for phase in shape.phases]
        self._before = np.array(before, dtype=np.int64)
        self._devices = pa.array([name for stream in streams for name in device_names(stream.stream_id, shape.devices)])
        self._types = pa.array([one.stream_type for one in streams])
        self._ids = pa.array([one.stream_id for one in streams], pa.int32())

    def due(self, phase: int, now: int) -> NDArray[np.int64]:
        """Return how many rows of each stream are due at a time (microseconds of the run), at most those of a phase."""
        part = self._shape.phases[phase]
        since = min(max(now, part.begin), part.end) - part.begin
        due = since * self._rate[phase] // (SECOND * self._unit)
        return np.asarray(self._before[phase] + np.minimum(due, self._most[phase]))

    def block(self, phase: int, first: NDArray[np.int64], end: NDArray[np.int64]) -> pa.RecordBatch:
        """Return rows of one phase, stream after stream: of each those with the numbers `first` up to `end`."""
        counts = end - first
        stream = np.repeat(np.arange(len(counts)), counts)
        number = np.arange(len(stream)) + np.repeat(first - (np.cumsum(counts) - counts), counts)
        hashes = _hash(number.astype(np.uint64), self._seeds[stream])
        places = pa.array(stream)
        devices = self._shape.devices
        return pa.RecordBatch.from_arrays(
            [
                self._devices.take(pa.array(stream * devices + number % devices)),
                pa.array(self._times(phase, stream, number), SCHEMA.field("event_timestamp").type),
                pa.array(_hundredths(hashes, 0, *TEMPERATURE)),
                pa.array(_hundredths(hashes, 16, *HUMIDITY)),
                pa.array(_hundredths(hashes, 32, *PRESSURE)),
                self._types.take(places),
                self._ids.take(places),
            ],
            schema=SCHEMA,
        )

    def _times(self, phase: int, stream: NDArray[np.int64], number: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the event time of each row, microseconds since 1970 UTC."""
        speed, begin = self._shape.speed, self._shape.phases[phase].begin
        since = (number - self._before[phase][stream]) * (SECOND * speed.numerator * self._unit)
        return np.asarray(self._start + int(begin * speed) + since // (self._rate[phase][stream] * speed.denominator))


def device_names(stream_id: int, devices: int) -> list[str]:
    """Return the names of a stream's devices, such as device-001-00."""
    width = device_digits(devices)
    return [f"device-{stream_id:03d}-{number:0{width}d}" for number in range(devices)]


def device_digits(devices: int) -> int:
    """Return the number of digits of a device's number within its stream."""
    return max(2, len(str(devices - 1)))


def lines(batch: pa.RecordBatch) -> pa.Array:
    """Return rows as JSON objects, with the time as `event_time`; no column may have a null.

    Most of a line is looked up in tables of texts: writing each number would cost four times as much.
    """
    second, micros = np.divmod(batch["event_timestamp"].cast(pa.int64()).to_numpy(), SECOND)
    thousands, ones = np.divmod(micros, 1000)
    seconds, streams = pa.array(second).dictionary_encode(), batch["stream_id"].dictionary_encode()
    moments = seconds.dictionary.cast(pa.timestamp("s")).cast(pa.string())
    _, first = np.unique(streams.indices.to_numpy(), return_index=True)
    types, ids = batch["stream_type"].take(pa.array(first)), streams.dictionary.cast(pa.string())
    ends = pc.binary_join_element_wise(',"stream_type":"', types, '","stream_id":', ids, "}", "")
    return pc.binary_join_element_wise(
        '{"device_id":"',
        batch["device_id"],
        '","event_time":"',
        pc.replace_substring(moments, " ", "T").take(seconds.indices),
        ".",
        _digits_texts().take(pa.array(thousands)),
        _digits_texts().take(pa.array(ones)),
        _texts(batch["temperature"], 'Z","temperature":', *TEMPERATURE),
        _texts(batch["humidity"], ',"humidity":', *HUMIDITY),
        _texts(batch["pressure"], ',"pressure":', *PRESSURE),
        ends.take(streams.indices),
        "",
    )


def hashes(batch: pa.RecordBatch) -> Longs:
    """Return a hash of each row; equal rows have equal hashes, and a null counts as 0."""
    devices = batch["device_id"].dictionary_encode()
    names = np.array(
        [crc32((name or "").encode()) for name in [*devices.dictionary.to_pylist(), None]], dtype=np.uint64
    )
    found: Longs = names[devices.indices.fill_null(len(names) - 1).to_numpy()]
    times = batch["event_timestamp"].cast(pa.int64()).fill_null(0)
    numbers = [
        batch[name].fill_null(0.0).to_numpy().view(np.uint64) for name in ("temperature", "humidity", "pressure")
    ]
    streams = batch["stream_id"].fill_null(0).to_numpy().astype(np.uint64)
    for values in (times.to_numpy().astype(np.uint64), *numbers, streams):
        found = _hash(values, found)
    return found


def _rate(stream: LoadStream, phase: int) -> int | Fraction:
    return next((segment.rate for segment in stream.segments if segment.phase == phase), 0)


def _rows(stream: LoadStream, phase: int) -> int:
    return next((segment.rows for segment in stream.segments if segment.phase == phase), 0)


def _hundredths(hashes: Longs, shift: int, low: int, many: int) -> NDArray[np.float64]:
    """Return values spread evenly over `many` hundredths from `low` on, by 16 bits of a hash."""
    part = (hashes >> np.uint64(shift)) & np.uint64(0xFFFF)
    return np.asarray((((part * np.uint64(many)) >> np.uint64(16)).astype(np.int64) + low) / 100)


def _texts(values: pa.Array, name: str, low: int, many: int) -> pa.Array:
    """Return the text of each value, after its name; values are `many` hundredths from `low` on."""
    places = np.rint(values.to_numpy() * 100).astype(np.int32) - low
    return _hundredths_texts(name, low, many).take(pa.array(places))


@cache
def _hundredths_texts(name: str, low: int, many: int) -> pa.Array:
    return pc.binary_join_element_wise(name, pa.array((np.arange(many) + low) / 100).cast(pa.string()), "")


@cache
def _digits_texts() -> pa.Array:
    return pa.array([f"{number:03}" for number in range(1000)])


def _hash(value: Longs | np.uint64, seed: Longs | np.uint64) -> Longs:
    one, two, three, four, five = _PRIMES
    with np.errstate(over="ignore"):  # it wraps around
        mixed = seed + five + _LONG_BYTES
        mixed = mixed ^ (_rotated(value * two, 31) * one)
        mixed = _rotated(mixed, 27) * one + four
        mixed = (mixed ^ (mixed >> np.uint64(33))) * two
        mixed = (mixed ^ (mixed >> np.uint64(29))) * three
        return np.asarray(mixed ^ (mixed >> np.uint64(32)))


def _rotated(value: Longs | np.uint64, bits: int) -> Longs:
    return np.asarray((value << np.uint64(bits)) | (value >> np.uint64(64 - bits)))
