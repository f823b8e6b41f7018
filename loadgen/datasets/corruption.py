"""The ways in which a row can be broken. Each takes the good parts of a row and returns one broken row."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable


class Parts(NamedTuple):
    """The values of a good row, and the row's number in the run (0 on)."""

    number: int
    device_id: str
    temperature: float  # deg C
    humidity: float  # % relative humidity
    event_time: str  # ISO 8601, UTC


class Broken(NamedTuple):
    """A broken line, and the device id if the row still has one."""

    device_id: str | None
    line: str


def good_line(device_id: str, temperature: float | str, humidity: float, event_time: str) -> str:
    """Return one event as a JSON line without its newline; a temperature of type str is used as it is."""
    shown = temperature if isinstance(temperature, str) else f"{temperature:.2f}"
    # An f-string, not json.dumps: five times as fast, and no value here needs escaping.
    return f'{{"device_id":"{device_id}","temperature":{shown},"humidity":{humidity:.1f},"event_time":"{event_time}"}}'


def truncated(parts: Parts) -> Broken:
    """Cut the line in its second half; an object without its closing brace is never JSON."""
    line = good_line(*parts[1:])
    half = len(line) // 2
    return Broken(parts.device_id, line[: half + parts.number % (len(line) - half)])


def not_json(parts: Parts) -> Broken:
    """Send a line of plain text; the number keeps such lines apart."""
    return Broken(None, f"sensor restarted, message {parts.number}")


def missing_device_id(parts: Parts) -> Broken:
    """Leave out device_id."""
    line = good_line(*parts[1:])
    return Broken(None, "{" + line[line.index('"temperature"') :])


def temperature_as_text(parts: Parts) -> Broken:
    """Send a word where a number belongs."""
    return Broken(parts.device_id, good_line(parts.device_id, '"hot"', parts.humidity, parts.event_time))


def temperature_out_of_range(parts: Parts) -> Broken:
    """Send 999.0 deg C."""
    return Broken(parts.device_id, good_line(parts.device_id, "999.0", parts.humidity, parts.event_time))


def humidity_out_of_range(parts: Parts) -> Broken:
    """Send -5 % relative humidity."""
    return Broken(parts.device_id, good_line(parts.device_id, parts.temperature, -5, parts.event_time))


def unparsable_event_time(parts: Parts) -> Broken:
    """Send a word where a time belongs."""
    return Broken(parts.device_id, good_line(parts.device_id, parts.temperature, parts.humidity, "yesterday"))


WAYS: tuple[Callable[[Parts], Broken], ...] = (
    truncated,
    not_json,
    missing_device_id,
    temperature_as_text,
    temperature_out_of_range,
    humidity_out_of_range,
    unparsable_event_time,
)
