"""Auto Loader with inferred columns against Spark's own stream of JSON files with a fixed schema.

    python -m benchmarks.autoloader [--pairs 2] [--full]

See benchmarks/README.md.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from benchmarks._autoloader_sides import Load, Native, Ours, idle
from benchmarks._pairs import BenchmarkError, failing_in_words, median, print_result, run_pairs
from benchmarks._process import ROOT
from livetables.storage.stored import select
from loadgen.datasets.readings import ReadingSettings, generate

if TYPE_CHECKING:
    from benchmarks._autoloader_sides import Side

SIDES: dict[str, type[Ours | Native]] = {"ours": Ours, "alternative": Native}
START = datetime(2026, 6, 21, 11, tzinfo=timezone.utc)
KNOWN = (1_000, 10_000, 100_000)
KNOWN_IN_FULL = 1_000_000
#: Files per batch of empty files: only the cost of known files is measured.
EMPTY_PER_TRIGGER = 100_000


@dataclass(frozen=True)
class Case:
    """A set of files of sensor readings."""

    name: str
    files: int
    rows: int  # of each file
    files_per_trigger: int

    def write(self, folder: Path) -> Load:
        """Write the files into a new folder."""
        folder.mkdir()
        rows = generate(ReadingSettings(START))
        for number in range(self.files):
            lines = [row.line + "\n" for row in islice(rows, self.rows)]
            (folder / f"{number:06}.json").write_text("".join(lines))
        return Load(folder, self.files_per_trigger)


#: Enough batches for Java to compile their code.
WARM_UP = Case("warm-up", files=100, rows=2000, files_per_trigger=10)
CASES = (
    Case("large", files=40, rows=100_000, files_per_trigger=5),
    Case("small", files=10_000, rows=20, files_per_trigger=1000),
)


class Bench:
    """The files of all cases, and the sums that all runs of a case must agree on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.loads = {case.name: case.write(folder / case.name) for case in (WARM_UP, *CASES)}
        self.sums: dict[str, dict[str, Any]] = {}

    def take(self, side: str, case: Case) -> dict[str, Any]:
        """Return the speed at which a side reads all files of a case, from the start of its query to its end."""
        folder = self.folder / side
        run = SIDES[side](folder)
        heard = run.take(self.loads[case.name])
        self._check(side, case, run)
        shutil.rmtree(folder)
        seconds = heard.ended - heard.began
        found = {
            "rows_per_second": round(case.files * case.rows / seconds),
            "files_per_second": round(case.files / seconds, 1),
            "seconds": round(seconds, 2),
            "batch_seconds": round(sum(heard.batch_ms) / 1000, 2),
            "batches": len(heard.batch_ms),
        }
        print(f"{case.name:<8} {side:<12} {found}", flush=True)
        return found

    def _check(self, side: str, case: Case, run: Side) -> None:
        """Compare the table with that of the first run: a fast wrong run is no result."""
        sums = "count(*) AS n, count(DISTINCT event_time) AS times, min(temperature) AS low, max(humidity) AS high"
        [found] = select(f"SELECT {sums} FROM this", run.table).to_pylist()  # noqa: S608 (constants only)
        if found["n"] != case.files * case.rows or self.sums.setdefault(case.name, found) != found:
            raise BenchmarkError(f"'{case.name}' of {side} holds {found}, the first run {self.sums.get(case.name)}")

    def idle(self, known: int, order: list[str], sides: dict[str, Side]) -> dict[str, Any]:
        """Return the cost of an empty trigger for each side, with `known` files."""
        landing = self.folder / "known"
        for number in range(len(list(landing.iterdir())), known):
            (landing / f"{number:07}.json").touch()
        load = Load(landing, EMPTY_PER_TRIGGER)
        measured = {side: idle(sides[side], load) for side in order}
        ours, other = measured["ours"], measured["alternative"]
        found = {"known_files": known, "ratio": round(other["trigger_ms"] / max(ours["trigger_ms"], 1), 3), **measured}
        print(f"idle     {found}", flush=True)
        return found


def main(
    pairs: Annotated[int, typer.Option(min=1, max=20, help="pairs of runs")] = 2,
    full: Annotated[bool, typer.Option("--full", help="empty triggers with a million known files, too")] = False,
) -> None:
    """Measure both sides alternately and print the result as a line of JSON."""
    location = ROOT / ".livetables" / "benchmarks"
    location.mkdir(parents=True, exist_ok=True)
    with failing_in_words(), tempfile.TemporaryDirectory(dir=location, prefix="autoloader-") as name:
        bench = Bench(Path(name))
        for side in SIDES:
            bench.take(side, WARM_UP)
        taken = {
            case.name: run_pairs(pairs, partial(bench.take, "ours", case), partial(bench.take, "alternative", case))
            for case in CASES
        }
        (bench.folder / "known").mkdir()
        (bench.folder / "known" / "0000000.json").write_text(next(generate(ReadingSettings(START))).line)
        sides: dict[str, Side] = {side: made(bench.folder / f"idle-{side}") for side, made in SIDES.items()}
        sizes = (*KNOWN, KNOWN_IN_FULL) if full else KNOWN
        order = [list(SIDES), list(reversed(SIDES))]
        idles = [bench.idle(known, order[at % 2], sides) for at, known in enumerate(sizes)]
    found = [pair_of(dict(zip(taken, measured, strict=True))) for measured in zip(*taken.values(), strict=True)]
    small = median([pair["small_ratio"] for pair in found])
    print_result("autoloader", "rows/s", found, small_ratio=small, idle=idles)


def pair_of(measured: dict[str, tuple[dict[str, Any], dict[str, Any]]]) -> dict[str, Any]:
    """Return the results of a pair: ours and the alternative's for each case."""
    ratios = {
        name: round(ours["rows_per_second"] / other["rows_per_second"], 3) for name, (ours, other) in measured.items()
    }
    cases = {name: {"ours": ours, "alternative": other} for name, (ours, other) in measured.items()}
    return {"ratio": ratios["large"], "small_ratio": ratios["small"], **cases}


if __name__ == "__main__":
    typer.run(main)
