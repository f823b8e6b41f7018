"""The ledger of Auto Loader's files: numbers that are never reused, batches, and durability over crashes."""

import os
import re
import signal
import subprocess
import sys
import threading
import time

import pytest

from livetables.autoloader.find.files import FoundFile
from livetables.autoloader.find.ledger import Ledger, list_entries

ADDING = """
import sys
from pathlib import Path
from livetables.autoloader.find.files import FoundFile
from livetables.autoloader.find.ledger import Ledger
ledger = Ledger(Path(sys.argv[1]))
while True:
    at = ledger.last()
    ledger.add(FoundFile(f"file:///in/{number}", 1, number) for number in range(at, at + 50))
    print(ledger.last(), flush=True)
"""


def found(name, modified=1, size=10):
    """Return a file in /in."""
    return FoundFile(f"file:///in/{name}", size, modified)


@pytest.fixture
def file(tmp_path):
    """A path in a folder that does not exist yet."""
    return tmp_path / "checkpoint" / "files.db"


@pytest.fixture
def ledger(file):
    """An empty ledger."""
    ledger = Ledger(file)
    yield ledger
    ledger.close()


def paths(ledger, after=0, upto=1000):
    """Return the paths of a batch."""
    return [entry.path for entry in ledger.files(after, upto)]


class TestAdd:
    """The numbering of files."""

    def test_files_are_numbered_by_time_and_path(self, ledger):
        """Older files come first, so that batches follow the order in which the files were written."""
        assert ledger.add([found("b", 2), found("z", 1), found("a", 2)]) == 3
        assert [(e.seq, e.path) for e in ledger.files(0, 3)] == [
            (1, "file:///in/z"),
            (2, "file:///in/a"),
            (3, "file:///in/b"),
        ]

    def test_a_known_path_is_not_added_again(self, ledger):
        """Each file is read once, also when it has changed."""
        ledger.add([found("a", 1), found("b", 1)])
        assert ledger.add([found("a", 9, size=99), found("c", 9)]) == 1
        assert paths(ledger) == ["file:///in/a", "file:///in/b", "file:///in/c"]

    def test_a_path_that_comes_twice_at_once_is_added_once(self, ledger):
        """Two globs of one load path may find the same file."""
        assert ledger.add([found("a"), found("a")]) == 1

    @pytest.mark.parametrize(
        ("modified", "size", "added"),
        [(5, 10, 0), (6, 10, 1), (5, 11, 1), (4, 10, 1)],
        ids=["same", "later", "larger", "earlier"],
    )
    def test_with_overwrites_another_version_is_added(self, ledger, modified, size, added):
        """With allowOverwrites, Auto Loader reads a changed file again, but not an unchanged one."""
        ledger.add([found("a", 5)], overwrites=True)
        assert ledger.add([found("a", modified, size)], overwrites=True) == added

    def test_with_overwrites_the_newest_version_is_compared(self, ledger):
        """A file that gets its earlier content back has changed once more."""
        versions = [found("a", 5), found("a", 6), found("a", 5)]
        assert [ledger.add([one], overwrites=True) for one in versions] == [1, 1, 1]

    def test_names_are_kept_as_they_are(self, ledger):
        """Names may have spaces, quotes, percent signs and letters of any script."""
        names = ["a b.json", "it's.json", "100%25.json", "日本.json", "a\nb", "[x]{y}*"]
        ledger.add([found(name) for name in names])
        assert sorted(paths(ledger)) == sorted(f"file:///in/{name}" for name in names)
        assert ledger.names("file:///in") == set(names)

    def test_names_are_those_of_one_folder(self, ledger):
        """Files of subfolders, and of folders with a common name prefix, are not included."""
        ledger.add([found("a"), found("sub/b"), FoundFile("file:///in2/c", 1, 1)])
        assert (ledger.names("file:///in"), ledger.names("file:///nothing")) == ({"a"}, set())

    def test_versions_are_those_of_the_newest_entries(self, ledger):
        """With overwrites, a file is compared with its size and time."""
        for one in (found("a", 5), found("a", 6, 11), found("sub/b")):
            ledger.add([one], overwrites=True)
        assert ledger.versions("file:///in") == {"a": (11, 6)}

    def test_a_file_may_be_older_than_1970(self, ledger):
        """Only its time is unusual."""
        assert ledger.add([found("a", -1)]) == 1

    def test_an_error_while_adding_adds_nothing(self, ledger):
        """A listing is stored as a whole or not at all, and the ledger stays usable."""
        with pytest.raises(UnicodeEncodeError):
            ledger.add([found("a"), found("\udcff", 2)])
        assert (ledger.last(), ledger.add([found("a")])) == (0, 1)

    def test_skipped_files_are_known_and_never_read(self, ledger):
        """includeExistingFiles=false: files that existed at the first start are never read."""
        ledger.add([found("old")], skipped=True)
        assert ledger.add([found("old"), found("new", 2)]) == 1
        assert (paths(ledger), ledger.end_of_batch(0, 2, 1, None)) == (["file:///in/new"], 2)


