"""A run of a plan: start it, show the status of its streams, stop it, and analyse the rows that arrived."""

from __future__ import annotations

import time
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

from rich.console import Console

from .clock import SystemClock
from .datasets.columns import device_names
from .datasets.devices import OPERATIONS, generate_changes
from .engines.feed import Feed
from .engines.local import LocalEngine, Window
from .engines.native import ColumnSource
from .engines.python import ReadingSource, device_ids
from .errors import WRONG_USE, LoadgenError
from .phases.shape import SECOND
from .report import analysis, results, status
from .report.journal import Journal, read_journal, read_samples, write_samples
from .report.readback import lines_at, read_back
from .report.record import Record
from .signals import stop_signals
from .targets.opening import Kafka, Null, Opening, new_run_id, open_line_target, open_target

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .engines.base import Engine
    from .engines.blocks import RowSource
    from .plan import Plan
    from .report.record import GroupResult, Sample
    from .report.status import StreamStatus

LOOK_SECONDS = 0.1
SAVE_SECONDS = 1.0
STATUS_SECONDS = 30.0
#: Width of the tables in a file or a pipe, characters.
WIDTH = 110


class Load:
    """A run of a plan, in the background.

    Args:
        plan: what and where.
        resume: go on with the run in the plan's report folder.
        console: for status and problems; default: standard error.

    Raises:
        LoadgenError: the target cannot be reached, or there is no run to go on with.
    """

    def __init__(self, plan: Plan, *, resume: bool = False, console: Console | None = None) -> None:
        self.plan = plan
        self._console = console or Console(stderr=True, highlight=False)
        self._journal = Journal(new_run_id(), plan.start, plan.same)
        self._samples: list[Sample] = []
        if resume and plan.report is not None:
            self._journal, self._samples = read_journal(plan.report, plan.same), read_samples(plan.report)
        self._engine = _open(plan, self._journal, self._console.print)
        self._journal.begin = self._journal.begin or self._engine.position()
        self.record = Record(plan.shape, self._engine)
        self._streams = status.StatusWatch(plan.shape, self._engine)
        #: Number of samples in the report folder.
        self._saved = 0
        self._unsaved = False
        self._over = Event()
        self._watcher = Thread(target=self._watch, name="loadgen-watch", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._write_journal()  # before the first row, so that a crash from here on can be resumed
        self._engine.start()
        self._journal.began = time.time() - self._engine.now() / SECOND
        self.record = Record(self.plan.shape, self._engine, self._samples)
        self._watcher.start()

    def wait(self, stopped: Callable[[], bool] = lambda: False) -> None:
        """Wait until all is sent, all streams have failed, or `stopped()` is true; then stop."""
        while self._engine.running() and not stopped():
            time.sleep(LOOK_SECONDS)
        self.stop_all_streams()

    def stop_all_streams(self) -> None:
        """Stop sending, and deliver what is on its way."""
        self._engine.stop()
        self._over.set()
        self._watcher.join()

    def check_stream_status(self) -> list[StreamStatus]:
        """Print and return each stream's rates since the last status, its lag, and its error."""
        streams, shape, now = self._streams.update(), self.plan.shape, self._engine.now()
        phase = next((one.name for one in shape.phases if one.begin <= now < one.end), "")
        where = f" of {_clock(shape.end)}{phase and f', phase {phase}'}" if shape.paced else ""
        sent = int(shape.due(self._engine.arrived()).sum())
        self._console.print(f"\n{_clock(now)}{where}: {sent:,} rows have arrived", markup=False)
        self._console.print(status.as_table(streams))
        for line in status.problems(streams):
            self._console.print(line, markup=False, soft_wrap=True)
        return streams

    def analyze_data(self, *, check: bool | None = None) -> list[dict[str, Any]]:
        """Print, write and return the results of each stream type in each phase; a list of `results.group_document`.

        Args:
            check: also read the rows back from the target, and check them; by default not those of the python engine.
        """
        plan = self.plan
        phases, groups = self.record.phases(), self.record.groups()
        out = Console(highlight=False)
        if not out.is_terminal:
            out.width = WIDTH
        out.print(results.phases_table(phases), results.groups_table(groups))
        self._print_counts(out)
        found: dict[tuple[str, str], dict[str, Any]] = {}
        streams: list[dict[str, Any]] = []
        if (plan.engine != "python" if check is None else check) and not isinstance(plan.address, Null):
            if plan.engine == "python":
                self._count_lines(out)
            else:
                found, streams = self._read_back(groups)
        documents = [results.group_document(one, found.get((one.phase, one.stream_type))) for one in groups]
        if found:
            out.print(analysis.as_table(list(found.values())))
        if plan.report is not None:
            changes = None if self._engine.feed is None else self._engine.feed.delivered()
            report = results.report_json(self._engine.kinds(), changes, None if plan.steady else phases)
            results.write_report(plan.report, report)
            results.write_analysis(plan.report, phases, documents, streams)
            if plan.shape.paced:
                out.print(results.write_picture(plan.report, plan.shape, self.record.samples), soft_wrap=True)
        return documents

    def _print_counts(self, out: Console) -> None:
        """Print rows by kind, rate and device changes."""
        kinds, seconds = self._engine.kinds(), self.record.seconds
        if self.plan.engine == "python":
            out.print(results.kinds_table(kinds))
        sent = kinds.total()
        out.print(f"{sent:,} rows in {seconds:.1f} s, {sent / max(seconds, 1e-9):,.0f} rows/s")
        if self._engine.feed is not None:
            changes = self._engine.feed.delivered()
            operations = ", ".join(f"{changes[operation]:,} {operation}" for operation in OPERATIONS)
            out.print(f"{changes.total():,} device changes: {operations}")

    def _count_lines(self, out: Console) -> None:
        """Print how many lines are at the target."""
        try:
            count = sum(
                len(lines) for lines in lines_at(self.plan.address, self._journal.run_id, self._begin_offsets())
            )
        except (LoadgenError, KeyboardInterrupt) as error:
            self._console.print(f"The rows were not read back. {error}", markup=False, soft_wrap=True)
        else:
            sent = self._engine.kinds().total()
            out.print(
                f"{count:,} rows are at the target, {sent:,} were sent", style=None if count == sent else "bold red"
            )

    def _begin_offsets(self) -> dict[int, int]:
        """Return the offset of each partition of a topic at which the run began."""
        return {int(at): offset for at, offset in self._journal.begin.get("offsets", {}).items()}

    def _read_back(
        self, groups: Sequence[GroupResult]
    ) -> tuple[dict[tuple[str, str], dict[str, Any]], list[dict[str, Any]]]:
        """Return the rows at the target, by phase and type, and by stream; none if they cannot be read."""
        shape, journal = self.plan.shape, self._journal
        summary = analysis.Summary(shape, journal.start)
        self._console.print("Reading the rows back from the target; Ctrl-C leaves that out.")
        try:
            for batch in read_back(self.plan.address, journal.run_id, shape, self._begin_offsets()):
                summary.add(batch)
        except (LoadgenError, KeyboardInterrupt) as error:
            self._console.print(f"The rows were not read back. {error}", markup=False, soft_wrap=True)
            return {}, []
        found = {(one["phase"], one["stream_type"]): one for one in summary.groups()}
        for group in groups:  # rows that were not sent, or not yet, are not missing
            one = found[group.phase, group.stream_type]
            if group.sent_rows < one["expected_rows"]:  # some devices may not have had their turn
                one.update(expected_rows=group.sent_rows, expected_devices=one["devices"])
        counts, nothing = summary.streams(), {"rows": 0, "checksum": None}
        streams = [{"table": one.table, **counts.get(one.stream_id, nothing)} for one in shape.streams]
        return found, streams

    def failure(self) -> str:
        """Return why the run or some of its streams failed, and how many rows have arrived; else an empty text."""
        errors = self._engine.errors()
        failed = [f"{self.plan.shape.streams[at].table}: {error}" for at, error in errors.items()]
        if not (self._engine.failed() or failed):
            return ""
        arrived = f"{self._engine.kinds().total():,} rows have arrived."
        return "\n".join([self._engine.trouble() or "It failed.", *failed, arrived])

    def _watch(self) -> None:
        saved = shown = self._engine.now()
        trouble = ""
        with status.progress_bar(self._console, self.plan.shape.rows) as progress:
            while not self._over.wait(LOOK_SECONDS):
                self.record.update()
                progress(self.record.samples[-1].sent_rows)
                now = self._engine.now()
                if now - saved >= SAVE_SECONDS * SECOND:
                    saved = now
                    self._save()
                if now - shown >= STATUS_SECONDS * SECOND:
                    shown = now
                    self.check_stream_status()
                trouble = self._print_trouble(trouble)
        self.record.update()
        self._save()

    def _print_trouble(self, before: str) -> str:
        """Print once that rows do not arrive, and once that they do again; return the present trouble."""
        trouble = self._engine.trouble() if self._engine.running() else before
        if trouble and not before:
            self._console.print(f"{trouble} The rows wait.", markup=False, soft_wrap=True)
        if before and not trouble:
            lag = (self._engine.now() - int(self._engine.arrived().min())) / SECOND
            self._console.print(f"Rows arrive again; {lag:.1f} s are to be caught up.", markup=False)
        return trouble

    def _save(self) -> None:
        """Write the state of the run for `--resume`; print once that it cannot be written."""
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
        self._journal.feed = {} if self._engine.feed is None else self._engine.feed.position()
        self._journal.now = max(self._engine.now(), self._journal.now)
        self._journal.ended = self._engine.complete()
        self._journal.write(self.plan.report)


def run_load(plan: Plan, *, resume: bool, check: bool | None) -> str:
    """Run a load to its end or to Ctrl-C, then analyse it; return why it failed, else an empty text.

    Raises:
        LoadgenError: nothing was sent, or the report cannot be written.
    """
    try:
        load = Load(plan, resume=resume)
        with stop_signals() as stopped:  # not before: a Spark that starts takes Ctrl-C for itself
            load.start()
            load.wait(stopped)
    except LoadgenError as error:
        if error.code in WRONG_USE:
            raise
        raise LoadgenError(error.code, f"{error.message} Nothing was sent.", error.hint) from error
    except OSError as error:
        raise _not_written(plan, f"{error.strerror}. Nothing was sent.") from error
    try:
        load.analyze_data(check=check)
    except OSError as error:
        raise _not_written(plan, f"{error.strerror}.") from error
    return load.failure()


def _not_written(plan: Plan, reason: str) -> LoadgenError:
    return LoadgenError("REPORT_NOT_WRITTEN", f"Cannot write into {plan.report}: {reason}")


def _open(plan: Plan, journal: Journal, say: Callable[[str], None]) -> Engine:
    """Open the engine of a plan, with its targets."""
    shape, partitions = plan.shape, int(plan.shape.settings["partitions"])
    if plan.engine == "spark":
        from .engines.queries import StreamQueries
        from .engines.session import find_session
        from .engines.spark import SparkEngine

        spark = find_session(say, kafka=isinstance(plan.address, Kafka))
        queries = StreamQueries(spark, shape, journal.start, plan.address, journal.run_id)
        return SparkEngine(queries, SystemClock(), journal.position, _open_feed(plan, journal))
    how = Opening(journal.run_id, partitions, plan.roll, journal.position)
    target = open_target(plan.address, shape, how)
    source: RowSource
    if plan.engine == "python":
        source = ReadingSource(shape, journal.start, plan.shares, target.arrived)
    else:
        source = ColumnSource(shape, journal.start, as_lines=target.takes_lines)
    window = Window(journal.now, plan.deadline)
    return LocalEngine(shape, source, target, SystemClock(), _open_feed(plan, journal), window)


def _open_feed(plan: Plan, journal: Journal) -> Feed | None:
    """Open the feed of device changes, if the plan has one."""
    if plan.feed is None:
        return None
    shape = plan.shape
    if plan.engine == "python":
        devices = device_ids(shape)
    else:
        devices = [name for one in shape.streams for name in device_names(one.stream_id, shape.devices)]
    changes = generate_changes(devices, shape.seed, journal.start, plan.feed.share)
    how = Opening(journal.run_id, int(shape.settings["partitions"]), plan.roll, journal.feed)
    return Feed(changes, open_line_target(plan.feed.address, 1, how))


def _clock(now: int) -> str:
    seconds = now // SECOND
    return f"{seconds // 60}:{seconds % 60:02d}"
