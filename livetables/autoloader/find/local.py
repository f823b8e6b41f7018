"""Lists the files of a load path on this machine, at the cost of one `stat` per folder while nothing changes.

A folder's modification time changes when an entry is added, removed or renamed, so a folder is listed only then. Its
change stamp is stored as 0, which means "list it again", in two cases: the folder changed so recently that a later
change could have the same time (git treats its index in the same way), or one of its entries must be checked again.
"""

from __future__ import annotations

import os
import stat
import time
from contextlib import suppress
from pathlib import PurePath
from typing import TYPE_CHECKING

from livetables.autoloader.find.files import FileSelection, FoundFile, Listing, folder_not_found
from livetables.autoloader.find.globs import expand_braces, is_glob, patterns_below, patterns_in, takes_file
from livetables.autoloader.find.open_files import is_open_for_writing
from livetables.errors import LivetablesError
from livetables.storage.locations import local_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from livetables.autoloader.find.files import KnownFiles
    from livetables.autoloader.find.globs import RemainingPatterns

#: The coarsest resolution of a folder's time (FAT has two seconds).
_TICK_NS = 2_000_000_000
_LIST_AGAIN = 0
_FILE = "file://"


class LocalTree:
    """The files below a folder, a single file, or a glob of them, on this machine.

    A file is taken when it has settled: no process has it open for writing, or, where the system can't say, it is
    `settle_ms` old; 0 takes every file at once. Links are followed. `known` returns the names in a folder
    (`file:///in`) that are in the ledger (`Ledger.names`): these files get no `stat`. With `overwrites` they do, so
    each listing reads all folders and calls `stat` for each file; `known` then returns sizes and times
    (`Ledger.versions`).

    File systems that do not maintain the times of folders (some FUSE mounts) need `list_new(full=True)` regularly.
    """

    def __init__(
        self,
        path: str,
        selection: FileSelection | None = None,
        *,
        known: Callable[[str], KnownFiles],
        overwrites: bool = False,
        settle_ms: int = 1000,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.path = path
        self.overwrites = overwrites
        self.stamps: dict[str, int] = {}
        self._plain = local_path(path) or path
        self._selection = selection or FileSelection()
        self._known = known
        self._settle_ns = settle_ms * 1_000_000
        self._now = now
        #: Files whose time lies in the future: size, time, and when this state was first seen (ns).
        self._ahead: dict[str, tuple[int, int, int]] = {}

    @property
    def key(self) -> str:
        """The load path and the filter: stamps of another tree do not apply to this one."""
        return f"{self.path} {self._selection}"

    def list_new(self, *, full: bool = False) -> Listing:
        """Return what is new since the stamps in `stamps`; with `full`, list all folders whatever their stamps.

        Raises LivetablesError when the load path itself is missing or can't be read.
        """
        listing = Listing()
        roots, files = self._roots()
        for file in files:
            folder, name = os.path.split(file)
            known = self._known(_FILE + folder.rstrip("/"))
            if self.overwrites or name not in known:
                with suppress(FileNotFoundError):
                    self._check_file(file, listing, known)
        pending = list({**roots, **self.stamps})
        met = set(pending)
        while pending:
            folder = pending.pop()
            visited = self._visit(folder, roots, listing, full=full or self.overwrites)
            below = [path for path in visited if path not in met]
            met.update(below)
            pending += below
        if why := listing.unreadable.get(self._plain):
            message = f"The folder that Auto Loader should read, {self._plain}, can't be read: {why}."
            raise LivetablesError("LANDING_FOLDER_NOT_READABLE", message, hint=f"Allow it (chmod u+rx {self._plain}).")
        listing.files.sort(key=lambda file: (file.modified, file.path))
        self._ahead = {path: self._ahead[path] for path in listing.unsettled if path in self._ahead}
        return listing

    def _roots(self) -> tuple[dict[str, RemainingPatterns], list[str]]:
        """Return the folders where the load path begins, with the patterns below them, and the files that it names."""
        roots: dict[str, RemainingPatterns] = {}
        files = []
        for pattern in expand_braces(self._plain):
            names = pattern.split("/")
            at = next((at for at, name in enumerate(names) if is_glob(name)), len(names))
            start = "/".join(names[:at]) or "/"
            if os.path.isdir(start):
                roots[start] = roots.get(start, frozenset()) | {tuple(names[at:])}
            elif os.path.isfile(start) and at == len(names):
                files.append(start)
            elif not is_glob(self._plain):
                raise folder_not_found(start)
        return roots, files

    def _visit(self, folder: str, roots: dict[str, RemainingPatterns], listing: Listing, *, full: bool) -> list[str]:
        """List a folder if it has changed, and return its subfolders that belong to the tree."""
        now = int(self._now() * 1e9)
        try:
            status = os.stat(folder)
            # ctime too: it shows changes that a program hides by setting the other time back, as tar does.
            times = status.st_mtime_ns, status.st_ctime_ns
            stamp = sum(times) % 2**63
            if self.stamps.get(folder) == stamp and not full:
                listing.stamps[folder] = stamp
                return []
            return self._list(folder, roots, listing, stamp if max(times) < now - _TICK_NS else _LIST_AGAIN)
        except (FileNotFoundError, NotADirectoryError):
            return []  # removed: its stamp is dropped
        except OSError as error:
            listing.unreadable[folder] = str(error.strerror)
            listing.stamps[folder] = _LIST_AGAIN
            return []

    def _list(self, folder: str, roots: dict[str, RemainingPatterns], listing: Listing, stamp: int) -> list[str]:
        recursive = self._selection.recursive
        patterns = patterns_in(folder, roots, recursive=recursive)
        known = self._known(_FILE + folder.rstrip("/"))
        below = []
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name in known and not self.overwrites:
                    continue
                if not _is_utf8(entry.name):
                    shown = os.fsencode(entry.path).decode(errors="backslashreplace")
                    listing.unreadable[shown] = "Its name is not UTF-8"
                    continue
                try:
                    if entry.is_dir():
                        if patterns_below(patterns, entry.name, recursive=recursive) and not _is_loop(entry):
                            below.append(entry.path)
                    elif takes_file(patterns, entry.name) and not self._check_file(entry.path, listing, known):
                        stamp = _LIST_AGAIN
                except FileNotFoundError:
                    stamp = _LIST_AGAIN  # a broken link: its target may appear later
                except OSError as error:
                    listing.unreadable[entry.path] = str(error.strerror)
                    stamp = _LIST_AGAIN
        listing.stamps[folder] = stamp
        return below

    def _check_file(self, path: str, listing: Listing, known: KnownFiles) -> bool:
        """Add a file to the listing if it is selected, new and settled; False when it must be checked again."""
        if not self._selection.takes_name(path.rpartition("/")[2]):
            return True
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode) or _file_of(path, status).is_in(known, overwrites=self.overwrites):
            return True
        if self._settle_ns:
            written = is_open_for_writing(path)
            status = os.stat(path)  # a writer that ended in between has changed the time
            if written or (written is None and self._is_young(path, status)):
                listing.unsettled.append(path)
                return False
        file = _file_of(path, status)
        if self._selection.takes_time(file.modified):
            listing.files.append(file)
        return True

    def _is_young(self, path: str, status: os.stat_result) -> bool:
        now = int(self._now() * 1e9)
        since = status.st_mtime_ns
        if since > now:  # another machine's clock, or set by hand: the file has settled when it stays unchanged
            size, modified, since = self._ahead.get(path, (0, 0, 0))
            if (size, modified) != (status.st_size, status.st_mtime_ns):
                since = now
            self._ahead[path] = (status.st_size, status.st_mtime_ns, since)
        return now - since < self._settle_ns


def _file_of(path: str, status: os.stat_result) -> FoundFile:
    return FoundFile(_FILE + path, status.st_size, status.st_mtime_ns // 1_000_000)


def _is_loop(entry: os.DirEntry[str]) -> bool:
    """Whether a folder is a link to one of the folders above it."""
    if not entry.is_symlink():
        return False
    target = os.path.realpath(entry.path)
    return any(os.path.realpath(above) == target for above in PurePath(entry.path).parents)


def _is_utf8(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True
