"""Rows per second through the sensor pipeline: `livetables run` against a hand-written streaming script.

    python -m benchmarks.capacity [--pairs 3] [--rows 5000000]

Both read the same topic of a real broker into the same six tables, and join the same devices. See
benchmarks/README.md.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import pyarrow as pa
import typer
from deltalake import DeltaTable, write_deltalake

from benchmarks import _hand_written
from benchmarks._pairs import BenchmarkError, failing_in_words, median, print_result, run_pairs
from benchmarks._process import ROOT, run_program
from dev.demo import device_rows
from dev.servers.kafka import running_broker
from livetables.events.facts import FlowProgress
from livetables.events.reading import read_events
from livetables.events.states import FlowState
from livetables.settings import load_settings
from livetables.spark import session
from livetables.storage.layout import Storage
from livetables.storage.stored import stored_tables

if TYPE_CHECKING:
    from benchmarks._process import Finished

TABLES = (
    "sensor_data_bronze",
    "parsed_sensor_data",
    "sensor_data_silver",
    "sensor_data_quarantine",
    "sensor_data_aggregated",
    "sensor_data_enriched",
)
DEVICE_TABLES = ("device_changes_bronze", "devices")  # filled before the runs
UNFILTERED = TABLES[:2]  # they hold a row for each record of the topic
TOPIC = "sensor_data"
LOAD = {
    "--rate": "0",
    "--devices": "200",
    "--seed": "1",
    "--late": "0.01",
    "--duplicates": "0.01",
    "--corrupt": "0.01",
    "--start": "2026-06-21T11:00:00Z",
}
SIMULATED_SECONDS = 45 * 60  # enough for windows that close, whatever the number of rows
UNLIMITED_RATE = 10_000  # rows in a simulated second at --rate 0 --speed 1: loadgen.phases.shape.NOMINAL_RATE
#: What one program may take: a slow start, and a capacity far below what would still be useful.
START_SECONDS, SLOWEST_ROWS_PER_SECOND = 120, 1000


@dataclass(frozen=True)
class Capacity:
    """One run; `seconds` is from start to exit of the program, `flow_seconds` from first flow's start to last's end."""

    rows_per_second: float
    flow_rows_per_second: float
    seconds: float
    flow_seconds: float
    cpu_seconds: float | None
    peak_mib: float | None


@dataclass
class Bench:
    """The filled topic and the devices, and what all runs must agree on."""

    servers: str
    rows: int
    folder: Path
    counts: dict[str, int] = field(default_factory=dict)
    layout: dict[str, str] = field(default_factory=dict)

    @property
    def limit_seconds(self) -> float:
        """How long one program may run."""
        return START_SECONDS + self.rows / SLOWEST_ROWS_PER_SECOND

    def fill(self) -> None:
        """Send the rows and the device changes; the same ones at each call."""
        speed = SIMULATED_SECONDS * UNLIMITED_RATE / self.rows
        options = [word for pair in LOAD.items() for word in pair]
        where = ["--target", f"kafka:{self.servers}/{TOPIC}", "--devices-target", f"files:{self._devices}"]
        command = [sys.executable, "-m", "loadgen", "run", *options, "--rows", str(self.rows), "--speed", f"{speed:g}"]
        sent = run_program([*command, *where], self.folder / "loadgen", self.limit_seconds)
        print(f"Filled the topic with {self.rows:,} rows in {sent.seconds:.1f} s.", flush=True)

    def register_devices(self) -> None:
        """Fill the `devices` that both sides join: ours by the pipeline, and a plain table with the same rows."""
        self._run(self._pipeline(self._prepared("ours"), DEVICE_TABLES), "devices")
        devices = device_rows(self._prepared("ours"))
        if not devices:
            raise BenchmarkError(f"no device of {self._devices} is registered")
        write_deltalake(str(Storage(self._prepared("alternative")).table("devices")), pa.Table.from_pylist(devices))
        print(f"Registered {len(devices):,} devices.", flush=True)

    def ours(self) -> Capacity:
        """Run the pipeline as a user would."""
        storage = self._fresh("ours")
        done = self._run(self._pipeline(storage, TABLES), "ours")
        return self._taken("ours", storage, done, flow_seconds(storage))

    def alternative(self) -> Capacity:
        """Run the hand-written script."""
        storage = self._fresh("alternative")
        command = [sys.executable, "-m", "benchmarks._hand_written", self.servers, TOPIC, str(storage)]
        done = self._run(command, "alternative")
        return self._taken("alternative", storage, done, json.loads(done.said.splitlines()[-1])["seconds"])

    @property
    def _devices(self) -> Path:
        return self.folder / "devices"

    def _prepared(self, side: str) -> Path:
        return self.folder / "prepared" / side

    def _pipeline(self, storage: Path, tables: tuple[str, ...]) -> list[str]:
        command = [str(Path(sys.executable).with_name("livetables")), "run", "--triggered", "--storage", str(storage)]
        confs = {
            "sensors.source": "kafka",
            "sensors.kafka.bootstrap_servers": self.servers,
            "sensors.kafka.topic": TOPIC,
            "sensors.devices.landing_path": str(self._devices),
        }
        settings = [word for key, value in confs.items() for word in ("--set", f"{key}={value}")]
        return [*command, *settings, "--refresh", ",".join(tables)]

    def _fresh(self, side: str) -> Path:
        storage = self.folder / side
        shutil.rmtree(storage, ignore_errors=True)
        shutil.copytree(self._prepared(side), storage)
        os.sync()  # what was written before shall not be a part of what is measured now
        return storage

    def _run(self, command: list[str], side: str) -> Finished:
        return run_program(command, self.folder / f"{side}-logs", self.limit_seconds)

    def _taken(self, side: str, storage: Path, done: Finished, flows: float) -> Capacity:
        stored = [table for table in stored_tables(storage) if table["name"] not in DEVICE_TABLES]
        self._check(side, {table["name"]: table["rows"] for table in stored}, layout_of(stored))
        shutil.rmtree(storage)
        run = Capacity(
            rows_per_second=round(self.rows / done.seconds),
            flow_rows_per_second=round(self.rows / flows),
            seconds=round(done.seconds, 2),
            flow_seconds=round(flows, 2),
            cpu_seconds=done.cpu_seconds,
            peak_mib=done.peak_mib,
        )
        print(
            f"{side:<12} {run.seconds:7.1f} s, {run.rows_per_second:8,} rows/s | "
            f"flows alone {run.flow_seconds:7.1f} s, {run.flow_rows_per_second:8,} rows/s | "
            f"processor {run.cpu_seconds} s | peak memory {run.peak_mib} MiB",
            flush=True,
        )
        return run

    def _check(self, side: str, counts: dict[str, int], layout: dict[str, str]) -> None:
        """Compare a run's tables with the topic and with those of the first run: a fast wrong run is no result."""
        if not self.counts:
            print("Rows per table: " + ", ".join(f"{name} {rows:,}" for name, rows in counts.items()), flush=True)
            self.counts, self.layout = counts, layout
        complete = set(counts) == set(TABLES) and all(counts.values())
        if not complete or any(counts[name] != self.rows for name in UNFILTERED):
            raise BenchmarkError(f"{side} was given {self.rows:,} rows and its tables hold {counts}")
        if counts != self.counts:
            raise BenchmarkError(f"the tables of {side} hold {counts}, those of the first run {self.counts}")
        if layout != self.layout:
            raise BenchmarkError(
                f"the tables of {side} are written with {layout}, those of the first run {self.layout}"
            )


