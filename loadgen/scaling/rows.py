"""The rows of a load's streams, as columns: a row is a function of seed, stream and number, in numpy and in Spark.

All arithmetic is on 64-bit integers, with Spark's own hash (XXH64 of the seed, the stream and the row's number), so
that both engines make the same bytes. Only the last division gives a float: of whole hundredths, which is exact to the
last bit everywhere.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from loadgen.scaling.shape import SECOND

if TYPE_CHECKING:
    from fractions import Fraction

    from numpy.typing import NDArray

    from loadgen.scaling.shape import LoadStream, Shape

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
#: Devices of a stream; they take turns.
DEVICES = 10
#: The lowest value and how many values there are, in hundredths.
TEMPERATURE, HUMIDITY, PRESSURE = (500, 3501), (2000, 7001), (98_000, 6001)

# XXH64, as published; Spark hashes a row's columns one after the other, with the hash so far as the next seed.
_PRIMES = tuple(
    np.uint64(prime)
    for prime in (0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5)
)
_SPARK_SEED = np.uint64(42)
_LONG_BYTES = np.uint64(8)


class Rows:
    """Makes the rows of all streams of a load, those of one phase at a time."""

    def __init__(self, shape: Shape, start: int) -> None:
        """Make ready; `start` is the simulated time of the run's start, microseconds since 1970 UTC."""
        streams, phases = shape.streams, range(len(shape.phases))
        self._shape = shape
        self._start = start
        ids = np.array([stream.stream_id for stream in streams], dtype=np.uint64)
        self._seeds = _hash(ids, _hash(np.uint64(int(shape.settings["seed"])), _SPARK_SEED))
        self._rate = np.array([[_rate(stream, phase) for stream in streams] for phase in phases], dtype=np.int64)
        before = [[stream.due(phase.begin) for stream in streams] for phase in shape.phases]
        self._before = np.array(before, dtype=np.int64)
        names = [f"device-{one.stream_id:03d}-{number:02d}" for one in streams for number in range(DEVICES)]
        self._devices = pa.array(names)
        self._types = pa.array([one.stream_type for one in streams])
        self._ids = pa.array([one.stream_id for one in streams], pa.int32())

    def due(self, phase: int, now: int) -> NDArray[np.int64]:
        """Return how many rows of each stream are due at a time (microseconds of the run), at most those of a phase."""
        part = self._shape.phases[phase]
        since = min(max(now, part.begin), part.end) - part.begin
        return np.asarray(self._before[phase] + since * self._rate[phase] // SECOND)

    def block(self, phase: int, first: NDArray[np.int64], end: NDArray[np.int64]) -> pa.RecordBatch:
        """Return rows of one phase, stream after stream: of each those with the numbers `first` up to `end`."""
        counts = end - first
        stream = np.repeat(np.arange(len(counts)), counts)
        number = np.arange(len(stream)) + np.repeat(first - (np.cumsum(counts) - counts), counts)
        hashes = _hash(number.astype(np.uint64), self._seeds[stream])
        places = pa.array(stream)
        return pa.RecordBatch.from_arrays(
            [
                self._devices.take(pa.array(stream * DEVICES + number % DEVICES)),
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
        speed, begin = self._shape.speed, self._shape.phases[phase].begin
        since = (number - self._before[phase][stream]) * (SECOND * speed.numerator)
        return np.asarray(self._start + int(begin * speed) + since // (self._rate[phase][stream] * speed.denominator))


def lines(batch: pa.RecordBatch) -> pa.Array:
    """Return rows as JSON objects. The time is called `event_time` there, as in all lines of this generator.

    Most of a line is looked up in tables of texts: to write a number costs four times as much. No column has a null.
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
    """Return a hash of each row; equal rows have equal ones, whoever made them, and a null is 0."""
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


def spark_columns(stream: LoadStream, start: int, speed: Fraction, seed: int) -> dict[str, str]:
    """Return the same columns as SQL expressions over a column `number` (BIGINT, 0 on)."""
    hashed = f"xxhash64({seed}L, {stream.stream_id}L, number)"
    time = " ".join(
        f"WHEN number < {one.before + one.rows} THEN {int(one.begin * speed)}"
        f" + (number - {one.before}) * {SECOND * speed.numerator} DIV {one.rate * speed.denominator}"
        for one in stream.segments
        if one.rate
    )
    values = {"temperature": (0, *TEMPERATURE), "humidity": (16, *HUMIDITY), "pressure": (32, *PRESSURE)}
    return {
        "device_id": f"concat('device-{stream.stream_id:03d}-', {_digits(f'number % {DEVICES}', 2)})",
        "event_timestamp": f"timestamp_micros({start} + CASE {time} END)",
        **{
            name: f"({low} + shiftright((shiftrightunsigned({hashed}, {shift}) & 65535L) * {many}, 16)) / 100D"
            for name, (shift, low, many) in values.items()
        },
        "stream_type": f"'{stream.stream_type}'",
        "stream_id": f"{stream.stream_id}",
    }


def spark_line() -> str:
    """Return the same text as `lines`, as an SQL expression over the columns."""
    # Spark's own formats depend on the session's time zone.
    day, micros = 86_400 * SECOND, "unix_micros(event_timestamp)"
    parts = ((3600 * SECOND, 24, 2), (60 * SECOND, 60, 2), (SECOND, 60, 2), (1, SECOND, 6))
    hour, minute, second, rest = (_digits(f"{micros} DIV {unit} % {many}", size) for unit, many, size in parts)
    date = f"date_from_unix_date(CAST({micros} DIV {day} AS INT))"
    temperature, humidity, pressure = map(_shortest, ("temperature", "humidity", "pressure"))
    return (
        f"""concat('{{"device_id":"', device_id, '","event_time":"', CAST({date} AS STRING), 'T', """
        f"""{hour}, ':', {minute}, ':', {second}, '.', {rest}, 'Z","temperature":', {temperature}, """
        f"""',"humidity":', {humidity}, ',"pressure":', {pressure}, ',"stream_type":"', stream_type, """
        """'","stream_id":', CAST(stream_id AS STRING), '}')"""
    )


def spark_due(stream: LoadStream, now: str) -> str:
    """Return how many rows are due, as an SQL expression over a BIGINT column: microseconds after the start."""
    parts = " ".join(
        f"WHEN {now} >= {one.begin}"
        f" THEN {one.before} + (least({now}, {one.end}) - {one.begin}) * {one.rate} DIV {SECOND}"
        for one in reversed(stream.segments)
    )
    return f"CASE {parts} ELSE 0 END"


def _digits(number: str, many: int) -> str:
    return f"lpad(CAST({number} AS STRING), {many}, '0')"


def _shortest(column: str) -> str:
    """Return a number's text as Arrow writes it: 5 where Spark has 5.0."""
    return f"IF({column} % 1 = 0, CAST(CAST({column} AS INT) AS STRING), CAST({column} AS STRING))"


def _rate(stream: LoadStream, phase: int) -> int:
    return next((segment.rate for segment in stream.segments if segment.phase == phase), 0)


def _hundredths(hashes: Longs, shift: int, low: int, many: int) -> NDArray[np.float64]:
    """Return values spread evenly over `many` hundredths from `low` on, by 16 bits of a hash."""
    part = (hashes >> np.uint64(shift)) & np.uint64(0xFFFF)
    return np.asarray((((part * np.uint64(many)) >> np.uint64(16)).astype(np.int64) + low) / 100)


def _texts(values: pa.Array, name: str, low: int, many: int) -> pa.Array:
    """Return the text of each value, behind its name; there are `many` hundredths from `low` on."""
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
