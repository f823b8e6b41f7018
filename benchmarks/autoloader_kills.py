"""Checks that Auto Loader reads every line exactly once when its process is killed (kill -9) at random moments.

    python -m benchmarks.autoloader_kills [--kills 30] [--files 2000] [--lines 20] [--seed 1]

It measures no speed, so it has no ratio: exit code 1 means that a line is missing, altered, or duplicated.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from benchmarks._pairs import BenchmarkError, failing_in_words
from benchmarks._process import ROOT, kill_session, run_program
from livetables.storage.delta import commit_files
from livetables.storage.layout import Storage
from livetables.storage.stored import select

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from livetables.storage.locations import Location

#: The longest delay of a kill, in seconds, after the start of the process, or of its first batch.
AFTER_START, AFTER_BATCH = 12.0, 8.0
#: The time in which the files of a run arrive, about.
ARRIVAL_SECONDS = 12.0
#: Enough batches for the last kill to happen before all files are read.
BATCHES_PER_KILL = 2
PATIENCE_SECONDS = 120.0
TABLE = "lines"


@dataclass(frozen=True)
class Account:
    """The number of lines that were sent, and of those that are missing, duplicated or wrong."""

    lines: int
    missing: int
    twice: int
    wrong: int  # altered, or never sent

    @property
    def balances(self) -> bool:
        """Whether every line is stored exactly once, as it was sent."""
        return not (self.missing or self.twice or self.wrong)


def account(sent: dict[int, str], stored: Iterable[tuple[int | None, str | None, int]]) -> Account:
    """Compare the lines that were sent (text by id) with the stored ones: id, text and number of copies."""
    seen: Counter[int] = Counter()
    wrong = 0
    for key, text, times in stored:
        if key is None or sent.get(key) != text:
            wrong += times
        else:
            seen[key] += times
    return Account(len(sent), len(sent.keys() - seen.keys()), sum(times > 1 for times in seen.values()), wrong)


class Marks(NamedTuple):
    """The progress of a flow: numbers of its newest batches, -1 for none."""

    planned: int  # newest in the checkpoint's `offsets`
    stored: int  # newest in the table's log
    done: int  # newest in the checkpoint's `commits`


def phase(before: Marks, after: Marks, *, running: bool) -> str:
    """Return the phase in which a kill happened, from the progress before the start and after the kill."""
    if not running or (after == before and after.planned == after.done):
        return "before the first batch"
    if after.planned == after.done:
        return "between batches"
    if after.planned == before.planned:
        return "in a batch that came again"  # with the plan of the first attempt: how far it was is unknown
    return "in a batch, after its rows were stored" if after.stored >= after.planned else "in a batch"


class Trial:
    """A landing folder, a pipeline that reads it, and the lines that were sent."""

    def __init__(self, folder: Path, *, kills: int, files: int, lines: int, seed: int) -> None:
        """Write the files; half of them are in the landing folder at the start."""
        self.folder, self.kills = folder, kills
        self.chance = Random(seed)
        self.storage = Storage(folder / "storage")
        self.landing, staging = folder / "landing", folder / "staging"
        self.landing.mkdir()
        staging.mkdir()
        self.sent: dict[int, str] = {}
        self._waiting: list[Path] = []
        for number in range(files):
            texts = {number * lines + at: f"{self.chance.getrandbits(64):x}" for at in range(lines)}
            file = staging / f"{number:06}.json"
            file.write_text("".join(json.dumps({"id": key, "text": text}) + "\n" for key, text in texts.items()))
            self.sent |= texts
            self._waiting.append(file)
        self.chance.shuffle(self._waiting)
        self._per_run = max(1, files // 2 // max(kills, 1))
        self._per_batch = max(1, files // (BATCHES_PER_KILL * max(kills, 1)))
        self._arrive(files - files // 2)

    def _arrive(self, count: int) -> None:
        for _ in range(min(count, len(self._waiting))):
            file = self._waiting.pop()
            file.rename(self.landing / file.name)

    @contextmanager
    def _arriving(self, seed: float) -> Iterator[None]:
        """Let this run's share of the files arrive one by one, in a thread."""
        chance, over = Random(seed), threading.Event()

        def feed() -> None:
            for _ in range(self._per_run):
                if over.wait(chance.uniform(0, 2 * ARRIVAL_SECONDS / self._per_run)):
                    return
                self._arrive(1)

        thread = threading.Thread(target=feed)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def command(self, mode: str) -> list[str]:
        """Return the command of a run."""
        confs = {"landing": self.landing, "files_per_trigger": self._per_batch, "pipelines.trigger.interval": "100 ms"}
        settings = [word for key, value in confs.items() for word in ("--set", f"{key}={value}")]
        file = ROOT / "benchmarks" / "_autoloader_pipeline.py"
        run = [sys.executable, "-u", "-m", "livetables", "run", str(file), mode]
        return [*run, "--storage", str(self.storage.root), *settings]

    def run_and_kill(self, *, from_start: bool) -> str:
        """Start the pipeline in continuous mode, kill it at a random moment; return the phase of the kill."""
        moment = self.chance.uniform(0, AFTER_START if from_start else AFTER_BATCH)
        before, log = self.marks(), self.folder / "run.txt"
        with log.open("wb") as out, self._arriving(self.chance.random()):
            process = subprocess.Popen(
                self.command("--continuous"),
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                if not from_start:
                    self._await_batch(process, before)
                time.sleep(moment)
                ended = process.poll()
            finally:
                kill_session(process.pid)  # with its JVM
                process.wait()
        output = log.read_text(errors="replace")
        if ended is not None:
            raise BenchmarkError(f"the pipeline ended by itself with {ended}:\n{output}")
        found = phase(before, self.marks(), running=f"'{TABLE}' is RUNNING" in output)
        print(f"killed {moment:4.1f} s after {'the start' if from_start else 'a batch began'}: {found}", flush=True)
        return found

    def _await_batch(self, process: subprocess.Popen[bytes], before: Marks) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.marks() == before:
            if process.poll() is not None:
                return
            if time.monotonic() > deadline:
                raise BenchmarkError(f"no batch began within {PATIENCE_SECONDS:.0f} s")
            time.sleep(0.02)

    def finish(self) -> None:
        """Let the remaining files arrive, and run the pipeline until all are read."""
        self._arrive(len(self._waiting))
        run_program(self.command("--triggered"), self.folder / "last-run", PATIENCE_SECONDS + len(self.sent) / 100)

    def marks(self) -> Marks:
        """Return the progress of the flow."""
        checkpoint = self.storage.checkpoint(TABLE, TABLE)
        return Marks(
            checkpoint.planned_batch(), _last_transaction(self.storage.table(TABLE)), checkpoint.committed_batch()
        )

    def account(self) -> Account:
        """Return the account of the lines that were sent."""
        query = "SELECT id, text, count(*) AS n FROM this GROUP BY id, text"
        rows = select(query, self.storage.table(TABLE)).to_pylist()
        return account(self.sent, ((row["id"], row["text"], row["n"]) for row in rows))


def _last_transaction(table: Location) -> int:
    """Return the number of the last batch that a Delta log knows of."""
    for commit in reversed(commit_files(table)):
        found = re.search(r'"txn":\{[^}]*"version":(\d+)', commit.read_text())
        if found:
            return int(found[1])
    return -1


def trial(folder: Path, *, kills: int, files: int, lines: int, seed: int) -> tuple[Account, Counter[str]]:
    """Kill the pipeline `kills` times, let it finish; return the account of its lines and the phases of the kills."""
    made = Trial(folder, kills=kills, files=files, lines=lines, seed=seed)
    from_start = [number % 2 == 1 for number in range(kills)]
    made.chance.shuffle(from_start)
    phases = Counter(made.run_and_kill(from_start=each) for each in from_start)
    made.finish()
    return made.account(), phases


def main(
    kills: Annotated[int, typer.Option(min=1, max=1000)] = 30,
    files: Annotated[int, typer.Option(min=2, max=100_000)] = 2000,
    lines: Annotated[int, typer.Option(min=1, max=10_000, help="lines of each file")] = 20,
    seed: Annotated[int, typer.Option(help="of the lines, and of the moments of the kills")] = 1,
) -> None:
    """Run the trial, and print the result as a line of JSON."""
    location = ROOT / ".livetables" / "benchmarks"
    location.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=location, prefix="autoloader-kills-"))
    print(f"Landing folder and storage are in {folder}, and are kept after a failure.", flush=True)
    with failing_in_words():
        found, phases = trial(folder, kills=kills, files=files, lines=lines, seed=seed)
        print(json.dumps({"benchmark": "autoloader_kills", "kills": kills, "phases": phases, **asdict(found)}))
    if not found.balances:
        sys.exit(1)
    shutil.rmtree(folder)


if __name__ == "__main__":
    typer.run(main)
