"""Files of JSON lines in a folder. A file has a hidden name until it is complete; its name says how far the run is."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.compute as pc

from ..errors import target_error
from ..phases.shape import SECOND
from .base import Target, Write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .base import Block

DIGITS = 15  # of the microseconds of a run


class FilesTarget(Target):
    """Writes each block to DIR/part-<run id>-<microseconds of the run>.json.

    Args:
        directory: made when missing; a LoadgenError says why it cannot be.
        run_id: keeps several runs into one folder apart; the files of the same run say what has arrived.
        streams: number of streams.
        interval: microseconds of the run that a file holds.
        max_rows: rows that a file holds at most, roughly.
    """

    takes_lines = True

    def __init__(
        self, directory: Path, run_id: str, streams: int, *, interval: int = SECOND, max_rows: int = 100_000
    ) -> None:
        self.interval = interval
        self.max_rows = max_rows
        self._directory = directory
        self._run_id = run_id
        with self._explained():
            directory.mkdir(parents=True, exist_ok=True)
            last = max((path.stem for path in directory.glob(f"part-{run_id}-*.json")), default="-0")
        super().__init__(np.full(streams, int(last.rpartition("-")[2]), dtype=np.int64))

    def write(self, block: Block) -> None:
        """Write a file."""
        began = time.perf_counter()
        if block.rows.num_rows:
            self._write_file(f"part-{self._run_id}-{block.until:0{DIGITS}}.json", block)
            self.writes.append(Write(block.phase, None, time.perf_counter() - began))
        self._all_arrived(block.until)

    def _write_file(self, name: str, block: Block) -> None:
        # With the run id in its name: two runs into one folder at the same time do not share a file.
        hidden = self._directory / f".{name}.tmp"
        with self._explained():
            try:
                hidden.write_bytes(_text(block))
                hidden.replace(self._directory / name)
            except OSError:
                with suppress(OSError):
                    hidden.unlink(missing_ok=True)  # it may end in half a row
                raise

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            cause = error.strerror or os.strerror(error.errno or 0)
            raise target_error(f"Cannot write files into {self._directory}: {cause}.") from error


def _text(block: Block) -> memoryview:
    """Return the lines as one text, without a copy of each: Arrow stores them one after the other."""
    text = pc.binary_join_element_wise(block.lines, "", "\n")
    offsets = np.frombuffer(text.buffers()[1], dtype=np.int32)[text.offset : text.offset + len(text) + 1]
    return memoryview(text.buffers()[2])[offsets[0] : offsets[-1]]
