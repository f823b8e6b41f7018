"""Files of JSON lines in one folder. A file has a hidden name until it is complete; then it says how far the run is."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.compute as pc

from loadgen.scaling.targets.base import BlockTarget, Write
from loadgen.targets.base import TargetError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from loadgen.scaling.blocks import Block

DIGITS = 15  # of the microseconds of a run


class FileBlocks(BlockTarget):
    """Writes each block to DIR/part-<run id>-<microseconds of the run>.json.

    Args:
        directory: made when missing; a TargetError says why it can't be.
        run_id: keeps several runs into one folder apart; the files of the same run say what has arrived.
        streams: how many there are.
        interval: microseconds of the run that a file holds, at most about `max_rows`.
    """

    takes_lines = True

    def __init__(self, directory: Path, run_id: str, streams: int, interval: int) -> None:
        self.interval = interval
        self._directory = directory
        self._run_id = run_id
        with self._explained():
            directory.mkdir(parents=True, exist_ok=True)
            there = max((path.stem for path in directory.glob(f"part-{run_id}-*.json")), default="-0")
        super().__init__(np.full(streams, int(there.rpartition("-")[2]), dtype=np.int64))

    def write(self, block: Block) -> None:
        """Write a file."""
        began = time.perf_counter()
        name = f"part-{self._run_id}-{block.until:0{DIGITS}}.json"
        if block.rows.num_rows:
            with self._explained():
                hidden = self._directory / f".{name}.tmp"
                hidden.write_bytes(_text(block))
                hidden.replace(self._directory / name)
            self.writes.append(Write(block.phase, None, time.perf_counter() - began))
        self._all_arrived(block.until)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            cause = error.strerror or os.strerror(error.errno or 0)
            raise TargetError(f"Cannot write files into {self._directory}: {cause}.") from error


def _text(block: Block) -> memoryview:
    """Return the lines as one text, without a copy for each: they lie one after the other in Arrow's memory."""
    text = pc.binary_join_element_wise(block.lines, "", "\n")
    offsets = np.frombuffer(text.buffers()[1], dtype=np.int32)[text.offset : text.offset + len(text) + 1]
    return memoryview(text.buffers()[2])[offsets[0] : offsets[-1]]
