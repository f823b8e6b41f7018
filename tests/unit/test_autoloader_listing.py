"""Auto Loader finds files on this machine: each once, none half-written, and at no cost while nothing changes."""

import errno
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livetables.autoloader import leases, listing
from livetables.autoloader.globs import expand, matches
from livetables.autoloader.hadoop import HadoopTree, Status, belongs, parsed
from livetables.autoloader.ledger import Ledger
from livetables.autoloader.listing import Found, LocalTree, Selection, discover, local_path
from livetables.errors import LivetablesError, SettingsError

LINUX = sys.platform == "linux"
WRITER = "import sys, time; file = open(sys.argv[1], 'a'); print(file.write('x'), flush=True); sys.stdin.read()"


def later():
    """Return a time at which all files are old, and folders too: what changes now has another time."""
    return time.time() + 3600


def put(root, *names, text="x"):
    """Write files below a folder."""
    for name in names:
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


class Watch:
    """A tree and its ledger, which counts the folders that each look lists."""

    def __init__(self, path, monkeypatch=None, **options):
        self.path = path
        self.ledger = Ledger(Path(tempfile.mkdtemp(dir=path.parent, prefix=".ledger")) / "files.db")
        self.tree = LocalTree(str(path), known=self.ledger.names, **{"now": later, **options})
        self.listed = []
        if monkeypatch:
            scandir = os.scandir
            monkeypatch.setattr(os, "scandir", lambda folder: self.listed.append(folder) or scandir(folder))

    def look(self, **options):
        """Return the names that are new in the ledger after a look, by number, as they are called below the tree."""
        before = self.ledger.last()
        self.listed.clear()
        self.last = discover(self.tree, self.ledger, **options)
        found = [entry.path for entry in self.ledger.files(before, self.ledger.last())]
        return [path.removeprefix(f"file://{self.path}/") for path in found]


@pytest.fixture
def root(tmp_path):
    """An empty load path."""
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


@pytest.fixture
def watch(root, monkeypatch):
    """A watch of the load path."""
    watch = Watch(root, monkeypatch)
    yield watch
    watch.ledger.close()


def seen(path, selection=None, **options):
    """Return what one look at a path finds, sorted, without the part before `/in/`."""
    tree = LocalTree(str(path), selection, known=lambda _folder: (), **{"settle_ms": 0, **options})
    return sorted(one.path.rpartition("/in/")[2] for one in tree.look().found)


class TestCost:
    """What a look lists."""

    def test_nothing_new_lists_nothing(self, root, watch):
        """While no folder changes, a look asks each folder for its time, and no more."""
        put(root, "a", "sub/b")
        assert sorted(watch.look()) == ["a", "sub/b"]
        assert (watch.look(), watch.listed) == ([], [])

    def test_only_the_folder_that_changed_is_listed(self, root, watch):
        """A new file costs one listing, of its own folder."""
        put(root, "a", "one/b", "two/c")
        watch.look()
        put(root, "two/d")
        assert (watch.look(), watch.listed) == (["two/d"], [str(root / "two")])

    def test_a_restart_lists_nothing(self, root, watch):
        """The stamps of the folders are in the ledger, so a start with a million known files is quick too."""
        put(root, "a", "sub/b")
        watch.look()
        watch.tree = LocalTree(
            str(root), known=watch.ledger.names, folders=watch.ledger.load_folders(watch.tree.key), now=later
        )
        assert (watch.look(), watch.listed) == ([], [])

    def test_known_names_get_no_stat(self, root, watch, monkeypatch):
        """In a folder that changed, only the new file is looked at."""
        put(root, "a", "b")
        watch.look()
        put(root, "c")
        asked = []
        stat = os.stat
        monkeypatch.setattr(os, "stat", lambda path: asked.append(path) or stat(path))
        assert watch.look() == ["c"]
        assert str(root / "a") not in asked

    def test_a_full_look_lists_everything(self, root, watch):
        """For file systems whose folders do not show that they changed."""
        put(root, "a", "sub/b")
        watch.look()
        assert (watch.look(full=True), len(watch.listed)) == ([], 2)

    def test_another_selection_is_another_tree(self, root):
        """Stamps that were kept with other options would hide files that these options had left out."""
        keys = {LocalTree(str(root), Selection(glob), known=set).key for glob in (None, "*.json", "*.csv")}
        assert len(keys) == 3


