"""Reads and checks the YAML file of a load shape.

Times in a file are those of the shape. `speed` compresses them and leaves the rates as they are: at 10x fifteen
minutes take ninety seconds, and have a tenth of the rows.
"""

from __future__ import annotations

import difflib
import math
import re
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from ..errors import LoadgenError
from ..parsing import parse_duration
from .shape import BASELINE, SECOND, LoadStream, Phase, Shape, new_segment

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .shape import Segment

#: The keys of a file beside `phases`, with their defaults.
DEFAULTS: dict[str, int | str] = {
    "baseline_streams": 50,
    "baseline_rate": 1000,
    "scale_3x_rate": 3000,
    "scale_9x_rate": 9000,
    "duration": "15m",
    "database": "dlt_autoscaling",
    "table_prefix": "stream_table",
    "checkpoint_path": ".livetables/loadgen/checkpoints",
    "partitions": 8,
    "seed": 1,
}
#: The shapes that come with the generator, by name.
SHAPES = {file.stem: file for file in sorted(Path(__file__).parent.glob("*.yml"))}
#: Baseline streams in test mode; the rates of other streams shrink as the number of these does.
TEST_STREAMS = 5
NAME = re.compile(r"[\w-]{1,100}", re.ASCII)
LARGEST_SEED = 2**63 - 1  # of a Spark BIGINT
_EXAMPLE = "{type: baseline, count: 5, rate: 1000}"


def read_shape(file: Path, *, speed: Fraction = Fraction(1), test_mode: bool = False) -> Shape:
    """Return the shape of a file, or one of SHAPES by its name.

    Raises:
        LoadgenError: the file cannot be read, or describes no shape.
    """
    try:
        document = yaml.safe_load(SHAPES.get(str(file), file).read_text(encoding="utf-8"))
    except OSError as error:
        hint = _nearest(file, SHAPES, f"name a YAML file, or one of {', '.join(SHAPES)}.")
        raise _wrong(f"--phases {file} can't be read: {error.strerror}", hint) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise _wrong(f"--phases {file} is no YAML: {' '.join(str(error).split())}") from error
    try:
        return shape_of(document, speed=speed, test_mode=test_mode)
    except LoadgenError as error:
        raise _wrong(f"--phases {file}: {error.message}", error.hint) from error


def shape_of(document: Any, *, speed: Fraction = Fraction(1), test_mode: bool = False) -> Shape:
    """Return the shape that a parsed file describes; see `read_shape`."""
    if not isinstance(document, dict):
        raise _wrong("it has no keys", "begin with 'phases:'.")
    _known(document, (*DEFAULTS, "phases"), "")
    settings = {**DEFAULTS, **{key: value for key, value in document.items() if key != "phases"}}
    for key, default in DEFAULTS.items():
        settings[key] = _number(settings[key], key, {}) if isinstance(default, int) else str(settings[key])
    _name(settings["table_prefix"], "table_prefix")
    if not settings["partitions"] or settings["seed"] > LARGEST_SEED:
        raise _wrong(f"partitions is below 1, or seed above {LARGEST_SEED}")
    shrunk = Fraction(1)
    if test_mode and settings["baseline_streams"] > TEST_STREAMS:
        shrunk = Fraction(TEST_STREAMS, settings["baseline_streams"])
        settings["baseline_streams"] = TEST_STREAMS
    phases, groups = _phases(document.get("phases"), settings, speed)
    groups = [
        group if group.type == BASELINE else replace(group, rate=math.ceil(group.rate * shrunk)) for group in groups
    ]
    return Shape(phases, tuple(_streams(phases, groups, str(settings["table_prefix"]))), speed, settings)


@dataclass(frozen=True)
class _StreamGroup:
    phase: int
    type: str
    count: int
    rate: int


