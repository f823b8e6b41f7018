"""The types of file discovery: a found file, the filter that selects files, and the result of one listing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

from livetables.autoloader.find.globs import matches
from livetables.errors import LivetablesError

if TYPE_CHECKING:
    from collections.abc import Collection

#: The files of a folder that are in the ledger: their names, or (size, modification time) by name.
KnownFiles: TypeAlias = "Collection[str] | Mapping[str, tuple[int, int]]"


class FoundFile(NamedTuple):
    """A file: its path as Spark names it (`file:///in/a b.json`), size in bytes, modification time in ms since 1970."""

    path: str
    size: int
    modified: int

    def is_in(self, known: KnownFiles, *, overwrites: bool) -> bool:
        """Whether the ledger has this file: by its name, or with `overwrites` by name, size and time."""
        name = self.path.rpartition("/")[2]
        if not overwrites:
            return name in known
        return isinstance(known, Mapping) and known.get(name) == (self.size, self.modified)


@dataclass(frozen=True)
class FileSelection:
    """The filter for files, by default all that are not hidden. Times are milliseconds since 1970, both exclusive.

    `name_glob` applies to the file's name. Without `recursive`, only the folders that the load path names are read.
    """

    name_glob: str | None = None
    recursive: bool = True
    modified_after: int | None = None
    modified_before: int | None = None

    def takes_name(self, name: str) -> bool:
        """Whether a file of this name passes the filter; hidden names are excluded elsewhere."""
        return self.name_glob is None or matches(self.name_glob, name)

    def takes_time(self, modified: int) -> bool:
        """Whether a file with this modification time passes the filter."""
        after, before = self.modified_after, self.modified_before
        return (after is None or modified > after) and (before is None or modified < before)


@dataclass
class Listing:
    """The result of listing a load path once."""

    #: Files that may be new, sorted by (modified, path).
    files: list[FoundFile] = field(default_factory=list)
    #: Paths of files that are still being written; a later listing returns them.
    unsettled: list[str] = field(default_factory=list)
    #: Files and folders that could not be read, with the reason; each listing tries again.
    unreadable: dict[str, str] = field(default_factory=dict)
    #: The change stamps of all folders, to be stored once the files are in the ledger.
    stamps: dict[str, int] = field(default_factory=dict)


class FileTree(Protocol):
    """The files of a load path in one file system."""

    path: str
    #: Whether a file that was modified counts as new.
    overwrites: bool
    #: Change stamp by folder, as of the newest listing whose files are in the ledger.
    stamps: dict[str, int]

    @property
    def key(self) -> str:
        """The name under which stamps are stored: stamps of another tree do not apply to this one."""

    def list_new(self, *, full: bool = False) -> Listing:
        """Return the files that are not in the ledger; with `full`, whatever the stamps say."""


def folder_not_found(folder: str) -> LivetablesError:
    """Return the error for a load path that does not exist."""
    return LivetablesError(
        "LANDING_FOLDER_NOT_FOUND",
        f"The folder that Auto Loader should read, {folder}, does not exist.",
        hint=f"Create it (mkdir -p {folder}), or correct the path in the configuration or its path map.",
    )
