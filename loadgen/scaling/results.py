"""What a run leaves behind: tables for the terminal, and the files of the report folder."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from loadgen.report import as_json, write_report
from loadgen.scaling.picture import PictureError, draw

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from loadgen.scaling.record import Group, PhaseResult, Sample
    from loadgen.scaling.shape import Shape

ANALYSIS = "analysis.json"
PICTURE = "load.png"
PERCENTILES = ("p50", "p95", "p99")


def phases_table(phases: Sequence[PhaseResult]) -> Table:
    """Return a line for each phase: what was due, what arrived, and how late."""
    table = _table("phase", "streams", "target", "sent", "target/s", "actual/s", "longest lag")
    for one in phases:
        numbers = (one.streams, one.target_rows, one.sent_rows, one.target_rate, one.actual_rate)
        table.add_row(one.name, *(f"{number:,.0f}" for number in numbers), f"{one.max_lag_seconds:.1f} s")
    return table


def groups_table(groups: Sequence[Group]) -> Table:
    """Return a line for each stream type in each phase: rates, and how long writes took."""
    table = _table("phase", "type", "streams", "target/s", "actual/s", *(f"write {at}" for at in PERCENTILES))
    for one in groups:
        latencies = [f"{seconds * 1000:,.0f} ms" for seconds in one.latencies] or ["-"] * len(PERCENTILES)
        table.add_row(
            one.phase,
            one.stream_type,
            str(one.streams),
            f"{one.target_rate:,.0f}",
            f"{one.actual_rate:,.0f}",
            *latencies,
        )
    return table


def write_results(
    report: Path,
    phases: Sequence[PhaseResult],
    groups: Sequence[Mapping[str, Any]],
    streams: Sequence[Mapping[str, Any]],
) -> None:
    """Write report.json, and analysis.json with the same phases, all groups, and the streams that were read back."""
    results = [asdict(one) for one in phases]
    write_report(report, as_json(Counter(normal=sum(one.sent_rows for one in phases)), phases=results))
    document = {"phases": results, "groups": groups, "streams": streams}
    (report / ANALYSIS).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def write_picture(report: Path, shape: Shape, samples: Sequence[Sample]) -> str:
    """Draw the run; return where that is, or why it could not be."""
    try:
        draw(report / PICTURE, shape, [asdict(one) for one in samples])
    except (PictureError, OSError) as error:
        return str(error)
    return f"Picture: {report / PICTURE}"


def group_document(group: Group, read_back: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return a group as JSON: rates, write latencies in seconds, and what reading its rows back has found."""
    document: dict[str, Any] = asdict(group)
    document["latencies"] = dict(zip(PERCENTILES, group.latencies, strict=False))
    if read_back is not None:
        document["read_back"] = {key: value for key, value in read_back.items() if key not in document}
        document["read_back"]["rows"] = read_back["rows"]
    return document


def _table(*columns: str) -> Table:
    table = Table(box=SIMPLE_HEAD)
    for name in columns:
        names = name in ("phase", "type")
        table.add_column(name, justify="left" if names else "right", no_wrap=True)
    return table