class TestChanges:
    """What a look notices."""

    def test_a_folder_that_changed_just_now_is_listed_again(self, root, monkeypatch):
        """A file that comes in the same tick of the clock as the listing leaves the folder's time as it was."""
        watch = Watch(root, monkeypatch, now=time.time, settle_ms=0)
        put(root, "a")
        assert watch.look() == ["a"]
        assert (watch.look(), watch.listed) == ([], [str(root)])
        watch.tree._now = later
        assert (watch.look(), watch.listed, watch.look(), watch.listed) == ([], [], [], [])
        watch.ledger.close()

    def test_a_file_whose_folder_gets_its_old_time_back(self, root, watch):
        """As tar and rsync do with folders: the change shows in the folder's other time."""
        put(root, "a")
        os.utime(root, (1, 1))
        watch.look()
        put(root, "b")
        os.utime(root, (1, 1))
        assert watch.look() == ["b"]

    def test_new_folders_are_entered(self, root, watch):
        """Also when they come with folders of their own, or are moved here with all they have."""
        watch.look()
        put(root, "x/y/z/a")
        put(root.parent, "elsewhere/b")
        (root.parent / "elsewhere").rename(root / "moved")
        assert sorted(watch.look()) == ["moved/b", "x/y/z/a"]

    def test_removed_folders_are_forgotten(self, root, watch):
        """A folder that comes back is looked into again; its known files stay known."""
        put(root, "x/a")
        watch.look()
        shutil.rmtree(root / "x")
        assert (watch.look(), list(watch.tree.folders)) == ([], [str(root)])
        put(root, "x/a", "x/b")
        assert watch.look() == ["x/b"]

    def test_a_look_that_was_not_kept_is_repeated(self, root, watch, monkeypatch):
        """When the ledger can't be written, the next look finds the same files."""
        put(root, "a")
        with monkeypatch.context() as patch:
            patch.setattr(watch.ledger, "add", lambda *_found, **_skipped: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                watch.look()
        assert watch.look() == ["a"]

    def test_overwrites_are_noticed(self, root):
        """With allowOverwrites a changed file is read again, although its folder shows no change."""
        put(root, "a", "b")
        watch = Watch(root, overwrites=True)
        assert len(watch.look()) == 2
        put(root, "a", text="changed")
        assert (watch.look(), watch.look()) == (["a"], [])
        watch.ledger.close()

    def test_without_overwrites_they_are_not(self, root, watch):
        """A file is read once."""
        put(root, "a")
        watch.look()
        put(root, "a", "b", text="changed")
        assert watch.look() == ["b"]

    def test_files_come_by_time_then_path(self, root, watch):
        """The order in which files were written is the order in which they are read."""
        put(root, "c", "a", "sub/b")
        for name, seconds in {"c": 10, "a": 20, "sub/b": 10}.items():
            os.utime(root / name, (seconds, seconds))
        assert watch.look() == ["c", "sub/b", "a"]

    @settings(max_examples=25, deadline=None)
    @given(st.lists(st.tuples(st.sampled_from(["put", "remove", "move", "look"]), *[st.sampled_from("abc")] * 3)))
    def test_whatever_happens_each_file_is_found_once(self, steps):
        """After any changes, the ledger has the files that a full walk finds, each path once."""
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder).resolve() / "in"
            root.mkdir()
            watch, expected = Watch(root), set()
            for step, one, two, name in [*steps, ("look", "", "", "")]:
                if step == "put":
                    put(root, f"{one}/{two}{two}/{name}{name}{name}")
                elif step == "remove":
                    shutil.rmtree(root / one, ignore_errors=True)
                elif step == "move" and (root / one).exists() and not (root / two).exists():
                    (root / one).rename(root / two)
                elif step == "look":
                    watch.look()
                    expected |= {f"file://{file}" for file in root.rglob("*") if file.is_file()}
                    paths = [entry.path for entry in watch.ledger.files(0, 1000)]
                    assert (len(paths), set(paths)) == (len(expected), expected)
            watch.ledger.close()


