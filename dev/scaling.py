"""The scaling benchmark: a load in phases goes through Kafka into the sensor pipeline, which runs continuously.

    python -m dev.scaling [--full] [--phases scaling]

At the end every row that was sent must be in silver or quarantine, or be counted as a duplicate or as late. The picture
shows rates and lag of the generator, and how far behind it the pipeline's silver table was.
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from rich.console import Console

from dev.demo import Account, flow_batches, livetables_command
from dev.servers.kafka import running_broker
from loadgen.parsing import parse_speed
from loadgen.phases.shape_file import read_shape
from loadgen.report.journal import read_samples
from loadgen.report.picture import draw
from loadgen.targets.topic import prepare_topic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parent.parent
FOLDER = Path(".livetables/scaling")
TOPIC = "sensor_data"
PARTITIONS = 8
#: What the pipeline needs to start: the JVM, Delta, the first plans.
START_SECONDS = 180
#: How long the pipeline may take for the remaining rows after the last one was sent.
DRAIN_SECONDS = 1200
POLL_SECONDS = 2.0
#: How long a stopped pipeline may take to end its current batches.
STOP_SECONDS = 120
#: Readings come in order here: with the default of ten minutes, deduplication would remember 37 million of them.
SETTINGS = {
    "sensors.source": "kafka",
    "sensors.kafka.topic": TOPIC,
    "sensors.watermark": "1 minute",
    "spark.driver.memory": "4g",  # that one minute is 4 million
}

console = Console(highlight=False)
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    phases: Annotated[str, typer.Option(help="A shape of loadgen, or a file.")] = "scaling",
    full: Annotated[bool, typer.Option("--full", help="In real time: 15 minutes. Default: 3 minutes.")] = False,
) -> None:
    """Run the benchmark; exit code 0 means that every row is accounted for."""
    speed = "1x" if full else "5x"
    folder = ROOT / FOLDER
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "devices").mkdir(parents=True)
    console.print("Starting a Kafka broker on 127.0.0.1.")
    with running_broker(folder / "kafka") as servers:
        host, port = servers.split(":")
        prepare_topic(host, int(port), TOPIC, PARTITIONS)
        with pipeline(folder, servers) as running:
            console.print(f"The pipeline runs. Sending '{phases}' at {speed}.")
            code = send(folder, f"kafka:{servers}/{TOPIC}", phases, speed)
            if code == 0:
                drain(folder, running)
    if code:
        raise typer.Exit(code)
    raise typer.Exit(conclude(folder, phases, speed))


@contextmanager
def pipeline(folder: Path, servers: str) -> Iterator[Callable[[], bool]]:
    """Run the sensor pipeline continuously during the block, which begins when all flows run.

    Yields a function that returns whether the pipeline still runs.
    """
    settings = {
        **SETTINGS,
        "sensors.kafka.bootstrap_servers": servers,
        "sensors.devices.landing_path": str(folder / "devices"),
    }
    log = folder / "pipeline.log"
    with log.open("w") as file:
        command = livetables_command(folder, settings, "--continuous")
        process = subprocess.Popen(command, cwd=ROOT, stdout=file, stderr=file)
    try:
        await_flows(process, log)
        yield lambda: process.poll() is None
    finally:
        for end in (signal.SIGINT, signal.SIGINT, signal.SIGKILL):  # the second one also ends Java that does not answer
            if process.poll() is None:
                process.send_signal(end)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(STOP_SECONDS)


def await_flows(process: subprocess.Popen[bytes], log: Path) -> None:
    """Return when all tables' flows run; the enriched one's starts last."""
    deadline = time.monotonic() + START_SECONDS
    while "Flow 'sensor_data_enriched' is RUNNING" not in log.read_text():
        if process.poll() is not None or time.monotonic() > deadline:
            console.print(f"The pipeline did not start:\n{log.read_text()}", markup=False)
            raise typer.Exit(1)
        time.sleep(0.2)


def send(folder: Path, target: str, phases: str, speed: str) -> int:
    """Run the load generator to its end, as a user would; return its exit code."""
    options = ["--phases", phases, "--speed", speed, "--target", target, "--report", str(folder), "--no-check"]
    return subprocess.run([sys.executable, "-m", "loadgen", "run", *options], cwd=ROOT, check=False).returncode


def drain(folder: Path, running: Callable[[], bool]) -> None:
    """Wait until the pipeline has taken all rows, has ended, or takes too long."""
    deadline, reported = time.monotonic() + DRAIN_SECONDS, -1
    while running() and time.monotonic() < deadline:
        account = Account(folder / "storage", _report(folder))
        if account.balanced:
            return
        if account.silver != reported:
            reported = account.silver
            console.print(f"The pipeline has {account.silver:,} of {account.sent:,} rows in silver.")
        time.sleep(POLL_SECONDS)


def freshness(folder: Path) -> list[tuple[float, float]]:
    """Return how old silver's newest row was at the end of each of its batches: seconds of the run, seconds.

    Rows reach silver in the order in which they were sent, so the number of rows says which was the newest.
    """
    samples = read_samples(folder)
    sent, at = [one.sent_rows for one in samples], [one.at for one in samples]
    began = json.loads((folder / "run.json").read_text())["began"]
    points, rows = [], 0
    for timestamp, batch in flow_batches(folder / "storage", "sensor_data_silver"):
        if batch.metrics and batch.metrics.num_output_rows:
            rows += batch.metrics.num_output_rows
            now = timestamp.timestamp() - began
            points.append((now, now - float(np.interp(rows, sent, at))))
    return points


def conclude(folder: Path, phases: str, speed: str) -> int:
    """Draw the picture and print the account; return 0 when every row is in it."""
    account = Account(folder / "storage", _report(folder))
    samples = [asdict(one) for one in read_samples(folder)]
    points = freshness(folder)
    draw(folder / "scaling.png", read_shape(Path(phases), speed=parse_speed(speed)), samples, points)
    behind = sorted(seconds for _, seconds in points)
    if behind:
        console.print(f"Silver was {behind[len(behind) // 2]:.1f} s behind (median), at most {behind[-1]:.1f} s.")
    console.print(f"Picture: {(folder / 'scaling.png').relative_to(ROOT)}")
    console.print(account.sentence, soft_wrap=True)
    return 0 if account.balanced else 1


def _report(folder: Path) -> dict:
    return json.loads((folder / "report.json").read_text())


if __name__ == "__main__":
    app()
