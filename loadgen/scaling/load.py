"""A load under control: start it, look at its streams, stop them, and analyse what they did."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from loadgen.pacing import SystemClock
from loadgen.scaling import analysis, results, status
from loadgen.scaling.journal import Journal, read_journal
from loadgen.scaling.readback import read_back
from loadgen.scaling.record import Record, read_samples, write_samples
from loadgen.scaling.shape import SECOND
from loadgen.targets.base import TargetError
from loadgen.targets.opening import Kafka, Null, new_run_id

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from loadgen.scaling.engine import Engine
    from loadgen.scaling.record import Group, Sample
    from loadgen.scaling.shape import Shape
    from loadgen.scaling.status import StreamStatus
    from loadgen.targets.opening import LoadAddress

LOOK_SECONDS = 0.1
SAVE_SECONDS = 1.0
STATUS_SECONDS = 30.0
#: Of the tables in a file or a pipe.
WIDTH = 110
ENGINES = ("native", "spark")


@dataclass(frozen=True)
class Plan:
    """What a load sends, and where.

    Attributes:
        shape: its phases and streams.
        address: the target.
        engine: one of ENGINES.
        start: simulated time of its first row, microseconds since 1970 UTC; a run that goes on keeps its own.
        report: folder of the report and of what a resumed run needs; None for neither.
        file_seconds: seconds of the run that a file of a landing folder holds.
        options: what must be the same when the run goes on, by option.
    """

    shape: Shape
    address: LoadAddress
    engine: str
    start: int
    report: Path | None = None
    file_seconds: float = 1.0
    options: dict[str, str] = field(default_factory=dict)


class Load:
    """A run of a plan, in the background.

    Args:
        plan: what and where.
        resume: go on with the run in the plan's report folder.
        console: for status and troubles; default: standard error.

    Raises:
        TargetError: the target can't be reached.
        ValueError: there is no such run to go on with.
    """

    def __init__(self, plan: Plan, *, resume: bool = False, console: Console | None = None) -> None:
        self.plan = plan
        self._console = console or Console(stderr=True, highlight=False)
        self._journal = Journal(new_run_id(), plan.start, plan.options)
        self._samples: list[Sample] = []
        if resume and plan.report is not None:
            self._journal, self._samples = read_journal(plan.report, plan.options), read_samples(plan.report)
        self._engine = _open(plan, self._journal, self._console.print)
        self._journal.begin = self._journal.begin or self._engine.position()
        self.record = Record(plan.shape, self._engine)
        self._streams = status.Watch(plan.shape, self._engine)
        #: How many samples are in the report folder.
        self._saved = 0
        self._unsaved = False
        self._over = Event()
        self._watcher = Thread(target=self._watch, name="loadgen-watch", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._write_journal()  # before the first row: a run that crashes then must find it again
        self._engine.start()
        self._journal.began = time.time() - self._engine.now() / SECOND
        self.record = Record(self.plan.shape, self._engine, self._samples)
        self._watcher.start()

    def wait(self, stopped: Callable[[], bool] = lambda: False) -> None:
        """Wait until all is sent, all has failed, or `stopped()` is true; then stop."""
        while self._engine.running() and not stopped():
            time.sleep(LOOK_SECONDS)
        self.stop_all_streams()

    def stop_all_streams(self) -> None:
        """Send nothing more, and deliver what is on its way."""
        self._engine.stop()
        self._over.set()
        self._watcher.join()

    def check_stream_status(self) -> list[StreamStatus]:
        """Print and return each stream's rates since the last look, its lag, and its error."""
        streams, shape, now = self._streams.look(), self.plan.shape, self._engine.now()
        phase = next((one.name for one in shape.phases if one.begin <= now < one.end), "")
        sent = int(shape.due(self._engine.arrived()).sum())
        self._console.print(
            f"\n{_clock(now)} of {_clock(shape.end)}{phase and f', phase {phase}'}: {sent:,} rows have arrived",
            markup=False,
        )
        self._console.print(status.as_table(streams))
        for line in status.problems(streams):
            self._console.print(line, markup=False, soft_wrap=True)
        return streams

    def analyze_data(self, *, check: bool = True) -> list[dict[str, Any]]:
        """Print, write and return what each stream type did in each phase; a list of `results.group_document`.

        Args:
            check: also read the rows back from the target, and check them.
        """
        phases, groups = self.record.phases(), self.record.groups()
        out, report = Console(highlight=False), self.plan.report
        if not out.is_terminal:
            out.width = WIDTH
        out.print(results.phases_table(phases), results.groups_table(groups))
        found, streams = self._read_back(groups) if check and not isinstance(self.plan.address, Null) else ({}, [])
        documents = [results.group_document(one, found.get((one.phase, one.stream_type))) for one in groups]
        if found:
            out.print(analysis.as_table(list(found.values())))
        if report is not None:
            results.write_results(report, phases, documents, streams)
            out.print(results.write_picture(report, self.plan.shape, self.record.samples), soft_wrap=True)
        return documents

    def _read_back(self, groups: Sequence[Group]) -> tuple[dict[tuple[str, str], dict[str, Any]], list[dict[str, Any]]]:
        """Return what is at the target, by phase and type, and by stream; nothing if it can't be read, or at Ctrl-C."""
        shape, journal = self.plan.shape, self._journal
        summary = analysis.Summary(shape, journal.start)
        begin = {int(at): offset for at, offset in journal.begin.get("offsets", {}).items()}
        self._console.print("Reading the rows back from the target; Ctrl-C leaves that out.")
        try:
            for batch in read_back(self.plan.address, journal.run_id, shape, begin):
                summary.add(batch)
        except (TargetError, KeyboardInterrupt) as error:
            self._console.print(f"The rows were not read back. {error}", markup=False, soft_wrap=True)
            return {}, []
        found = {(one["phase"], one["stream_type"]): one for one in summary.groups()}
        for group in groups:  # what has not arrived is lag, or was stopped; only what got lost is missing
            one = found[group.phase, group.stream_type]
            if group.sent_rows < one["expected_rows"]:  # and some devices may not have had their turn
                one.update(expected_rows=group.sent_rows, expected_devices=one["devices"])
        counts, nothing = summary.streams(), {"rows": 0, "checksum": None}
        streams = [{"table": one.table, **counts.get(one.stream_id, nothing)} for one in shape.streams]
        return found, streams

    def failure(self) -> str:
        """Return why the run or some of its streams failed; empty when none did."""
        errors = self._engine.errors()
        failed = [f"{self.plan.shape.streams[at].table}: {error}" for at, error in errors.items()]
        return "\n".join([self._engine.trouble() or "It failed.", *failed]) if self._engine.failed() or failed else ""

    def _watch(self) -> None:
        saved = told = self._engine.now()
        trouble = ""
        while not self._over.wait(LOOK_SECONDS):
            self.record.look()
            now = self._engine.now()
            if now - saved >= SAVE_SECONDS * SECOND:
                saved = now
                self._save()
            if now - told >= STATUS_SECONDS * SECOND:
                told = now
                self.check_stream_status()
            trouble = self._tell(trouble)
        self.record.look()
        self._save()

    def _tell(self, before: str) -> str:
        """Say once that rows are not arriving, and once that they are again."""
        trouble = self._engine.trouble() if self._engine.running() else before
        if trouble and not before:
            self._console.print(f"{trouble} The rows wait.", markup=False, soft_wrap=True)
        if before and not trouble:
            lag = (self._engine.now() - int(self._engine.arrived().min())) / SECOND
            self._console.print(f"Rows arrive again; {lag:.1f} s are to be caught up.", markup=False)
        return trouble

    def _save(self) -> None:
        """Write what `--resume` needs; say once that it can't be written."""
        if self.plan.report is None:
            return
        samples = self.record.samples
        try:
            self._write_journal()
            write_samples(self.plan.report, samples, self._saved)
            self._saved = len(samples)
        except OSError as error:
            self._saved = 0  # a line may be there in part
            if not self._unsaved:
                self._console.print(f"Cannot write into {self.plan.report}: {error.strerror}.", markup=False)
            self._unsaved = True

    def _write_journal(self) -> None:
        if self.plan.report is None:
            return
        self._journal.position = self._engine.position()
        self._journal.ended = bool((self._engine.arrived() >= self.plan.shape.end).all())
        self._journal.write(self.plan.report)