class TestSelection:
    """Which files belong to a load path."""

    def test_hidden_files_and_folders_are_skipped(self, root):
        """At any depth: `_` and `.` begin what is no data, and `._COPYING_` ends what Hadoop is still copying."""
        put(root, "a", "_b", ".c", "x/_d/e", "x/.f/g", "x/_h=1/i", "j._COPYING_", "x_/k_")
        assert seen(root) == ["a", "x_/k_"]

    def test_a_load_path_may_be_hidden_itself(self, tmp_path):
        """What the user names is read; the rule is about what lies below."""
        put(tmp_path, "_x/in/a", "_x/in/_b")
        assert seen(tmp_path / "_x" / "in") == ["a"]
        assert seen(tmp_path / "_x" / "in" / "_b") == ["_b"]

    def test_empty_files_are_files(self, root):
        """They have no rows, but the ledger accounts for them."""
        put(root, "a", text="")
        assert seen(root) == ["a"]

    @pytest.mark.parametrize(
        ("glob", "names"),
        [
            ("*", ["a.json", "b.csv", "one/c.json", "one/deep/d.json", "two/e.csv"]),
            ("*.json", ["a.json"]),
            ("*/*.json", ["one/c.json"]),
            ("one", ["one/c.json", "one/deep/d.json"]),
            ("one/", ["one/c.json", "one/deep/d.json"]),
            ("*/deep", ["one/deep/d.json"]),
            ("o*/d*/*", ["one/deep/d.json"]),
            ("{one,two}", ["one/c.json", "one/deep/d.json", "two/e.csv"]),
            ("{one/deep,two}/*", ["one/deep/d.json", "two/e.csv"]),
            ("{a.json,b.*,absent}", ["a.json", "b.csv"]),
            ("[ab].*", ["a.json", "b.csv"]),
            ("[^a].*", ["b.csv"]),
            ("_h*/*", ["_hidden/f"]),
            ("a.json", ["a.json"]),
            ("x*", []),
        ],
    )
    def test_globs_in_the_load_path(self, root, glob, names):
        """Hadoop's globs; a folder that a glob matches is read with all below it."""
        put(root, "a.json", "b.csv", "one/c.json", "one/deep/d.json", "two/e.csv", "_hidden/f")
        assert seen(f"{root}/{glob}") == names

    def test_a_glob_is_watched(self, root, watch):
        """Folders and files that match later are found later; what does not match is never entered."""
        watch.tree.path = watch.tree._plain = f"{root}/day=*/part-*"
        put(root, "day=1/part-1", "day=1/other", "night=1/part-1")
        assert watch.look() == ["day=1/part-1"]
        assert (watch.look(), watch.listed) == ([], [])
        put(root, "day=1/part-2", "day=2/part-1", "night=1/part-2")
        assert sorted(watch.look()) == ["day=1/part-2", "day=2/part-1"]
        assert str(root / "night=1") not in watch.listed

    def test_a_single_file(self, root):
        """A load path may be one file: it is found once."""
        put(root, "a", "b")
        watch = Watch(root)
        watch.tree.path = watch.tree._plain = f"{root}/a"
        assert (watch.look(), watch.look()) == (["a"], [])
        watch.ledger.close()

    def test_names_may_be_restricted(self, root):
        """The options pathGlobFilter and fileNamePattern are about the file's name, not about folders."""
        put(root, "a.json", "b.csv", "x.d/c.json", "x.d/d.txt")
        assert seen(root, Selection(name_glob="*.{json,txt}")) == ["a.json", "x.d/c.json", "x.d/d.txt"]

    def test_folders_may_be_left_out(self, root):
        """Without recursion, the folders that the load path names are read, and none below them."""
        put(root, "a", "x/b", "x/y/c")
        assert seen(root, Selection(recursive=False)) == ["a"]
        assert seen(f"{root}/*", Selection(recursive=False)) == ["a", "x/b"]

    def test_times_may_be_restricted(self, root):
        """The options modifiedAfter and modifiedBefore take what lies between, without the limits themselves."""
        put(root, *"abcd")
        for seconds, name in enumerate("abcd"):
            os.utime(root / name, (seconds, seconds))
        assert seen(root, Selection(modified_after=0, modified_before=3000)) == ["b", "c"]

    @pytest.mark.parametrize(
        ("given", "meant"),
        [
            ("/in/a b", "/in/a b"),
            ("file:/in", "/in"),
            ("file:///in/", "/in"),
            ("/in//x/../y", "/in/y"),
            ("s3a://bucket/in", None),
            ("dbfs:/in", None),
        ],
    )
    def test_which_paths_are_local(self, given, meant):
        """All others are asked of Hadoop."""
        assert local_path(given) == meant

    def test_paths_are_named_as_spark_names_them(self, root):
        """With scheme, and unescaped; size in bytes, time in milliseconds."""
        put(root, "a b%20ü.json", text="12345")
        os.utime(root / "a b%20ü.json", ns=(0, 1_700_000_000_123_456_789))
        tree = LocalTree(f"file:{root}/", known=lambda _folder: ())
        assert tree.look().found == [Found(f"file://{root}/a b%20ü.json", 5, 1_700_000_000_123)]


