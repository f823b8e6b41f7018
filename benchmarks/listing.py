"""The cost of listing new files with up to a million known ones: by Auto Loader, and by a walk of all folders."""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks._pairs import BenchmarkError, failing_in_words, median, print_result, run_pairs
from livetables.autoloader.find.discovery import discover
from livetables.autoloader.find.ledger import Ledger
from livetables.autoloader.find.local import LocalTree

if TYPE_CHECKING:
    from collections.abc import Sequence

SIZES = (1_000, 10_000, 100_000, 1_000_000)
FOLDERS = (1, 1_000)


class Landing:
    """A tree of empty files, their ledger, and the set of known paths that the walk compares with."""

    def __init__(self, root: Path, folders: int) -> None:
        self._root, self._folders = root, [root / "in" / f"part={number:04}" for number in range(folders)]
        for folder in self._folders:
            folder.mkdir(parents=True)
        self._count = 0
        self._known: set[str] = set()
        self._ledger = Ledger(root / "files.db")
        self._tree = LocalTree(str(root / "in"), known=self._ledger.names, settle_ms=0)

    def grow(self, count: int) -> float:
        """Add files until there are `count`; return the seconds in which Auto Loader adds them to its ledger."""
        while self._count < count:
            self.touch()
        start = time.perf_counter()
        discover(self._tree, self._ledger)
        seconds = time.perf_counter() - start
        self._known = self._walked()
        self.settle()
        if not len(self._known) == self._ledger.last() == count:
            raise BenchmarkError(f"of {count:,} files, {self._ledger.last():,} are in the ledger")
        return seconds

    def settle(self) -> None:
        """Wait until all folders have a trusted change stamp."""
        while not all(discover(self._tree, self._ledger).stamps.values()):
            time.sleep(0.5)

    def ours(self) -> tuple[float, int]:
        """Return the seconds of a listing, and the number of new files in it."""
        start = time.perf_counter()
        found = self._tree.list_new().files
        return time.perf_counter() - start, len(found)

    def alternative(self) -> tuple[float, int]:
        """Return the same for a walk, with the known paths in memory."""
        start = time.perf_counter()
        found = self._walked() - self._known
        return time.perf_counter() - start, len(found)

    def close(self) -> None:
        """Close the ledger."""
        self._ledger.close()

    def touch(self) -> None:
        """Add a file."""
        folder = self._folders[self._count % len(self._folders)]
        os.close(os.open(folder / f"events-{self._count:08}.json", os.O_CREAT | os.O_WRONLY))
        self._count += 1

    def _walked(self) -> set[str]:
        found, pending = set(), [str(self._root / "in")]
        while pending:
            with os.scandir(pending.pop()) as entries:
                for entry in entries:
                    if entry.is_dir():
                        pending.append(entry.path)
                    else:
                        found.add(entry.path)
        return found


def measure(pairs: int, landing: Landing, new: int) -> list[dict[str, Any]]:
    """Return the pairs of listings, each of which must find `new` files."""
    measured = []
    for (ours, mine), (other, others) in run_pairs(pairs, landing.ours, landing.alternative):
        if not mine == others == new:
            raise BenchmarkError(f"of {new} new files, Auto Loader saw {mine} and the walk {others}")
        measured.append(
            {"ratio": round(other / ours, 3), "ours": round(ours * 1e3, 3), "alternative": round(other * 1e3, 3)}
        )
    return measured


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure all sizes, and print the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--files", type=int, default=SIZES[-1], help="the largest number of known files")
    options = parser.parse_args(arguments)
    sizes: list[dict[str, Any]] = []
    headline: list[dict[str, Any]] = []
    with failing_in_words():
        for folders in FOLDERS:
            with tempfile.TemporaryDirectory() as name:
                landing = Landing(Path(name), folders)
                for count in (size for size in SIZES if size <= options.files):
                    seconds = landing.grow(count)
                    nothing = measure(options.pairs, landing, new=0)
                    landing.touch()
                    one = measure(options.pairs, landing, new=1)
                    sizes.append(_size(folders, count, seconds, nothing, one))
                landing.close()
            headline = headline or nothing  # of the most files, in one folder
    print_result("listing", "milliseconds per look", headline, sizes=sizes)


def _size(
    folders: int, files: int, first: float, nothing: list[dict[str, Any]], one: list[dict[str, Any]]
) -> dict[str, Any]:
    """Return the medians of a size, and print them."""

    def medians(pairs: list[dict[str, Any]]) -> dict[str, float]:
        return {key: median([pair[key] for pair in pairs]) for key in ("ratio", "ours", "alternative")}

    size = {
        "folders": folders,
        "files": files,
        "first_look_seconds": round(first, 3),
        "nothing_new": medians(nothing),
        "one_new": medians(one),
    }
    for label, each in (("nothing new", size["nothing_new"]), ("one new file", size["one_new"])):
        print(
            f"{files:>9,} files in {folders:>5,} folders, {label:<12}: ours {each['ours']:10.3f} ms, "
            f"walk {each['alternative']:10.3f} ms, ratio {each['ratio']:,.1f}",
            flush=True,
        )
    return size


if __name__ == "__main__":
    main()
