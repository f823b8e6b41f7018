"""The state of a run in the report folder, from which `--resume` goes on after a crash: run.json and seconds.csv."""

from __future__ import annotations

import csv
import json
import os
from dataclasses import asdict, astuple, dataclass, field, fields
from typing import TYPE_CHECKING, Any

from ..errors import LoadgenError
from .record import Sample

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

NAME = "run.json"
SAMPLES = "seconds.csv"


@dataclass
class Journal:
    """What a resumed run needs to know.

    Attributes:
        run_id: in the names of files, the commits of Delta tables and the checkpoints of streaming queries.
        start: simulated time of the run's start, microseconds since 1970 UTC.
        plan: options that must be the same in a resumed run.
        began: when the run was at 0, in seconds since 1970 UTC; as if it had run without a pause.
        now: time of the run, microseconds.
        begin: the target's position before the run's first row.
        position: the target's position now.
        feed: the position now of the target of device changes.
        ended: whether the run has come to its end.
    """

    run_id: str
    start: int
    plan: Mapping[str, str]
    began: float = 0.0
    now: int = 0
    begin: Mapping[str, Any] = field(default_factory=dict)
    position: Mapping[str, Any] = field(default_factory=dict)
    feed: Mapping[str, Any] = field(default_factory=dict)
    ended: bool = False

    def write(self, report: Path) -> None:
        """Write it into the report folder; a reader sees the old file or the new one."""
        report.mkdir(parents=True, exist_ok=True)
        hidden = report / f".{NAME}.{os.getpid()}"
        hidden.write_text(json.dumps(asdict(self)), encoding="utf-8")
        hidden.replace(report / NAME)


def read_journal(report: Path, plan: Mapping[str, str]) -> Journal:
    """Return the journal of the run that goes on; a LoadgenError says why it cannot."""
    file = report / NAME
    try:
        journal = Journal(**json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise _refusal(f"no run has begun in {report}", "leave --resume out.") from error
    except (OSError, ValueError, TypeError) as error:
        raise _refusal(f"{file} can't be read: {error}", "leave --resume out.") from error
    if journal.ended:
        raise _refusal(f"the run in {report} has sent all its rows", "leave --resume out.")
    for option, value in plan.items():
        if journal.plan.get(option) != value:
            raise _refusal(f"{option} is not as in the run in {report}", "give the same options.")
    return journal


def write_samples(report: Path, samples: Sequence[Sample], saved: int = 0) -> None:
    """Write samples as a table into a report folder, which has the first `saved` ones already."""
    with (report / SAMPLES).open("a" if saved else "w", encoding="ascii", newline="") as file:
        writer = csv.writer(file)
        if not saved:
            writer.writerow(field.name for field in fields(Sample))
        writer.writerows(map(astuple, samples[saved:]))


def read_samples(report: Path) -> list[Sample]:
    """Return the samples of the run in a report folder; none when there are none."""
    try:
        with (report / SAMPLES).open(encoding="ascii", newline="") as file:
            return [
                Sample(float(row["at"]), int(row["due_rows"]), int(row["sent_rows"]), float(row["lag_seconds"]))
                for row in csv.DictReader(file)
                if row["lag_seconds"]  # a crash may have cut the last line off
            ]
    except FileNotFoundError:
        return []


def _refusal(message: str, hint: str) -> LoadgenError:
    return LoadgenError("CANNOT_RESUME", f"--resume: {message}", hint)
