"""Listings of a local load path: their cost, the changes that they find, and their errors."""

import errno
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livetables.autoloader.find import local
from livetables.autoloader.find.files import FileSelection
from livetables.autoloader.find.local import LocalTree
from livetables.errors import LivetablesError
from tests.unit.trees import Watch, later, listed, put


class TestCost:
    """The folders that a listing reads."""

    def test_nothing_new_lists_nothing(self, root, watch):
        """While no folder changes, a listing only reads the time of each folder."""
        put(root, "a", "sub/b")
        assert sorted(watch.discover()) == ["a", "sub/b"]
        assert (watch.discover(), watch.listed) == ([], [])

    def test_only_the_folder_that_changed_is_listed(self, root, watch):
        """A new file costs one listing, of its own folder."""
        put(root, "a", "one/b", "two/c")
        watch.discover()
        put(root, "two/d")
        assert (watch.discover(), watch.listed) == (["two/d"], [str(root / "two")])

    def test_a_restart_lists_nothing(self, root, watch):
        """The stamps of the folders are in the ledger, so a start with a million known files is quick too."""
        put(root, "a", "sub/b")
        watch.discover()
        watch.tree = LocalTree(str(root), known=watch.ledger.names, now=later)
        watch.tree.stamps = watch.ledger.load_stamps(watch.tree.key)
        assert (watch.discover(), watch.listed) == ([], [])

    def test_known_names_get_no_stat(self, root, watch, monkeypatch):
        """In a folder that changed, only the new file gets a `stat`."""
        put(root, "a", "b")
        watch.discover()
        put(root, "c")
        asked = []
        stat = os.stat
        monkeypatch.setattr(os, "stat", lambda path: asked.append(path) or stat(path))
        assert watch.discover() == ["c"]
        assert str(root / "a") not in asked

    def test_a_full_look_lists_everything(self, root, watch):
        """For file systems that do not maintain the times of folders."""
        put(root, "a", "sub/b")
        watch.discover()
        assert (watch.discover(full=True), len(watch.listed)) == ([], 2)

    def test_another_selection_is_another_tree(self, root):
        """Stamps that were stored with other options would hide files that these options had left out."""
        keys = {LocalTree(str(root), FileSelection(glob), known=set).key for glob in (None, "*.json", "*.csv")}
        assert len(keys) == 3


class TestChanges:
    """The changes that a listing finds."""

    def test_a_folder_that_changed_just_now_is_listed_again(self, root, monkeypatch):
        """A file that arrives in the same clock tick as the listing does not change the folder's time."""
        watch = Watch(root, monkeypatch, now=time.time, settle_ms=0)
        put(root, "a")
        assert watch.discover() == ["a"]
        assert (watch.discover(), watch.listed) == ([], [str(root)])
        watch.tree._now = later
        assert (watch.discover(), watch.listed, watch.discover(), watch.listed) == ([], [], [], [])
        watch.ledger.close()

    def test_a_file_whose_folder_gets_its_old_time_back(self, root, watch):
        """As tar and rsync do with folders: the change is visible in the folder's ctime."""
        put(root, "a")
        os.utime(root, (1, 1))
        watch.discover()
        put(root, "b")
        os.utime(root, (1, 1))
        assert watch.discover() == ["b"]

    def test_new_folders_are_entered(self, root, watch):
        """Also when they have subfolders, or are moved here with their content."""
        watch.discover()
        put(root, "x/y/z/a")
        put(root.parent, "elsewhere/b")
        (root.parent / "elsewhere").rename(root / "moved")
        assert sorted(watch.discover()) == ["moved/b", "x/y/z/a"]

    def test_removed_folders_are_forgotten(self, root, watch):
        """A folder that is created again is listed again; its known files stay known."""
        put(root, "x/a")
        watch.discover()
        shutil.rmtree(root / "x")
        assert (watch.discover(), list(watch.tree.stamps)) == ([], [str(root)])
        put(root, "x/a", "x/b")
        assert watch.discover() == ["x/b"]

    def test_a_look_that_was_not_kept_is_repeated(self, root, watch, monkeypatch):
        """When the ledger can't be written, the next listing finds the same files."""
        put(root, "a")
        with monkeypatch.context() as patch:
            patch.setattr(watch.ledger, "add", lambda *_found, **_skipped: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                watch.discover()
        assert watch.discover() == ["a"]

    def test_overwrites_are_noticed(self, root):
        """With allowOverwrites a changed file is read again, although its folder shows no change."""
        put(root, "a", "b")
        watch = Watch(root, overwrites=True)
        assert len(watch.discover()) == 2
        put(root, "a", text="changed")
        assert (watch.discover(), watch.discover(), watch.last.files) == (["a"], [], [])
        watch.ledger.close()

    @pytest.mark.parametrize("known", ["names", "versions"])
    def test_overwrites_are_noticed_whatever_is_known(self, root, known):
        """Names alone do not identify versions: then the ledger compares."""
        put(root, "a")
        watch = Watch(root, overwrites=True)
        watch.tree._known = getattr(watch.ledger, known)
        watch.discover()
        put(root, "a", text="changed")
        assert (watch.discover(), watch.discover()) == (["a"], [])
        watch.ledger.close()

    def test_without_overwrites_they_are_not(self, root, watch):
        """A file is read once."""
        put(root, "a")
        watch.discover()
        put(root, "a", "b", text="changed")
        assert watch.discover() == ["b"]

    def test_files_come_by_time_then_path(self, root, watch):
        """The order in which files were written is the order in which they are read."""
        put(root, "c", "a", "sub/b")
        for name, seconds in {"c": 10, "a": 20, "sub/b": 10}.items():
            os.utime(root / name, (seconds, seconds))
        assert watch.discover() == ["c", "sub/b", "a"]

    @settings(max_examples=25, deadline=None)
    @given(st.lists(st.tuples(st.sampled_from(["put", "remove", "move", "discover"]), *[st.sampled_from("abc")] * 3)))
    def test_whatever_happens_each_file_is_found_once(self, steps):
        """After any changes, the ledger has the files that a full walk finds, each path once."""
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder).resolve() / "in"
            root.mkdir()
            watch, expected = Watch(root), set()
            for step, one, two, name in [*steps, ("discover", "", "", "")]:
                if step == "put":
                    put(root, f"{one}/{two}{two}/{name}{name}{name}")
                elif step == "remove":
                    shutil.rmtree(root / one, ignore_errors=True)
                elif step == "move" and (root / one).exists() and not (root / two).exists():
                    (root / one).rename(root / two)
                elif step == "discover":
                    watch.discover()
                    expected |= {f"file://{file}" for file in root.rglob("*") if file.is_file()}
                    paths = [entry.path for entry in watch.ledger.files(0, 1000)]
                    assert (len(paths), set(paths)) == (len(expected), expected)
            watch.ledger.close()


