"""Load shapes: a YAML file of phases, read and checked, becomes the streams that run in them.

Times in a file are those of the shape. `speed` compresses them and leaves the rates as they are: at 10x fifteen
minutes take ninety seconds, and have a tenth of the rows.
"""

from __future__ import annotations

import difflib
import math
import re
from bisect import bisect_right
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml

from loadgen.options import parse_duration

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

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
SHAPES = {file.stem: file for file in sorted((Path(__file__).parents[1] / "phases").glob("*.yml"))}
BASELINE = "baseline"
#: In test mode there are so many baseline streams, and the others' rates shrink as their number does.
TEST_STREAMS = 5
SECOND = 1_000_000  # microseconds
NAME = re.compile(r"[\w-]{1,100}", re.ASCII)
LARGEST_SEED = 2**63 - 1  # of a Spark BIGINT
_EXAMPLE = "{type: baseline, count: 5, rate: 1000}"


@dataclass(frozen=True)
class Segment:
    """A stream's rate in one phase. Times are microseconds of the run, 0 at its start."""

    phase: int
    begin: int
    end: int
    #: Rows per second.
    rate: int
    #: Rows of the stream's earlier segments.
    before: int

    @property
    def rows(self) -> int:
        """Rows of the segment."""
        return self.due(self.end)

    def due(self, now: int) -> int:
        """Return how many of its rows are due at a time."""
        return (min(max(now, self.begin), self.end) - self.begin) * self.rate // SECOND


@dataclass(frozen=True)
class LoadStream:
    """One stream of rows; `stream_type` and `stream_id` are columns of them, `table` is where they go."""

    table: str
    stream_type: str
    stream_id: int
    segments: tuple[Segment, ...]

    @property
    def rows(self) -> int:
        """Rows of the whole run."""
        return self.segments[-1].before + self.segments[-1].rows

    def due(self, now: int) -> int:
        """Return how many rows are due so many microseconds after the start."""
        at = bisect_right(self.segments, now, key=lambda one: one.begin) - 1
        return 0 if at < 0 else self.segments[at].before + self.segments[at].due(now)


@dataclass(frozen=True)
class Phase:
    """A part of the run. Times are microseconds of the run, 0 at its start."""

    name: str
    begin: int
    end: int


