"""Files of JSON lines. A file is written under a hidden name and renamed when it is complete."""

from __future__ import annotations

import os
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from loadgen.targets.base import TargetError, count_kinds

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from loadgen.pacing import Clock
    from loadgen.targets.base import Row


@dataclass(frozen=True)
class Roll:
    """When a file is complete: after `seconds` or `rows`, whichever comes first."""

    seconds: float = 1.0
    rows: int = 100_000


class FilesTarget:
    """Writes DIR/part-<run id>-<seq>.json.

    Args:
        directory: made when missing; a TargetError says why it cannot be.
        run_id: part of each file's name; keeps several runs into one folder apart.
        clock: tells a file's age.
        roll: when a file is complete.
    """

    def __init__(self, directory: Path, run_id: str, clock: Clock, roll: Roll) -> None:
        self.delivered: Counter[str] = Counter()
        self._directory = directory
        self._run_id = run_id
        self._clock = clock
        self._roll = roll
        self._file: IO[str] | None = None
        self._opened = 0.0
        self._in_file: Counter[str] = Counter()
        self._sequence = 0
        with self._explained():
            directory.mkdir(parents=True, exist_ok=True)

    def write(self, rows: Sequence[Row]) -> None:
        """Append rows to the current file and begin new ones as needed."""
        with self._explained():
            self._finish_if_complete()
            while rows:
                room = self._roll.rows - self._in_file.total()
                self._append(rows[:room])
                rows = rows[room:]
                self._finish_if_complete()

    def close(self) -> None:
        """Complete the current file."""
        with self._explained():
            self._finish()

    def _append(self, rows: Sequence[Row]) -> None:
        if self._file is None:
            self._file = self._hidden.open("x", encoding="ascii", newline="\n")
            self._opened = self._clock.now()
        self._file.write("".join([row.line + "\n" for row in rows]))
        self._in_file.update(count_kinds(rows))

    def _finish_if_complete(self) -> None:
        old = self._clock.now() - self._opened >= self._roll.seconds
        if old or self._in_file.total() >= self._roll.rows:
            self._finish()

    def _finish(self) -> None:
        if self._file is None:
            return
        file, self._file = self._file, None
        file.close()
        self._hidden.replace(self._directory / f"part-{self._run_id}-{self._sequence:06d}.json")
        self.delivered.update(self._in_file)
        self._in_file = Counter()
        self._sequence += 1

    def _discard(self) -> None:
        # After an error the file may end in half a row: it never gets a visible name, its rows do not count.
        self._in_file = Counter()
        if self._file is not None:
            file, self._file = self._file, None
            with suppress(OSError):
                file.close()
        with suppress(OSError):
            self._hidden.unlink(missing_ok=True)

    @property
    def _hidden(self) -> Path:
        # With the run id: two runs into one folder at the same time must not share a file.
        return self._directory / f".part-{self._run_id}-{self._sequence:06d}.json.tmp"

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._discard()
            cause = error.strerror or os.strerror(error.errno or 0)
            raise TargetError(f"Cannot write files into {self._directory}: {cause}.") from error