def _phases(given: Any, settings: Mapping[str, Any], speed: Fraction) -> tuple[tuple[Phase, ...], list[_StreamGroup]]:
    if not isinstance(given, list) or not given:
        raise _wrong("phases is not a list", "write '- {name: baseline, from: 0m, to: 3m, streams: [...]}'.")
    phases: list[Phase] = []
    groups: list[_StreamGroup] = []
    duration = _moment(settings["duration"], "duration")
    for number, one in enumerate(given):
        where = f"phases[{number}]"
        if not isinstance(one, dict):
            raise _wrong(f"{where} has no keys", "it needs name, from, to and streams.")
        _known(one, ("name", "from", "to", "streams"), f"{where}.")
        begin = _moment(one.get("from", "0"), f"{where}.from")
        end = _moment(one["to"], f"{where}.to") if "to" in one else duration
        name = str(one.get("name", f"phase {number + 1}"))
        if end <= begin:
            raise _wrong(f"{where} '{name}' goes backwards: from {one.get('from', 0)} to {one.get('to', 'the end')}")
        if name in {phase.name for phase in phases}:
            raise _wrong(f"{where} has the name '{name}' for a second time", "results are distinguished by it.")
        if phases and begin < phases[-1].end:
            raise _wrong(
                f"{where} '{name}' overlaps '{phases[-1].name}', which ends at {given[number - 1].get('to', 'the end')}"
            )
        if end > duration:
            raise _wrong(f"{where} '{name}' ends after the duration of {settings['duration']}")
        phases.append(Phase(name, begin, end))
        groups += _groups(one.get("streams"), number, settings)
    fast = [Phase(one.name, int(one.begin / speed), int(one.end / speed)) for one in phases]
    return tuple(fast), groups


def _groups(given: Any, phase: int, settings: Mapping[str, Any]) -> list[_StreamGroup]:
    where = f"phases[{phase}].streams"
    if not isinstance(given, list):
        raise _wrong(f"{where} is not a list", f"write '- {_EXAMPLE}', or [] for silence.")
    groups: list[_StreamGroup] = []
    for number, one in enumerate(given):
        place = f"{where}[{number}]"
        if not isinstance(one, dict) or not {"type", "rate"} <= one.keys():
            raise _wrong(f"{place} needs type and rate", f"write '{_EXAMPLE}'.")
        _known(one, ("type", "count", "rate"), f"{place}.")
        count, rate = (_number(one.get(key, 1), f"{place}.{key}", settings) for key in ("count", "rate"))
        group = _StreamGroup(phase, _name(one["type"], f"{place}.type"), count, rate)
        if group.type in {other.type for other in groups}:
            raise _wrong(f"{place} has the type '{group.type}' for a second time", "raise its count.")
        groups.append(group)
    return groups


def _streams(phases: tuple[Phase, ...], groups: list[_StreamGroup], prefix: str) -> Iterable[LoadStream]:
    most: dict[str, int] = {}
    for group in groups:
        most[group.type] = max(group.count, most.get(group.type, 0))
    stream_id = 0
    for kind, count in most.items():
        for number in range(1, count + 1):
            stream_id += 1
            segments: list[Segment] = []
            for group in groups:
                if group.type == kind and number <= group.count:
                    phase = phases[group.phase]
                    before = segments[-1].before + segments[-1].rows if segments else 0
                    segments.append(new_segment(group.phase, phase, group.rate, before))
            yield LoadStream(table_name(prefix, kind, number, count), kind, stream_id, tuple(segments))


def table_name(prefix: str, kind: str, number: int, count: int) -> str:
    """Return the table of a stream: number `number` (1 on) of the `count` streams of its type."""
    if kind == BASELINE:
        return f"{prefix}_{number:03d}"
    return f"{prefix}_{kind}_scale" if count == 1 else f"{prefix}_{kind}_scale_{number:03d}"


def _moment(text: Any, where: str) -> int:
    """Return microseconds from 3m, 90s, or a number of seconds."""
    if str(text).strip() in ("0", "0s", "0m"):
        return 0
    return round(parse_duration(where, str(text)) * SECOND)


def _number(value: Any, where: str, settings: Mapping[str, Any]) -> int:
    """Return a whole number, 0 or more; it may be the name of a setting."""
    found = settings.get(value, value) if isinstance(value, str) else value
    if isinstance(found, bool) or not isinstance(found, int) or found < 0:
        hint = _nearest(value, settings, "write a number, or the name of a key of the file.")
        raise _wrong(f"{where} '{value}' is not a whole number, 0 or more", hint)
    return found


def _name(value: Any, where: str) -> str:
    """Return what becomes a part of tables' and folders' names, and of SQL."""
    if not NAME.fullmatch(str(value)):
        raise _wrong(f"{where} '{value}' is not a name", "write letters, digits, - and _.")
    return str(value)


def _known(given: Mapping[Any, Any], keys: Iterable[str], where: str) -> None:
    names = tuple(keys)
    for key in given:
        if key not in names:
            raise _wrong(f"{where}{key} is not a key", _nearest(key, names, f"the keys are {', '.join(names)}."))


def _nearest(word: Any, names: Iterable[str], otherwise: str) -> str:
    """Return the hint that names what may be meant."""
    close = difflib.get_close_matches(str(word), names, 1)
    return f"did you mean {close[0]}?" if close else otherwise


def _wrong(message: str, hint: str = "") -> LoadgenError:
    return LoadgenError("WRONG_SHAPE", message, hint)
