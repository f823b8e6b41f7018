"""The batches of one stream: which files each has, what is read of them, what becomes of them afterwards."""

from __future__ import annotations

import re
import time
import zlib
from datetime import datetime, timezone
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F  # noqa: N812 - Spark's own convention
from pyspark.sql.types import StructType

from livetables.autoloader.find.listing import discover
from livetables.autoloader.read import formats
from livetables.autoloader.schema.blocks import UnreadableError
from livetables.autoloader.schema.json_fields import Looks
from livetables.autoloader.schema.schemas import merge, new_fields, sorted_columns, without_variants
from livetables.errors import LivetablesError, NewColumnsError, count
from livetables.spark.jvm import classes, empty_frame
from livetables.storage.checkpoint import Checkpoint
from livetables.storage.locations import local_path

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pyspark.sql import DataFrame, SparkSession

    from livetables.autoloader.cleaning import Cleaner
    from livetables.autoloader.find.hadoop import HadoopTree
    from livetables.autoloader.find.ledger import Entry, Ledger
    from livetables.autoloader.find.listing import LocalTree
    from livetables.autoloader.options import Options
    from livetables.autoloader.read.formats import Group, Layout
    from livetables.autoloader.schema.schemas import SchemaStore

_PAUSE_SECONDS = 0.05
#: So many bins keep the counts of so many files apart.
_MOST_FILES_COUNTED = 10_000
_PLAIN = re.compile(r"[\w./=:,+@~!$&'()*;-]*", re.ASCII)


