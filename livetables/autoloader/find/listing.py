"""Finds the files below a load path: on this machine at the cost of a `stat` per folder while nothing changes.

The time of a folder changes when an entry is added, removed or renamed, so only then is the folder listed. Its stamp is
kept as 0, which means "list it again", when that can't be trusted: the folder has changed so lately that a later change
may bear the same time (as git does with its index), or something in it must be looked at once more.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from livetables.autoloader.find.globs import Rests, expand, is_glob, matches, rests_below, rests_of, takes
from livetables.autoloader.find.leases import being_written
from livetables.errors import LivetablesError
from livetables.storage.locations import local_path

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from livetables.autoloader.find.hadoop import HadoopTree
    from livetables.autoloader.find.ledger import Ledger

#: A folder's time may be this coarse (FAT has two seconds).
_TICK_NS = 2_000_000_000
_LIST_AGAIN = 0
#: The names of the known files in a folder, or their sizes and times too.
Known: TypeAlias = "Collection[str] | Mapping[str, tuple[int, int]]"
_FILE = "file://"


class Found(NamedTuple):
    """A file that lies there: its path as Spark takes it (`file:///in/a b.json`), bytes, milliseconds since 1970."""

    path: str
    size: int
    modified: int

    def is_in(self, known: Known, *, overwrites: bool) -> bool:
        """Whether the ledger knows it: by name, or with `overwrites` in this version."""
        name = self.path.rpartition("/")[2]
        if not overwrites:
            return name in known
        return isinstance(known, Mapping) and known.get(name) == (self.size, self.modified)


@dataclass(frozen=True)
class Selection:
    """Which files are taken; all but hidden ones by default. Times are milliseconds since 1970.

    `name_glob` is about the file's name. Without `recursive`, only the folders that the load path names are read.
    """

    name_glob: str | None = None
    recursive: bool = True
    modified_after: int | None = None
    modified_before: int | None = None

    def takes_name(self, name: str) -> bool:
        """Whether a file of this name, which is not hidden, may be one of them."""
        return self.name_glob is None or matches(self.name_glob, name)

    def takes_time(self, modified: int) -> bool:
        """Whether a file of this time may be one of them."""
        after, before = self.modified_after, self.modified_before
        return (after is None or modified > after) and (before is None or modified < before)


@dataclass
class Look:
    """What one look saw."""

    #: Files that may be new, by (modified, path).
    found: list[Found] = field(default_factory=list)
    #: Files that are being written: a later look finds them.
    unsettled: list[str] = field(default_factory=list)
    #: Files and folders that could not be looked at, and why; each look tries again.
    unreadable: dict[str, str] = field(default_factory=dict)
    #: The stamps of all folders, to be kept once the files are in the ledger.
    folders: dict[str, int] = field(default_factory=dict)


def missing(folder: str) -> LivetablesError:
    """Return the error for a load path that is not there."""
    return LivetablesError(
        "LANDING_FOLDER_NOT_FOUND",
        f"The folder that Auto Loader should read, {folder}, does not exist.",
        hint=f"Create it (mkdir -p {folder}), or correct the path in the configuration or its path map.",
    )


def discover(tree: LocalTree | HadoopTree, ledger: Ledger, *, full: bool = False, skipped: bool = False) -> Look:
    """Look, and put into the ledger what was found: first the files, then which folders need not be listed again."""
    look = tree.look(full=full)
    ledger.add(look.found, tree.overwrites, skipped=skipped)
    if look.folders != tree.folders:
        ledger.save_folders(tree.key, look.folders)
        tree.folders = look.folders
    return look


class LocalTree:
    """The files below a folder, a file, or a glob of them, on this machine.

    A file is taken when it is quiet: nobody has it open for writing, or, where that can't be asked, it is `settle_ms`
    old; 0 takes every file at once. Links are followed. `known` returns the names in a folder (`file:///in`) that are
    in the ledger (`Ledger.names`): they are not looked at again. With `overwrites` they are, so that each look costs a
    listing of all folders and a `stat` of each file; `known` returns sizes and times then (`Ledger.versions`).

    File systems that do not keep the times of folders (some that FUSE mounts) need `look(full=True)` now and then.
    """

    def __init__(
        self,
        path: str,
        selection: Selection | None = None,
        *,
        known: Callable[[str], Known],
        folders: dict[str, int] | None = None,
        overwrites: bool = False,
        settle_ms: int = 1000,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.path = path
        self.overwrites = overwrites
        #: Folder to stamp, as of the newest look whose files are in the ledger.
        self.folders = folders or {}
        self._plain = local_path(path) or path
        self._selection = selection or Selection()
        self._known = known
        self._settle_ns = settle_ms * 1_000_000
        self._now = now
        #: Size and time of files whose time lies ahead, and when they were first seen so.
        self._ahead: dict[str, tuple[int, int, int]] = {}

    @property
    def key(self) -> str:
        """What is looked for: the stamps of another tree say nothing about this one."""
        return f"{self.path} {self._selection}"

    def look(self, *, full: bool = False) -> Look:
        """Return what is new since the stamps in `folders`; with `full`, list all folders whatever their stamps.

        Raises LivetablesError when the load path itself is missing or can't be read.
        """
        look = Look()
        roots, files = self._start()
        for file in files:
            folder, name = os.path.split(file)
            known = self._known(_FILE + folder.rstrip("/"))
            if self.overwrites or name not in known:
                with suppress(FileNotFoundError):
                    self._meet(file, look, known)
        pending = list({**roots, **self.folders})
        met = set(pending)
        while pending:
            folder = pending.pop()
            below = [one for one in self._visit(folder, roots, look, full=full or self.overwrites) if one not in met]
            met.update(below)
            pending += below
        if why := look.unreadable.get(self._plain):
            said = f"The folder that Auto Loader should read, {self._plain}, can't be read: {why}."
            raise LivetablesError("LANDING_FOLDER_NOT_READABLE", said, hint=f"Allow it (chmod u+rx {self._plain}).")
        look.found.sort(key=lambda one: (one.modified, one.path))
        self._ahead = {path: self._ahead[path] for path in look.unsettled if path in self._ahead}
        return look

    def _start(self) -> tuple[dict[str, Rests], list[str]]:
        """Return the folders where the load path begins, with what it says about names below, and files it names."""
        roots: dict[str, Rests] = {}
        files = []
        for pattern in expand(self._plain):
            names = pattern.split("/")
            at = next((at for at, name in enumerate(names) if is_glob(name)), len(names))
            start = "/".join(names[:at]) or "/"
            if os.path.isdir(start):
                roots[start] = roots.get(start, frozenset()) | {tuple(names[at:])}
            elif os.path.isfile(start) and at == len(names):
                files.append(start)
            elif not is_glob(self._plain):
                raise missing(start)
        return roots, files

    def _visit(self, folder: str, roots: dict[str, Rests], look: Look, *, full: bool) -> list[str]:
        """Look into a folder if it has changed, and return the folders in it that belong to the tree."""
        now = int(self._now() * 1e9)
        try:
            status = os.stat(folder)
            # ctime too: it tells of changes that a program hides by setting the other time back, as tar does.
            times = status.st_mtime_ns, status.st_ctime_ns
            stamp = sum(times) % 2**63
            if self.folders.get(folder) == stamp and not full:
                look.folders[folder] = stamp
                return []
            return self._list(folder, roots, look, stamp if max(times) < now - _TICK_NS else _LIST_AGAIN)
        except (FileNotFoundError, NotADirectoryError):
            return []  # it was removed, and is forgotten
        except OSError as error:
            look.unreadable[folder] = str(error.strerror)
            look.folders[folder] = _LIST_AGAIN
            return []

    def _list(self, folder: str, roots: dict[str, Rests], look: Look, stamp: int) -> list[str]:
        recursive = self._selection.recursive
        rests = rests_of(folder, roots, recursive=recursive)
        known = self._known(_FILE + folder.rstrip("/"))
        below = []
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name in known and not self.overwrites:
                    continue
                if not _is_text(entry.name):
                    look.unreadable[os.fsencode(entry.path).decode(errors="backslashreplace")] = "Its name is not UTF-8"
                    continue
                try:
                    if entry.is_dir():
                        if rests_below(rests, entry.name, recursive=recursive) and not _is_loop(entry):
                            below.append(entry.path)
                    elif takes(rests, entry.name) and not self._meet(entry.path, look, known):
                        stamp = _LIST_AGAIN
                except FileNotFoundError:
                    stamp = _LIST_AGAIN  # a link to nothing: its target may come
                except OSError as error:
                    look.unreadable[entry.path] = str(error.strerror)
                    stamp = _LIST_AGAIN
        look.folders[folder] = stamp
        return below

    def _meet(self, path: str, look: Look, known: Known) -> bool:
        """Take a file if it is one of ours, new and quiet; False when it must be looked at again."""
        if not self._selection.takes_name(path.rpartition("/")[2]):
            return True
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode) or _found(path, status).is_in(known, overwrites=self.overwrites):
            return True
        if self._settle_ns:
            written = being_written(path)
            status = os.stat(path)  # a writer that came in between has left its time here
            if written or (written is None and self._is_young(path, status)):
                look.unsettled.append(path)
                return False
        found = _found(path, status)
        if self._selection.takes_time(found.modified):
            look.found.append(found)
        return True

    def _is_young(self, path: str, status: os.stat_result) -> bool:
        now = int(self._now() * 1e9)
        since = status.st_mtime_ns
        if since > now:  # another machine's clock, or set by hand: it is quiet when it stays as it is
            size, modified, since = self._ahead.get(path, (0, 0, 0))
            if (size, modified) != (status.st_size, status.st_mtime_ns):
                since = now
            self._ahead[path] = (status.st_size, status.st_mtime_ns, since)
        return now - since < self._settle_ns


def _found(path: str, status: os.stat_result) -> Found:
    return Found(_FILE + path, status.st_size, status.st_mtime_ns // 1_000_000)


def _is_loop(entry: os.DirEntry[str]) -> bool:
    """Whether a folder is a link to one that it lies in."""
    if not entry.is_symlink():
        return False
    target = os.path.realpath(entry.path)
    return any(os.path.realpath(above) == target for above in PurePath(entry.path).parents)


def _is_text(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True