class TestHalfWritten:
    """A file is taken when it is quiet."""

    def test_a_young_file_waits(self, root, watch):
        """Its folder does not change when the file is complete, and still it is found."""
        put(root, "a")
        watch.tree._now = time.time
        assert (watch.look(), watch.last.unsettled) == ([], [f"{root}/a"])
        watch.tree._now = later
        assert (watch.look(), watch.last.unsettled) == (["a"], [])
        assert (watch.look(), watch.listed) == ([], [])

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
            "import sys, time\nfrom livetables.autoloader.leases import being_written\nprint('asks', flush=True)\n"
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

    def test_a_file_from_the_future_waits_until_it_stays_as_it_is(self, root, watch):
        """The clock of another machine may be ahead; the file is taken when it has not changed for a while."""
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


class TestTrouble:
    """What does not stop a look, and what does."""

    def test_a_missing_load_path_is_an_error(self, root, watch):
        """At the start, and when it vanishes while the pipeline runs: with the command that creates it."""
        root.rmdir()
        with pytest.raises(LivetablesError, match="mkdir -p") as caught:
            watch.look()
        assert (caught.value.code, str(root) in str(caught.value)) == ("LANDING_FOLDER_NOT_FOUND", True)

    def test_a_glob_may_match_nothing_yet(self, root):
        """Its files may come later."""
        assert seen(root / "absent" / "*.json") == []

    def refuse(self, monkeypatch, folder, error):
        """Let a folder that can be seen not be listed."""
        scandir = os.scandir

        def listed(path):
            if path == str(folder):
                raise error
            return scandir(path)

        monkeypatch.setattr(os, "scandir", listed)

    def test_a_folder_that_may_not_be_read_is_tried_again(self, root, watch, monkeypatch):
        """The rest is found; the folder is named, and its files come when it may be read."""
        put(root, "a", "x/b")
        with monkeypatch.context() as patch:
            self.refuse(patch, root / "x", PermissionError(errno.EACCES, "Permission denied"))
            assert (watch.look(), watch.last.unreadable) == (["a"], {f"{root}/x": "Permission denied"})
        assert (watch.look(), watch.last.unreadable) == (["x/b"], {})

    def test_a_load_path_that_may_not_be_read_is_an_error(self, root, watch, monkeypatch):
        """Otherwise a pipeline would wait for files that it can't see."""
        self.refuse(monkeypatch, root, PermissionError(errno.EACCES, "Permission denied"))
        with pytest.raises(LivetablesError, match="Permission denied") as caught:
            watch.look()
        assert caught.value.code == "LANDING_FOLDER_NOT_READABLE"

    def test_a_folder_that_vanishes_meanwhile_is_no_error(self, root, watch, monkeypatch):
        """It is as if it had gone before the look."""
        put(root, "a", "x/b")
        self.refuse(monkeypatch, root / "x", FileNotFoundError(errno.ENOENT, "No such file"))
        assert (watch.look(), watch.last.unreadable) == (["a"], {})

    def test_a_file_that_vanishes_meanwhile_is_no_error(self, root, watch, monkeypatch):
        """It is named in the ledger only when it is there."""
        put(root, "a", "b")
        monkeypatch.setattr(listing, "being_written", lambda path: path.endswith("b") and Path(path).unlink())
        assert (watch.look(), watch.last.unreadable) == (["a"], {})

    def test_links_are_followed(self, root, watch):
        """To files and to folders, by the names that they have here."""
        put(root.parent, "there/a", "b")
        (root / "folder").symlink_to(root.parent / "there")
        (root / "file").symlink_to(root.parent / "b")
        assert sorted(watch.look()) == ["file", "folder/a"]
        put(root.parent, "there/c")
        assert watch.look() == ["folder/c"]

    def test_loops_of_links_end(self, root):
        """Each file is found by finitely many names, also when two folders link to each other."""
        put(root, "a", "x/b", "y/c")
        (root / "self").symlink_to(root)
        (root / "up").symlink_to(root.parent)
        (root / "circle").symlink_to("circle")
        (root / "x" / "y").symlink_to(root / "y")
        (root / "y" / "x").symlink_to(root / "x")
        assert seen(root) == ["a", "x/b", "x/y/c", "y/c", "y/x/b"]

    def test_a_link_may_get_its_target_later(self, root, watch):
        """Its own folder does not change then."""
        (root / "link").symlink_to(root.parent / "absent")
        assert watch.look() == []
        put(root.parent, "absent")
        assert watch.look() == ["link"]

    @pytest.mark.skipif(not LINUX, reason="macOS has only names in UTF-8")
    def test_a_name_that_is_no_text_is_told(self, root, watch):
        """Java can't open such a file; the others are found."""
        put(root, "a")
        (root / os.fsdecode(b"\xff.json")).touch()
        (root / os.fsdecode(b"\xfe")).mkdir()
        (root / os.fsdecode(b"\xfe") / "b").touch()
        assert watch.look() == ["a"]
        assert sorted(watch.last.unreadable) == [f"{root}/\\xfe", f"{root}/\\xff.json"]

    def test_what_is_no_file_is_left_alone(self, root):
        """A named pipe would block its reader."""
        os.mkfifo(root / "pipe")
        assert seen(root, settle_ms=1000, now=later) == []


