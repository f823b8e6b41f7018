"""The clean-up of files that were read: they are moved or deleted after their retention, and never lost."""

import errno
import os

import pytest

from livetables.autoloader.cleaning import Cleaner
from livetables.autoloader.find.files import FoundFile
from livetables.autoloader.find.ledger import Ledger
from livetables.autoloader.options import options_of

DAY = 24 * 3600


class Landing:
    """A folder whose files were read at time 0, and a Cleaner for them."""

    def __init__(self, home) -> None:
        self.home = home
        self.now = 0.0
        self.warnings = []
        self.ledger = Ledger(home / "0.db", now=lambda: self.now)

    def read(self, *names):
        """Put files there, and let a batch of them be committed."""
        for number, name in enumerate(names):
            file = self.home / "in" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(name)
            self.ledger.add([FoundFile(f"file://{file}", 1, number)])
        self.ledger.done(self.ledger.last())

    def clean(self, source, path="in", **options):
        """Clean up, as after a batch."""
        given = {"cloudFiles.format": "json", "cloudFiles.cleanSource": source}
        given |= {f"cloudFiles.cleanSource.{name}": value for name, value in options.items()}
        Cleaner(
            None,
            options_of(given, True, lambda *_: None),
            str(self.home / path),
            lambda *warning: self.warnings.append(warning),
            now=lambda: self.now,
        ).clean(self.ledger)

    def move(self, retention="0 seconds", path="in"):
        """Clean up by moving files to the folder `done`."""
        self.clean("MOVE", path, moveDestination=str(self.home / "done"), retentionDuration=retention)

    def files(self, folder):
        """Return the names and the contents of the files below a folder."""
        paths = (self.home / folder).rglob("*")
        return {str(path.relative_to(self.home / folder)): path.read_text() for path in paths if path.is_file()}


@pytest.fixture
def landing(tmp_path):
    """A landing folder with nothing in it."""
    landing = Landing(tmp_path)
    yield landing
    landing.ledger.close()


def test_a_moved_file_keeps_its_folders(landing):
    """Files of one name in two folders do not replace each other."""
    landing.read("1.json", "a/1.json", "a/day=1/2.json")
    landing.move()
    assert landing.files("in") == {}
    assert landing.files("done") == {name: name for name in ("1.json", "a/1.json", "a/day=1/2.json")}
    assert landing.warnings == []


def test_a_file_is_moved_to_another_disk(landing, monkeypatch):
    """An archive is often one; a file can't be renamed to there, only copied."""

    def refuse(*_):
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    landing.read("1.json")
    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", refuse)
        patch.setattr(os, "replace", refuse)
        landing.move()
    assert (landing.warnings, landing.files("in"), landing.files("done")) == ([], {}, {"1.json": "1.json"})


def test_files_are_deleted(landing):
    """Those that were read, and no others; their folders stay."""
    landing.read("1.json", "a/2.json")
    (landing.home / "in" / "3.json").write_text("new")
    landing.now = 31 * DAY
    landing.clean("DELETE")
    assert (landing.files("in"), (landing.home / "in" / "a").is_dir()) == ({"3.json": "new"}, True)


@pytest.mark.parametrize(
    ("source", "options", "seconds"),
    [
        ("DELETE", {}, 30 * DAY),
        ("DELETE", {"retentionDuration": "8 days"}, 8 * DAY),
        ("MOVE", {"retentionDuration": "1 hour"}, 3600),
    ],
    ids=["default", "delete", "move"],
)
def test_a_file_stays_until_its_time_has_come(landing, source, options, seconds):
    """The retention counts from the commit of its batch; by default it is 30 days."""
    landing.read("1.json")
    options |= {"moveDestination": str(landing.home / "done")} if source == "MOVE" else {}
    there = []
    for landing.now in (seconds - 1.0, float(seconds)):
        landing.clean(source, **options)
        there.append("1.json" in landing.files("in"))
    assert there == [True, False]


def test_a_file_that_can_not_be_moved_is_said_aloud_and_tried_again(landing):
    """The stream goes on; nothing is lost, and nothing is left behind once the reason is gone."""
    (landing.home / "done").write_text("a file where the folder should be")
    landing.read("1.json", "2.json")
    landing.move()
    [(code, said)] = landing.warnings
    assert (code, "1.json could not be cleaned up: " in said) == ("SOURCE_NOT_CLEANED", True)
    assert (said.endswith(" Neither could 1 other file."), len(landing.files("in"))) == (True, 2)
    (landing.home / "done").unlink()
    landing.move()
    assert (len(landing.warnings), landing.files("in"), sorted(landing.files("done"))) == (1, {}, ["1.json", "2.json"])


def test_one_file_that_can_not_be_moved_holds_up_no_other(landing):
    """It is tried again with each batch; the others are where they belong."""
    (landing.home / "done").mkdir()
    (landing.home / "done" / "a").write_text("a file where the folder should be")
    landing.read("a/1.json", "2.json")
    landing.move()
    landing.read("3.json")
    landing.move()
    assert (sorted(landing.files("in")), sorted(landing.files("done"))) == (["a/1.json"], ["2.json", "3.json", "a"])
    (landing.home / "done" / "a").unlink()
    landing.move()
    assert (len(landing.warnings), landing.files("in"), landing.files("done")["a/1.json"]) == (2, {}, "a/1.json")


def test_files_below_a_pattern_keep_their_folders(landing):
    """Files of one name in two folders do not replace each other there either."""
    landing.read("day=1/1.json", "day=2/1.json")
    landing.move(path="in/day=*")
    assert landing.files("done") == {name: name for name in ("day=1/1.json", "day=2/1.json")}


def test_what_is_pending_or_has_failed_stays(landing):
    """A file that was not read is not cleaned up: it may be the only copy."""
    landing.read("bad.json")
    landing.ledger.fail(1, "no JSON")
    (landing.home / "in" / "new.json").write_text("new")
    landing.ledger.add([FoundFile(f"file://{landing.home}/in/new.json", 1, 9)])
    landing.move()
    assert (sorted(landing.files("in")), landing.files("done")) == (["bad.json", "new.json"], {})


def test_a_file_that_somebody_has_removed_is_left_alone(landing):
    """A later file of the same name was not read, and stays."""
    landing.read("1.json", "2.json")
    (landing.home / "in" / "1.json").unlink()
    landing.move()
    (landing.home / "in" / "1.json").write_text("back")
    landing.move()
    assert (landing.warnings, landing.files("in"), sorted(landing.files("done"))) == (
        [],
        {"1.json": "back"},
        ["2.json"],
    )
