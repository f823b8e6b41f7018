"""What Auto Loader's batches record without Spark: the end of a batch, and the file at which it failed."""

from types import SimpleNamespace

import pytest

from livetables.autoloader.batches import Batches
from livetables.autoloader.find.discovery import FileDiscovery
from livetables.autoloader.find.files import FoundFile
from livetables.autoloader.find.ledger import Ledger, list_entries
from livetables.autoloader.stream import FileSource
from livetables.execute.runs import BatchResults, StreamRun
from livetables.model import StreamingTable
from livetables.spark.listener import QueryReports
from livetables.storage.checkpoint import Checkpoint
from tests.unit.builders import dataset
from tests.unit.test_failures import WRAPPER, raised_in_the_jvm

READING = "[FAILED_READ_FILE.NO_HINT] Encountered error while reading file {}. SQLSTATE: KD001"


def checkpoint_with(folder, offsets, commits):
    """Write a checkpoint with these batches, and the checksum files of Spark's file system."""
    for name, numbers in (("offsets", offsets), ("commits", commits)):
        (folder / name).mkdir(parents=True)
        for number in numbers:
            (folder / name / str(number)).touch()
            (folder / name / f".{number}.crc").touch()
    return folder


@pytest.mark.parametrize(
    ("offsets", "commits", "committed"),
    [([], [], False), ([0], [], False), ([0], [0], True), ([9, 10], [9], False), ([9, 10], [9, 10], True)],
    ids=["none", "first begun", "first", "second begun", "second"],
)
def test_a_batch_is_committed_when_spark_has_written_it_down(tmp_path, offsets, commits, committed):
    """After a restart a committed batch is not read again, and one that was not is: 10 comes after 9."""
    assert Checkpoint.at(checkpoint_with(tmp_path, offsets, commits)).all_committed() is committed


def test_a_flow_that_never_ran_has_committed_nothing(tmp_path):
    """There is no folder yet."""
    assert Checkpoint.at(tmp_path / "none").all_committed() is False


@pytest.fixture
def file(tmp_path):
    """Where the ledger of a flow lies."""
    return tmp_path / "auto_loader" / "0.db"


@pytest.fixture
def batches(tmp_path, file):
    """The batches of a stream, the newest of which has four files."""
    ledger = Ledger(file)
    names = ("1.json", "1.json.gz", "a b%20.gz")
    ledger.add(
        [*(FoundFile(f"file:///in/{name}", 10, 1) for name in names), FoundFile("s3a://lake/in/1.json.gz", 10, 1)]
    )
    batches = Batches(None, FileDiscovery(None, ledger, None), None, None, Checkpoint.at(tmp_path), None)
    batches._entries = ledger.files(0, 4)  # as `rows` does, which needs Spark
    yield batches
    batches.close()


def states(file):
    """Return the state and the error of each file in a ledger."""
    return {entry.path.rpartition("/")[2]: (entry.state, entry.error) for entry in list_entries(file)}


def failed_query(*chain):
    """Return a query that has ended with this chain of exceptions in the JVM, or well."""
    raised = raised_in_the_jvm(*chain) if chain else None
    origin = SimpleNamespace(get=lambda: raised._livetables_origin)
    java = SimpleNamespace(exception=lambda: origin)
    return SimpleNamespace(runId="r", exception=lambda: raised, _jsq=java)


def running(batches, query):
    """Return a flow whose query reads these batches."""
    source = FileSource(None, "in", None, lambda: batches)
    source._opened()
    engine = SimpleNamespace(graph=None, listener=SimpleNamespace(reports_of=lambda _: QueryReports()))
    table = dataset(StreamingTable, "t")
    return StreamRun(engine, table.flows[0], table, query, BatchResults(), [source])


@pytest.mark.parametrize(
    ("url", "number"),
    [
        ("file:///in/1.json", 1),
        ("file:///in/1.json.gz", 2),
        ("file:/in/a%20b%2520.gz", 3),
        ("s3a://lake/in/1.json.gz", 4),
        ("file:///elsewhere/1.json", None),
    ],
)
def test_the_file_that_a_query_has_failed_at_is_noted(batches, file, url, number):
    """`livetables files` shows only this file as failed, with the reason, and none with a similar name."""
    run = running(batches, failed_query(WRAPPER, ("SparkException", READING.format(url)), ("EOFException", "cut off")))
    assert run.error() is not None
    failed = [(entry.seq, entry.state) for entry in list_entries(file) if entry.error and "cut off" in entry.error]
    assert failed == ([(number, "FAILED")] if number else [])


@pytest.mark.parametrize("chain", [(), (WRAPPER, ("IOException", "disk full"))], ids=["ended well", "another reason"])
def test_no_file_is_noted_when_none_is_at_fault(batches, file, chain):
    """Also when the query has failed for another reason."""
    assert (running(batches, failed_query(*chain)).error() is None) is not bool(chain)
    assert {state for state, _ in states(file).values()} == {"PENDING"}
