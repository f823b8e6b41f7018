"""The rows of `columns.py` as SQL expressions for Spark: the same to the last bit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..phases.shape import SECOND
from .columns import HUMIDITY, PRESSURE, TEMPERATURE, device_digits

if TYPE_CHECKING:
    from ..phases.shape import LoadStream, Shape


def spark_columns(shape: Shape, stream: LoadStream, start: int) -> dict[str, str]:
    """Return the columns of a stream's rows as SQL expressions over a column `number` (BIGINT, 0 on).

    Args:
        shape: gives seed, speed and devices.
        stream: one of its streams.
        start: simulated time of the run's start, microseconds since 1970 UTC.
    """
    speed = shape.speed
    hashed = f"xxhash64({shape.seed}L, {stream.stream_id}L, number)"
    device = _digits(f"number % {shape.devices}", device_digits(shape.devices))
    time = " ".join(
        f"WHEN number < {one.before + one.rows} THEN {int(one.begin * speed)} + (number - {one.before})"
        f" * {SECOND * speed.numerator * one.rate.denominator} DIV {one.rate.numerator * speed.denominator}"
        for one in stream.segments
        if one.rate
    )
    values = {"temperature": (0, *TEMPERATURE), "humidity": (16, *HUMIDITY), "pressure": (32, *PRESSURE)}
    return {
        "device_id": f"concat('device-{stream.stream_id:03d}-', {device})",
        "event_timestamp": f"timestamp_micros({start} + CASE {time} END)",
        **{
            name: f"({low} + shiftright((shiftrightunsigned({hashed}, {shift}) & 65535L) * {many}, 16)) / 100D"
            for name, (shift, low, many) in values.items()
        },
        "stream_type": f"'{stream.stream_type}'",
        "stream_id": f"{stream.stream_id}",
    }


def spark_line() -> str:
    """Return the JSON line of a row, the same as `columns.lines`, as an SQL expression over the columns."""
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
        f" THEN {one.before} + least({one.rows}L,"
        f" (least({now}, {one.end}) - {one.begin}) * {one.rate.numerator} DIV {SECOND * one.rate.denominator})"
        for one in reversed(stream.segments)
    )
    return f"CASE {parts} ELSE 0 END"


def _digits(number: str, many: int) -> str:
    return f"lpad(CAST({number} AS STRING), {many}, '0')"


def _shortest(column: str) -> str:
    """Return a number's text as Arrow writes it: 5 where Spark has 5.0."""
    return f"IF({column} % 1 = 0, CAST(CAST({column} AS INT) AS STRING), CAST({column} AS STRING))"