def test_scaling_logic(shape: Shape, console: Console | None = None) -> list[dict[str, object]]:  # noqa: PT028 - no test
    """Print and return what each phase sends, and when, by the arithmetic of a run; nothing is sent."""
    phases: list[dict[str, object]] = []
    for at, phase in enumerate(shape.phases):
        parts = shape.segments(at)
        rate, rows = sum(one.rate for one in parts), sum(one.rows for one in parts)
        times = {"from": phase.begin / SECOND, "to": phase.end / SECOND}
        phases.append({"name": phase.name, **times, "streams": len(parts), "rate": rate, "rows": rows})
    table = Table("phase", box=None, pad_edge=False)
    for column in ("from s", "to s", "streams", "rows/s", "rows"):
        table.add_column(column, justify="right")
    for one in phases:
        name, *numbers = one.values()
        table.add_row(str(name), *(f"{number:,}" for number in numbers))
    (console or Console(highlight=False)).print(table)
    return phases


def _open(plan: Plan, journal: Journal, say: Callable[[str], None]) -> Engine:
    if plan.engine == "spark":
        from loadgen.scaling.session import find_session
        from loadgen.scaling.spark import SparkEngine

        spark = find_session(say, kafka=isinstance(plan.address, Kafka))
        clock, position = SystemClock(), journal.position
        return SparkEngine(plan.shape, journal.start, plan.address, journal.run_id, spark, clock, position)
    from loadgen.scaling.native import NativeEngine
    from loadgen.scaling.targets.opening import open_target

    interval = round(plan.file_seconds * SECOND)
    target = open_target(plan.address, journal.run_id, plan.shape, interval, journal.position)
    return NativeEngine(plan.shape, journal.start, target, SystemClock())


def _clock(now: int) -> str:
    seconds = now // SECOND
    return f"{seconds // 60}:{seconds % 60:02d}"
