"""Files of sensor rows whose makers change and break, step by step, and an account of every line in them.

    steps = Drift(landing, seed=1)
    steps.plain()
    steps.new_column()
    finish = steps.half_written()   # half of a line is there now
    finish()                        # now all of it is
    steps.expected()                # every line so far, with its id, step and kind

Each method is a step: it writes one file, named by the number of the step and by its kind, which appears complete,
save that of `half_written`. Any step may come several times. Equal seeds and steps give equal bytes.
"""

from __future__ import annotations

import gzip
import json
from datetime import datetime, timezone
from functools import partial
from itertools import islice
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

from loadgen.datasets.readings import ReadingSettings, generate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

START = datetime(2026, 6, 21, 11, tzinfo=timezone.utc)
ROOMS = ("attic", "cellar", "hall", "kitchen")
RUBBISH_BYTES = 4096


class Line(NamedTuple):
    """A line that was written."""

    id: str  # the line's own field `id`, unique
    step: int  # 1 on
    kind: str  # what is special about it; of most steps the name of the method
    file: str  # its name in the folder
    text: str  # as written, without the newline


class Drift:
    """Writes the steps into `folder`, `rows` lines in each."""

    def __init__(self, folder: Path, seed: int, rows: int = 3) -> None:
        self.folder = folder
        #: The kind of each file, by its name; also of those that hold no line.
        self.files: dict[str, str] = {}
        self._rows = rows
        self._chance = Random(seed)
        self._readings = generate(ReadingSettings(START, seed))
        self._step = self._made = 0
        self._lines: list[Line] = []

    def expected(self) -> tuple[Line, ...]:
        """Return every line that was written so far, in order; of a half-written file, also what is still to come."""
        return tuple(self._lines)

    def plain(self) -> None:
        """Write rows as they should be: id, device_id, temperature, humidity, event_time, site with room."""
        self._write("plain", self._plain_rows())

    def new_column(self) -> None:
        """Write rows with one more field, `battery`, a whole number."""
        self._write("new_column", [row | {"battery": self._chance.randint(1, 100)} for row in self._plain_rows()])

    def changed_type(self) -> None:
        """Write temperatures as text, in turns "hot" (kind text_temperature) and "21.5" (quoted_temperature)."""
        rows = self._plain_rows()
        kinds = ["quoted_temperature" if at % 2 else "text_temperature" for at in range(len(rows))]
        for row, kind in zip(rows, kinds, strict=True):
            row["temperature"] = "hot" if kind == "text_temperature" else "21.5"
        self._write("changed_type", rows, kinds)

    def nested_field(self) -> None:
        """Write rows whose object `site` has one more field, `floor`, a whole number."""
        rows = self._plain_rows()
        for row in rows:
            row["site"]["floor"] = self._chance.randint(0, 9)
        self._write("nested_field", rows)

    def mis_cased(self) -> None:
        """Write rows that have `Temperature` in place of `temperature`."""
        names = {"temperature": "Temperature"}
        self._write("mis_cased", [{names.get(key, key): v for key, v in row.items()} for row in self._plain_rows()])

    def corrupt(self) -> None:
        """Write bytes that are no text: no line is expected of them."""
        self._put(self._named("corrupt"), b"\xff\x00" + self._chance.randbytes(RUBBISH_BYTES))

    def truncated(self) -> None:
        """Write a .json.gz whose second half is missing."""
        name = self._named("truncated", "json.gz")
        packed = gzip.compress(self._text(name, self._plain_rows()), mtime=0)
        self._put(name, packed[: len(packed) // 2])

    def empty(self) -> None:
        """Write a file without a byte."""
        self._put(self._named("empty"), b"")

    def half_written(self) -> Callable[[], None]:
        """Write all lines but half of the last one; return a function that writes the rest and closes the file."""
        name = self._named("half_written")
        text = self._text(name, self._plain_rows())
        cut = len(text) - len(text.splitlines(keepends=True)[-1]) // 2
        file = (self.folder / name).open("wb")
        file.write(text[:cut])
        file.flush()

        def finish() -> None:
            with file:
                file.write(text[cut:])

        return finish

    def overwritten(self) -> Callable[[], None]:
        """Write a file; return a function that puts one with other lines (kind overwriting) in its place."""
        name = self._named("overwritten")
        self._put(name, self._text(name, self._plain_rows()))
        return partial(self._overwrite, name, self._step)

    def deleted(self) -> Callable[[], None]:
        """Write a file; return a function that deletes it."""
        name = self._named("deleted")
        self._put(name, self._text(name, self._plain_rows()))
        return (self.folder / name).unlink

    def _overwrite(self, name: str, step: int) -> None:
        rows = self._plain_rows()
        self._put(name, self._text(name, rows, ["overwriting"] * len(rows), step))

    def _plain_rows(self) -> list[dict[str, Any]]:
        rows = []
        for reading in islice(self._readings, self._rows):
            self._made += 1
            site = {"room": self._chance.choice(ROOMS)}
            rows.append({"id": f"line-{self._made:05}", **json.loads(reading.line), "site": site})
        return rows

    def _named(self, kind: str, ending: str = "json") -> str:
        """Begin a step; return the name of its file."""
        self._step += 1
        name = f"{self._step:03}-{kind}.{ending}"
        self.files[name] = kind
        return name

    def _write(self, kind: str, rows: list[dict[str, Any]], kinds: Sequence[str] = ()) -> None:
        name = self._named(kind)
        self._put(name, self._text(name, rows, kinds))

    def _text(self, name: str, rows: list[dict[str, Any]], kinds: Sequence[str] = (), step: int | None = None) -> bytes:
        """Return the rows as a file of JSON lines, and keep account of them."""
        texts = [json.dumps(row) for row in rows]
        for row, text, kind in zip(rows, texts, kinds or [self.files[name]] * len(rows), strict=True):
            self._lines.append(Line(row["id"], step or self._step, kind, name, text))
        return "".join(f"{text}\n" for text in texts).encode()

    def _put(self, name: str, data: bytes) -> None:
        """Write a file under a hidden name and rename it, so that no reader sees a part of it."""
        hidden = self.folder / f".{name}"
        hidden.write_bytes(data)
        hidden.replace(self.folder / name)
