"""The scheduler of an update: starts each task when its inputs are ready, takes its batches, retries and stops it.

It knows neither Spark nor tables: what it needs of them are functions, so that its tests run with fake runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from livetables.events.states import FlowState, Level, UpdateState
from livetables.execute.tasks import Mode
from livetables.spark.failures import describe

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from livetables.clock import Clock
    from livetables.execute.narration import Narrator
    from livetables.execute.runs import TaskRun
    from livetables.execute.tasks import Task
    from livetables.execute.update import UpdateRun

#: Seconds between two looks at the tasks. What Spark reports is pushed, so that a look costs next to nothing.
_POLL_SECONDS = {Mode.TRIGGERED: 0.1, Mode.CONTINUOUS: 0.25}
#: While a stop waits for the ends of batches they must be seen at once: the next batch starts right away.
_STOP_POLL_SECONDS = 0.005
#: Seconds after which a stop interrupts a batch that goes on; its rows come again.
_STOP_PATIENCE_SECONDS = 30.0
_BROKEN = (FlowState.FAILED, FlowState.SKIPPED)


@dataclass(frozen=True)
class Environment:
    """What the scheduler needs of the world.

    `start` starts the query of a task and may raise anything; `version_of` gives the newest version of a table by its
    key; `idle` is called once per look at all tasks, and raises when Spark is gone.
    """

    start: Callable[[Task], TaskRun]
    version_of: Callable[[str], int]
    idle: Callable[[], None]
    clock: Clock


class Scheduler:
    """Runs the tasks of one update. It prints nothing: every fact goes to the narrator."""

    def __init__(
        self, tasks: Sequence[Task], mode: Mode, environment: Environment, narrator: Narrator, update: UpdateRun
    ) -> None:
        self._tasks = tasks
        self._mode = mode
        self._environment = environment
        self._narrator = narrator
        self._update = update
        #: Another update is to follow at once: the source of a flow has a new schema.
        self.restarts = False

    def run(self) -> None:
        """Run until all tasks have ended, or the run is over, or makes way for another update; then stop the rest."""
        try:
            for task in self._tasks:
                self._progress(task, FlowState.QUEUED)
            self._narrator.update(UpdateState.RUNNING)
            self._update.begin()
            self._loop()
        finally:
            self._stop_all()

    @property
    def outcome(self) -> UpdateState:
        """The final state of the update: COMPLETED, FAILED or CANCELED."""
        if self.restarts:
            return UpdateState.CANCELED
        if any(task.state is FlowState.FAILED for task in self._tasks):
            return UpdateState.FAILED
        stopped = self._update.stop.is_set() and self._mode is Mode.TRIGGERED
        return UpdateState.CANCELED if stopped else UpdateState.COMPLETED

    @property
    def retryable(self) -> bool:
        """Whether what failed may do better in another update."""
        return not any(task.permanent for task in self._tasks)

    def _loop(self) -> None:
        while any(not task.ended for task in self._tasks):
            if self._update.over or self._makes_way():
                return
            for task in self._tasks:
                if task.run is not None:
                    self._look_at(task, task.run)
                elif not task.ended:
                    self._start_if_ready(task)
            self._environment.idle()
            self._environment.clock.sleep(_POLL_SECONDS[self._mode])

    def _makes_way(self) -> bool:
        """Whether the other tasks stop for another update: one that tries again, or knows a new schema."""
        if self.restarts:
            return True
        failed = self._mode is Mode.CONTINUOUS and self.outcome is UpdateState.FAILED
        return failed and self.retryable and self._update.left

    def _start_if_ready(self, task: Task) -> None:
        upstream = self._upstream(task)
        broken = next((other for other in upstream if other.state in _BROKEN), None)
        if broken is not None:
            self._progress(task, FlowState.SKIPPED, because=_because(broken), level=Level.WARN)
            return
        if any(other.blocks_readers() for other in upstream) or not task.due(self._environment.version_of):
            return
        self._progress(task, FlowState.STARTING)
        try:
            task.run = self._environment.start(task)
        except Exception as error:  # noqa: BLE001 (a query function may raise anything)
            self._failed(task, error)
        else:
            self._progress(task, FlowState.RUNNING)

    def _upstream(self, task: Task) -> list[Task]:
        return [other for other in self._tasks if other is not task and other.datasets & set(task.after)]

    def _look_at(self, task: Task, run: TaskRun) -> None:
        # Asked before the batches are taken: a batch that ends in between is then still taken.
        finished = run.finished()
        self._take_batches(task, run)
        if not finished:
            broken = next((other for other in self._upstream(task) if other.state in _BROKEN), None)
            if broken is not None and run.between_batches():  # its batch still reads what the upstream has committed
                self._stop(task, run, FlowState.SKIPPED, because=_because(broken), level=Level.WARN)
            return
        error = run.error()
        run.close()
        task.run = None
        if error is not None:
            self._failed(task, error)
            return
        for one in task.flows:
            if one.state is not FlowState.COMPLETED:  # said with its last batch, if it had one
                self._narrator.flow(one, FlowState.COMPLETED)
        task.note_end()

    def _take_batches(self, task: Task, run: TaskRun) -> None:
        batches = run.batches()
        last = {key: number for number, (key, _) in enumerate(batches)}
        for number, (key, batch) in enumerate(batches):
            task.reset_attempts()
            one = task.flow(key)
            self._update.progressed(one.name)
            ends = not task.streaming and number == last[key]
            self._narrator.batch(one, batch, FlowState.COMPLETED if ends else FlowState.RUNNING)

    def _failed(self, task: Task, error: BaseException) -> None:
        task.run = None
        failure = describe(error)
        if failure.new_schema and self._update.restart(task.flows[0].name):
            self.restarts = True
            because = f" for a new update, as its source has a new schema: {failure.message}"
            self._progress(task, FlowState.STOPPED, because=because, level=Level.WARN)
        elif failure.retryable and task.retry():
            self._narrator.retry(task, error, failure.message)
        else:
            task.permanent = not failure.retryable
            self._narrator.failure(task, error, failure.message)

    def _stop_all(self) -> None:
        """Stop what runs, each task between two batches, so that no batch's counts are lost."""
        clock = self._environment.clock
        running = [(task, task.run) for task in self._tasks if task.run is not None]
        if running:
            self._narrator.update(UpdateState.STOPPING)
        for task, run in running:
            self._take_batches(task, run)
        deadline = clock.monotonic() + _STOP_PATIENCE_SECONDS
        while running:
            for task, run in list(running):
                if run.between_batches() or run.finished() or clock.monotonic() > deadline:
                    self._stop(task, run)
                    running.remove((task, run))
            clock.sleep(_STOP_POLL_SECONDS)

    def _stop(
        self,
        task: Task,
        run: TaskRun,
        state: FlowState = FlowState.STOPPED,
        *,
        because: str = "",
        level: Level = Level.INFO,
    ) -> None:
        run.stop()
        self._take_batches(task, run)
        run.close()
        task.run = None
        self._progress(task, state, because=because, level=level)

    def _progress(self, task: Task, state: FlowState, *, because: str = "", level: Level = Level.INFO) -> None:
        for one in task.flows:
            self._narrator.flow(one, state, because=because, level=level)


def _because(broken: Task) -> str:
    return f" because '{broken.flows[0].dataset.name}' failed"
