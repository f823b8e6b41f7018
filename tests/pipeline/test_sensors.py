"""The sensor pipeline itself, unchanged, on what the load generator sends: every row and device is accounted for."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from dev.demo import Account, device_rows
from expectations.sensors import READING_RULES
from livetables.pipeline import Pipeline
from livetables.settings import load_settings, with_mode
from livetables.storage.layout import Storage
from livetables.storage.stored import select

pytestmark = pytest.mark.pipeline
ROOT = Path(__file__).parents[2]
LOAD = "--rate 0 --devices 10 --late 0.05 --duplicates 0.05 --corrupt 0.05 --speed 6000 --device-changes 0.5"

#: One line that breaks the rules of device changes, and one that is no JSON.
BROKEN_CHANGES = '{"device_id": "device-0001"}\nnot JSON\n'


def send(target, folder, rows, hour, *options):
    """Run the load generator for up to an hour of one day, its device changes into a folder; return its report."""
    start = f"2026-06-21T{hour}:00:00Z"
    command = [sys.executable, "-m", "loadgen", "run", *LOAD.split(), "--rows", str(rows), "--start", start]
    where = ["--target", target, "--devices-target", f"files:{folder / 'devices'}", "--report", str(folder)]
    subprocess.run([*command, *where, *options], check=True, cwd=ROOT, capture_output=True)
    return json.loads((folder / "report.json").read_text())


def registry(folder):
    """Apply the changes that were sent, in the order of their sequence: device -> (site, model), and all devices."""
    lines = [line for file in (folder / "devices").glob("part-*.json") for line in file.read_text().splitlines()]
    changes = sorted(map(json.loads, lines), key=lambda change: change["sequence"])
    registered = {}
    for change in changes:
        registered[change["device_id"]] = (change["site"], change["model"])
        if change["operation"] == "DELETE":
            del registered[change["device_id"]]
    return registered, {change["device_id"] for change in changes}


@pytest.mark.kafka
def test_every_row_sent_is_accounted_for(broker, tmp_path, spark):
    """From a real broker, over two updates, with state on disk; test_sensors_sql.py does the same from files."""
    del spark  # the pipeline runs in the shared session
    target, where = f"kafka:{broker}/sensor_data", {"sensors.kafka.bootstrap_servers": broker}
    settings = load_settings(
        ROOT / "pipeline_settings.json",
        overrides={"sensors.source": "kafka", "sensors.devices.landing_path": str(tmp_path / "devices"), **where},
        storage=str(tmp_path / "storage"),
    )
    first = send(target, tmp_path, 5_000, hour=11)
    (tmp_path / "devices" / "broken.json").write_text(BROKEN_CHANGES)
    with Pipeline(with_mode(settings, continuous=False)) as pipeline:
        assert "COMPLETED" == pipeline.run().state
        second = send(target, tmp_path, 3_000, hour=13)  # its late rows are from 11
        assert "COMPLETED" == pipeline.run().state
    check_account(tmp_path, first, second)
    checkpoints = [checkpoint.folder.path for _, checkpoint in Storage(tmp_path / "storage").checkpoints()]
    state = [path for folder in checkpoints for path in folder.rglob("state/*/*/[0-9]*")]
    assert {path.suffix for path in state} == {".changelog"}  # of RocksDB; of the store in the heap it is .delta


def check_account(folder, first, second):
    """Sent = silver + quarantined + duplicates + late over two updates; each kind of row meets its fate."""
    sent = {
        "sent": first["sent"] + second["sent"],
        "by_kind": {kind: first["by_kind"][kind] + second["by_kind"][kind] for kind in first["by_kind"]},
    }
    account = Account(folder / "storage", sent)
    assert 8_000 == account.sent == account.silver + account.quarantined + account.duplicates + account.late
    assert sent["by_kind"]["corrupt"] == account.quarantined
    # A copy of a late row, or one that comes after the watermark has passed it, counts as late.
    assert sent["by_kind"]["duplicate"] <= account.duplicates + account.late
    assert account.duplicates + account.late <= sent["by_kind"]["duplicate"] + sent["by_kind"]["late"]
    assert min(account.duplicates, account.late) > 0
    assert set(READING_RULES) == set(account.rules())
    assert account.rows["sensor_data_enriched"] == account.rows["sensor_data_aggregated"] > 0
    assert {"High", "Normal"} >= set(account.statuses()) != set()
    check_devices(folder, account)


def check_devices(folder, account):
    """The tables say what the feed says, though changes came late and twice; what is broken is kept aside."""
    registered, known = registry(folder)
    assert set() != known - registered.keys()  # some were removed
    devices = device_rows(folder / "storage")
    assert registered == {row["device_id"]: (row["site"], row["model"]) for row in devices}
    assert len(registered) == account.rows["devices"] == len(devices) < account.rows["devices_history"]
    history = {row["device_id"] for row in device_rows(folder / "storage", "devices_history")}
    assert (known, 2) == (history, account.rows["device_changes_quarantine"])
    sql = "SELECT DISTINCT device_id, site, model FROM this"
    enriched = select(sql, Storage(folder / "storage").table("sensor_data_enriched")).to_pylist()
    # A device that was removed sends on: its minutes have no site.
    assert registered.keys() == {row["device_id"] for row in enriched if row["site"] and row["model"]}
    assert known - registered.keys() == {row["device_id"] for row in enriched if not (row["site"] or row["model"])}
