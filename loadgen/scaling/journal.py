"""How far a run is, in the report folder: after a crash `--resume` goes on from there, with the same rows."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NAME = "run.json"


@dataclass
class Journal:
    """What a run that goes on must know.

    Attributes:
        run_id: in the names of files, the commits of Delta tables and the checkpoints of streaming queries.
        start: simulated time of the run's start, microseconds since 1970 UTC.
        plan: what must be the same when it goes on, by option.
        began: when the run was at 0, in seconds since 1970 UTC; as if it had run without a pause.
        begin: the target's position before the run's first row.
        position: the target's position now.
        ended: whether all rows have arrived.
    """

    run_id: str
    start: int
    plan: Mapping[str, str]
    began: float = 0.0
    begin: Mapping[str, Any] = field(default_factory=dict)
    position: Mapping[str, Any] = field(default_factory=dict)
    ended: bool = False

    def write(self, report: Path) -> None:
        """Write it into the report folder; whoever reads sees the old one or the new one."""
        report.mkdir(parents=True, exist_ok=True)
        hidden = report / f".{NAME}.{os.getpid()}"
        hidden.write_text(json.dumps(asdict(self)), encoding="utf-8")
        hidden.replace(report / NAME)


def read_journal(report: Path, plan: Mapping[str, str]) -> Journal:
    """Return the journal of the run that goes on; a ValueError is one sentence for the user."""
    file = report / NAME
    try:
        journal = Journal(**json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise ValueError(f"--resume: no run has begun in {report}\n\nHint: leave --resume out.") from error
    except (OSError, ValueError, TypeError) as error:
        raise ValueError(f"--resume: {file} can't be read: {error}\n\nHint: leave --resume out.") from error
    if journal.ended:
        raise ValueError(f"--resume: the run in {report} has sent all its rows\n\nHint: leave --resume out.")
    for option, value in plan.items():
        if journal.plan.get(option) != value:
            raise ValueError(f"--resume: {option} is not as in the run in {report}\n\nHint: give the same options.")
    return journal
