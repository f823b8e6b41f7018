"""Change events per second into a table of type 1 and one of type 2: AUTO CDC against MERGEs written by hand.

    python -m benchmarks.cdc [--pairs 3] [--rows 1000000] [--keys 100000] [--filled]

See benchmarks/README.md.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import pyarrow as pa
import typer
from pyarrow import parquet

from benchmarks._pairs import BenchmarkError, failing_in_words, print_result, run_pairs
from benchmarks._process import ROOT, run_program
from livetables.events.facts import FlowProgress
from livetables.events.reading import read_events
from livetables.events.states import FlowState
from livetables.storage.layout import Storage
from livetables.storage.stored import select

if TYPE_CHECKING:
    from benchmarks._process import Finished

BATCHES = 10
DELETES = 0.03
LIMIT_SECONDS = 900.0
SEED = 1
#: The columns of the alternative's own that say the same.
_HISTORY = {"ours": ("__START_AT", "__END_AT"), "alternative": ("start_at", "end_at")}


@dataclass(frozen=True)
class Run:
    """One run: from the flows' start to their end, and the median time of the last batches of each table."""

    seconds: float
    rows_per_second: float
    last_batches: dict[str, float]
    cpu_seconds: float | None
    peak_mib: float | None


class Bench:
    """The change feed as files, and what all runs must agree on."""

    def __init__(self, folder: Path, rows: int, keys: int, *, filled: bool = False) -> None:
        self.folder, self.rows, self.keys, self.filled = folder, rows, keys, filled
        self.events = folder / "events"
        self.sums: dict[str, tuple[int, ...]] = {}

    def fill(self) -> None:
        """Write the feed: a file for each micro-batch, in the order of the sequence."""
        self.events.mkdir()
        chance = np.random.default_rng(SEED)
        each = self.rows // BATCHES
        batches = [chance.integers(0, self.keys, each) for _ in range(BATCHES)]
        if self.filled:
            batches.insert(0, np.arange(self.keys))
        sent = 0
        for number, ids in enumerate(batches):
            sequence = np.arange(len(ids)) + sent
            sent += len(ids)
            table = pa.table(
                {
                    "id": pa.array(ids, pa.int32()),
                    "name": pa.array([f"name {key}" for key in ids]),
                    # All different: equal versions in a row count as one, which the alternative does not know.
                    "city": pa.array([f"city {at}" for at in sequence]),
                    "op": pa.array(np.where(chance.random(len(ids)) < DELETES, "D", "U")),
                    "seq": pa.array(sequence, pa.int64()),
                }
            )
            file = self.events / f"{number:03}.parquet"
            parquet.write_table(table, file)
            os.utime(file, (number + 1, number + 1))  # Spark takes files in the order of their times
        self.rows = sent

    def ours(self) -> Run:
        """Run the pipeline as a user would."""
        storage = self._fresh("ours")
        program = str(Path(sys.executable).with_name("livetables"))
        file = str(ROOT / "benchmarks" / "_cdc_pipeline.py")
        options = ["--triggered", "--storage", str(storage), "--set", f"events={self.events}"]
        done = run_program([program, "run", file, *options], self.folder / "ours-logs", LIMIT_SECONDS)
        times: dict[FlowState, list[float]] = {}
        batches: dict[str, list[float]] = {}
        for event in read_events(storage, types=[FlowProgress]):
            match event.fact:
                case FlowProgress(status, metrics):
                    times.setdefault(status, []).append(event.timestamp.timestamp())
                    if metrics:
                        batches.setdefault(event.origin["flow_name"], []).append(metrics.batch_duration_ms / 1000)
        seconds = max(times[FlowState.COMPLETED]) - min(times[FlowState.STARTING])
        return self._run("ours", storage, done, seconds, batches)

    def alternative(self) -> Run:
        """Run the script."""
        storage = self._fresh("alternative")
        command = [sys.executable, "-m", "benchmarks._cdc_by_hand", str(self.events), str(storage)]
        done = run_program(command, self.folder / "alternative-logs", LIMIT_SECONDS)
        said = json.loads(done.said.splitlines()[-1])
        return self._run("alternative", storage, done, said["seconds"], said["batches"])

    def _fresh(self, side: str) -> Path:
        storage = self.folder / side
        shutil.rmtree(storage, ignore_errors=True)
        os.sync()  # what was written before shall not be a part of what is measured now
        return storage

    def _run(self, side: str, storage: Path, done: Finished, seconds: float, batches: dict[str, list[float]]) -> Run:
        self._check(side, storage)
        shutil.rmtree(storage)
        last = {name: round(float(np.median(times[-3:])), 2) for name, times in batches.items()}
        run = Run(round(seconds, 2), round(2 * self.rows / seconds), last, done.cpu_seconds, done.peak_mib)
        print(f"{side:<12} {run}", flush=True)
        return run

    def _check(self, side: str, storage: Path) -> None:
        """Compare what the tables hold with the first run: a fast wrong run is no result."""
        start, end = _HISTORY[side]
        columns = {
            "newest": "count(*) AS n, sum(id) AS ids, count(DISTINCT city) AS cities",
            "history": f'count(*) AS n, sum("{start}") AS starts, sum("{end}") AS ends, count("{end}") AS closed',
        }
        for name, sums in columns.items():
            sql = f"SELECT {sums} FROM this"  # noqa: S608 (all of it is written above)
            found = tuple(select(sql, Storage(storage).table(name)).to_pylist()[0].values())
            if self.sums.setdefault(name, found) != found:
                raise BenchmarkError(
                    f"'{name}' of {side} adds up to {found}, that of the first run to {self.sums[name]}"
                )


def main(
    pairs: Annotated[int, typer.Option(min=1, max=20, help="pairs of runs")] = 3,
    rows: Annotated[int, typer.Option(min=10_000, max=5_000_000, help="change events")] = 1_000_000,
    keys: Annotated[int, typer.Option(min=100, max=1_000_000, help="keys that they change")] = 100_000,
    filled: Annotated[bool, typer.Option("--filled", help="one more batch before them has every key")] = False,
) -> None:
    """Measure both sides in turns and print the result as a line of JSON."""
    location = ROOT / ".livetables" / "benchmarks"
    location.mkdir(parents=True, exist_ok=True)
    with failing_in_words(), tempfile.TemporaryDirectory(dir=location, prefix="cdc-") as name:
        bench = Bench(Path(name), rows, keys, filled=filled)
        bench.fill()
        measured = run_pairs(pairs, bench.ours, bench.alternative)
    found = [
        {
            "ratio": round(ours.rows_per_second / other.rows_per_second, 3),
            "ours": asdict(ours),
            "alternative": asdict(other),
        }
        for ours, other in measured
    ]
    print_result("cdc", "events/s", found, rows=bench.rows, keys=keys)


if __name__ == "__main__":
    typer.run(main)
