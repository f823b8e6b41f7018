"""Trees of files, and looks at them, for the tests of Auto Loader."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

from livetables.autoloader.find.ledger import Ledger
from livetables.autoloader.find.listing import LocalTree, discover


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
        known = self.ledger.versions if options.get("overwrites") else self.ledger.names
        self.tree = LocalTree(str(path), known=known, **{"now": later, **options})
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


def seen(path, selection=None, **options):
    """Return what one look at a path finds, sorted, without the part before `/in/`."""
    tree = LocalTree(str(path), selection, known=lambda _folder: (), **{"settle_ms": 0, **options})
    return sorted(one.path.rpartition("/in/")[2] for one in tree.look().found)