class TestBatches:
    """The ends of batches."""

    @pytest.mark.parametrize(
        ("after", "upto", "max_files", "max_bytes", "end"),
        [
            (0, 5, None, None, 5),
            (0, 3, None, None, 3),
            (0, 5, 2, None, 2),
            (2, 5, 2, None, 4),
            (4, 5, 2, None, 5),
            (5, 5, 2, None, 5),
            (5, 9, None, None, 5),
            (0, 5, None, 25, 3),
            (0, 5, None, 20, 2),
            (0, 5, None, 1, 1),
            (1, 5, None, 21, 4),
            (0, 5, 2, 25, 2),
            (0, 5, 4, 25, 3),
        ],
    )
    def test_end(self, ledger, after, upto, max_files, max_bytes, end):
        """A batch takes max_files files, and ends with the file that reaches max_bytes; whichever comes first."""
        ledger.add([found(name, number) for number, name in enumerate("abcde")])  # 10 bytes each
        assert ledger.end_of_batch(after, upto, max_files, max_bytes) == end

    def test_an_empty_ledger_has_no_batch(self, ledger):
        """The offset stays at 0 until a file comes."""
        assert (ledger.last(), ledger.end_of_batch(0, 0, 10, 10), ledger.files(0, 0)) == (0, 0, [])

    def test_batches_lose_no_file_and_repeat_none(self, ledger):
        """Batch after batch, every file comes once, in order."""
        ledger.add([found(f"{number:03}", number % 7, size=number) for number in range(100)])
        at, seen = 0, []
        while (end := ledger.end_of_batch(at, ledger.last(), 9, 300)) > at:
            seen += paths(ledger, at, end)
            at = end
        assert (len(seen), seen) == (100, paths(ledger))


class TestStates:
    """The states that `livetables files` shows."""

    def test_what_became_of_each_file(self, ledger, file):
        """A file is pending until its batch is committed or counted; an error stays until an attempt succeeds."""
        ledger.add([found("old")], skipped=True)
        ledger.add([found(name, 2) for name in "abcd"])
        ledger.count_rows({2: 7})
        ledger.fail(4, "no JSON")
        ledger.done(3)
        assert [(e.seq, e.state, e.rows, e.error) for e in list_entries(file)] == [
            (1, "SKIPPED", None, None),
            (2, "READ", 7, None),
            (3, "READ", None, None),
            (4, "FAILED", None, "no JSON"),
            (5, "PENDING", None, None),
        ]
        ledger.count_rows({4: 1})
        assert (ledger.files(3, 4)[0].state, ledger.files(3, 4)[0].rows) == ("READ", 1)

    def test_a_file_was_read_when_its_rows_were_counted(self, file):
        """Spark reports the end of a batch only at the next one, perhaps a day later."""
        now = [10.0]
        ledger = Ledger(file, now=lambda: now[0])
        ledger.add([found("a"), found("b")])
        for now[0], note in [(20.0, lambda: ledger.count_rows({1: 7})), (99.0, lambda: ledger.done(2))]:
            note()
        assert [(entry.found, entry.read) for entry in list_entries(file)] == [(10.0, 20.0), (10.0, 99.0)]
        ledger.close()

    def test_an_expired_file_is_forgotten_but_not_read_again(self, ledger):
        """The option maxFileAge keeps the ledger small; the file may still exist."""
        ledger.add([found("a", 10), found("b", 20)])
        ledger.done(2)
        assert ledger.expire(15) == 1
        assert (ledger.add([found("a", 10)]), paths(ledger)) == (0, ["file:///in/b"])

    def test_a_pending_file_does_not_expire(self, ledger):
        """A file that waits to be read is never forgotten, however old it is."""
        ledger.add([found("a", 10), found("b", 11)])
        ledger.done(1)
        assert (ledger.expire(15), paths(ledger)) == (1, ["file:///in/b"])

    def test_a_number_is_never_used_twice(self, ledger, file):
        """Also when the last file has expired and the pipeline was started again: offsets only grow."""
        ledger.add([found("a", 1), found("b", 1)])
        ledger.done(2)
        ledger.expire(5)
        ledger.close()
        again = Ledger(file)
        again.add([found("c", 9)])
        assert [entry.seq for entry in again.files(0, 9)] == [3]
        again.close()


