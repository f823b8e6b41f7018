"""Discovery of new files: lists a load path and adds what is new to the ledger."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from livetables.autoloader.find.files import FileSelection
from livetables.autoloader.find.hadoop import HadoopTree
from livetables.autoloader.find.local import LocalTree
from livetables.storage.locations import local_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyspark.sql import SparkSession

    from livetables.autoloader.find.files import FileTree, FoundFile, Listing
    from livetables.autoloader.find.ledger import Ledger
    from livetables.autoloader.options import Options

_PAUSE_SECONDS = 0.05


class FileDiscovery:
    """Adds the new files of one stream's load path to its ledger. `warn` takes a code and a sentence.

    Without `include_existing`, the files of the very first listing are marked as skipped: no batch has them.
    """

    def __init__(
        self, tree: FileTree, ledger: Ledger, warn: Callable[[str, str], None], *, include_existing: bool = True
    ) -> None:
        self.ledger = ledger
        self._tree = tree
        self._warn = warn
        self._include_existing = include_existing

    @property
    def path(self) -> str:
        """The load path."""
        return self._tree.path

    def run(self) -> list[str]:
        """Add new files to the ledger; return the paths of files that are still being written."""
        skipped = not self._include_existing and not self.ledger.begun()
        listing = discover(self._tree, self.ledger, skipped=skipped)
        self.ledger.begin()
        for path, why in listing.unreadable.items():
            self._warn("FILE_NOT_READABLE", f"{path} can't be read: {why}.")
        return listing.unsettled

    def run_to_end(self, patience: float) -> int:
        """Add new files, and wait at most `patience` seconds for those still being written; return the last number."""
        until = time.monotonic() + patience
        while (unsettled := self.run()) and time.monotonic() < until:
            time.sleep(_PAUSE_SECONDS)
        for path in unsettled:
            self._warn("FILE_BEING_WRITTEN", f"{path} is still being written: the next run reads it.")
        return self.ledger.last()


def discover(tree: FileTree, ledger: Ledger, *, full: bool = False, skipped: bool = False) -> Listing:
    """List a tree and add the result to the ledger: the files first, then the stamps of their folders."""
    listing = tree.list_new(full=full)
    ledger.add(listing.files, tree.overwrites, skipped=skipped)
    if listing.stamps != tree.stamps:
        ledger.save_stamps(tree.key, listing.stamps)
        tree.stamps = listing.stamps
    return listing


def open_tree(spark: SparkSession, options: Options, path: str, ledger: Ledger | None) -> LocalTree | HadoopTree:
    """Return the tree of a load path; without a ledger all its files are new."""
    selection = FileSelection(options.name_glob, options.recursive, options.modified_after, options.modified_before)
    overwrites = options.allow_overwrites
    known = (lambda _: ()) if ledger is None else ledger.versions if overwrites else ledger.names
    if local_path(path) is None:
        return HadoopTree(spark, path, selection, known=known, overwrites=overwrites)
    tree = LocalTree(path, selection, known=known, overwrites=overwrites)
    if ledger is not None:
        tree.stamps = ledger.load_stamps(tree.key)
    return tree


def list_files(spark: SparkSession, options: Options, path: str) -> list[FoundFile]:
    """Return all files that a load path has now, sorted by (modified, path)."""
    return open_tree(spark, options, path, None).list_new().files
