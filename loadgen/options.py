"""The options of a run: of `python -m loadgen run`, and of `plan_of` in a notebook. All go together with each other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 (the command line reads the types)
from typing import Annotated

from .engines.base import ENGINES
from .phases.shape_file import SHAPES
from .targets.opening import FORMS, LINE_FORMS


class Help:
    """Help text of an option, and its flags where they are not --name."""

    def __init__(self, text: str, *flags: str) -> None:
        self.text = text
        self.flags = flags


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """Options with their defaults; values are as on the command line. Only the target has no default."""

    target: Annotated[str, Help(f"Where rows go: {FORMS}.")]

    # What is sent, and when
    phases: Annotated[
        Path | None, Help(f"Load in phases: a YAML file, or {', '.join(SHAPES)}. Without it, one stream at --rate.")
    ] = None
    rate: Annotated[
        float | None,
        Help(
            "Rows per second; 0: as fast as possible. Default: 1000. With --phases, the rate of the busiest phase: "
            "the others change in proportion. Default: as in the file."
        ),
    ] = None
    rows: Annotated[int | None, Help("End after this many rows.")] = None
    duration: Annotated[str | None, Help("End after this time: 90s, 2m, 1500ms.")] = None
    speed: Annotated[str, Help("Simulated seconds per second: 10x. With --phases, phases are as much shorter.")] = "1x"
    start: Annotated[str | None, Help("Simulated start, ISO 8601; default: now.")] = None
    test_mode: Annotated[
        bool, Help("At most five baseline streams; the rates of others shrink with their number.", "--test-mode")
    ] = False

    # The rows
    engine: Annotated[
        str | None,
        Help(
            f"{', '.join(ENGINES)}. Default: python without --phases, and with late, duplicate or corrupt rows; "
            "else native."
        ),
    ] = None
    seed: Annotated[int | None, Help("Same seed, rows and start: same bytes; default: 1 or the file's.")] = None
    devices: Annotated[int | None, Help("Devices of each stream; default: 100 (python) or 10 (native, spark).")] = None
    late: Annotated[float, Help("Share of rows, 0 to 1, that are over 2 hours late.")] = 0.0
    duplicates: Annotated[float, Help("Share of rows that are sent again.")] = 0.0
    corrupt: Annotated[float, Help("Share of rows that are broken.")] = 0.0

    # Changes of the device registry
    devices_target: Annotated[
        str | None, Help(f"Where changes of the device registry go: {LINE_FORMS}; without it, none are sent.")
    ] = None
    device_changes: Annotated[
        float, Help("Share of devices, 0 to 1, that change during the run (with --devices-target).")
    ] = 0.1

    # The target, and what is left of the run
    roll: Annotated[str, Help("Age at which a file is complete (files target).")] = "1s"
    rows_per_file: Annotated[int, Help("Rows at which a file is complete (files target).")] = 100_000
    checkpoint_path: Annotated[str | None, Help("Folder of Spark's checkpoints; default: the file's.")] = None
    report: Annotated[Path | None, Help("Folder for the report; without it, none is written.")] = None
    resume: Annotated[bool, Help("Go on with the run in --report.", "--resume")] = False
    check: Annotated[
        bool | None,
        Help(
            "Read the rows back at the end, and check them; those of the python engine are only counted. "
            "Default: yes with native and spark.",
            "--check/--no-check",
        ),
    ] = None