class Batches:
    """What a stream does with its files; `session` reads them, and tells names apart by their case."""

    def __init__(
        self,
        session: SparkSession,
        options: Options,
        layout: Layout,
        ledger: Ledger,
        tree: LocalTree | HadoopTree,
        store: SchemaStore,
        cleaner: Cleaner | None,
        checkpoint: Path,
        warn: Callable[[str, str], None],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._session = session
        self._options = options
        self._layout = layout
        self._ledger = ledger
        self._tree = tree
        self._store = store
        self._cleaner = cleaner
        self._checkpoint = checkpoint
        self._warn = warn
        self._now = now
        #: After a restart Spark asks once more for the rows of the last batch, and throws them away.
        self._repeats = _all_committed(checkpoint)
        #: The files of the newest batch.
        self._entries: list[Entry] = []
        #: Batches by their last number until they are written: the rows of each file, None where Spark counts them.
        self._unwritten: dict[int, list[tuple[Entry, int | None]]] = {}
        self._damaged: dict[int, str] = {}
        self._looks = Looks()
        self._upto = 0
        #: The newest batch has names that differ by their case alone.
        self.ambiguous = False

    def settled(self, patience: float) -> int:
        """Look for files; wait at most `patience` seconds for those that are being written. Return the last number."""
        until = time.monotonic() + patience
        while (written := self._look()) and time.monotonic() < until:
            time.sleep(_PAUSE_SECONDS)
        for path in written:
            self._warn("FILE_BEING_WRITTEN", f"{path} is still being written: the next run reads it.")
        return self._ledger.last()

    def end_after(self, after: int | None, bound: int | None) -> int | None:
        """Return the number with which the batch after `after` ends, or None when there is none."""
        if bound is None:
            self._look()
        end = self._end(after or 0, self._ledger.last() if bound is None else bound)
        return None if end == (after or 0) else end

    def rows(self, after: int | None, upto: int, *, metadata: bool = True) -> DataFrame:
        """Return the rows of the files with numbers from `after` to `upto`; raises NewColumnsError.

        Without `metadata` the column `_metadata` is there and NULL.
        """
        repeated, self._repeats = self._repeats, False
        entries = [] if repeated else self._ledger.files(after or 0, upto)
        if repeated:
            self._ledger.done(upto)
        self._upto = upto
        self._entries = entries = self._there(entries)
        files = [entry.path for entry in entries]
        if not files:
            columns = StructType([*self._layout.columns(self._options).fields, *formats.METADATA.fields])
            return empty_frame(self._session, columns)
        found = self._groups(entries)
        self.ambiguous = formats.ambiguous(self._layout, found)
        if self._options.bad_records is not None:
            self._set_aside(entries, found, self._options.bad_records)
        records = formats.records(self._options, found)
        self._unwritten[upto] = [
            (entry, None if entry.seq in self._damaged else records.get(entry.path)) for entry in entries
        ]
        self._look_ahead(upto)
        if all(known is not None for _, known in self._unwritten[upto]):
            return formats.read(self._session, self._options, self._layout, found, metadata=metadata)
        frame = formats.read(self._session, self._options, self._layout, found)
        key = F.crc32(F.col("_metadata.file_path").cast("binary"))
        return frame.observe(self._metric, F.histogram_numeric(key, F.lit(_MOST_FILES_COUNTED)).alias("rows"))

    @property
    def _metric(self) -> str:
        """The name under which the rows of each file of a batch are observed."""
        return f"livetables files {self._tree.path}"

    def written(self, upto: int, observed: Mapping[str, Any]) -> None:
        """Note that the batch which ends with `upto` was written, and the rows of its files."""
        files = self._unwritten.pop(upto, ())
        bins = observed.get(self._metric, {}).get("rows") or ()
        counts = {int(one["x"]): int(one["y"]) for one in bins}
        rows = {
            entry.seq: counts.get(zlib.crc32(self._uri(entry.path).encode()), 0) if known is None else known
            for entry, known in files
        }
        self._ledger.count_rows(rows)
        for seq in self._damaged.keys() & rows.keys():  # the rows before the damage
            self._ledger.fail(seq, self._damaged.pop(seq))

    def committed(self, upto: int) -> None:
        """Note that a batch is written; files that may go now are moved or deleted."""
        self._ledger.done(upto)
        if self._cleaner is not None:
            self._cleaner.clean(self._ledger)
        if self._options.max_file_age_ms is not None:
            self._ledger.expire(int(self._now() * 1000) - self._options.max_file_age_ms)

    def failed(self, file: str, said: str) -> None:
        """Note that a batch failed because of this file (a path on this machine, or a URL), if it is one of its own."""
        for entry in self._entries:
            if file in (entry.path, local_path(entry.path)):
                self._ledger.fail(entry.seq, said)

    def close(self) -> None:
        """Close the ledger."""
        if self._upto and _all_committed(self._checkpoint):
            self._ledger.done(self._upto)
        self._ledger.close()
        self._looks.close()

    def _look(self) -> list[str]:
        """Look for new files; return those that are still being written."""
        skipped = not self._options.include_existing and not self._ledger.begun()
        look = discover(self._tree, self._ledger, skipped=skipped)
        self._ledger.begin()
        for path, why in look.unreadable.items():
            self._warn("FILE_NOT_READABLE", f"{path} can't be read: {why}.")
        return look.unsettled

    def _end(self, after: int, bound: int) -> int:
        return self._ledger.end_of_batch(after, bound, self._options.max_files, self._options.max_bytes)

    def _look_ahead(self, after: int) -> None:
        """Look at the files of the next batch while Spark reads this one."""
        files = [entry.path for entry in self._ledger.files(after, self._end(after, self._ledger.last()))]
        self._looks.ahead(formats.paths_of_lines(self._options, self._layout, files) or ())

    def _there(self, entries: list[Entry]) -> list[Entry]:
        """Return the files that are still there; raises LivetablesError when one is not and may not be left out."""
        there = []
        for entry in entries:
            path = local_path(entry.path)
            if path is None or Path(path).is_file():
                there.append(entry)
                continue
            found = datetime.fromtimestamp(entry.found, timezone.utc).isoformat(" ", "seconds")
            self._left_out(
                entry,
                "FILE_NOT_FOUND",
                f"{path} was found at {found} and is gone.",
                self._options.ignore_missing,
                "Bring it back, or set ignoreMissingFiles to true to go on without it.",
            )
        return there

    def _left_out(self, entry: Entry, code: str, said: str, allowed: bool, hint: str) -> None:
        """Note that a file can't be read; goes on without it when that is allowed."""
        self._ledger.fail(entry.seq, said)
        if not allowed:
            raise LivetablesError(code, said, hint=hint)
        self._damaged[entry.seq] = said
        self._warn(code, f"{said} The stream goes on.")

    def _groups(self, entries: Sequence[Entry]) -> list[Group]:
        found = self._looked_into(entries)
        if formats.by_name(self._options, self._layout):
            self._follow(found)
        return found

    def _looked_into(self, entries: Sequence[Entry]) -> list[Group]:
        """Return the fields of files; one that is damaged is read as far as Spark can, where that is allowed."""
        try:
            files = [entry.path for entry in entries]
            return formats.groups(self._session, self._options, self._layout, files, self._looks)
        except UnreadableError:
            pass
        found: list[Group] = []
        for entry in entries:
            try:
                found += formats.groups(self._session, self._options, self._layout, [entry.path], self._looks)
            except UnreadableError as error:
                allowed = self._options.ignore_corrupt
                self._left_out(
                    entry,
                    "FILE_NOT_READABLE",
                    f"{local_path(entry.path)} can't be read: {error}.",
                    allowed,
                    "Replace it, or set ignoreCorruptFiles to true to go on with what can be read of it.",
                )
                found.append(formats.Group((entry.path,), self._layout.data))
        return found

    def _set_aside(self, entries: Sequence[Entry], found: Sequence[Group], folder: str) -> None:
        """Write the records and the files that can't be read to where they are wished; a repeated batch writes anew."""
        when = datetime.fromtimestamp(entries[-1].found, timezone.utc).strftime("%Y%m%dT%H%M%S")
        target = f"{folder.rstrip('/')}/{when}-{entries[-1].seq}"
        records = formats.bad_records(self._session, self._options, self._layout, found)
        if records is not None and not records.isEmpty():
            records.write.mode("overwrite").json(f"{target}/bad_records")
        files = [(entry.path, self._damaged[entry.seq]) for entry in entries if entry.seq in self._damaged]
        if files:
            told = F.array(*(F.struct(F.lit(path).alias("path"), F.lit(why).alias("reason")) for path, why in files))
            frame = self._session.range(1, numPartitions=1).select(F.inline(told))
            frame.write.mode("overwrite").json(f"{target}/bad_files")

    def _follow(self, found: Sequence[Group]) -> None:
        """Keep a schema with the new columns of a batch, and end the stream, when that is the mode."""
        options, data = self._options, self._layout.data
        if options.mode in ("none", "rescue"):
            return
        known = StructType([*data.fields, *self._layout.partitions.fields])
        fresh = [group for group in found if new_fields(known, group.wide, case_sensitive=False)]
        widen = options.mode == "addNewColumnsWithTypeWidening"
        if not (fresh or widen):
            return
        if options.mode == "failOnNewColumns":
            names = ", ".join(new_fields(known, fresh[0].wide, case_sensitive=False))
            raise LivetablesError(
                "UNKNOWN_FIELD_EXCEPTION",
                f"{fresh[0].files[0]} has fields that the schema lacks: {names}.",
                hint="Add them to the schema or to cloudFiles.schemaHints, or remove the file.",
            )
        typed = options.infer_types and options.format in formats.TEXT
        looked = [
            formats.infer(self._session, options, group.files, types=True) if typed else group.wide
            for group in (found if widen else fresh)
        ]
        wider = reduce(
            lambda one, other: merge(one, without_variants(one, _ordered(options, other)), widen=widen), looked, data
        )
        if wider == data:
            return
        names = ", ".join(new_fields(data, wider, case_sensitive=True)) or "wider types"
        self._store.append(
            StructType([*wider.fields, *formats.flagged(self._layout.partitions).fields]),
            f"new columns: {names}",
            datetime.fromtimestamp(self._now(), timezone.utc),
        )
        raise NewColumnsError(
            "UNKNOWN_FIELD_EXCEPTION",
            f"{count(sum(len(group.files) for group in fresh or found), 'new file')} of {self._tree.path} showed new"
            f" columns, which the schema has now: {names}.",
        )

    def _uri(self, path: str) -> str:
        local = local_path(path)
        plain = local or path
        if not _PLAIN.fullmatch(plain):
            plain = str(classes(self._session).org.apache.hadoop.fs.Path(plain).toUri().toString())
        return plain if local is None else f"file:{plain}"


def _ordered(options: Options, found: StructType) -> StructType:
    return sorted_columns(found) if options.format == "json" else found


def _all_committed(checkpoint: Path) -> bool:
    """Tell whether the last batch in a checkpoint was committed."""
    return Checkpoint.at(checkpoint).all_committed()