class TestGlobs:
    """Hadoop's globs."""

    @pytest.mark.parametrize(
        ("pattern", "name", "fits"),
        [
            ("*.json", "a.json", True), ("*.json", "a.jsonl", False), ("?.json", "ab.json", False),
            ("[a-c]x", "bx", True), ("[!a-c]x", "bx", False), ("[^a-c]x", "dx", True), ("[a.]", ".", True),
            ("a+b(c)$", "a+b(c)$", True), ("a\\*", "a*", True), ("a\\*", "ab", False), ("[", "[", True),
            ("x{a,b{c,d}}y", "xbdy", True), ("x{a,b{c,d}}y", "xby", False), ("a}", "a}", True), ("*", "a\nb", True),
            ("[&&~|]", "|", True),
        ],
    )  # fmt: skip
    def test_matches(self, pattern, name, fits):
        """As Hadoop's, case counts."""
        assert matches(pattern, name) is fits

    def test_expand(self):
        """Alternatives may hold a slash, and be empty."""
        assert expand("/in/{a/b,c}x{,2}") == ["/in/a/bx", "/in/a/bx2", "/in/cx", "/in/cx2"]

    def test_a_pattern_that_means_nothing(self):
        """It is named, with what can be written."""
        with pytest.raises(SettingsError, match=r"\[z-a\]") as caught:
            matches("[z-a]", "b")
        assert caught.value.code == "WRONG_VALUE"


class TestHadoop:
    """What can be said of other file systems without one."""

    def test_the_text_of_a_list_of_statuses(self):
        """Java renders many files in one call; names may hold what separates them."""
        text = (
            "[LocatedFileStatus{path=s3a://b/in/a, b; c}.json; isDirectory=false; length=12; replication=1; "
            "blocksize=33554432; modification_time=1700000000123; access_time=0; owner=me; group=me; "
            "permission=rw-rw-rw-; isSymlink=false; hasAcl=false; isEncrypted=true; isErasureCoded=false}, "
            "S3AFileStatus{path=s3a://b/in/x; isDirectory=true; modification_time=0; access_time=0; owner=me; "
            "group=me; permission=rwxrwxrwx; isSymlink=false; hasAcl=false; isEncrypted=true; isErasureCoded=false} "
            "isEmptyDirectory=FALSE]"
        )
        assert list(parsed(text)) == [
            Status(Found("s3a://b/in/a, b; c}.json", 12, 1_700_000_000_123), is_folder=False),
            Status(Found("s3a://b/in/x", 0, 0), is_folder=True),
        ]

    @pytest.mark.parametrize(
        ("pattern", "path", "whether"),
        [
            ("s3a://b/in/*", "s3a://b/in/a", True),
            ("s3a://b/in/*", "s3a://b/in/_a", False),
            ("s3a://b/*/a", "s3a://b/.x/a", False),
            ("hdfs:///_in/*", "hdfs://host:8020/_in/a", True),
            ("s3a://b/{x,_y}/*.csv", "s3a://b/_y/a.csv", True),
            ("s3a://b/_a", "s3a://b/_a", True),
        ],
    )
    def test_a_wildcard_matches_no_hidden_name(self, pattern, path, whether):
        """Hadoop's own globs do match it."""
        assert belongs(pattern, path) is whether

    def test_what_a_look_takes(self, monkeypatch):
        """Known files, other names and young files are left out, as on this machine."""
        files = [Found(f"s3a://b/in/{name}", 1, modified) for name, modified in
                 [("b.json", 2), ("a.json", 2), ("c.csv", 1), ("known.json", 1), ("young.json", 9_500)]]  # fmt: skip
        monkeypatch.setattr(HadoopTree, "_files", lambda _tree: iter(files))
        tree = HadoopTree(
            None, "s3a://b/in", Selection("*.json"), known={"s3a://b/in": {"known.json"}}.get, now=lambda: 10.0
        )
        look = tree.look()
        assert [one.path[-6:] for one in look.found] == ["a.json", "b.json"]
        assert look.unsettled == ["s3a://b/in/young.json"]