def layout_of(stored: list[dict[str, Any]]) -> dict[str, str]:
    """Return the properties that change how Delta writes: a property of one side alone would be measured too."""
    return {
        f"{table['name']}.{key}": value
        for table in stored
        for key, value in DeltaTable(table["path"]).metadata().configuration.items()
        if key.startswith("delta.")
    }


def flow_seconds(storage: Path) -> float:
    """Return the time from the first flow's start to the last one's end, from the event log."""
    started, completed = [], []
    for event in read_events(storage, types=[FlowProgress]):
        # The flows that registered the devices ran before, and are not measured.
        if event.origin["flow_name"] in TABLES:
            match event.fact:
                case FlowProgress(FlowState.STARTING):
                    started.append(event.timestamp)
                case FlowProgress(FlowState.COMPLETED):
                    completed.append(event.timestamp)
    if len(started) != len(TABLES) or len(completed) != len(TABLES):
        raise BenchmarkError(
            f"each of {len(TABLES)} flows should start and complete once, but the event log has {len(started)} starts "
            f"and {len(completed)} ends"
        )
    return (max(completed) - min(started)).total_seconds()


def check_same_session(folder: Path) -> None:
    """Compare the two sessions' confs: a setting that only one side has would be measured as its capacity."""
    settings = load_settings(ROOT / "pipeline_settings.json", storage=str(folder))
    ours = {**session._defaults(settings, folder, os.cpu_count() or 2), **session._jars(settings.master)}  # noqa: SLF001 (the confs of our session, for the alternative)
    ours.pop("pipelines.id")  # a name, which no part of Spark reads
    ours |= settings.spark_conf
    theirs = _hand_written.session_confs(folder)
    differing = sorted(key for key in ours.keys() | theirs.keys() if ours.get(key) != theirs.get(key))
    if differing or settings.master != _hand_written.MASTER:
        raise BenchmarkError(f"_hand_written.py and livetables/spark/session.py differ in {differing or 'the master'}")
    same = {
        "sensors.watermark": _hand_written.WATERMARK,
        "sensors.window": _hand_written.WINDOW,
        "sensors.temperature_threshold": f"{_hand_written.THRESHOLD:g}",
    }
    for key, value in same.items():
        if settings.configuration.get(key) != value:
            raise BenchmarkError(f"{key} is not {value} in pipeline_settings.json, as it is in _hand_written.py")


