"""Trees of files, and listings of them, for the tests of Auto Loader."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

from livetables.autoloader.find.discovery import discover
from livetables.autoloader.find.ledger import Ledger
from livetables.autoloader.find.local import LocalTree


def later():
    """Return a time in the future, at which all files and folders are old."""
    return time.time() + 3600


def put(root, *names, text="x"):
    """Write files below a folder."""
    for name in names:
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


class Watch:
    """A tree and its ledger, which records the folders that each discovery lists."""

    def __init__(self, path, monkeypatch=None, **options):
        self.path = path
        self.ledger = Ledger(Path(tempfile.mkdtemp(dir=path.parent, prefix=".ledger")) / "files.db")
        known = self.ledger.versions if options.get("overwrites") else self.ledger.names
        self.tree = LocalTree(str(path), known=known, **{"now": later, **options})
        self.listed = []
        if monkeypatch:
            scandir = os.scandir
            monkeypatch.setattr(os, "scandir", lambda folder: self.listed.append(folder) or scandir(folder))

    def discover(self, **options):
        """Return the files that are new in the ledger after a discovery, by number, relative to the tree."""
        before = self.ledger.last()
        self.listed.clear()
        self.last = discover(self.tree, self.ledger, **options)
        found = [entry.path for entry in self.ledger.files(before, self.ledger.last())]
        return [path.removeprefix(f"file://{self.path}/") for path in found]


def listed(path, selection=None, **options):
    """Return the files of one listing of a path, sorted, without the part before `/in/`."""
    tree = LocalTree(str(path), selection, known=lambda _folder: (), **{"settle_ms": 0, **options})
    return sorted(file.path.rpartition("/in/")[2] for file in tree.list_new().files)
