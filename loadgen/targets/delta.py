"""Delta tables, one for each stream, by delta-rs. A commit says how far the run is, so no rows are written twice."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
from deltalake import CommitProperties, DeltaTable, Schema, Transaction, write_deltalake
from deltalake.exceptions import DeltaError

from ..datasets.columns import SCHEMA
from ..errors import target_error
from ..phases.shape import SECOND
from .base import Target, Write

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from ..phases.shape import Shape
    from .base import Block

#: Each table is committed to at this interval, or less often when there are many: the commits cost more than the rows.
MIN_INTERVAL = 2 * SECOND
COMMITS_PER_SECOND = 25
#: Commits at one time; most of one is waiting.
WRITERS = 4
#: Seconds after which a stream that cannot be written has failed. Until then all streams wait for it: mostly it is the
#: disk or the server, so one outage for all of them.
STREAM_SECONDS = 60.0


class DeltaTarget(Target):
    """Writes the rows of each stream to DIR/<its table>.

    Args:
        directory: of the tables, which are made when missing.
        run_id: the application id of the commits; their version is in microseconds of the run.
        shape: gives the streams.

    Raises:
        LoadgenError: a table cannot be made or opened, or has other columns.
    """

    max_rows = 1_000_000

    def __init__(self, directory: Path, run_id: str, shape: Shape) -> None:
        self._run_id = run_id
        self._types = [stream.stream_type for stream in shape.streams]
        self._pool = ThreadPoolExecutor(WRITERS, thread_name_prefix="loadgen-delta")
        self._tables = list(self._pool.map(_open, [directory / stream.table for stream in shape.streams]))
        self._failing: dict[int, float] = {}
        arrived = [table.transaction_version(run_id) or 0 for table in self._tables]
        super().__init__(np.array(arrived, dtype=np.int64))
        self.interval = max(MIN_INTERVAL, len(self._tables) * SECOND // COMMITS_PER_SECOND)

    def write(self, block: Block) -> None:
        """Append to all tables that have rows and do not have them yet; a LoadgenError says what failed."""
        todo = [
            (at, block.rows.slice(int(end - count), int(count)))
            for at, (count, end) in enumerate(zip(block.counts, block.counts.cumsum(), strict=True))
            if at not in self.errors and self.arrived[at] < block.until
        ]
        problems = list(filter(None, self._pool.map(lambda one: self._append(block, *one), todo)))
        if problems:
            raise target_error(problems[0])

    def close(self) -> None:
        """End the writers; a LoadgenError says how many streams failed."""
        self._pool.shutdown()
        if self.errors:
            raise target_error(f"{len(self.errors)} of {len(self._tables)} streams failed.")

    def _append(self, block: Block, at: int, rows: pa.RecordBatch) -> str:
        """Append to one table; return what is wrong if it should be tried again, else an empty text."""
        table, began = self._tables[at], time.perf_counter()
        try:
            if at in self._failing:
                table.update_incremental()  # the commit may have been made all the same
            if rows.num_rows and (table.transaction_version(self._run_id) or 0) < block.until:
                done = CommitProperties(app_transactions=[Transaction(self._run_id, block.until)])
                write_deltalake(table, rows, mode="append", commit_properties=done)
                self.writes.append(Write(block.phase, self._types[at], time.perf_counter() - began))
        except (DeltaError, OSError) as error:
            return self._note_failure(at, _sentence(table.table_uri, error))
        self._failing.pop(at, None)
        self.arrived[at] = block.until
        return ""

    def _note_failure(self, at: int, problem: str) -> str:
        since = self._failing.setdefault(at, time.monotonic())
        if time.monotonic() - since < STREAM_SECONDS:
            return problem
        self.errors[at] = problem
        return ""


def _open(path: Path) -> DeltaTable:
    try:
        table = DeltaTable.create(path, SCHEMA, mode="ignore", name=path.name)
    except (DeltaError, OSError) as error:
        raise target_error(_sentence(path, error)) from error
    if table.schema() != Schema.from_arrow(SCHEMA):
        columns = ", ".join(field.name for field in table.schema().fields)
        raise target_error(f"Delta table {path} has other columns than these rows: {columns}. Name an empty folder.")
    return table


def _sentence(table: Path | str, error: Exception) -> str:
    return f"Cannot write Delta table {table}: {' '.join(str(error).split())}."
