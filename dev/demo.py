"""The main job: generate sensor readings, run the sensor pipeline on them, and account for every row.

    python -m dev.demo --source auto_loader|kafka [--seconds 90]

The generator and the pipeline run at the same time, as separate programs. At the end every row that was sent
must be in silver or quarantine, or be counted as a duplicate or as late. Changes of the device registry arrive as
files, whatever the source of the readings.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from dev.servers.kafka import running_broker
from livetables.events.facts import FlowProgress
from livetables.events.reading import read_events
from livetables.storage.layout import Storage
from livetables.storage.stored import select, stored_tables

if TYPE_CHECKING:
    from datetime import datetime

ROOT = Path(__file__).parent.parent
FOLDER = Path(".livetables/demo")
TOPIC = "sensor_data"
#: The end of the longest path; on a slow machine it is still empty after 90 s.
LAST_TABLE = "sensor_status_by_hour"
#: One real second of the generator is a minute of the sensors' time, so that a short run fills many windows.
LOAD = {
    "--rate": "2000",
    "--duration": "60s",
    "--devices": "20",
    "--seed": "7",
    "--late": "0.02",
    "--duplicates": "0.03",
    "--corrupt": "0.01",
    "--speed": "60",
    "--start": "2026-06-21T11:00:00Z",
    "--device-changes": "0.3",
}

console = Console()
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    source: Annotated[str, typer.Option(help="auto_loader or kafka")] = "auto_loader",
    seconds: Annotated[int, typer.Option(help="How long the pipeline runs.")] = 90,
) -> None:
    """Run the demo; exit code 0 means that every row is accounted for."""
    if source not in ("auto_loader", "kafka"):
        console.print(f"SOURCE is '{source}'. Hint: use SOURCE=auto_loader or SOURCE=kafka.")
        raise typer.Exit(2)
    folder = ROOT / FOLDER / source
    shutil.rmtree(folder, ignore_errors=True)
    for landing in ("landing", "devices"):
        (folder / landing).mkdir(parents=True)  # Auto Loader needs it from the start
    with ExitStack() as stack:
        if source == "kafka":
            console.print("Starting a Kafka broker on 127.0.0.1.")
            servers = stack.enter_context(running_broker(folder / "kafka"))
            target, where = f"kafka:{servers}/{TOPIC}", {"sensors.kafka.bootstrap_servers": servers}
        else:
            target, where = f"files:{folder / 'landing'}", {"sensors.landing_path": str(folder / "landing")}
        where["sensors.devices.landing_path"] = str(folder / "devices")
        code = run(folder, target, {"sensors.source": source, **where}, seconds)
    raise typer.Exit(code)


def run(folder: Path, target: str, configuration: dict[str, str], seconds: int) -> int:
    """Run generator and pipeline side by side, then print the summary; return the exit code."""
    rate, duration = int(LOAD["--rate"]), LOAD["--duration"]
    kind = target.split(":", maxsplit=1)[0]
    console.print(f"Sending {rate:,} rows/s for {duration} to {kind}; the pipeline runs for {seconds} s.")
    with (folder / "loadgen.log").open("w") as log:
        where = {"--target": target, "--devices-target": f"files:{folder / 'devices'}", "--report": str(folder)}
        options = [word for pair in {**LOAD, **where}.items() for word in pair]
        generator = subprocess.Popen(
            [sys.executable, "-m", "loadgen", "run", *options], cwd=ROOT, stdout=log, stderr=log
        )
        try:
            code = livetables(folder, configuration, "--continuous", "--for", f"{seconds}s")
        finally:
            generator.terminate()  # it has ended by itself long ago, unless the pipeline failed
            generator.wait()
    if code:
        return code
    if generator.returncode:
        console.print(f"The generator failed:\n{(folder / 'loadgen.log').read_text()}", markup=False)
        return 1
    sent = json.loads((folder / "report.json").read_text())
    account = Account(folder / "storage", sent)
    if not account.balanced or not account.rows.get(LAST_TABLE):
        console.print("Rows are still on their way: one more update takes the rest.")
        code = livetables(folder, configuration, "--triggered")
    return code or summary(Account(folder / "storage", sent), seconds)


def livetables(folder: Path, configuration: dict[str, str], *options: str) -> int:
    """Run the sensor pipeline as a user would; return its exit code."""
    return subprocess.run(livetables_command(folder, configuration, *options), cwd=ROOT, check=False).returncode


def livetables_command(folder: Path, configuration: dict[str, str], *options: str) -> list[str]:
    """Return the command that runs the sensor pipeline."""
    settings = [word for key, value in configuration.items() for word in ("--set", f"{key}={value}")]
    return [sys.executable, "-m", "livetables", "run", "--storage", str(folder / "storage"), *settings, *options]


def flow_batches(storage: Path, flow: str) -> list[tuple[datetime, FlowProgress]]:
    """Return the progress of a flow over all updates, with the time of each event."""
    events = read_events(storage, types=[FlowProgress])
    return [(event.timestamp, event.fact) for event in events if event.origin["flow_name"] == flow]


class Account:
    """What came in and where it went, from the tables and the event log."""

    def __init__(self, storage: Path, sent: dict[str, Any]) -> None:
        self.storage = storage
        self.sent: int = sent["sent"]
        self.by_kind: dict[str, int] = sent["by_kind"]
        self.rows = {table["name"]: table["rows"] for table in stored_tables(storage)}
        self.batches = flow_batches(storage, "sensor_data_silver")
        self.silver = self.rows.get("sensor_data_silver", 0)
        self.quarantined = self.rows.get("sensor_data_quarantine", 0)
        metrics = [batch.metrics for _, batch in self.batches if batch.metrics]
        self.duplicates = sum(batch.num_duplicate_rows_dropped or 0 for batch in metrics)
        self.late = sum(batch.num_late_rows_dropped or 0 for batch in metrics)

    @property
    def sentence(self) -> str:
        """Say where the rows went, and whether one is missing."""
        verdict = "every row is accounted for" if self.balanced else "ROWS ARE MISSING"
        return (
            f"Reconciliation: sent {self.sent:,} = silver {self.silver:,} + quarantined {self.quarantined:,} "
            f"+ duplicates {self.duplicates:,} + late {self.late:,}: {verdict}."
        )

    @property
    def balanced(self) -> bool:
        """Whether every row sent is in silver or quarantine, or counted as duplicate or late."""
        return self.sent == self.silver + self.quarantined + self.duplicates + self.late

    def rules(self) -> dict[str, tuple[int, int]]:
        """Return passed and failed rows per rule of the readings."""
        counted: dict[str, tuple[int, int]] = {}
        for _, batch in self.batches:
            for rule in batch.data_quality.expectations if batch.data_quality else ():
                passed, failed = counted.get(rule.name, (0, 0))
                counted[rule.name] = passed + rule.passed_records, failed + rule.failed_records
        return counted

    def statuses(self) -> dict[str, int]:
        """Return device-minutes per temperature status."""
        sql = "SELECT temperature_status AS status, count(*) AS n FROM this GROUP BY temperature_status"
        rows = select(sql, Storage(self.storage).table("sensor_data_enriched")).to_pylist()
        return {row["status"]: row["n"] for row in rows}


def device_rows(storage: Path, table: str = "devices") -> list[dict[str, Any]]:
    """Return the rows of `devices` or `devices_history`: device_id, site, model, installed_at (UTC)."""
    return select("SELECT device_id, site, model, installed_at FROM this", Storage(storage).table(table)).to_pylist()


def devices_line(storage: Path) -> str:
    """Return one sentence: how many devices are registered, and how many moved or were removed before."""
    registered = {row["device_id"] for row in device_rows(storage)}
    sites: dict[str, set[str]] = {}
    for row in device_rows(storage, "devices_history"):
        sites.setdefault(row["device_id"], set()).add(row["site"])
    moved = sum(len(names) > 1 for names in sites.values())
    return f"Devices: {len(registered):,} registered, {moved:,} moved, {len(sites.keys() - registered):,} removed."


def summary(account: Account, seconds: int) -> int:
    """Print what happened; return 0 when every row is accounted for."""
    tables = Table(title=f"Rows per table after {seconds} s", title_justify="left", box=SIMPLE_HEAD)
    tables.add_column("table")
    tables.add_column("rows", justify="right")
    for name, rows in sorted(account.rows.items()):
        tables.add_row(name, f"{rows:,}")
    rules = Table(title="Quality per rule", title_justify="left", box=SIMPLE_HEAD)
    for name in ("rule", "passed", "failed"):
        rules.add_column(name, justify="left" if name == "rule" else "right")
    for name, (passed, failed) in account.rules().items():
        rules.add_row(name, f"{passed:,}", f"{failed:,}")
    console.print(tables, rules)
    statuses = ", ".join(f"{count:,} {name}" for name, count in sorted(account.statuses().items()))
    console.print(f"Device-minutes by temperature status: {statuses or 'none yet'}.", highlight=False)
    console.print(devices_line(account.storage), highlight=False)
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in account.by_kind.items())
    console.print(f"Sent by kind: {kinds}.", highlight=False)
    style = "bold green" if account.balanced else "bold red"
    console.print(account.sentence, highlight=False, style=style, soft_wrap=True)
    return 0 if account.balanced else 1


if __name__ == "__main__":
    app()