class TestTrouble:
    """Problems that a listing survives, and those that end it."""

    def test_a_missing_load_path_is_an_error(self, root, watch):
        """At the start, and when it is removed while the pipeline runs: the hint has the command that creates it."""
        root.rmdir()
        with pytest.raises(LivetablesError, match="mkdir -p") as caught:
            watch.discover()
        assert (caught.value.code, str(root) in str(caught.value)) == ("LANDING_FOLDER_NOT_FOUND", True)

    def test_a_glob_may_match_nothing_yet(self, root):
        """Its files may come later."""
        assert listed(root / "absent" / "*.json") == []

    def refuse(self, monkeypatch, folder, error):
        """Make the listing of a folder fail."""
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
            assert (watch.discover(), watch.last.unreadable) == (["a"], {f"{root}/x": "Permission denied"})
        assert (watch.discover(), watch.last.unreadable) == (["x/b"], {})

    def test_a_load_path_that_may_not_be_read_is_an_error(self, root, watch, monkeypatch):
        """Otherwise a pipeline would wait for files that it can't see."""
        self.refuse(monkeypatch, root, PermissionError(errno.EACCES, "Permission denied"))
        with pytest.raises(LivetablesError, match="Permission denied") as caught:
            watch.discover()
        assert caught.value.code == "LANDING_FOLDER_NOT_READABLE"

    def test_a_folder_that_vanishes_meanwhile_is_no_error(self, root, watch, monkeypatch):
        """It is as if it had been removed before the listing."""
        put(root, "a", "x/b")
        self.refuse(monkeypatch, root / "x", FileNotFoundError(errno.ENOENT, "No such file"))
        assert (watch.discover(), watch.last.unreadable) == (["a"], {})

    def test_a_file_that_vanishes_meanwhile_is_no_error(self, root, watch, monkeypatch):
        """Only files that exist get into the ledger."""
        put(root, "a", "b")
        monkeypatch.setattr(local, "is_open_for_writing", lambda path: path.endswith("b") and Path(path).unlink())
        assert (watch.discover(), watch.last.unreadable) == (["a"], {})

    def test_links_are_followed(self, root, watch):
        """To files and to folders, by the names that they have here."""
        put(root.parent, "there/a", "b")
        (root / "folder").symlink_to(root.parent / "there")
        (root / "file").symlink_to(root.parent / "b")
        assert sorted(watch.discover()) == ["file", "folder/a"]
        put(root.parent, "there/c")
        assert watch.discover() == ["folder/c"]

    def test_loops_of_links_end(self, root):
        """Each file is found by finitely many names, also when two folders link to each other."""
        put(root, "a", "x/b", "y/c")
        (root / "self").symlink_to(root)
        (root / "up").symlink_to(root.parent)
        (root / "circle").symlink_to("circle")
        (root / "x" / "y").symlink_to(root / "y")
        (root / "y" / "x").symlink_to(root / "x")
        assert listed(root) == ["a", "x/b", "x/y/c", "y/c", "y/x/b"]

    def test_a_link_may_get_its_target_later(self, root, watch):
        """Its own folder does not change then."""
        (root / "link").symlink_to(root.parent / "absent")
        assert watch.discover() == []
        put(root.parent, "absent")
        assert watch.discover() == ["link"]

    @pytest.mark.skipif(sys.platform != "linux", reason="macOS has only names in UTF-8")
    def test_a_name_that_is_no_text_is_told(self, root, watch):
        """Java can't open such a file; the others are found."""
        put(root, "a")
        (root / os.fsdecode(b"\xff.json")).touch()
        (root / os.fsdecode(b"\xfe")).mkdir()
        (root / os.fsdecode(b"\xfe") / "b").touch()
        assert watch.discover() == ["a"]
        assert sorted(watch.last.unreadable) == [f"{root}/\\xfe", f"{root}/\\xff.json"]

    def test_what_is_no_file_is_left_alone(self, root):
        """A named pipe would block its reader."""
        os.mkfifo(root / "pipe")
        assert listed(root, settle_ms=1000, now=later) == []
