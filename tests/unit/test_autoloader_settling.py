"""Auto Loader reads no file that is half-written."""

import errno
import fcntl
import os
import subprocess
import sys
import time

import pytest

from livetables.autoloader.find import open_files
from tests.unit.trees import later, listed, put

LINUX = sys.platform == "linux"
WRITER = "import sys, time; file = open(sys.argv[1], 'a'); print(file.write('x'), flush=True); sys.stdin.read()"


@pytest.fixture
def unknown_writers(monkeypatch):
    """The system can't say who has a file open."""
    monkeypatch.setattr("livetables.autoloader.find.local.is_open_for_writing", lambda _: None)


class TestHalfWritten:
    """A file is taken when it has settled."""

    def test_a_file_that_nobody_writes_is_taken_at_once(self, root, watch, monkeypatch):
        """Where the system knows the writers, the file need not be old."""
        monkeypatch.setattr("livetables.autoloader.find.local.is_open_for_writing", lambda _: False)
        put(root, "a")
        watch.tree._now = time.time
        assert watch.discover() == ["a"]

    def test_a_young_file_waits(self, root, watch, unknown_writers):
        """Its folder does not change when the file is complete, and still it is found."""
        del unknown_writers
        put(root, "a")
        watch.tree._now = time.time
        assert (watch.discover(), watch.last.unsettled) == ([], [f"{root}/a"])
        watch.tree._now = later
        assert (watch.discover(), watch.last.unsettled) == (["a"], [])
        assert (watch.discover(), watch.listed) == ([], [])

    @pytest.mark.shows("A file is read as soon as it exists")
    @pytest.mark.skipif(not LINUX, reason="only Linux knows who has a file open")
    def test_a_file_that_is_open_for_writing_waits(self, root, watch):
        """Whatever its age: a writer may pause for long."""
        command = [sys.executable, "-c", WRITER, str(root / "a")]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
            writer.stdout.readline()
            assert (watch.discover(), watch.last.unsettled) == ([], [f"{root}/a"])
            writer.stdin.close()
            writer.wait()
        assert (watch.discover(), watch.last.unsettled) == (["a"], [])

    def test_a_file_that_is_open_for_reading_does_not_wait(self, root, watch):
        """Readers change nothing."""
        put(root, "a")
        with (root / "a").open():
            assert watch.discover() == ["a"]

    @pytest.mark.parametrize("number", [errno.EACCES, errno.EINVAL, errno.ENOLCK, errno.EOPNOTSUPP])
    def test_where_writers_are_not_told_the_time_decides(self, root, watch, monkeypatch, number):
        """A file of another user, or on a network: it is taken when it is old enough."""

        def refuse(*_arguments):
            raise OSError(number, "refused")

        monkeypatch.setattr(fcntl, "fcntl", refuse)
        put(root, "a")
        assert watch.discover() == ["a"]

    def test_outside_of_linux_the_time_decides(self, root, watch, monkeypatch):
        """Such as on macOS."""
        monkeypatch.setattr(open_files.sys, "platform", "darwin")
        with (root / "a").open("w"):
            assert watch.discover() == ["a"]

    @pytest.mark.skipif(not LINUX, reason="only Linux knows who has a file open")
    def test_asking_harms_neither_side(self, root):
        """A writer that opens the file during the check is not refused, and no signal ends this process."""
        put(root, "a")
        asking = (
            "import sys, time\nfrom livetables.autoloader.find.open_files import is_open_for_writing\n"
            "print('checks', flush=True)\n"
            "end = time.monotonic() + 0.3\nwhile time.monotonic() < end: is_open_for_writing(sys.argv[1])"
        )
        with subprocess.Popen([sys.executable, "-c", asking, str(root / "a")], stdout=subprocess.PIPE) as asker:
            asker.stdout.readline()
            while asker.poll() is None:
                with (root / "a").open("a") as file:
                    file.write("x")
        assert asker.returncode == 0

    def test_everything_may_be_taken_at_once(self, root):
        """settle_ms=0 is for folders whose files appear whole."""
        with (root / "a").open("w"):
            assert listed(root, now=time.time, settle_ms=0) == ["a"]

    def test_a_file_from_the_future_waits_until_it_stays_as_it_is(self, root, watch, unknown_writers):
        """The clock of another machine may be ahead; the file is taken when it has not changed for a while."""
        del unknown_writers
        now = later()
        put(root, "a")
        os.utime(root / "a", (now + 9999, now + 9999))
        found = []
        for seconds, size in [(0, 1), (0.9, 2), (1.8, 2), (2.0, 2)]:
            with (root / "a").open("w") as file:
                file.write("x" * size)
            os.utime(root / "a", (now + 9999, now + 9999))
            watch.tree._now = lambda seconds=seconds: now + seconds
            found.append(watch.discover())
        assert found == [[], [], [], ["a"]]
