"""Files that change and break while a pipeline reads them all the time: what lands where, and that nothing is lost."""

import json
import threading
import time

import pytest
from deltalake import DeltaTable

from livetables.autoloader.ledger import list_entries
from tests.drift import Drift

pytestmark = pytest.mark.pipeline

PIPELINE = """
    import dlt
    from expectations.sensors import READING_RULES
    from pyspark.sql import functions as F

    RULES = {
        "well_formed": "get_json_object(_rescued_data, '$._corrupt_record') IS NULL",
        **{name: READING_RULES[name] for name in ("has_device_id", "has_event_time", "temperature_in_range")},
    }

    @dlt.table
    def bronze():
        reader = spark.readStream.format("cloudFiles").option("cloudFiles.format", "json")
        reader = reader.option("cloudFiles.inferColumnTypes", "true").option("cloudFiles.allowOverwrites", "true")
        reader = reader.option("cloudFiles.schemaHints", "temperature DOUBLE, event_time TIMESTAMP")
        reader = reader.option("ignoreMissingFiles", "true").option("ignoreCorruptFiles", "true")
        lines = reader.option("cloudFiles.maxFilesPerTrigger", "4").load("/in/landing")
        return lines.select("*", F.col("_metadata.file_name").alias("file"))

    @dlt.table
    @dlt.expect_all_or_drop(RULES)
    def silver():
        return spark.readStream.table("bronze")

    @dlt.table
    def quarantine():
        rows = spark.readStream.table("bronze")
        return rows.where(" OR ".join(f"NOT coalesce({rule}, false)" for rule in RULES.values()))
"""


class Running:
    """The pipeline in continuous mode, in a thread of its own, and the ledger of its files."""

    def __init__(self, bench) -> None:
        self.bench = bench
        self.stop = threading.Event()
        self.state = None
        [path] = bench.write(drift=PIPELINE)
        self.thread = threading.Thread(target=self._run, args=(path,))

    def _run(self, path) -> None:
        self.state = self.bench.run(path, stop=self.stop, continuous=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_) -> None:
        self.stop.set()
        self.thread.join()

    def files(self):
        """Return the entries of the ledger by the name of the file; of one that was read twice, both."""
        found = {}
        for ledger in (self.bench.storage / "checkpoints" / "bronze").glob("bronze/*/auto_loader/0.db"):
            for entry in list_entries(ledger):
                found.setdefault(entry.path.rpartition("/")[2], []).append(entry)
        return found

    def until(self, name, *states):
        """Wait until the newest entry of a file has one of these states."""
        self.wait(
            lambda: self.files().get(name, [None])[-1] is not None and self.files()[name][-1].state in states, name
        )

    def wait(self, done, what) -> None:
        """Wait until something is so."""
        until = time.monotonic() + 240
        while not done():
            assert self.thread.is_alive(), f"the pipeline has ended: {self.state and self.state.errors}"
            assert time.monotonic() < until, f"still waiting for {what}: {self.files()}"
            time.sleep(0.02)

    def rows(self, table):
        """Return the stored rows of a table."""
        stored = DeltaTable(str(self.bench.storage / "tables" / table))
        import pyarrow.parquet as pq

        return [row for file in stored.file_uris() for row in pq.read_table(file).to_pylist()]


def test_nothing_of_a_drifting_source_is_lost(bench):
    """Each line is in the table, in its rescued data or in quarantine; what could not be read is named as a file."""
    landing = bench.folder / "landing"
    landing.mkdir()
    steps = Drift(landing, seed=1)
    steps.plain()
    with Running(bench) as running:
        running.until("001-plain.json", "READ")
        steps.new_column()
        steps.changed_type()
        steps.nested_field()
        steps.mis_cased()
        steps.corrupt()
        steps.truncated()
        steps.empty()
        finish = steps.half_written()
        overwrite = steps.overwritten()
        steps.plain()
        gone = steps.deleted()
        deleted = list(steps.files)[-1]
        running.wait(lambda: deleted in running.files(), deleted)
        gone()
        running.until(deleted, "FAILED")
        assert "009-half_written.json" not in running.files()
        finish()
        overwrite()
        running.until("009-half_written.json", "READ")
        running.wait(lambda: len(running.files()["010-overwritten.json"]) == 2, "the second version")
        running.until("010-overwritten.json", "READ")
        last = steps.expected()[-1].id
        running.wait(lambda: any(row["id"] == last for row in running.rows("silver")), "silver")
        files = running.files()
    assert running.state.state == "COMPLETED"

    bronze = running.rows("bronze")
    by_id = {row["id"]: row for row in bronze if row["id"] is not None}
    rescued = {i: json.loads(row["_rescued_data"]) for i, row in by_id.items() if row["_rescued_data"]}
    lost = [line for line in steps.expected() if line.id not in by_id]
    assert {line.file for line in lost} <= {deleted, "007-truncated.json.gz"}
    for name in (deleted, "007-truncated.json.gz"):
        assert (files[name][-1].state, name in (files[name][-1].error or "")) == ("FAILED", True)
    for line in steps.expected():
        if line.kind == "new_column":
            assert by_id[line.id]["battery"] == json.loads(line.text)["battery"]
        elif line.kind == "nested_field":
            assert by_id[line.id]["site"]["floor"] == json.loads(line.text)["site"]["floor"]
        elif line.kind == "text_temperature":
            assert (by_id[line.id]["temperature"], rescued[line.id]["temperature"]) == (None, "hot")
        elif line.kind == "mis_cased":
            assert float(rescued[line.id]["Temperature"]) == json.loads(line.text)["Temperature"]
    assert {"overwritten", "overwriting"} <= {line.kind for line in steps.expected() if line.id in by_id}
    assert files["008-empty.json"][-1].rows == 0
    quarantined = running.rows("quarantine")
    assert len(bronze) == len(running.rows("silver")) + len(quarantined)
    rubbish = [row for row in quarantined if row["file"] == "006-corrupt.json"]
    assert len(rubbish) == files["006-corrupt.json"][-1].rows > 0
    assert all("_corrupt_record" in row["_rescued_data"] for row in rubbish)
