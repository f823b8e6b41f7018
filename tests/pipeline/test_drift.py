"""Files that change and break while a pipeline reads them all the time: what lands where, and that nothing is lost."""

import json
import threading
import time

import pytest
from deltalake import DeltaTable

from livetables.autoloader.find.ledger import list_entries
from livetables.storage.layout import Storage
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
        for ledger in Storage(self.bench.storage).checkpoint("bronze", "bronze").ledgers().values():
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
        stored = DeltaTable(str(Storage(self.bench.storage).table(table)))
        import pyarrow.parquet as pq

        return [row for file in stored.file_uris() for row in pq.read_table(file).to_pylist()]


class Account:
    """What became of every line, once the pipeline has ended."""

    def __init__(self, running, steps) -> None:
        self.lines = steps.expected()
        self.bronze = running.rows("bronze")
        self.by_id = {row["id"]: row for row in self.bronze if row["id"] is not None}
        with_rest = {name: row for name, row in self.by_id.items() if row["_rescued_data"]}
        self.rescued = {name: json.loads(row["_rescued_data"]) for name, row in with_rest.items()}

    def of(self, kind):
        """Return the lines of a kind: as they were sent, as they are stored, what is rescued of them."""
        found = [line for line in self.lines if line.kind == kind and line.id in self.by_id]
        assert found, kind
        return [(json.loads(line.text), self.by_id[line.id], self.rescued.get(line.id)) for line in found]


@pytest.mark.shows("When Auto Loader meets a new column, the update restarts with the wider schema")
def test_nothing_of_a_drifting_source_is_lost(bench):
    """Each line is in the table, in its rescued data or in quarantine; what could not be read is named as a file."""
    landing = bench.folder / "landing"
    landing.mkdir()
    steps = Drift(landing, seed=1)
    steps.plain()
    with Running(bench) as running:
        running.until("001-plain.json", "READ")
        for step in ("new_column", "changed_type", "nested_field", "mis_cased", "corrupt", "truncated", "empty"):
            getattr(steps, step)()
        finish, overwrite = steps.half_written(), steps.overwritten()
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
    assert running.state.state == "COMPLETED"

    files, account = running.files(), Account(running, steps)
    lost = {line.file for line in account.lines if line.id not in account.by_id}
    assert lost == {deleted, "007-truncated.json.gz"}
    assert all((files[name][-1].state, name in files[name][-1].error) == ("FAILED", True) for name in lost)
    assert all(stored["battery"] == sent["battery"] for sent, stored, _ in account.of("new_column"))
    assert all(stored["site"]["floor"] == sent["site"]["floor"] for sent, stored, _ in account.of("nested_field"))
    assert all(rest["temperature"] == "hot" for _, _, rest in account.of("text_temperature"))
    assert all(float(rest["Temperature"]) == sent["Temperature"] for sent, _, rest in account.of("mis_cased"))
    assert (len(account.of("half_written")), len(account.of("overwritten")), len(account.of("overwriting"))) == (
        3,
        3,
        3,
    )
    assert files["008-empty.json"][-1].rows == 0
    quarantined = running.rows("quarantine")
    assert len(account.bronze) == len(running.rows("silver")) + len(quarantined)
    rubbish = [row for row in quarantined if row["file"] == "006-corrupt.json"]
    assert len(rubbish) == files["006-corrupt.json"][-1].rows > 0
    assert all("_corrupt_record" in row["_rescued_data"] for row in rubbish)
