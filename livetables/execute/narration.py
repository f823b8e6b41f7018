"""Says what happens in an update: the words and payloads of its events, in one place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from livetables.events.events import error_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from livetables.events.events import EventBus
    from livetables.execute.runs import Batch
    from livetables.execute.tasks import FlowStatus, Task

_ONGOING = ("QUEUED", "STARTING", "RUNNING", "IDLE", "EXCLUDED")


class Narrator:
    """Emits the events of an update's steps and flows.

    `checkpoint_number` gives the number of a flow's checkpoint from the keys of its dataset and of itself.
    """

    def __init__(self, bus: EventBus, checkpoint_number: Callable[[str, str], int]) -> None:
        self._bus = bus
        self._checkpoint_number = checkpoint_number

    def update(self, state: str) -> None:
        """Say that the update has come into a state."""
        self._bus.emit("update_progress", f"Update {self._bus.update_id[:6]} is {state}.", {"state": state})

    def table_changed(self, kind: str, message: str, dataset: str, level: str = "INFO") -> None:
        """Say that a table was altered or dropped."""
        details = {"type": kind, "status": "COMPLETED"}
        self._bus.emit("operation_progress", message, details, level=level, dataset_name=dataset)

    def flow_prepared(self, flow: str, dataset: str, status: str, message: str, level: str = "INFO") -> None:
        """Say what the plan has decided about a flow, before it runs."""
        self._bus.emit("flow_progress", message, {"status": status}, level=level, flow_name=flow, dataset_name=dataset)

    def flow(self, one: FlowStatus, status: str, *, because: str = "", level: str = "INFO") -> None:
        """Give a flow a status, and say so."""
        one.status = status
        verb = "is" if status in _ONGOING else "has" if status == "COMPLETED" else "was"
        message = f"Flow '{one.name}' {verb} {status}{because}."
        self._bus.emit("flow_progress", message, {"status": status}, level=level, **self._origin(one))

    def batch(self, one: FlowStatus, batch: Batch, status: str) -> None:
        """Say what a batch of a flow did."""
        one.status = status
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
        verb = "is" if status == "RUNNING" else "has"
        message = f"Flow '{one.name}' {verb} {status}."
        self._bus.emit("flow_progress", message, details, batch_id=batch.batch_id, **self._origin(one))

    def retry(self, task: Task, error: BaseException, reason: str) -> None:
        """Say that a task failed and is tried again."""
        for one in task.flows:
            message = (
                f"Flow '{one.name}' failed on attempt {task.attempts} of {task.tries} and is tried again: {reason}"
            )
            cause = error_of(error, reason, fatal=False)
            self._bus.emit(
                "flow_progress", message, {"status": "STARTING"}, level="WARN", error=cause, **self._origin(one)
            )

    def failure(self, task: Task, error: BaseException, reason: str) -> None:
        """Give the flows of a task the status FAILED, and say why."""
        for one in task.flows:
            one.status = "FAILED"
            message, cause = f"Flow '{one.name}' has FAILED: {reason}", error_of(error, reason, fatal=True)
            self._bus.emit(
                "flow_progress", message, {"status": "FAILED"}, level="ERROR", error=cause, **self._origin(one)
            )

    def _origin(self, one: FlowStatus) -> dict[str, Any]:
        number = self._checkpoint_number(one.dataset.key, one.key)
        # Stable over updates, new after a full refresh: the checkpoint's own number.
        flow_id = f"{one.dataset.key}/{one.key}/{max(number, 1)}"
        return {"flow_name": one.name, "dataset_name": one.dataset.name, "flow_id": flow_id}
