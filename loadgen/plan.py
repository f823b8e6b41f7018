"""Checked options: what a run sends, where, and how."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from .datasets.readings import EPOCH, Shares
from .engines.base import ENGINES
from .errors import option_error
from .parsing import at_least_one, check_share, parse_duration, parse_rate, parse_speed, parse_start
from .phases.schedule import limited_in_rows, limited_in_time, scaled, steady_shape
from .phases.shape import DEVICES, SECOND
from .phases.shape_file import LARGEST_SEED, read_shape
from .targets.opening import Delta, Null, Roll, Tables, parse_line_target, parse_target

if TYPE_CHECKING:
    from fractions import Fraction
    from pathlib import Path

    from .engines.base import EngineName
    from .options import RunOptions
    from .phases.shape import Shape
    from .targets.opening import Address, LineAddress

STEADY_RATE = 1000.0  # rows per second
#: Devices of each stream of the python engine.
READING_DEVICES = 100
MIXED = ("late", "duplicates", "corrupt")
ROW_OPTIONS = ("speed", "rate", "rows", "duration", "devices", *MIXED)
#: Options that must be the same in a resumed run, beside engine and shape.
SAME = ("target", *ROW_OPTIONS, "devices_target", "device_changes")


@dataclass(frozen=True)
class DeviceFeed:
    """Where changes of the device registry go, and the share of devices that change."""

    address: LineAddress
    share: float


@dataclass(frozen=True)
class Plan:
    """What a run sends, where, and how.

    Attributes:
        shape: phases and streams.
        address: the target.
        engine: makes the rows.
        start: simulated time of the run's start, microseconds since 1970 UTC; a resumed run keeps its own.
        shares: of late, duplicate and corrupt rows; with the python engine alone.
        feed: of the device registry; None sends no changes.
        roll: when a file is complete.
        deadline: microseconds of the run after which nothing more is sent.
        steady: whether the shape is that of a steady rate, which has no phases to report.
        report: folder of the report and of the state of the run; None for neither.
        same: options that must be the same when the run is resumed.
    """

    shape: Shape
    address: Address
    engine: EngineName
    start: int
    shares: Shares = field(default_factory=Shares)
    feed: DeviceFeed | None = None
    roll: Roll = field(default_factory=Roll)
    deadline: float = math.inf
    steady: bool = False
    report: Path | None = None
    same: dict[str, str] = field(default_factory=dict)


def plan_of(options: RunOptions) -> Plan:
    """Return the plan of a run; a LoadgenError names the option that is wrong, or those that do not fit together."""
    shares = _shares(options)
    address = parse_target(options.target)
    engine = _engine(options, address)
    if options.resume and options.report is None:
        raise option_error("--resume needs --report", "name the report folder of the run that goes on.")
    begin = parse_start(options.start, datetime.now(timezone.utc))
    shape = _shape(options, engine)
    same = {f"--{name.replace('_', '-')}": str(getattr(options, name)) for name in SAME}
    return Plan(
        shape=shape,
        address=address,
        engine=engine,
        start=(begin - EPOCH) // timedelta(microseconds=1),
        shares=shares,
        feed=_feed(options, address),
        roll=Roll(parse_duration("--roll", options.roll), at_least_one("--rows-per-file", options.rows_per_file)),
        deadline=math.inf if options.duration is None else _seconds(options.duration) * SECOND,
        steady=options.phases is None,
        report=options.report,
        same={**same, "--engine": engine, "--phases": _digest(shape)},
    )


def _shares(options: RunOptions) -> Shares:
    """Return the shares of rows; each is in 0 to 1, and so is their sum."""
    for name in MIXED:
        check_share(f"--{name}", getattr(options, name), of="rows")
    total = options.late + options.duplicates + options.corrupt
    if total > 1 + 1e-9:  # 0.7 + 0.2 + 0.1 may come out a little above 1
        raise option_error(f"--late, --duplicates and --corrupt add up to {total:g}, above 1")
    return Shares(options.late, options.duplicates, options.corrupt)


def _engine(options: RunOptions, address: Address) -> EngineName:
    """Return the engine that was asked for, or the one that fits the rows and the target."""
    mixed = next((f"--{name}" for name in MIXED if getattr(options, name)), None)
    columns = isinstance(address, Delta | Tables)
    engine = next((one for one in ENGINES if one == options.engine), None)
    if engine is None and options.engine is not None:
        raise option_error(f"--engine '{options.engine}' is not an engine", "use python, native or spark.")
    if engine is None:
        engine = "python" if mixed or (options.phases is None and not columns) else "native"
    if mixed and engine != "python":
        hint = f"leave --engine out, or leave {mixed} out."
        raise option_error(f"{mixed} needs --engine python: --engine {engine} makes no such rows", hint)
    if columns and engine == "python":
        hint = "use files:DIR or kafka:HOST:PORT/TOPIC, or --engine native without --late, --duplicates and --corrupt."
        cause = mixed if mixed and options.engine is None else "--engine python"
        raise option_error(f"--target {options.target} needs rows with columns: {cause} makes JSON lines", hint)
    if isinstance(address, Tables) and engine != "spark":
        raise option_error("--target tables are those of Spark's catalog", "add --engine spark, or use delta:DIR.")
    if engine == "spark" and options.rate == 0:
        hint = "give a rate above 0, or use --engine native."
        raise option_error("--rate 0 is as fast as possible: --engine spark sends by the second", hint)
    return engine


def _shape(options: RunOptions, engine: EngineName) -> Shape:
    """Return the shape of the file or of a steady rate, limited and with the settings of the options."""
    speed = parse_speed(options.speed)
    rate = None if options.rate is None else parse_rate(options.rate)
    rows = None if options.rows is None else at_least_one("--rows", options.rows)
    seconds = None if options.duration is None else _seconds(options.duration)
    if rows is not None and seconds is not None:
        raise option_error("--rows or --duration says when to end; both was given", "give one of them.")
    if options.phases is None:
        if rows is None and seconds is None:
            raise option_error("--rows or --duration says when to end; neither was given", "give one of them.")
        rate = parse_rate(STEADY_RATE) if rate is None else rate
        shape = steady_shape(rate, rows=rows, seconds=seconds, speed=speed)
    else:
        shape = read_shape(options.phases, speed=speed, test_mode=options.test_mode)
        shape = _limited(shape, rate, rows, seconds)
    if options.seed is not None and not 0 <= options.seed <= LARGEST_SEED:
        raise option_error(f"--seed {options.seed} is not a whole number from 0 to {LARGEST_SEED}")
    default = READING_DEVICES if engine == "python" else DEVICES
    devices = default if options.devices is None else at_least_one("--devices", options.devices)
    given = {"seed": options.seed, "checkpoint_path": options.checkpoint_path}
    settings = {**shape.settings, **{name: value for name, value in given.items() if value is not None}}
    return replace(shape, settings=settings, devices=devices)


def _limited(shape: Shape, rate: Fraction | None, rows: int | None, seconds: float | None) -> Shape:
    shape = shape if rate is None else scaled(shape, rate)
    shape = shape if rows is None else limited_in_rows(shape, rows)
    return shape if seconds is None else limited_in_time(shape, seconds)


def _seconds(duration: str) -> float:
    return parse_duration("--duration", duration)


def _feed(options: RunOptions, readings: Address) -> DeviceFeed | None:
    """Return where device changes go; they need a place of their own."""
    check_share("--device-changes", options.device_changes, of="devices")
    if options.devices_target is None:
        return None
    address = parse_line_target(options.devices_target, "--devices-target")
    if address == readings != Null():
        raise option_error(
            f"--devices-target '{options.devices_target}' is --target too", "give it a place of its own."
        )
    return DeviceFeed(address, options.device_changes)


def _digest(shape: Shape) -> str:
    everything = json.dumps([repr(shape.phases), repr(shape.streams), dict(shape.settings)], sort_keys=True)
    return hashlib.sha256(everything.encode()).hexdigest()
