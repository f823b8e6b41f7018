"""`python -m loadgen run --phases`: a checked command line becomes a load that runs to its end."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from loadgen import options
from loadgen.rows import EPOCH
from loadgen.scaling.load import ENGINES, Load, Plan
from loadgen.scaling.shape import LARGEST_SEED, read_shape
from loadgen.sending import stop_signals
from loadgen.targets.base import TargetError
from loadgen.targets.opening import Tables, parse_load_target

if TYPE_CHECKING:
    from pathlib import Path

    from loadgen.scaling.shape import Shape


def plan_of(
    *,
    phases: Path,
    target: str,
    engine: str = "native",
    speed: str = "1x",
    test_mode: bool = False,
    seed: int | None = None,
    start: str | None = None,
    roll: str = "1s",
    checkpoint_path: str | None = None,
    report: Path | None = None,
) -> Plan:
    """Return what a command line asks for; a ValueError is one sentence for the user.

    `seed` and `checkpoint_path` win over those of the file.
    """
    if engine not in ENGINES:
        raise ValueError(f"--engine '{engine}' is not an engine\n\nHint: use {' or '.join(ENGINES)}.")
    address = parse_load_target(target)
    if isinstance(address, Tables) and engine != "spark":
        raise ValueError("--target tables are those of Spark's catalog\n\nHint: add --engine spark, or use delta:DIR.")
    shape = read_shape(phases, speed=options.parse_speed(speed), test_mode=test_mode)
    if seed is not None and not 0 <= seed <= LARGEST_SEED:
        raise ValueError(f"--seed {seed} is not a whole number from 0 to {LARGEST_SEED}")
    given = {"seed": seed, "checkpoint_path": checkpoint_path}
    settings = {**shape.settings, **{name: value for name, value in given.items() if value is not None}}
    shape = replace(shape, settings=settings)
    begin = options.parse_start(start, datetime.now(timezone.utc))
    return Plan(
        shape=shape,
        address=address,
        engine=engine,
        start=(begin - EPOCH) // timedelta(microseconds=1),
        report=report,
        file_seconds=options.parse_duration("--roll", roll),
        options={"--target": target, "--engine": engine, "--speed": speed, "--phases": _digest(shape)},
    )


def run_load(plan: Plan, *, resume: bool, check: bool) -> str:
    """Run a load to its end or to Ctrl-C, then analyse it; return why it failed, empty when it did not.

    A ValueError says that it can't go on.
    """
    if resume and plan.report is None:
        raise ValueError("--resume needs --report\n\nHint: name the report folder of the run that goes on.")
    try:
        load = Load(plan, resume=resume)
        with stop_signals() as stopped:  # not before: a Spark that starts takes Ctrl-C for itself
            load.start()
            load.wait(stopped)
    except TargetError as error:
        return f"{error} Nothing was sent."
    except OSError as error:
        return f"Cannot write into {plan.report}: {error.strerror}. Nothing was sent."
    try:
        load.analyze_data(check=check)
    except OSError as error:
        return f"Cannot write into {plan.report}: {error.strerror}."
    return load.failure()


def _digest(shape: Shape) -> str:
    everything = json.dumps([repr(shape.phases), repr(shape.streams), dict(shape.settings)], sort_keys=True)
    return hashlib.sha256(everything.encode()).hexdigest()
