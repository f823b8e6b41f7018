"""The picture of a run: target and actual rate, lag, and the freshness of a pipeline, over the phases."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import LoadgenError
from ..phases.shape import SECOND

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from ..phases.shape import Shape

    Doubles = NDArray[np.float64]
    Samples = Sequence[Mapping[str, float]]

#: Rates are means over at least these seconds, this part (1/n) of a long run, and this number of arrivals.
MEAN_SECONDS, MEAN_PART, MEAN_ARRIVALS = 4.0, 200, 6
#: A rate below this part of the target is marked; a smaller difference may come from the times of the samples alone.
BELOW = 0.85
#: Catching up after an outage may be fast; the axis ends at this multiple of the highest target.
HIGHEST = 3
#: Characters of a phase's name; points between two that slant, and their size as a part of it.
NAME_LENGTH, NAME_DISTANCE, NAME_SIZE = 28, 28.0, 0.38
#: Okabe and Ito's colours, which colour-blind people tell apart.
BLUE, VERMILION, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#4d4d4d"
BAND, EDGE = "#f1f3f5", "#ced4da"
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text
    "text.parse_math": False,  # a phase may be named $5
    "font.size": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#868e96",
    "axes.titlelocation": "left",
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": "#dee2e6",
}
TICKS = (1, 2, 5, 10, 15, 30, 60, 120, 180, 300, 600, 900, 1800, 3600)
MAX_TICKS = 16


def draw(file: Path, shape: Shape, samples: Samples, freshness: Sequence[tuple[float, float]] | None = None) -> None:
    """Draw a run into a PNG or SVG file, by its suffix.

    Args:
        file: is written, or overwritten.
        shape: gives the phases.
        samples: in the order of time, each with `at` (seconds of the run), `due_rows` and `sent_rows` (since its
            start) and `lag_seconds`.
        freshness: of a pipeline that ran, as seconds of the run and seconds; None draws no panel for it.

    Raises:
        LoadgenError: matplotlib is not installed.
        ValueError: matplotlib does not know the suffix's format.
        OSError: the file cannot be written.
    """
    try:
        import matplotlib as mpl
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        problem = "No picture was drawn: matplotlib is missing."
        raise LoadgenError("PICTURE_NOT_DRAWN", problem, "pip install matplotlib") from error
    heights = [3.0, 1.3] if freshness is None else [3.0, 1.3, 1.3]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(12, 2.8 + 1.2 * sum(heights)), dpi=120, layout="constrained")
        FigureCanvasAgg(figure)
        panels = figure.subplots(len(heights), sharex=True, squeeze=False, height_ratios=heights)[:, 0]
        end = max([shape.end / SECOND, *(one["at"] for one in samples[-1:]), *(at for at, _ in (freshness or ())[-1:])])
        _draw_time(panels, shape, end)
        _draw_rates(panels[0], shape, samples)
        lag = [(sample["at"], sample["lag_seconds"]) for sample in samples]
        _draw_seconds(panels[1], lag, "Lag: how late rows arrive", "lag (s)", VERMILION)
        if freshness is not None:
            title = "Freshness: age of the newest row that the pipeline has processed"
            _draw_seconds(panels[2], freshness, title, "freshness (s)", GREEN)
        figure.suptitle(_title(shape, samples), x=0.01, ha="left", fontsize=15, fontweight="bold")
        figure.legend(loc="outside lower center", ncols=3, frameon=False)
        _draw_names(figure, panels[0], shape)
        figure.savefig(file)


def rates(samples: Samples) -> tuple[Doubles, Doubles, Doubles]:
    """Return moments (seconds of the run), and the rows per second around them that were due, and that were sent.

    Each is a mean over `mean_seconds`, in which the nearest weigh most.
    """
    at, due, sent = _columns(samples)
    if not len(at):
        return at, due, sent
    duration = at[-1] - at[0]
    half = 10  # steps of half a mean
    steps = math.ceil(duration / mean_seconds(samples) * 2 * half)
    edges = np.linspace(at[0], at[-1], steps + 1)
    weights = np.bartlett(2 * half + 1)

    def mean(values: Doubles) -> Doubles:
        return np.convolve(values, weights)[half : half + steps]

    whole = mean(np.ones(steps))  # less at both ends
    due_rate, sent_rate = (mean(np.diff(np.interp(edges, at, rows))) / whole * steps / duration for rows in (due, sent))
    return (edges[1:] + edges[:-1]) / 2, due_rate, sent_rate


def target_steps(shape: Shape) -> tuple[list[float], list[float]]:
    """Return the moments (seconds of the run) when the rate changes, and the rows per second from then on."""
    at, rows = [0.0], [0.0]
    for number, phase in enumerate(shape.phases):
        if at[-1] == phase.begin / SECOND:  # no silence before it
            del at[-1], rows[-1]
        at += [phase.begin / SECOND, phase.end / SECOND]
        rows += [float(sum(part.rate for part in shape.segments(number))), 0.0]
    return at, rows


def mean_seconds(samples: Samples) -> float:
    """Return the seconds over which a rate is a mean.

    They span several blocks: otherwise a target that takes large blocks would seem to stop between two of them.
    """
    at, _, sent = _columns(samples)
    arrivals = at[1:][np.diff(sent) > 0]
    between = float(np.median(np.diff(arrivals))) if len(arrivals) > 1 else 0.0
    return max(MEAN_SECONDS, (at[-1] - at[0]) / MEAN_PART if len(at) else 0.0, MEAN_ARRIVALS * between)


def _columns(samples: Samples) -> tuple[Doubles, Doubles, Doubles]:
    """Return the times, and the rows due and sent; empty when no time passes between them."""
    at, due, sent = (np.array([one[name] for one in samples], float) for name in ("at", "due_rows", "sent_rows"))
    return (at, due, sent) if len(at) and at[-1] > at[0] else (at[:0], due[:0], sent[:0])


def _title(shape: Shape, samples: Samples) -> str:
    at, sent = (samples[-1]["at"], samples[-1]["sent_rows"]) if samples else (0.0, 0)
    total = sum(stream.rows for stream in shape.streams)
    unit = "hours" if at >= 3600 else "minutes"  # noqa: PLR2004 (seconds of an hour)
    return f"Load: {sent:,.0f} of {total:,} rows sent in {_clock(at)} {unit}"


def _draw_time(panels: NDArray[Any], shape: Shape, end: float) -> None:
    """Draw the time axis of all panels, and the phases as bands."""
    step = next((one for one in TICKS if end / one <= MAX_TICKS), math.ceil(end / MAX_TICKS / 3600) * 3600)
    for panel in panels:
        panel.set_xlim(0, end)
        for number, phase in enumerate(shape.phases):
            color = BAND if number % 2 else "white"
            panel.axvspan(phase.begin / SECOND, phase.end / SECOND, color=color, lw=0, zorder=0)
            panel.axvline(phase.begin / SECOND, color=EDGE, lw=0.8, zorder=0)
        panel.tick_params(length=0, pad=6)
    ticks = np.arange(0, end + step / 100, step)
    panels[-1].set_xticks(ticks, [_clock(tick) for tick in ticks])
    panels[-1].set_xlabel("time since the start of the run (minutes:seconds)")


def _draw_rates(panel: Axes, shape: Shape, samples: Samples) -> None:
    at, due, sent = rates(samples)
    below: dict[str, Any] = {"label": f"over {1 - BELOW:.0%} below target", "color": VERMILION, "alpha": 0.18, "lw": 0}
    panel.fill_between(at, due, sent, where=list(sent < BELOW * due), **below)
    panel.plot(at, sent, color=BLUE, lw=2.2, label="actual rate")
    moments, target = target_steps(shape)
    panel.plot(moments, target, drawstyle="steps-post", color=GREY, lw=1.4, ls=(0, (4, 2)), label="target rate")
    top = max([*target, *sent])
    limit = max(target) * HIGHEST
    if 0 < limit < top:
        _note_peak(panel, at[sent > limit], top)
        top = limit
    panel.set_ylim(0, top * 1.08 or 10)
    panel.yaxis.set_major_formatter("{x:,.0f}")
    panel.set_ylabel(f"rows/s (actual: mean over {mean_seconds(samples):.0f} s)")


def _note_peak(panel: Axes, at: Doubles, peak: float) -> None:
    """Write the highest rate beside the times at which the panel does not show it."""
    left = at[-1] > panel.get_xlim()[1] * 0.75
    style: dict[str, Any] = {"ha": "right" if left else "left", "va": "top", "color": BLUE}
    place, offset = ((at[0], 1), (-12, -4)) if left else ((at[-1], 1), (12, -4))
    note = f"up to {float(f'{peak:.2g}'):,.0f} rows/s"
    panel.annotate(note, place, offset, xycoords=("data", "axes fraction"), textcoords="offset points", **style)


def _draw_seconds(panel: Axes, values: Sequence[tuple[float, float]], title: str, unit: str, color: str) -> None:
    at, seconds = [value[0] for value in values], [value[1] for value in values]
    panel.fill_between(at, seconds, color=color, alpha=0.18, lw=0)
    panel.plot(at, seconds, color=color, lw=1.6)
    # A lag of a few milliseconds must not look like much.
    panel.set_ylim(0, max([1.0, *seconds]) * 1.08)
    panel.yaxis.set_major_formatter("{x:,g}")
    panel.set_ylabel(unit)
    panel.set_title(title)


def _draw_names(figure: Figure, panel: Axes, shape: Shape) -> None:
    """Write the phases' names above the bands: slanting, and moved apart, when one is longer than its band."""
    names = [one.name if len(one.name) <= NAME_LENGTH else one.name[: NAME_LENGTH - 1] + "…" for one in shape.phases]
    figure.draw_without_rendering()  # to know how wide the panel is
    points = panel.get_window_extent().width * 72 / figure.dpi
    scale = points / panel.get_xlim()[1]
    middles = [(one.begin + one.end) / 2 / SECOND * scale for one in shape.phases]
    widths = [(one.end - one.begin) / SECOND * scale for one in shape.phases]
    letter, distance = 7.0, min(NAME_DISTANCE, points / len(names))
    fit = all(len(name) * letter <= width for name, width in zip(names, widths, strict=True))
    places = middles if fit else _apart(middles, distance, points)
    style: dict[str, Any] = {"ha": "center"} if fit else {"ha": "left", "rotation": 35, "rotation_mode": "anchor"}
    style |= {"fontsize": distance * NAME_SIZE, "color": GREY}
    line: dict[str, Any] = {"arrowstyle": "-", "color": EDGE, "shrinkA": 0, "shrinkB": 0}
    for name, place, middle in zip(names, places, middles, strict=True):
        here = (place / points, 1 if fit else 1.05)
        if not fit:
            panel.annotate("", (middle / points, 1), here, xycoords="axes fraction", arrowprops=line)
        panel.annotate(name, here, (0, 5), xycoords="axes fraction", textcoords="offset points", **style)


def _apart(places: Sequence[float], distance: float, end: float) -> list[float]:
    """Return places in order, moved so that neighbours have a distance, if there is room."""
    moved = list(places)
    for one, two in pairwise(range(len(moved))):
        moved[two] = max(moved[two], moved[one] + distance)
    moved[-1] = min(moved[-1], end)
    for one, two in reversed(list(pairwise(range(len(moved))))):
        moved[one] = min(moved[one], moved[two] - distance)
    return moved


def _clock(seconds: float) -> str:
    """Return minutes and seconds, with hours if there are some."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