def report(bench: Bench, measured: list[tuple[Capacity, Capacity]]) -> None:
    """Print the result."""
    pairs = [
        {
            "ratio": round(ours.rows_per_second / other.rows_per_second, 3),
            "flow_ratio": round(ours.flow_rows_per_second / other.flow_rows_per_second, 3),
            "ours": asdict(ours),
            "alternative": asdict(other),
        }
        for ours, other in measured
    ]
    peaks = {
        side: max((run.peak_mib for run in runs if run.peak_mib is not None), default=None)
        for side, runs in zip(("ours", "alternative"), zip(*measured, strict=True), strict=True)
    }
    print_result(
        "capacity",
        "rows/s",
        pairs,
        flow_ratio=median([pair["flow_ratio"] for pair in pairs]),
        peak_mib=peaks,
        rows=bench.rows,
    )


def main(
    pairs: Annotated[int, typer.Option(min=1, max=20, help="pairs of runs")] = 3,
    rows: Annotated[int, typer.Option(min=10_000, max=10_000_000, help="rows in the topic")] = 5_000_000,
) -> None:
    """Measure both sides in turns and print the result as a line of JSON."""
    location = ROOT / ".livetables" / "benchmarks"  # beside the project, on its disk: /tmp may be memory
    location.mkdir(parents=True, exist_ok=True)
    with failing_in_words(), tempfile.TemporaryDirectory(dir=location, prefix="capacity-") as name:
        folder = Path(name)
        check_same_session(folder)
        with running_broker(folder / "kafka") as servers:
            bench = Bench(servers, rows, folder)
            bench.fill()
            bench.register_devices()
            measured = run_pairs(pairs, bench.ours, bench.alternative)
    report(bench, measured)


if __name__ == "__main__":
    typer.run(main)
