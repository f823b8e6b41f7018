"""Shapes by options: a steady rate is a shape of one phase; rate, rows and time can limit any shape."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

from .shape import BASELINE, NOMINAL_RATE, SECOND, LoadStream, Phase, Shape, new_segment
from .shape_file import DEFAULTS, table_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from .shape import Segment

#: No machine sends more rows per second: with rate 0, a run that is limited by time has as many.
UNREACHABLE_RATE = 10_000_000
#: Their times would exceed 64 bits: rows times microseconds.
MOST_ROWS = 9 * 10**12
#: Partitions of a topic that a run at a steady rate makes.
STEADY_PARTITIONS = 2


def steady_shape(rate: Fraction, *, rows: int | None, seconds: float | None, speed: Fraction) -> Shape:
    """Return the shape of one stream at one rate.

    Args:
        rate: rows per second; 0 for as fast as possible, with event times at NOMINAL_RATE.
        rows: end after this many rows.
        seconds: end after this time; exactly one of the two is given.
        speed: simulated seconds per second.
    """
    spacing = rate or Fraction(NOMINAL_RATE)
    if rows is None and seconds is not None and not rate:
        rows = min(math.ceil(UNREACHABLE_RATE * seconds), MOST_ROWS)
    end = round((seconds or 0) * SECOND) if rows is None else math.ceil(rows * SECOND / spacing)
    phase = Phase("steady", 0, end)
    segment = new_segment(0, phase, spacing, 0)
    if rows is not None:
        segment = replace(segment, rows=rows)
    settings = {**DEFAULTS, "partitions": STEADY_PARTITIONS}
    stream = LoadStream(table_name(str(settings["table_prefix"]), BASELINE, 1, 1), BASELINE, 1, (segment,))
    return Shape((phase,), (stream,), speed, settings, paced=bool(rate))


def scaled(shape: Shape, rate: Fraction) -> Shape:
    """Return a shape whose busiest phase has about this rate (rows per second), and all others in proportion.

    Rates stay whole numbers, rounded up; a rate of 0 makes the shape one without a pace.
    """
    if not rate:
        return replace(shape, paced=False)
    peak = max(sum(one.rate for one in shape.segments(number)) for number in range(len(shape.phases)))
    if not peak:
        return shape
    return _with_segments(shape, shape.phases, lambda one: replace(one, rate=math.ceil(one.rate * rate / peak)))


def limited_in_time(shape: Shape, seconds: float) -> Shape:
    """Return a shape that ends after this time at the latest."""
    end = round(seconds * SECOND)
    if end >= shape.end or not shape.paced:
        return shape
    phases = tuple(replace(one, end=min(one.end, end)) for one in shape.phases if one.begin < end)
    return _with_segments(shape, phases, lambda one: replace(one, end=min(one.end, end)))


def limited_in_rows(shape: Shape, rows: int) -> Shape:
    """Return a shape that ends after exactly this many rows of all streams, if it has more."""
    excess = shape.rows - rows
    if excess <= 0:
        return shape
    low, high = 0, shape.end  # the first moment at which as many rows are due
    while low < high:
        middle = (low + high) // 2
        if int(shape.due_at(middle).sum()) < rows:
            low = middle + 1
        else:
            high = middle
    phases = tuple(replace(one, end=min(one.end, high)) for one in shape.phases if one.begin < high)
    cut = _with_segments(shape, phases, lambda one: replace(one, end=min(one.end, high)))
    excess = cut.rows - rows
    streams = []
    for stream in reversed(cut.streams):  # several may fall due at that moment: the last streams have one less
        last = stream.segments[-1]
        less = min(excess, stream.due(high) - stream.due(high - 1))
        excess -= less
        segments = (*stream.segments[:-1], replace(last, rows=last.rows - less))
        streams.append(replace(stream, segments=segments))
    return replace(cut, streams=tuple(reversed(streams)))


def _with_segments(shape: Shape, phases: tuple[Phase, ...], change: Callable[[Segment], Segment]) -> Shape:
    """Return a shape with these phases, and each stream's changed segments in them."""
    streams = []
    for stream in shape.streams:
        segments: list[Segment] = []
        for one in map(change, stream.segments):
            if one.phase < len(phases):
                before = segments[-1].before + segments[-1].rows if segments else 0
                segments.append(new_segment(one.phase, phases[one.phase], one.rate, before))
        if segments:
            streams.append(replace(stream, segments=tuple(segments)))
    return replace(shape, phases=phases, streams=tuple(streams))
