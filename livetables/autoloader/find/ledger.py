"""The ledger of a source's files: each file that was found has a number, and a batch is a range of numbers.

It is a SQLite database in the flow's checkpoint folder. When `add` returns, its files are on disk, so Spark may log
their numbers as offsets; a replay after a crash reads the same files. SQLite also returns the known names of a folder:
for a folder with 1,000,000 files that takes about a second whenever the folder has changed. A set in memory would take
0.2 s, but 115 MB for as long as the pipeline runs, and would have to be filled at each start.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from livetables.errors import LivetablesError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from livetables.autoloader.find.files import FoundFile

#: The earliest modification time; files may be older than 1970.
_MIN_TIME = -(2**63)
_SCHEMA = """
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS folders (id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS files (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, -- never reused, even when the last file has expired
    folder INTEGER NOT NULL, name TEXT NOT NULL, size INTEGER NOT NULL, modified INTEGER NOT NULL,
    found REAL NOT NULL, read REAL, rows INTEGER, error TEXT, skipped INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS by_name ON files (folder, name);
CREATE TABLE IF NOT EXISTS stamps (
    tree TEXT NOT NULL, folder TEXT NOT NULL, stamp INTEGER NOT NULL, PRIMARY KEY (tree, folder)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS uncleaned (seq INTEGER PRIMARY KEY); -- clean-up has failed and is due again
CREATE TABLE IF NOT EXISTS marks (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
COMMIT;
"""
# A path that is in the ledger already is added only as another version, and only with :overwrites.
_ADD = """
INSERT INTO files (folder, name, size, modified, found, skipped)
SELECT :folder, :name, :size, :modified, :found, :skipped WHERE NOT EXISTS (
    SELECT 1 FROM files WHERE folder = :folder AND name = :name AND (NOT :overwrites OR (
        size = :size AND modified = :modified
        AND seq = (SELECT max(seq) FROM files WHERE folder = :folder AND name = :name))))
"""
_STATE = """
CASE WHEN skipped THEN 'SKIPPED' WHEN error IS NOT NULL THEN 'FAILED'
WHEN rows IS NOT NULL OR seq <= coalesce((SELECT value FROM marks WHERE name = 'done'), 0) THEN 'READ'
ELSE 'PENDING' END
"""
_SELECT = (
    "SELECT seq, folders.path || '/' || name, size, modified, found, read, rows, error,"  # noqa: S608 (constants only)
    f" {_STATE} AS state FROM files JOIN folders ON folders.id = files.folder"
)
_TOTALS = (
    f"SELECT {_STATE} AS state, count(*), sum(size), coalesce(sum(rows), 0)"  # noqa: S608 (constants only)
    " FROM files WHERE found >= ? GROUP BY state"
)


@dataclass(frozen=True)
class Entry:
    """A file in the ledger; `read` is None until it was read, `rows` until its rows were counted.

    `size` is in bytes, `modified` in milliseconds since 1970, `found` and `read` in seconds since 1970. `state` is
    PENDING, READ, FAILED (`error` is the reason) or SKIPPED (the file existed before a flow that reads new files only).
    """

    seq: int
    path: str
    size: int
    modified: int
    found: float
    read: float | None
    rows: int | None
    error: str | None
    state: str


@dataclass(frozen=True)
class Total:
    """The totals of the files in one state: their number, their bytes, and their rows as far as counted."""

    files: int
    bytes: int
    rows: int


@dataclass(frozen=True)
class Overview:
    """A summary of a ledger: totals by state, the file that was read last, and the selected entries."""

    #: The common parent folder of all files (`file:///in`).
    folder: str
    totals: dict[str, Total]
    newest: Entry | None
    entries: list[Entry]


class Ledger:
    """A ledger in one file, which is created when it is missing. Any thread may call any method.

    `now` returns the current time in seconds since 1970.
    """

    def __init__(self, file: Path, now: Callable[[], float] = time.time) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self.now = now
        self._lock = threading.RLock()
        self._db = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        # KiB; with the default of 2,000 the first million files take twice as long.
        self._db.execute("PRAGMA cache_size = -64000")
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file; no method may be called afterwards."""
        with self._lock:
            self._db.close()

    def add(self, found: Iterable[FoundFile], overwrites: bool = False, *, skipped: bool = False) -> int:
        """Append the files that are not known, sorted by (modified, path), and return their number.

        With `overwrites`, a known path is appended again when its size or time differs from its newest entry.
        `skipped` files become known, but no batch has them.
        """
        files = sorted(found, key=lambda file: (file.modified, file.path))
        if not files:
            return 0
        common = {"found": self.now(), "skipped": skipped, "overwrites": overwrites}
        with self._transaction() as db:
            expired, before = self._mark("expired", _MIN_TIME), db.total_changes
            ids = self._folder_ids({file.path.rpartition("/")[0] for file in files})
            made = db.total_changes - before
            db.executemany(
                _ADD,
                (
                    {"folder": ids[folder], "name": name, "size": file.size, "modified": file.modified, **common}
                    for file in files
                    for folder, _, name in [file.path.rpartition("/")]
                    if file.modified >= expired
                ),
            )
            return db.total_changes - before - made

    def names(self, folder: str) -> set[str]:
        """Return the names of the known files directly in a folder (`file:///in`)."""
        sql = "SELECT name FROM files JOIN folders ON id = folder WHERE path = ?"
        with self._lock:
            return {name for (name,) in self._db.execute(sql, (folder,))}

    def versions(self, folder: str) -> dict[str, tuple[int, int]]:
        """Return (size, modification time) of the newest entry of each known file directly in a folder, by name."""
        sql = "SELECT name, size, modified FROM files JOIN folders ON id = folder WHERE path = ? ORDER BY seq"
        with self._lock:
            return {name: (size, modified) for name, size, modified in self._db.execute(sql, (folder,))}

    def last(self) -> int:
        """Return the highest number; 0 when there is no file."""
        return int(self._read("SELECT coalesce(max(seq), 0) FROM files")[0][0])

    def end_of_batch(self, after: int, upto: int, max_files: int | None, max_bytes: int | None) -> int:
        """Return the number of the last file of the batch that follows `after`; `after` itself when there is no file.

        A batch ends with the file that reaches `max_bytes`, so it has at least one file, however large.
        """
        sql = "SELECT seq, size FROM files WHERE seq > ? AND seq <= ? AND NOT skipped ORDER BY seq"
        if max_files is None and max_bytes is None:
            rows = self._read(f"{sql} DESC LIMIT 1", after, upto)
            return int(rows[0][0]) if rows else after
        last, total = after, 0
        for seq, size in self._read(f"{sql} LIMIT ?", after, upto, -1 if max_files is None else max_files):
            last, total = seq, total + size
            if max_bytes is not None and total >= max_bytes:
                break
        return last

    def files(self, after: int, upto: int) -> list[Entry]:
        """Return the files of a batch, in order."""
        with self._lock:
            return _entries(self._db, "WHERE seq > ? AND seq <= ? AND NOT skipped ORDER BY seq", after, upto)

    def done(self, upto: int) -> None:
        """Record that all batches up to this number are committed."""
        with self._transaction():
            sql = "UPDATE files SET read = coalesce(read, ?) WHERE seq > ? AND seq <= ? AND NOT skipped"
            self._db.execute(sql, (self.now(), self._mark("done"), upto))
            self._set_mark("done", upto)

    def begun(self) -> bool:
        """Whether `begin` was called, in this run or an earlier one."""
        return self._mark("begun") == 1

    def begin(self) -> None:
        """Record that the files of the first listing are in the ledger."""
        if not self.begun():
            with self._transaction():
                self._set_mark("begun", 1)

    def to_clean(self, before: float) -> list[Entry]:
        """Return the files that were read before this time (seconds since 1970) and are not cleaned up yet.

        A path with a newer version is returned only for that version, once that one was read before this time.
        """
        newer = "SELECT 1 FROM files AS newer WHERE (folder, name) = (files.folder, files.name) AND seq > files.seq"
        due = "seq IN (SELECT seq FROM files WHERE seq > ? UNION ALL SELECT seq FROM uncleaned)"  # OR would scan all
        where = f"WHERE {due} AND read <= ? AND error IS NULL AND NOT EXISTS ({newer}) ORDER BY seq"
        with self._lock:
            return _entries(self._db, where, self._mark("cleaned"), before)

    def cleaned(self, seq: int, *, succeeded: bool) -> None:
        """Record an attempt to clean a file up; after a failed one the file stays due."""
        with self._transaction() as db:
            self._set_mark("cleaned", seq)
            sql = "DELETE FROM uncleaned WHERE seq = ?" if succeeded else "INSERT OR IGNORE INTO uncleaned VALUES (?)"
            db.execute(sql, (seq,))

    def count_rows(self, rows: Mapping[int, int]) -> None:
        """Record the number of rows of each file of a committed batch; clears the error of an earlier attempt."""
        with self._transaction() as db:
            sql = "UPDATE files SET rows = ?, read = coalesce(read, ?), error = NULL WHERE seq = ?"
            db.executemany(sql, ((number, self.now(), seq) for seq, number in rows.items()))

    def fail(self, seq: int, error: str) -> None:
        """Record why a file could not be read."""
        with self._transaction() as db:
            db.execute("UPDATE files SET error = ? WHERE seq = ?", (error, seq))

    def expire(self, before_modified: int) -> int:
        """Remove committed files older than this (ms since 1970) and return their number; `add` ignores such files."""
        with self._transaction() as db:
            self._set_mark("expired", before_modified)
            sql = "DELETE FROM files WHERE modified < ? AND (skipped OR seq <= ?)"
            return db.execute(sql, (before_modified, self._mark("done"))).rowcount

    def load_stamps(self, tree: str) -> dict[str, int]:
        """Return the change stamps of a tree's folders, as `save_stamps` has stored them."""
        return dict(self._read("SELECT folder, stamp FROM stamps WHERE tree = ?", tree))

    def save_stamps(self, tree: str, stamps: Mapping[str, int]) -> None:
        """Replace all stored change stamps by those of a tree's folders, once the files in them have been added.

        `tree` is the key of load path and filter (`LocalTree.key`): after a change of these, all folders are listed.
        """
        with self._transaction() as db:
            db.execute("DELETE FROM stamps WHERE tree <> ?", (tree,))
            stored = self.load_stamps(tree)
            gone = ((tree, folder) for folder in stored.keys() - stamps.keys())
            db.executemany("DELETE FROM stamps WHERE tree = ? AND folder = ?", gone)
            changed = ((tree, folder, stamp) for folder, stamp in stamps.items() if stored.get(folder) != stamp)
            db.executemany("INSERT OR REPLACE INTO stamps VALUES (?, ?, ?)", changed)

    def _folder_ids(self, folders: set[str]) -> dict[str, int]:
        self._db.executemany("INSERT OR IGNORE INTO folders (path) VALUES (?)", ((folder,) for folder in folders))
        sql = "SELECT id FROM folders WHERE path = ?"
        return {folder: self._db.execute(sql, (folder,)).fetchone()[0] for folder in folders}

    def _mark(self, name: str, otherwise: int = 0) -> int:
        rows = self._read("SELECT value FROM marks WHERE name = ?", name)
        return int(rows[0][0]) if rows else otherwise

    def _set_mark(self, name: str, value: int) -> None:
        self._db.execute(
            "INSERT INTO marks VALUES (?, ?) ON CONFLICT DO UPDATE SET value = max(value, excluded.value)",
            (name, value),
        )

    def _read(self, sql: str, *values: Any) -> list[Any]:
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise


def list_entries(file: Path, since: float | None = None) -> list[Entry]:
    """Return the files that were found at or after `since` (seconds since 1970), also while a pipeline writes."""
    if not file.is_file():
        return []
    with _reading(file) as db:
        return [] if db is None else _entries(db, "WHERE found >= ? ORDER BY seq", since or 0.0)


def overview(file: Path, since: float | None = None, state: str | None = None, limit: int | None = None) -> Overview:
    """Return a summary of the files that were found at or after `since`, also while a pipeline writes.

    Its entries are the files of one state, or of all: failed ones first, then the newest; `limit` None is no limit.
    Raises LivetablesError when the file is not a ledger.
    """
    after, most = since or 0.0, -1 if limit is None else limit
    where = "WHERE found >= ? AND state"
    try:
        with _reading(file) as db:
            if db is None:
                return Overview("", {}, None, [])
            newest = _entries(db, f"{where} = 'READ' ORDER BY seq DESC LIMIT 1", after)
            found: list[Entry] = []
            if state in (None, "FAILED"):
                found += _entries(db, f"{where} = 'FAILED' ORDER BY seq DESC LIMIT ?", after, most)
            if state != "FAILED":
                others = f"{where} = ifnull(?, state) AND state <> 'FAILED' ORDER BY seq DESC LIMIT ?"
                found += _entries(db, others, after, state, most if most < 0 else most - len(found))
            return Overview(
                folder=_common_folder(path for (path,) in db.execute("SELECT path FROM folders")),
                totals={state: Total(*numbers) for state, *numbers in db.execute(_TOTALS, (after,))},
                newest=newest[0] if newest else None,
                entries=found,
            )
    except sqlite3.Error as error:
        message = f"The ledger of Auto Loader's files, {file}, can't be read: {error}."
        hint = "Allow reading that folder; if the file is damaged, rebuild the table with --full-refresh."
        raise LivetablesError("LEDGER_UNREADABLE", message, hint=hint) from error


@contextmanager
def _reading(file: Path) -> Iterator[sqlite3.Connection | None]:
    """Open a read-only snapshot of a ledger; yields None while a pipeline is still creating it."""
    with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)) as db:
        db.execute("BEGIN")
        yield db if db.execute("SELECT 1 FROM sqlite_master WHERE name = 'marks'").fetchone() else None


def _entries(db: sqlite3.Connection, where: str, *values: Any) -> list[Entry]:
    return [Entry(*row) for row in db.execute(f"{_SELECT} {where}", values)]


def _common_folder(folders: Iterable[str]) -> str:
    parts = [folder.split("/") for folder in folders]
    return "/".join(os.path.commonprefix(parts))  # noqa: RUF071 (of lists, not of strings)
