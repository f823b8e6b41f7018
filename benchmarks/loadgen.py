"""The load generator's native engine against Spark making and writing the same columns: Delta, Parquet, Kafka.

    python -m benchmarks.loadgen [--pairs 3] [--rows 3000000]

See benchmarks/README.md.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import typer

from benchmarks._loadgen_sides import Native, Spark
from benchmarks._pairs import BenchmarkError, failing_in_words, median, print_result, run_pairs
from benchmarks._process import ROOT
from dev.servers.kafka import running_broker
from livetables.settings import Settings
from livetables.spark.session import start_session

if TYPE_CHECKING:
    from collections.abc import Callable

TARGETS = ("delta", "parquet", "kafka")
WARM_UP_ROWS = 200_000


class Side(Protocol):
    """Writes rows to each kind of target, and counts what is there."""

    def delta(self, folder: Path, rows: int) -> None:
        """Write a Delta table."""

    def parquet(self, folder: Path, rows: int) -> None:
        """Write Parquet files."""

    def kafka(self, servers: str, topic: str, rows: int) -> None:
        """Write to a topic that exists."""


class Bench:
    """Runs one side after the other into new places."""

    def __init__(self, folder: Path, servers: str, counted: Callable[[str, str], int]) -> None:
        self.folder = folder
        self.servers = servers
        self.counted = counted
        self.runs = 0

    def run(self, side: Side, target: str, rows: int) -> float:
        """Return rows per second, from the first to the last one's arrival; a run that left others out is void."""
        self.runs += 1
        place = f"{target}{self.runs}"
        if target == "kafka":
            Native.make_topic(self.servers, place)
            write = partial(side.kafka, self.servers, place)
        else:
            write = partial(getattr(side, target), self.folder / place)
        began = time.perf_counter()
        write(rows)
        seconds = time.perf_counter() - began
        there = self.counted(target, place)
        if there != rows:
            raise BenchmarkError(f"{type(side).__name__} left {there:,} rows of {rows:,} in {target}")
        if target != "kafka":
            shutil.rmtree(self.folder / place)
        print(f"{target:<8} {type(side).__name__:<8} {rows / seconds:,.0f} rows/s", flush=True)
        return rows / seconds


def main(
    pairs: Annotated[int, typer.Option(min=1, max=20, help="pairs of runs")] = 3,
    rows: Annotated[int, typer.Option(min=100_000, help="rows of each run")] = 3_000_000,
) -> None:
    """Measure both sides in turns and print the result as a line of JSON."""
    place = ROOT / ".livetables" / "benchmarks"
    place.mkdir(parents=True, exist_ok=True)
    with failing_in_words(), tempfile.TemporaryDirectory(dir=place, prefix="loadgen-") as name:
        folder = Path(name)
        with running_broker(folder / "kafka") as servers:
            session = start_session(Settings("loadgen", ROOT, (), folder, master="local[*]"), folder / "session")
            native, spark = Native(), Spark(session)
            bench = Bench(folder, servers, partial(spark.counted, folder, servers))
            found: dict[str, list[tuple[float, float]]] = {}
            for target in TARGETS:
                for side in (native, spark):
                    bench.run(side, target, WARM_UP_ROWS)
                run = bench.run
                found[target] = run_pairs(pairs, partial(run, native, target, rows), partial(run, spark, target, rows))
    ratios = {target: [round(ours / other, 3) for ours, other in measured] for target, measured in found.items()}
    print_result(
        "loadgen", "rows/s", pairs_of(found), **{f"{target}_ratio": median(of) for target, of in ratios.items()}
    )


def pairs_of(found: dict[str, list[tuple[float, float]]]) -> list[dict[str, Any]]:
    """Return the numbers of each pair; its ratio is that of Delta."""
    columns = [
        [{"target": target, "ours": round(ours), "alternative": round(other)} for ours, other in measured]
        for target, measured in found.items()
    ]
    return [
        {"ratio": round(row[0]["ours"] / row[0]["alternative"], 3), "targets": list(row)}
        for row in zip(*columns, strict=True)
    ]


if __name__ == "__main__":
    typer.run(main)