@dataclass(frozen=True)
class Shape:
    """A whole load: its phases in order, its streams, and the other settings of the file."""

    phases: tuple[Phase, ...]
    streams: tuple[LoadStream, ...]
    speed: Fraction
    settings: Mapping[str, int | str]

    @property
    def end(self) -> int:
        """Microseconds of the run."""
        return self.phases[-1].end

    def segments(self, phase: int) -> list[Segment]:
        """Return what the streams of a phase do in it."""
        return [one for stream in self.streams for one in stream.segments if one.phase == phase]

    def due(self, moments: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return how many rows of each stream are due at a moment of its own (microseconds of the run)."""
        stream, begin, length, rate = self._segments
        since = np.clip(moments[stream] - begin, 0, length)
        rows = np.zeros(len(self.streams), dtype=np.int64)
        np.add.at(rows, stream, since * rate // SECOND)
        return rows

    def due_at(self, now: int) -> NDArray[np.int64]:
        """Return how many rows of each stream are due at one moment."""
        return self.due(np.full(len(self.streams), now, dtype=np.int64))

    @cached_property
    def _segments(self) -> NDArray[np.int64]:
        """Return all streams' segments as columns: the stream's place, begin, length, rate."""
        rows = [
            (at, segment.begin, segment.end - segment.begin, segment.rate)
            for at, stream in enumerate(self.streams)
            for segment in stream.segments
        ]
        return np.asarray(np.array(rows, dtype=np.int64).reshape(-1, 4).T)


def read_shape(file: Path, *, speed: Fraction = Fraction(1), test_mode: bool = False) -> Shape:
    """Return the load that a file describes, or one of SHAPES by its name.

    A ValueError is one sentence for the user, with a hint.
    """
    try:
        document = yaml.safe_load(SHAPES.get(str(file), file).read_text(encoding="utf-8"))
    except OSError as error:
        hint = _nearest(file, SHAPES, f"name a YAML file, or one of {', '.join(SHAPES)}.")
        raise ValueError(f"--phases {file} can't be read: {error.strerror}\n\nHint: {hint}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"--phases {file} is no YAML: {' '.join(str(error).split())}") from error
    try:
        return shape_of(document, speed=speed, test_mode=test_mode)
    except ValueError as error:
        raise ValueError(f"--phases {file}: {error}") from error


def shape_of(document: Any, *, speed: Fraction = Fraction(1), test_mode: bool = False) -> Shape:
    """Return the load that a parsed file describes; raises ValueError."""
    if not isinstance(document, dict):
        raise _wrong("it has no keys", "begin with 'phases:'.")
    _known(document, (*DEFAULTS, "phases"), "")
    settings = {**DEFAULTS, **{key: value for key, value in document.items() if key != "phases"}}
    for key, default in DEFAULTS.items():
        settings[key] = _number(settings[key], key, {}) if isinstance(default, int) else str(settings[key])
    _name(settings["table_prefix"], "table_prefix")
    if not settings["partitions"] or settings["seed"] > LARGEST_SEED:
        raise ValueError(f"partitions is below 1, or seed above {LARGEST_SEED}")
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
class _Group:
    phase: int
    type: str
    count: int
    rate: int


def _phases(given: Any, settings: Mapping[str, Any], speed: Fraction) -> tuple[tuple[Phase, ...], list[_Group]]:
    if not isinstance(given, list) or not given:
        raise _wrong("phases is not a list", "write '- {name: baseline, from: 0m, to: 3m, streams: [...]}'.")
    phases: list[Phase] = []
    groups: list[_Group] = []
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
            raise ValueError(
                f"{where} '{name}' goes backwards: from {one.get('from', 0)} to {one.get('to', 'the end')}"
            )
        if name in {phase.name for phase in phases}:
            raise _wrong(f"{where} has the name '{name}' for a second time", "results are told apart by it.")
        if phases and begin < phases[-1].end:
            raise ValueError(
                f"{where} '{name}' overlaps '{phases[-1].name}', which ends at {given[number - 1].get('to', 'the end')}"
            )
        if end > duration:
            raise ValueError(f"{where} '{name}' ends after the duration of {settings['duration']}")
        phases.append(Phase(name, begin, end))
        groups += _groups(one.get("streams"), number, settings)
    fast = [Phase(one.name, int(one.begin / speed), int(one.end / speed)) for one in phases]
    return tuple(fast), groups


def _groups(given: Any, phase: int, settings: Mapping[str, Any]) -> list[_Group]:
    where = f"phases[{phase}].streams"
    if not isinstance(given, list):
        raise _wrong(f"{where} is not a list", f"write '- {_EXAMPLE}', or [] for silence.")
    groups: list[_Group] = []
    for number, one in enumerate(given):
        place = f"{where}[{number}]"
        if not isinstance(one, dict) or not {"type", "rate"} <= one.keys():
            raise _wrong(f"{place} needs type and rate", f"write '{_EXAMPLE}'.")
        _known(one, ("type", "count", "rate"), f"{place}.")
        count, rate = (_number(one.get(key, 1), f"{place}.{key}", settings) for key in ("count", "rate"))
        group = _Group(phase, _name(one["type"], f"{place}.type"), count, rate)
        if group.type in {other.type for other in groups}:
            raise _wrong(f"{place} has the type '{group.type}' for a second time", "raise its count.")
        groups.append(group)
    return groups


def _streams(phases: tuple[Phase, ...], groups: list[_Group], prefix: str) -> Iterable[LoadStream]:
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
                    segments.append(Segment(group.phase, phase.begin, phase.end, group.rate, before))
            yield LoadStream(_table(prefix, kind, number, count), kind, stream_id, tuple(segments))


def _table(prefix: str, kind: str, number: int, count: int) -> str:
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


def _wrong(said: str, hint: str) -> ValueError:
    return ValueError(f"{said}\n\nHint: {hint}")
