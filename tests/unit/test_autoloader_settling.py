"""Auto Loader reads no file that is half-written."""

import errno
import fcntl
import os
import subprocess
import sys
import time

import pytest

from livetables.autoloader.find import leases
from tests.unit.trees import later, put, seen

LINUX = sys.platform == "linux"
WRITER = "import sys, time; file = open(sys.argv[1], 'a'); print(file.write('x'), flush=True); sys.stdin.read()"


@pytest.fixture
def untold(monkeypatch):
    """Nobody can tell who has a file open."""
    monkeypatch.setattr("livetables.autoloader.find.listing.being_written", lambda _: None)


class TestHalfWritten:
    """A file is taken when it is quiet."""

    def test_a_file_that_nobody_writes_is_taken_at_once(self, root, watch, monkeypatch):
        """Where the system tells that, it need not be old."""
        monkeypatch.setattr("livetables.autoloader.find.listing.being_written", lambda _: False)
        put(root, "a")
        watch.tree._now = time.time
        assert watch.look() == ["a"]

    def test_a_young_file_waits(self, root, watch, untold):
        """Its folder does not change when the file is complete, and still it is found."""
        del untold
        put(root, "a")
        watch.tree._now = time.time
        assert (watch.look(), watch.last.unsettled) == ([], [f"{root}/a"])
        watch.tree._now = later
        assert (watch.look(), watch.last.unsettled) == (["a"], [])
        assert (watch.look(), watch.listed) == ([], [])

    @pytest.mark.shows("A file is read as soon as it exists")
    @pytest.mark.skipif(not LINUX, reason="only Linux tells who has a file open")
    def test_a_file_that_is_open_for_writing_waits(self, root, watch):
        """However old it looks: a writer may pause for long."""
        command = [sys.executable, "-c", WRITER, str(root / "a")]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
            writer.stdout.readline()
            assert (watch.look(), watch.last.unsettled) == ([], [f"{root}/a"])
            writer.stdin.close()
            writer.wait()
        assert (watch.look(), watch.last.unsettled) == (["a"], [])

    def test_a_file_that_is_open_for_reading_does_not_wait(self, root, watch):
        """Readers change nothing."""
        put(root, "a")
        with (root / "a").open():
            assert watch.look() == ["a"]

    @pytest.mark.parametrize("number", [errno.EACCES, errno.EINVAL, errno.ENOLCK, errno.EOPNOTSUPP])
    def test_where_writers_are_not_told_the_time_decides(self, root, watch, monkeypatch, number):
        """A file of another user, or on a network: it is taken when it is old enough."""

        def refuse(*_arguments):
            raise OSError(number, "refused")

        monkeypatch.setattr(fcntl, "fcntl", refuse)
        put(root, "a")
        assert watch.look() == ["a"]

    def test_outside_of_linux_the_time_decides(self, root, watch, monkeypatch):
        """Such as on macOS."""
        monkeypatch.setattr(leases.sys, "platform", "darwin")
        with (root / "a").open("w"):
            assert watch.look() == ["a"]

    @pytest.mark.skipif(not LINUX, reason="only Linux tells who has a file open")
    def test_asking_harms_neither_side(self, root):
        """A writer that opens the file while it is asked about is not refused, and no signal ends this process."""
        put(root, "a")
        asking = (
            "import sys, time\nfrom livetables.autoloader.find.leases import being_written\nprint('asks', flush=True)\n"
            "end = time.monotonic() + 0.3\nwhile time.monotonic() < end: being_written(sys.argv[1])"
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
            assert seen(root, now=time.time, settle_ms=0) == ["a"]

    def test_a_file_from_the_future_waits_until_it_stays_as_it_is(self, root, watch, untold):
        """The clock of another machine may be ahead; the file is taken when it has not changed for a while."""
        del untold
        now = later()
        put(root, "a")
        os.utime(root / "a", (now + 9999, now + 9999))
        looks = []
        for seconds, size in [(0, 1), (0.9, 2), (1.8, 2), (2.0, 2)]:
            with (root / "a").open("w") as file:
                file.write("x" * size)
            os.utime(root / "a", (now + 9999, now + 9999))
            watch.tree._now = lambda seconds=seconds: now + seconds
            looks.append(watch.look())
        assert looks == [[], [], [], ["a"]]
