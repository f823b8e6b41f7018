"""Says what happens in an update: the words and facts of its events, in one place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from livetables.events.events import error_of
from livetables.events.facts import FlowProgress, OperationProgress, UpdateProgress
from livetables.events.progress import DataQuality, RuleResult
from livetables.events.states import FlowState, Level

if TYPE_CHECKING:
    from collections.abc import Callable

    from livetables.events.events import EventBus
    from livetables.events.states import OperationType, UpdateState
    from livetables.execute.runs import Batch
    from livetables.execute.tasks import FlowStatus, Task

#: What a flow "was" after it has been stopped or skipped, it "is" while the state lasts.
_IS = (FlowState.QUEUED, FlowState.STARTING, FlowState.RUNNING, FlowState.EXCLUDED)


class Narrator:
    """Emits the events of an update's steps and flows.

    `checkpoint_number` gives the number of a flow's checkpoint from the keys of its dataset and of itself.
    """

    def __init__(self, bus: EventBus, checkpoint_number: Callable[[str, str], int]) -> None:
        self._bus = bus
        self._checkpoint_number = checkpoint_number

    def update(self, state: UpdateState) -> None:
        """Say that the update has come into a state."""
        self._bus.emit(UpdateProgress(state), f"Update {self._bus.update_id[:6]} is {state}.")

    def table_changed(self, kind: OperationType, message: str, dataset: str, level: Level = Level.INFO) -> None:
        """Say that a table was altered or dropped."""
        self._bus.emit(OperationProgress(kind), message, level=level, dataset_name=dataset)

    def flow_planned(
        self, flow: str, dataset: str, message: str, state: FlowState = FlowState.QUEUED, level: Level = Level.INFO
    ) -> None:
        """Say what the plan has decided about a flow, before it runs."""
        self._bus.emit(FlowProgress(state), message, level=level, flow_name=flow, dataset_name=dataset)

    def flow(self, one: FlowStatus, state: FlowState, *, because: str = "", level: Level = Level.INFO) -> None:
        """Give a flow a state, and say so."""
        one.state = state
        message = f"Flow '{one.name}' {_verb(state)} {state}{because}."
        self._bus.emit(FlowProgress(state), message, level=level, **self._origin(one))

    def batch(self, one: FlowStatus, batch: Batch, state: FlowState) -> None:
        """Say what a batch of a flow did, and give the flow a state."""
        one.state = state
        progress = FlowProgress(state, batch.metrics, _quality(batch))
        message = f"Flow '{one.name}' {_verb(state)} {state}."
        self._bus.emit(progress, message, batch_id=batch.batch_id, **self._origin(one))

    def retry(self, task: Task, error: BaseException, reason: str) -> None:
        """Say that a task failed and is tried again."""
        progress, cause = FlowProgress(FlowState.STARTING), error_of(error, reason, fatal=False)
        for one in task.flows:
            message = (
                f"Flow '{one.name}' failed on attempt {task.attempts} of {task.tries} and is tried again: {reason}"
            )
            self._bus.emit(progress, message, level=Level.WARN, error=cause, **self._origin(one))

    def failure(self, task: Task, error: BaseException, reason: str) -> None:
        """Give the flows of a task the state FAILED, and say why."""
        progress, cause = FlowProgress(FlowState.FAILED), error_of(error, reason, fatal=True)
        for one in task.flows:
            one.state = FlowState.FAILED
            message = f"Flow '{one.name}' has FAILED: {reason}"
            self._bus.emit(progress, message, level=Level.ERROR, error=cause, **self._origin(one))

    def _origin(self, one: FlowStatus) -> dict[str, Any]:
        number = self._checkpoint_number(one.dataset.key, one.key)
        # Stable over updates, new after a full refresh: the checkpoint's own number.
        flow_id = f"{one.dataset.key}/{one.key}/{max(number, 1)}"
        return {"flow_name": one.name, "dataset_name": one.dataset.name, "flow_id": flow_id}


def _verb(state: FlowState) -> str:
    return "is" if state in _IS else "has" if state is FlowState.COMPLETED else "was"


def _quality(batch: Batch) -> DataQuality | None:
    """Return what the rules of a batch counted; None when it has no rules."""
    results = tuple(
        RuleResult(name, quality.dataset, quality.rows - failed, failed)
        for quality in batch.quality
        for name, failed in quality.failed.items()
    )
    return DataQuality(sum(quality.dropped for quality in batch.quality), results) if results else None
