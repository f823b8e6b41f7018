"""The micro-batches of one stream: which files each has, how they are read, and what is recorded about them."""

from __future__ import annotations

import re
import zlib
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from livetables.autoloader.evolution import follow_new_columns
from livetables.autoloader.read.groups import group_files, is_ambiguous, json_line_paths
from livetables.autoloader.read.reader import METADATA, FileGroup
from livetables.autoloader.read.record_counts import count_records
from livetables.autoloader.read.rows import read_rows, write_bad_records
from livetables.autoloader.schema.blocks import UnreadableError
from livetables.autoloader.schema.json_fields import Scanner
from livetables.errors import LivetablesError
from livetables.spark.jvm import classes, empty_frame
from livetables.storage.locations import local_path

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pyspark.sql import DataFrame

    from livetables.autoloader.cleaning import Cleaner
    from livetables.autoloader.find.discovery import FileDiscovery
    from livetables.autoloader.find.ledger import Entry
    from livetables.autoloader.read.reader import FileReader
    from livetables.autoloader.schema.schemas import SchemaStore
    from livetables.storage.checkpoint import Checkpoint

#: Histogram bins: the most files of a batch whose rows are counted separately.
_MAX_FILES_COUNTED = 10_000
#: Paths that Spark reports without escapes.
_NEEDS_NO_ESCAPE = re.compile(r"[\w./=:,+@~!$&'()*;-]*", re.ASCII)


