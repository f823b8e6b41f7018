"""Carries out the steps of an update: sets tables up, runs flows in order or all the time, says what happens."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from livetables.errors import DefinitionError
from livetables.events.events import error_of
from livetables.execute.reader import Engine, FlowReader
from livetables.execute.tasks import Job, Mode
from livetables.execute.writers import start
from livetables.model import Sink, Table
from livetables.plan.steps import (
    Alter,
    Create,
    Drop,
    Exclude,
    Inactive,
    OrphanFlow,
    Reset,
    ResetCheckpoint,
    Run,
    StartFlow,
)
from livetables.spark.failures import describe

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyspark.sql import Observation, SparkSession

    from livetables.clock import Clock
    from livetables.events.events import EventBus
    from livetables.execute.runs import Batch, FlowRun
    from livetables.execute.sources import Sources
    from livetables.execute.tables import Tables
    from livetables.execute.update import UpdateRun
    from livetables.graph.graph import Graph, ResolvedFlow
    from livetables.plan.steps import Step
    from livetables.settings import Settings
    from livetables.storage.layout import Storage

#: How often flows are looked at. Continuous ones do not wait for one another, and each look costs Spark some time.
_POLL_SECONDS = {Mode.TRIGGERED: 0.1, Mode.CONTINUOUS: 0.25}
_SET_UP_THREADS = 4
#: While a stop waits for the ends of batches, they must be seen at once: the next batch starts right away.
_STOP_POLL_SECONDS = 0.005
#: A batch that goes on for longer than this after a stop was asked for is interrupted; it comes again.
_STOP_PATIENCE_SECONDS = 30.0


class Runner:
    """Runs one update. It prints nothing: every fact is an event on the bus; `idle` is called between looks."""

    def __init__(
        self,
        spark: SparkSession,
        graph: Graph,
        settings: Settings,
        storage: Storage,
        tables: Tables,
        sources: Sources,
        bus: EventBus,
        clock: Clock,
        update_run: UpdateRun,
        idle: Callable[[], None] = lambda: None,
    ) -> None:
        self._threads = ThreadPoolExecutor(max_workers=64, thread_name_prefix="livetables")
        self._engine = Engine(spark, graph, storage, tables, sources, self._threads)
        self._graph = graph
        self._settings = settings
        self._bus = bus
        self._clock = clock
        self._attempts = update_run
        self._idle = idle
        self._mode = Mode.CONTINUOUS if settings.continuous else Mode.TRIGGERED
        self._jobs: list[Job] = []
        #: Another update is to follow at once: the source of a flow has a new schema.
        self.restarts = False

    def run(self, steps: tuple[Step, ...]) -> None:
        """Do the steps; in continuous mode until the run is over, or makes way for another update."""
        try:
            self._progress("SETTING_UP_TABLES")
            self._set_up_all(steps)
            self._jobs = [job for step in steps if isinstance(step, Run) for job in self._jobs_of(step)]
            for job in self._jobs:
                self._flow_progress(job, "QUEUED")
            self._progress("RUNNING")
            self._attempts.begin()
            self._loop()
        finally:
            self._stop_all()
            self._threads.shutdown(wait=False, cancel_futures=True)

    @property
    def outcome(self) -> str:
        """The final state of the update: COMPLETED, FAILED or CANCELED."""
        if self.restarts:
            return "CANCELED"
        if any(job.status == "FAILED" for job in self._jobs):
            return "FAILED"
        stopped = self._attempts.stop.is_set() and self._mode is Mode.TRIGGERED
        return "CANCELED" if stopped else "COMPLETED"

    @property
    def mendable(self) -> bool:
        """Tell whether what failed may do better in another update."""
        return not any(job.permanent for job in self._jobs)

    def _set_up_all(self, steps: tuple[Step, ...]) -> None:
        by_dataset: dict[str, list[Step]] = {}
        for step in steps:
            by_dataset.setdefault(step.dataset, []).append(step)
        # Delta takes up to a second to create a table, and one does not wait for another.
        with ThreadPoolExecutor(max_workers=_SET_UP_THREADS, thread_name_prefix="livetables-set-up") as threads:
            list(threads.map(self._set_up_dataset, by_dataset.values()))
        # What a flow reads comes through its reader. What the function of a sink reads, the session looks up.
        if any(isinstance(d.definition, Sink) and d.definition.write_batch for d in self._graph.datasets.values()):
            self._engine.tables.create_schema()
            for name in self._engine.storage.table_names():
                self._engine.tables.register(name)

    def _set_up_dataset(self, steps: list[Step]) -> None:
        for step in steps:
            self._set_up(step)

    def _set_up(self, step: Step) -> None:
        tables, storage = self._engine.tables, self._engine.storage
        match step:
            case Reset(dataset):
                tables.remove(dataset)
            case ResetCheckpoint(dataset, flow_name, reason):
                storage.new_checkpoint(dataset, flow_name)
                self._bus.emit(
                    "flow_progress",
                    f"Flow '{flow_name}' starts over and appends: {reason}.",
                    {"status": "QUEUED"},
                    level="WARN",
                    flow_name=flow_name,
                    dataset_name=dataset,
                )
            case Create(dataset):
                # Offsets that outlived their table would leave out its first rows.
                for flow in self._graph.datasets[dataset.lower()].flows:
                    storage.new_checkpoint(dataset, flow.name)
                tables.create(self._graph.datasets[dataset.lower()], self._elsewhere(dataset))
            case Alter(dataset, reason, changed, removed, columns):
                tables.alter(self._graph.datasets[dataset.lower()], changed, removed, columns)
                self._operation("ALTER_TABLE", f"Table '{dataset}' is altered: {reason}.", dataset)
            case Drop(dataset, reason):
                tables.remove(dataset)
                storage.remove_checkpoints(dataset)
                self._operation("DROP_TABLE", f"Table '{dataset}' is dropped: {reason}.", dataset, level="WARN")
            case StartFlow(dataset, flow_name, reason, gone):
                storage.new_checkpoint(dataset, flow_name)
                self._bus.emit(
                    "flow_progress",
                    f"Flow '{flow_name}' starts: {reason}.",
                    {"status": "QUEUED"},
                    level="WARN" if gone else "INFO",
                    flow_name=flow_name,
                    dataset_name=dataset,
                )
            case Exclude(dataset):
                for flow in self._graph.datasets[dataset.lower()].flows:
                    self._bus.emit(
                        "flow_progress",
                        f"Flow '{flow.name}' is EXCLUDED.",
                        {"status": "EXCLUDED"},
                        flow_name=flow.name,
                        dataset_name=dataset,
                    )
            case Run() | OrphanFlow() | Inactive():
                return

    def _elsewhere(self, name: str) -> Path | None:
        """Return the folder that `path=` gives a table on this machine."""
        definition = self._graph.datasets[name.lower()].definition
        path = definition.path if isinstance(definition, Table) else None
        if path is None:
            return None
        mapped = self._engine.sources.map_path(path).removeprefix("file:")
        if "://" in mapped or mapped.startswith("dbfs:"):
            message = f"The path of table '{name}', {path}, does not lie on this machine."
            hint = "Say with --path-map FROM=TO, or path_map in livetables.yml, where it lies."
            raise DefinitionError("PATH_NOT_LOCAL", message, location=definition.location, hint=hint)
        return Path(mapped).absolute()

    def _jobs_of(self, step: Run) -> list[Job]:
        dataset = self._graph.datasets[step.dataset.lower()]
        return [Job(flow, dataset, step, self._mode, self._settings, self._clock) for flow in dataset.flows]

    def _loop(self) -> None:
        while any(not job.ended for job in self._jobs):
            if self._attempts.over or self._makes_way():
                return
            for job in self._jobs:
                if job.run is not None:
                    self._poll(job)
                elif not job.ended:
                    self._start_if_ready(job)
            self._idle()
            self._clock.sleep(_POLL_SECONDS[self._mode])

    def _makes_way(self) -> bool:
        """Tell whether the other flows stop for another update: one that tries again, or knows a new schema."""
        if self.restarts:
            return True
        failed = self._mode is Mode.CONTINUOUS and self.outcome == "FAILED"
        return failed and self.mendable and self._attempts.left

    def _start_if_ready(self, job: Job) -> None:
        broken = self._upstream(job, ("FAILED", "SKIPPED"))
        if broken:
            self._flow_progress(job, "SKIPPED", because=f" because '{broken[0].dataset.name}' failed", level="WARN")
            return
        waiting = [up for up in self._upstream(job) if up.must_end_first()]
        if waiting or not job.due(self._engine.storage.version):
            return
        self._flow_progress(job, "STARTING")
        try:
            job.run = self._started(job)
        except Exception as error:  # noqa: BLE001 (a query function may raise anything)
            self._failed(job, error)
        else:
            self._flow_progress(job, "RUNNING")

    def _upstream(self, job: Job, statuses: tuple[str, ...] = ()) -> list[Job]:
        names = {name.lower() for name in job.step.after}
        return [
            other for other in self._jobs if other.dataset.key in names and (not statuses or other.status in statuses)
        ]

    def _started(self, job: Job) -> FlowRun:
        flow: ResolvedFlow = job.flow
        observations: dict[str, Observation] | None = None if flow.streaming else {}
        checkpoint = self._engine.storage.checkpoint(job.dataset.name, flow.name)
        reader = FlowReader(self._engine, self._settings.namespace, flow.name, checkpoint, observations)
        return start(self._engine, reader, flow, job.dataset, job.trigger())

    def _poll(self, job: Job) -> None:
        assert job.run is not None
        # Asked before the batches are taken: a batch that ends in between is then still taken.
        finished = job.run.finished()
        self._take_batches(job)
        if not finished:
            broken = self._upstream(job, ("FAILED", "SKIPPED"))
            if broken and job.run.between_batches():  # its batch still reads what the upstream has committed
                self._stop_job(job, "SKIPPED", because=f" because '{broken[0].dataset.name}' failed", level="WARN")
            return
        error = job.run.error()
        job.run.close()
        job.run = None
        if error is not None:
            self._failed(job, error)
        elif job.status != "COMPLETED":
            self._flow_progress(job, job.finish())

    def _take_batches(self, job: Job) -> None:
        assert job.run is not None
        batches = job.run.batches()
        for number, batch in enumerate(batches, start=1):
            job.succeeded()
            self._attempts.progressed(job.flow.name)
            last = number == len(batches) and not job.flow.streaming
            self._batch(job, batch, job.finish() if last else "RUNNING")

    def _failed(self, job: Job, error: BaseException) -> None:
        job.run = None
        failure = describe(error)
        if failure.new_schema and self._attempts.restart(job.flow.name):
            self.restarts = True
            because = f" for a new update, as its source has a new schema: {failure.message}"
            self._flow_progress(job, "STOPPED", because=because, level="WARN")
            return
        if failure.retryable and job.retry():
            message = (
                f"Flow '{job.flow.name}' failed on attempt {job.attempts} of {job.tries} and is tried again: "
                f"{failure.message}"
            )
            self._bus.emit(
                "flow_progress",
                message,
                {"status": "STARTING"},
                level="WARN",
                error=error_of(error, failure.message, fatal=False),
                **self._origin(job),
            )
            return
        job.status, job.permanent = "FAILED", not failure.retryable
        self._bus.emit(
            "flow_progress",
            f"Flow '{job.flow.name}' has FAILED: {failure.message}",
            {"status": "FAILED"},
            level="ERROR",
            error=error_of(error, failure.message, fatal=True),
            **self._origin(job),
        )

    def _batch(self, job: Job, batch: Batch, status: str) -> None:
        details: dict[str, Any] = {"status": status, "metrics": batch.metrics}
        rules = [quality for quality in batch.quality if quality.failed]
        if rules:
            details["data_quality"] = {
                "dropped_records": sum(quality.dropped for quality in batch.quality),
                "expectations": [
                    {
                        "name": name,
                        "dataset": quality.dataset,
                        "passed_records": quality.rows - failed,
                        "failed_records": failed,
                    }
                    for quality in rules
                    for name, failed in quality.failed.items()
                ],
            }
        message = (
            f"Flow '{job.flow.name}' is {status}." if status == "RUNNING" else f"Flow '{job.flow.name}' has {status}."
        )
        job.status = status
        self._bus.emit("flow_progress", message, details, batch_id=batch.batch_id, **self._origin(job))

    def _stop_all(self) -> None:
        """Stop what runs, each flow between two batches, so that no batch's counts are lost."""
        running = [job for job in self._jobs if job.run is not None]
        if running:
            self._progress("STOPPING")
        for job in running:
            self._take_batches(job)
        deadline = self._clock.monotonic() + _STOP_PATIENCE_SECONDS
        while running:
            for job in list(running):
                assert job.run is not None
                if job.run.between_batches() or job.run.finished() or self._clock.monotonic() > deadline:
                    self._stop_job(job)
                    running.remove(job)
            self._clock.sleep(_STOP_POLL_SECONDS)

    def _stop_job(self, job: Job, status: str = "STOPPED", **said: str) -> None:
        assert job.run is not None
        job.run.stop()
        self._take_batches(job)
        job.run.close()
        job.run = None
        self._flow_progress(job, status, **said)

    def _operation(self, kind: str, message: str, dataset: str, level: str = "INFO") -> None:
        details = {"type": kind, "status": "COMPLETED"}
        self._bus.emit("operation_progress", message, details, level=level, dataset_name=dataset)

    def _progress(self, state: str) -> None:
        self._bus.emit("update_progress", f"Update {self._bus.update_id[:6]} is {state}.", {"state": state})

    def _flow_progress(self, job: Job, status: str, *, because: str = "", level: str = "INFO") -> None:
        job.status = status
        verb = (
            "is" if status in ("QUEUED", "STARTING", "RUNNING", "IDLE") else "has" if status == "COMPLETED" else "was"
        )
        message = f"Flow '{job.flow.name}' {verb} {status}{because}."
        self._bus.emit("flow_progress", message, {"status": status}, level=level, **self._origin(job))

    def _origin(self, job: Job) -> dict[str, Any]:
        number = self._engine.storage.checkpoint_number(job.dataset.name, job.flow.name)
        # Stable over updates, new after a full refresh: the checkpoint's own number.
        return {
            "flow_name": job.flow.name,
            "dataset_name": job.dataset.name,
            "flow_id": f"{job.dataset.key}/{job.flow.definition.key}/{max(number, 1)}",
        }


def selection_details(selection: Any) -> dict[str, Any]:
    """Return the fields of a create_update event that tell what was asked for."""
    given = asdict(selection)
    return {
        "full_refresh": given["full_refresh_all"],
        "refresh_selection": list(given["refresh"]),
        "full_refresh_selection": list(given["full_refresh"]),
        "reset_checkpoint_selection": list(given["reset_checkpoints"]),
    }
