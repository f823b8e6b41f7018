"""Results of a run: tables for the terminal, and the files of the report folder."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from ..datasets.devices import OPERATIONS
from ..datasets.readings import KINDS
from ..errors import LoadgenError
from .picture import draw

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..phases.shape import Shape
    from .record import GroupResult, PhaseResult, Sample

REPORT = "report.json"
ANALYSIS = "analysis.json"
PICTURE = "load.png"
PERCENTILES = ("p50", "p95", "p99")


def phases_table(phases: Sequence[PhaseResult]) -> Table:
    """Return a line for each phase: rows due and arrived, rates, and the longest lag."""
    table = _table("phase", "streams", "target", "sent", "target/s", "actual/s", "longest lag")
    for one in phases:
        counts = [f"{number:,}" for number in (one.streams, one.target_rows, one.sent_rows)]
        rates = [_rate(one.target_rate), f"{one.actual_rate:,.0f}"]
        table.add_row(one.name, *counts, *rates, f"{one.max_lag_seconds:.1f} s")
    return table


def groups_table(groups: Sequence[GroupResult]) -> Table:
    """Return a line for each stream type in each phase: rates, and the time that writes took."""
    table = _table("phase", "type", "streams", "target/s", "actual/s", *(f"write {at}" for at in PERCENTILES))
    for one in groups:
        latencies = [f"{seconds * 1000:,.0f} ms" for seconds in one.latencies] or ["-"] * len(PERCENTILES)
        table.add_row(
            one.phase, one.stream_type, str(one.streams), _rate(one.target_rate), f"{one.actual_rate:,.0f}", *latencies
        )
    return table


def kinds_table(counts: Mapping[str, int]) -> Table:
    """Return a line for each kind of row: rows, and their share of all (%)."""
    sent = sum(counts.values())
    table = Table("kind")
    table.add_column("rows", justify="right")
    table.add_column("share", justify="right")
    for kind in KINDS:
        rows = counts.get(kind, 0)
        table.add_row(kind, f"{rows:,}", f"{rows / sent:.1%}" if sent else "-")
    table.add_section()
    table.add_row("sent", f"{sent:,}", "")
    return table


def report_json(
    counts: Mapping[str, int],
    device_changes: Mapping[str, int] | None = None,
    phases: Sequence[PhaseResult] | None = None,
) -> str:
    """Return report.json.

    Args:
        counts: rows that arrived, by kind.
        device_changes: those that arrived, by operation; None without a feed.
        phases: results of the phases; None leaves them out.
    """
    by_kind = {kind: counts.get(kind, 0) for kind in KINDS}
    report: dict[str, Any] = {"sent": sum(by_kind.values()), "by_kind": by_kind}
    if device_changes is not None:
        by_operation = {operation: device_changes.get(operation, 0) for operation in OPERATIONS}
        report["device_changes"] = {"sent": sum(by_operation.values()), "by_operation": by_operation}
    if phases is not None:
        report["phases"] = [asdict(one) for one in phases]
    return json.dumps(report) + "\n"


def write_report(directory: Path, report: str) -> Path:
    """Write report.json into a folder, made when missing; a reader sees the old file or the new one."""
    directory.mkdir(parents=True, exist_ok=True)
    handle, hidden = tempfile.mkstemp(prefix=f".{REPORT}.", dir=directory)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(report)
    Path(hidden).chmod(0o644)  # mkstemp's 0600 would hide the report from other users
    return Path(hidden).replace(directory / REPORT)


def write_analysis(
    report: Path,
    phases: Sequence[PhaseResult],
    groups: Sequence[Mapping[str, Any]],
    streams: Sequence[Mapping[str, Any]],
) -> None:
    """Write analysis.json: the results of phases, of groups, and of the streams that were read back."""
    document = {"phases": [asdict(one) for one in phases], "groups": groups, "streams": streams}
    (report / ANALYSIS).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def write_picture(report: Path, shape: Shape, samples: Sequence[Sample]) -> str:
    """Draw the run; return a line that says where the picture is, or why there is none."""
    try:
        draw(report / PICTURE, shape, [asdict(one) for one in samples])
    except LoadgenError as error:
        return f"{error.message} Hint: {error.hint}"
    except OSError as error:
        return str(error)
    return f"Picture: {report / PICTURE}"


def group_document(group: GroupResult, read_back: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return a group as JSON: rates, write latencies in seconds, and the results of reading its rows back."""
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


def _rate(rate: float) -> str:
    return f"{rate:,.0f}" if rate else "-"