class Batches:
    """The batches of one stream. `checkpoint` is the flow's; `warn` takes a code and a sentence."""

    def __init__(
        self,
        reader: FileReader,
        discovery: FileDiscovery,
        store: SchemaStore,
        cleaner: Cleaner | None,
        checkpoint: Checkpoint,
        warn: Callable[[str, str], None],
    ) -> None:
        self._reader = reader
        self._discovery = discovery
        self._ledger = discovery.ledger
        self._store = store
        self._cleaner = cleaner
        self._checkpoint = checkpoint
        self._warn = warn
        #: After a restart Spark asks for the rows of the last committed batch again, and discards them.
        self._repeats = checkpoint.all_committed()
        #: The files of the newest batch.
        self._entries: list[Entry] = []
        #: By the last number of a batch that is not written yet: its files with their rows, None where Spark counts.
        self._unwritten: dict[int, list[tuple[Entry, int | None]]] = {}
        #: The reasons why files of unwritten batches can't be read in full, by number.
        self._damaged: dict[int, str] = {}
        self._scanner = Scanner()
        self._upto = 0
        #: Whether the newest batch has names that differ only by case.
        self.ambiguous = False

    def discover_all(self, patience: float) -> int:
        """Find new files, wait at most `patience` seconds for those still being written; return the last number."""
        return self._discovery.run_to_end(patience)

    def end_after(self, after: int | None, bound: int | None) -> int | None:
        """Return the last number of the batch that follows number `after`, or None when there is no file.

        Without a `bound` for the number, new files are discovered first.
        """
        if bound is None:
            self._discovery.run()
        end = self._end(after or 0, self._ledger.last() if bound is None else bound)
        return None if end == (after or 0) else end

    def rows(self, after: int | None, upto: int, *, metadata: bool = True) -> DataFrame:
        """Return the rows of the files with numbers above `after`, up to `upto`.

        Without `metadata`, the column `_metadata` is NULL. Raises NewColumnsError when the schema has changed and the
        stream must restart, LivetablesError for a file that can't be read.
        """
        self._entries = entries = self._start_batch(after, upto)
        if not entries:
            return empty_frame(self._reader.session, StructType([*self._reader.columns.fields, *METADATA.fields]))
        groups = self._group(entries)
        if self._reader.needs_fields:
            follow_new_columns(self._reader, groups, self._store, self._discovery.path, self._ledger.now())
        self.ambiguous = is_ambiguous(self._reader, groups)
        if self._reader.options.bad_records is not None:
            self._write_bad_records(entries, groups, self._reader.options.bad_records)
        records = count_records(self._reader, groups)
        self._unwritten[upto] = [
            (entry, None if entry.seq in self._damaged else records.get(entry.path)) for entry in entries
        ]
        self._scan_ahead(upto)
        if all(known is not None for _, known in self._unwritten[upto]):
            return read_rows(self._reader, groups, metadata=metadata)
        frame = read_rows(self._reader, groups)
        key = F.crc32(F.col("_metadata.file_path").cast("binary"))
        return frame.observe(self._metric, F.histogram_numeric(key, F.lit(_MAX_FILES_COUNTED)).alias("rows"))

    def written(self, upto: int, observed: Mapping[str, Any]) -> None:
        """Record that the batch with the last number `upto` is written, with the row counts that Spark observed."""
        files = self._unwritten.pop(upto, ())
        bins = observed.get(self._metric, {}).get("rows") or ()
        counts = {int(each["x"]): int(each["y"]) for each in bins}
        rows = {
            entry.seq: counts.get(zlib.crc32(self._uri(entry.path).encode()), 0) if known is None else known
            for entry, known in files
        }
        self._ledger.count_rows(rows)
        for seq in self._damaged.keys() & rows.keys():  # the rows before the damage are counted
            self._ledger.fail(seq, self._damaged.pop(seq))

    def committed(self, upto: int) -> None:
        """Record that the batches up to `upto` are committed; clean up and forget the files that are due."""
        self._ledger.done(upto)
        if self._cleaner is not None:
            self._cleaner.clean(self._ledger)
        age = self._reader.options.max_file_age_ms
        if age is not None:
            self._ledger.expire(int(self._ledger.now() * 1000) - age)

    def failed(self, file: str, message: str) -> None:
        """Record that the query failed at a file (a local path, or a URL), if the newest batch has this file."""
        for entry in self._entries:
            if file in (entry.path, local_path(entry.path)):
                self._ledger.fail(entry.seq, message)

    def close(self) -> None:
        """Close the ledger and stop the scanner."""
        if self._upto and self._checkpoint.all_committed():
            self._ledger.done(self._upto)
        self._ledger.close()
        self._scanner.close()

    @property
    def _metric(self) -> str:
        """The name of the observation that counts the rows of each file of a batch."""
        return f"livetables files {self._discovery.path}"

    def _start_batch(self, after: int | None, upto: int) -> list[Entry]:
        """Return the files of a batch that are still present; none of a batch that Spark only repeats."""
        repeated, self._repeats = self._repeats, False
        entries = [] if repeated else self._ledger.files(after or 0, upto)
        if repeated:
            self._ledger.done(upto)
        self._upto = upto
        return self._present(entries)

    def _end(self, after: int, bound: int) -> int:
        options = self._reader.options
        return self._ledger.end_of_batch(after, bound, options.max_files, options.max_bytes)

    def _scan_ahead(self, after: int) -> None:
        """Start to scan the files of the next batch while Spark reads this one."""
        files = [entry.path for entry in self._ledger.files(after, self._end(after, self._ledger.last()))]
        self._scanner.prefetch(json_line_paths(self._reader, files) or ())

    def _present(self, entries: list[Entry]) -> list[Entry]:
        """Return the files that still exist. Raises LivetablesError when one is missing and must not be left out."""
        present = []
        for entry in entries:
            path = local_path(entry.path)
            if path is None or Path(path).is_file():
                present.append(entry)
                continue
            found = datetime.fromtimestamp(entry.found, timezone.utc).isoformat(" ", "seconds")
            hint = "Bring it back, or set ignoreMissingFiles to true to go on without it."
            error = LivetablesError("FILE_NOT_FOUND", f"{path} was found at {found} and is gone.", hint=hint)
            self._leave_out(entry, error, allowed=self._reader.options.ignore_missing)
        return present

    def _leave_out(self, entry: Entry, error: LivetablesError, *, allowed: bool) -> None:
        """Record the error of a file; raise it, or warn where the stream is `allowed` to go on without the file."""
        message = error.diagnostic.message
        self._ledger.fail(entry.seq, message)
        if not allowed:
            raise error
        self._damaged[entry.seq] = message
        self._warn(error.code, f"{message} The stream goes on.")

    def _group(self, entries: Sequence[Entry]) -> list[FileGroup]:
        """Return files grouped by fields; a damaged file is read as far as Spark can, where that is allowed."""
        try:
            return group_files(self._reader, [entry.path for entry in entries], self._scanner)
        except UnreadableError:
            pass
        groups: list[FileGroup] = []
        for entry in entries:
            try:
                groups += group_files(self._reader, [entry.path], self._scanner)
            except UnreadableError as damage:
                message = f"{local_path(entry.path)} can't be read: {damage}."
                hint = "Replace it, or set ignoreCorruptFiles to true to go on with what can be read of it."
                error = LivetablesError("FILE_NOT_READABLE", message, hint=hint)
                self._leave_out(entry, error, allowed=self._reader.options.ignore_corrupt)
                groups.append(FileGroup((entry.path,), self._reader.schema.data))
        return groups

    def _write_bad_records(self, entries: Sequence[Entry], groups: Sequence[FileGroup], folder: str) -> None:
        """Write the bad records and files of a batch to a folder of its own; a repeated batch replaces it."""
        last = entries[-1]
        when = datetime.fromtimestamp(last.found, timezone.utc).strftime("%Y%m%dT%H%M%S")
        bad_files = {entry.path: self._damaged[entry.seq] for entry in entries if entry.seq in self._damaged}
        write_bad_records(self._reader, groups, bad_files, f"{folder.rstrip('/')}/{when}-{last.seq}")

    def _uri(self, path: str) -> str:
        """Return a path as Spark's `_metadata.file_path` has it."""
        local = local_path(path)
        plain = local or path
        if not _NEEDS_NO_ESCAPE.fullmatch(plain):
            plain = str(classes(self._reader.session).org.apache.hadoop.fs.Path(plain).toUri().toString())
        return plain if local is None else f"file:{plain}"
