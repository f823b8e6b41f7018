"""The command line. Exit codes: 0 sent or stopped by the user, 1 the target failed, 2 wrong use."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console

from loadgen import options
from loadgen.pacing import Schedule, SystemClock
from loadgen.progress import progress
from loadgen.registry import OPERATIONS, generate_changes
from loadgen.report import NAME, as_json, as_table, write_report
from loadgen.rows import Stream, generate
from loadgen.scaling.command import plan_of, run_load
from loadgen.scaling.load import ENGINES, test_scaling_logic
from loadgen.scaling.shape import SHAPES, read_shape
from loadgen.sending import Feed, send, stop_signals
from loadgen.targets.base import TargetError
from loadgen.targets.files import Roll
from loadgen.targets.opening import FORMS, Address, Null, new_run_id, open_target, parse_target

if TYPE_CHECKING:
    from collections import Counter

    from loadgen.pacing import Clock
    from loadgen.targets.base import Target

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)

PhasesOption = Annotated[
    Path | None,
    typer.Option(help=f"Load in phases: a YAML file, or {', '.join(SHAPES)}; it says rates, rows and devices."),
]
EngineOption = Annotated[str, typer.Option(help=f"{' or '.join(ENGINES)} (with --phases).")]
TestModeOption = Annotated[bool, typer.Option("--test-mode", help="A tenth of the streams (with --phases).")]
ResumeOption = Annotated[bool, typer.Option("--resume", help="Go on with the run in --report (with --phases).")]
CheckOption = Annotated[
    bool, typer.Option("--check/--no-check", help="Read the rows back at the end, and check them (with --phases).")
]
RateOption = Annotated[float, typer.Option(help="Rows per second; 0: as fast as possible.")]
RowsOption = Annotated[int | None, typer.Option(help="End after this many rows.")]
DurationOption = Annotated[str | None, typer.Option(help="End after this time: 90s, 2m, 1500ms.")]
DevicesOption = Annotated[int, typer.Option(help="Number of devices.")]
SeedOption = Annotated[
    int | None, typer.Option(help="Same seed, rows and start: same bytes; default: 1 or the file's.")
]
LateOption = Annotated[float, typer.Option(help="Share of rows, 0 to 1, that are over 2 hours late.")]
DuplicatesOption = Annotated[float, typer.Option(help="Share of rows that are sent again.")]
CorruptOption = Annotated[float, typer.Option(help="Share of rows that are broken.")]
TargetOption = Annotated[str, typer.Option(help=f"{FORMS}; with --phases also delta:DIR, and tables (of Spark).")]
ReportOption = Annotated[Path | None, typer.Option(help="Folder for report.json; without it, none is written.")]
SpeedOption = Annotated[str, typer.Option(help="Simulated seconds per real second: 10x.")]
StartOption = Annotated[str | None, typer.Option(help="Simulated start, ISO 8601; default: now.")]
RollOption = Annotated[str, typer.Option(help="Age at which a file is complete (files target).")]
RowsPerFileOption = Annotated[int, typer.Option(help="Rows at which a file is complete (files target).")]
DevicesTargetOption = Annotated[
    str | None, typer.Option(help=f"Where changes of the device registry go: {FORMS}; without it, none are sent.")
]
DeviceChangesOption = Annotated[
    float, typer.Option(help="Share of devices, 0 to 1, that change during the run (with --devices-target).")
]


@dataclass(frozen=True)
class Registry:
    """Where the device registry's changes go, and the share of devices that change."""

    address: Address
    share: float


@dataclass(frozen=True)
class Job:
    """A checked command line."""

    stream: Stream
    schedule: Schedule
    address: Address
    roll: Roll
    report: Path | None
    registry: Registry | None


#: Options of a run at a steady rate, and of a load in phases.
STEADY_ONLY = (
    "rate",
    "rows",
    "duration",
    "devices",
    "late",
    "duplicates",
    "corrupt",
    "rows_per_file",
    "devices_target",
    "device_changes",
)
LOAD_ONLY = ("engine", "test_mode", "resume", "check")


@app.callback()
def main() -> None:
    """Send simulated sensor events."""


@app.command()
def phases(
    shape: Annotated[Path, typer.Argument(help=f"A YAML file, or {', '.join(SHAPES)}.")] = Path("scaling"),
    *,
    speed: SpeedOption = "1x",
    test_mode: TestModeOption = False,
) -> None:
    """Show what a load shape would send, and when; nothing is sent."""
    try:
        test_scaling_logic(read_shape(shape, speed=options.parse_speed(speed), test_mode=test_mode))
    except ValueError as error:
        _fail(str(error), 2)