class TestFolders:
    """The stamps of folders over a restart."""

    def test_they_come_back(self, ledger, file):
        """A restart lists only folders that have changed; removed folders are forgotten."""
        ledger.save_stamps("tree", {"/in": 2**62, "/in/a": 2})
        ledger.save_stamps("tree", {"/in": 3, "/in/b": 0})
        ledger.close()
        again = Ledger(file)
        assert again.load_stamps("tree") == {"/in": 3, "/in/b": 0}
        again.close()

    def test_another_tree_has_none(self, ledger):
        """After a change of load path or options, and after changing back, everything is listed once."""
        ledger.save_stamps("*.json", {"/in": 1})
        assert ledger.load_stamps("*") == {}
        ledger.save_stamps("*", {"/in": 2})
        assert ledger.load_stamps("*.json") == {}


class TestOthers:
    """Threads, readers, crashes."""

    def test_any_thread_may_use_it(self, ledger):
        """Calls of the JVM come from any thread, at the same time."""

        def add(letter):
            for number in range(20):
                ledger.add([found(f"{letter}{number}")])
                ledger.count_rows({ledger.last(): number})

        threads = [threading.Thread(target=add, args=(letter,)) for letter in "abcd"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [entry.seq for entry in ledger.files(0, 1000)] == list(range(1, 81))

    def test_files_are_listed_while_the_ledger_is_written(self, ledger, file):
        """`livetables files` shows committed changes; it neither waits for the pipeline nor blocks it."""
        ledger.add([found("a")])
        with ledger._transaction() as writing:
            writing.execute("DELETE FROM files")
            assert [entry.path for entry in list_entries(file)] == ["file:///in/a"]

    def test_files_are_listed_when_nothing_runs(self, ledger, file):
        """Also after a clean end, and without files of the reader; without a ledger there are none."""
        ledger.add([found("a")])
        ledger.close()
        assert [entry.path for entry in list_entries(file)] == ["file:///in/a"]
        assert [one.name for one in file.parent.iterdir() if one.suffix == ".db"] == ["files.db"]
        assert list_entries(file.parent / "other.db") == []
        assert not (file.parent / "other.db").exists()

    def test_since(self, file):
        """--since is about when a file was found, not about when it was written."""
        now = [100.0]
        ledger = Ledger(file, now=lambda: now[0])
        ledger.add([found("a", 999_999)])
        now[0] = 200.5
        ledger.add([found("b", 1)])
        ledger.close()
        assert [(entry.path, entry.found) for entry in list_entries(file, since=200.5)] == [("file:///in/b", 200.5)]

    @pytest.mark.parametrize("seconds", [0.0, 0.013, 0.029])
    def test_what_was_added_survives_kill_9(self, file, seconds):
        """Each `add` is atomic, and durable when it returns."""
        with subprocess.Popen([sys.executable, "-c", ADDING, str(file)], stdout=subprocess.PIPE, text=True) as writer:
            writer.stdout.readline()  # it adds now
            time.sleep(seconds)
            os.kill(writer.pid, signal.SIGKILL)
            said = re.findall(r"\d+(?=\n)", "50\n" + writer.stdout.read())
        ledger = Ledger(file)
        numbers = [(entry.seq, entry.path) for entry in ledger.files(0, 10**9)]
        assert numbers == [(number + 1, f"file:///in/{number}") for number in range(ledger.last())]
        assert (ledger.last() % 50, ledger.last() >= int(said[-1])) == (0, True)
        assert ledger.add([FoundFile(f"file:///in/{ledger.last()}", 1, 1)]) == 1
        ledger.close()
