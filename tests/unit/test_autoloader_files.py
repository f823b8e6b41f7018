"""The effect of options on local files: which files are read, which are cleaned up, and when."""

import os
import time

import pytest

from livetables.autoloader.batches import Batches
from livetables.autoloader.cleaning import Cleaner
from livetables.autoloader.find.discovery import FileDiscovery, open_tree
from livetables.autoloader.find.ledger import Ledger
from livetables.autoloader.options import options_of
from livetables.autoloader.read.reader import FileReader
from livetables.storage.checkpoint import Checkpoint
from tests.unit.trees import put

DAY = 24 * 60 * 60


class Flow:
    """A flow that reads files, without Spark: its time is `now`, and `batch` commits a batch."""

    def __init__(self, home, options):
        self.root = home / "in"
        self.root.mkdir(exist_ok=True)
        self.now = time.time()
        self.warnings = []
        meaning = options_of({"cloudFiles.format": "json", **options}, False, pytest.fail)
        self.ledger = Ledger(home / "checkpoint" / "auto_loader" / "0.db", now=lambda: self.now)
        cleaner = Cleaner(None, meaning, str(self.root), lambda *said: self.warnings.append(said), lambda: self.now)
        discovery = FileDiscovery(open_tree(None, meaning, str(self.root), self.ledger), self.ledger, pytest.fail)
        self.batches = Batches(
            FileReader(None, meaning, None),
            discovery,
            None,
            cleaner if meaning.clean_source != "OFF" else None,
            Checkpoint.at(home / "checkpoint"),
            pytest.fail,
        )

    def files(self):
        """Return the names of the files in the load path."""
        return sorted(file.name for file in self.root.iterdir())

    def batch(self):
        """Find new files and commit a batch of them; return their names."""
        before = self.ledger.last()
        upto = self.batches.discover_all(5)
        names = [entry.path.rpartition("/in/")[2] for entry in self.ledger.files(before, upto)]
        self.batches.committed(upto)
        return names


@pytest.fixture
def flow(tmp_path):
    """Return a function that makes a flow with options."""
    flows = []

    def make(options):
        flows.append(Flow(tmp_path, options))
        return flows[-1]

    yield make
    for each in flows:
        each.ledger.close()


@pytest.mark.shows(options=["fileNamePattern", "recursiveFileLookup"])
@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({}, ["a.json", "b.csv", "x/c.json"]),
        ({"fileNamePattern": "*.json"}, ["a.json", "x/c.json"]),
        ({"recursiveFileLookup": "false"}, ["a.json", "b.csv"]),
    ],
)
def test_the_options_say_which_files_are_taken(flow, options, names):
    """The option fileNamePattern is about names of files, recursiveFileLookup about folders below the path."""
    stream = flow(options)
    put(stream.root, "a.json", "b.csv", "x/c.json")
    assert sorted(stream.batch()) == names


@pytest.mark.shows("`maxFileAge`: older files are forgotten", options=["maxFileAge"])
def test_files_of_an_age_are_forgotten_and_not_taken(flow):
    """The option maxFileAge: older files are forgotten but not read again; files that arrive old are left out."""
    stream = flow({"cloudFiles.maxFileAge": "14 days"})
    put(stream.root, "a")
    assert stream.batch() == ["a"]
    stream.now += 15 * DAY
    put(stream.root, "b")
    os.utime(stream.root / "b", (stream.now, stream.now))
    assert (stream.batch(), stream.ledger.names(f"file://{stream.root}")) == (["b"], {"b"})
    put(stream.root, "comes old")
    assert stream.batch() == []


@pytest.mark.shows(
    "`cleanSource` deletes or moves files some time after their batch; DELETE needs more than 7 days",
    options=["cleanSource", "cleanSource.retentionDuration"],
)
def test_files_are_deleted_when_their_time_has_come(flow):
    """The option cleanSource: not before retentionDuration has passed since their batch was committed."""
    stream = flow({"cloudFiles.cleanSource": "DELETE", "cloudFiles.cleanSource.retentionDuration": "8 days"})
    put(stream.root, "a")
    stream.batch()
    stream.now += 7 * DAY
    put(stream.root, "b")
    stream.batch()
    assert stream.files() == ["a", "b"]
    stream.now += DAY
    stream.batch()
    assert stream.files() == ["b"]


def test_a_new_version_is_not_cleaned_up_with_the_old_one(flow):
    """With allowOverwrites the path has a version that is not read yet: deleting it would lose rows."""
    stream = flow({"cloudFiles.cleanSource": "DELETE", "cloudFiles.allowOverwrites": "true"})
    put(stream.root, "a")
    stream.batch()
    stream.now += 31 * DAY
    put(stream.root, "a", text="longer")
    stream.batches.discover_all(5)
    assert stream.ledger.to_clean(stream.now) == []


def test_a_file_that_cannot_be_cleaned_up_is_said_and_ends_nothing(flow, monkeypatch):
    """It is tried again after the next batch."""
    stream = flow({"cloudFiles.cleanSource": "DELETE"})
    put(stream.root, "a")
    stream.batch()
    stream.now += 31 * DAY
    with monkeypatch.context() as patched:
        patched.setattr("pathlib.Path.unlink", lambda _: (_ for _ in ()).throw(PermissionError("not allowed")))
        stream.batch()
    [(code, said)] = stream.warnings
    assert (code, said) == ("SOURCE_NOT_CLEANED", f"file://{stream.root}/a could not be cleaned up: not allowed.")
    stream.batch()
    assert stream.files() == []
