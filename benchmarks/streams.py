"""What the load generator costs at 62,000 rows/s: with 50 streams, and with 200 and 1,000 at the same total rate.

    python -m benchmarks.streams [--pairs 3] [--seconds 30]

See benchmarks/README.md.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks._pairs import BenchmarkError, failing_in_words, print_result
from benchmarks._process import ROOT, run_program
from dev.servers.kafka import running_broker

STREAMS = (50, 200, 1000)
RATE = 62_000
START_SECONDS = 60


class Bench:
    """Runs the generator as a user would, into topics of a broker of its own."""

    def __init__(self, folder: Path, servers: str, seconds: int) -> None:
        self.folder = folder
        self.servers = servers
        self.seconds = seconds
        self.runs = 0

    def run(self, streams: int) -> dict[str, Any]:
        """Return cores and memory of a run; one that sent less than it should is void."""
        self.runs += 1
        shape = self.folder / f"{streams}.json"  # which is YAML
        phases = [{"streams": [{"type": "baseline", "count": streams, "rate": RATE // streams}]}]
        shape.write_text(json.dumps({"duration": f"{self.seconds}s", "phases": phases}))
        report = self.folder / f"report{self.runs}"
        options = ["--phases", str(shape), "--target", f"kafka:{self.servers}/run{self.runs}", "--no-check"]
        command = [sys.executable, "-m", "loadgen", "run", *options, "--report", str(report)]
        done = run_program(command, self.folder / "logs", self.seconds + START_SECONDS)
        [phase] = json.loads((report / "report.json").read_text())["phases"]
        if phase["sent_rows"] != RATE // streams * streams * self.seconds or done.cpu_seconds is None:
            raise BenchmarkError(f"{streams} streams: {phase}, {done.cpu_seconds} s of processor time")
        found = {
            "streams": streams,
            "cores": round(done.cpu_seconds / done.seconds, 3),
            "peak_mib": done.peak_mib,
            "max_lag_seconds": phase["max_lag_seconds"],
        }
        print(found, flush=True)
        return found


def main(
    pairs: Annotated[int, typer.Option(min=1, max=20, help="rounds over all numbers of streams")] = 3,
    seconds: Annotated[int, typer.Option(min=10, max=600, help="of each run")] = 30,
) -> None:
    """Measure in turns and print the result as a line of JSON."""
    location = ROOT / ".livetables" / "benchmarks"
    location.mkdir(parents=True, exist_ok=True)
    with failing_in_words(), tempfile.TemporaryDirectory(dir=location, prefix="streams-") as name:
        folder = Path(name)
        with running_broker(folder / "kafka") as servers:
            bench = Bench(folder, servers, seconds)
            bench.run(STREAMS[0])  # the broker has compiled what it runs
            rounds = [
                {found["streams"]: found for found in map(bench.run, STREAMS[:: 1 if at % 2 == 0 else -1])}
                for at in range(pairs)
            ]
    few, many = STREAMS[0], STREAMS[-1]
    found = [{"ratio": round(one[few]["cores"] / one[many]["cores"], 3), "runs": list(one.values())} for one in rounds]
    of = partial(medians, rounds)
    print_result("streams", "cores", found, cores=of("cores"), peak_mib=of("peak_mib"))


def medians(rounds: list[dict[int, dict[str, Any]]], name: str) -> dict[str, float]:
    """Return the median of a number, by number of streams."""
    return {str(streams): round(statistics.median(one[streams][name] for one in rounds), 3) for streams in STREAMS}


if __name__ == "__main__":
    typer.run(main)
