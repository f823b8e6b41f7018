"""What was sent: report.json and the table."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

from loadgen.registry import OPERATIONS
from loadgen.rows import KINDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NAME = "report.json"


def as_json(
    counts: Mapping[str, int], device_changes: Mapping[str, int] | None = None, phases: Sequence[object] | None = None
) -> str:
    """Return the report: rows that arrived, in total and by kind; device changes of a feed; phases of a load."""
    by_kind = {kind: counts.get(kind, 0) for kind in KINDS}
    report: dict[str, Any] = {"sent": sum(by_kind.values()), "by_kind": by_kind}
    if device_changes is not None:
        by_operation = {operation: device_changes.get(operation, 0) for operation in OPERATIONS}
        report["device_changes"] = {"sent": sum(by_operation.values()), "by_operation": by_operation}
    if phases is not None:
        report["phases"] = phases
    return json.dumps(report) + "\n"


def write_report(directory: Path, report: str) -> Path:
    """Write report.json into a folder, made when missing; a reader sees the old report or the new one."""
    directory.mkdir(parents=True, exist_ok=True)
    handle, hidden = tempfile.mkstemp(prefix=f".{NAME}.", dir=directory)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(report)
    Path(hidden).chmod(0o644)  # mkstemp's 0600 would hide the report from other users
    return Path(hidden).replace(directory / NAME)


def as_table(counts: Mapping[str, int]) -> Table:
    """Return the table for the terminal: rows and share (% of all rows) per kind."""
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