@app.command()
def run(
    context: typer.Context,
    *,
    target: TargetOption,
    phases: PhasesOption = None,
    engine: EngineOption = "native",
    test_mode: TestModeOption = False,
    resume: ResumeOption = False,
    check: CheckOption = True,
    rate: RateOption = 1000.0,
    rows: RowsOption = None,
    duration: DurationOption = None,
    devices: DevicesOption = 100,
    seed: SeedOption = None,
    late: LateOption = 0.0,
    duplicates: DuplicatesOption = 0.0,
    corrupt: CorruptOption = 0.0,
    report: ReportOption = None,
    speed: SpeedOption = "1x",
    start: StartOption = None,
    roll: RollOption = "1s",
    rows_per_file: RowsPerFileOption = 100_000,
    devices_target: DevicesTargetOption = None,
    device_changes: DeviceChangesOption = 0.1,
) -> None:
    """Send rows at a steady rate; Ctrl-C ends the run in order."""
    try:
        _check_mode(context, load=phases is not None)
        if phases is not None:
            plan = plan_of(
                phases=phases,
                target=target,
                engine=engine,
                speed=speed,
                test_mode=test_mode,
                seed=seed,
                start=start,
                roll=roll,
                report=report,
            )
            _finish(run_load(plan, resume=resume, check=check))
            return
        stream = Stream(
            start=options.parse_start(start, datetime.now(timezone.utc)),
            seed=1 if seed is None else seed,
            devices=options.at_least_one("--devices", devices),
            rate=rate,
            speed=float(options.parse_speed(speed)),
            shares=options.check_shares(late, duplicates, corrupt),
        )
        schedule = options.check_schedule(rate, rows, duration)
        files = Roll(options.parse_duration("--roll", roll), options.at_least_one("--rows-per-file", rows_per_file))
        address = parse_target(target)
        job = Job(stream, schedule, address, files, report, _registry(devices_target, device_changes, address))
    except ValueError as error:
        _fail(str(error), 2)
    execute(job)


def _check_mode(context: typer.Context, *, load: bool) -> None:
    """Refuse options that have no effect, with or without --phases."""
    for name in STEADY_ONLY if load else LOAD_ONLY:
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            option = f"--{name.replace('_', '-')}"
            hint = "the file of phases says it." if load else "add --phases."
            raise ValueError(f"{option} has no effect {'with' if load else 'without'} --phases\n\nHint: {hint}")


def _registry(devices_target: str | None, share: float, readings: Address) -> Registry | None:
    options.check_share("--device-changes", share, of="devices")
    if devices_target is None:
        return None
    address = parse_target(devices_target, "--devices-target")
    if address == readings != Null():
        raise ValueError(f"--devices-target '{devices_target}' is --target too\n\nHint: give it a place of its own.")
    return Registry(address, share)


def execute(job: Job) -> None:
    """Run a job, print its table, write its report; exits with 1 when the target fails."""
    clock = SystemClock()
    failure = ""
    with stop_signals() as stopped:
        try:
            target, feed = _open(job, clock)
        except TargetError as error:
            _fail(f"{error} Nothing was sent.", 1)
        began = clock.now()
        with progress(Console(stderr=True, highlight=False), clock, job.schedule.total) as tell:
            try:
                send(generate(job.stream), job.schedule, target, clock, tell, stopped, feed)
            except TargetError as error:
                failure = f"{error} {target.delivered.total():,} rows arrived before."
        _conclude(job, target.delivered, None if feed is None else feed.target.delivered, clock.now() - began)
    _finish(failure)


def _finish(failure: str) -> None:
    if failure:
        _fail(failure, 1)


def _open(job: Job, clock: Clock) -> tuple[Target, Feed | None]:
    run_id = new_run_id()
    target = open_target(job.address, run_id, clock, job.roll)
    if job.registry is None:
        return target, None
    changes = generate_changes(job.stream, job.registry.share)
    return target, Feed(changes, open_target(job.registry.address, run_id, clock, job.roll))


def _conclude(job: Job, delivered: Counter[str], changes: Counter[str] | None, seconds: float) -> None:
    sent = delivered.total()
    console = Console(highlight=False)
    console.print(as_table(delivered))
    console.print(f"{sent:,} rows in {seconds:.1f} s, {sent / max(seconds, 1e-9):,.0f} rows/s")
    if changes is not None:
        operations = ", ".join(f"{changes[operation]:,} {operation}" for operation in OPERATIONS)
        console.print(f"{changes.total():,} device changes: {operations}")
    if job.report is not None:
        try:
            write_report(job.report, as_json(delivered, changes))
        except OSError as error:
            _fail(f"Cannot write {NAME} into {job.report}: {error.strerror}.", 1)


def _fail(message: str, code: int) -> NoReturn:
    typer.echo(f"Error: {message}", err=True)
    raise typer.Exit(code)
