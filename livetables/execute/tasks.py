"""The tasks of an update: a task is one query, which serves one flow or several; each flow has a state of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from livetables.events.states import FlowState
from livetables.model import SnapshotFlow, Table, runs_once
from livetables.plan.steps import Run
from livetables.settings import INTERVAL, RETRIES, seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from livetables.clock import Clock
    from livetables.execute.runs import TaskRun
    from livetables.graph.graph import Graph, ResolvedDataset, ResolvedFlow
    from livetables.plan.steps import Step
    from livetables.settings import Settings

_STREAM_INTERVAL, _RECOMPUTE_INTERVAL = "5 seconds", "1 minute"
_MAX_WAIT_SECONDS = 30.0


class Mode(Enum):
    """How an update runs."""

    TRIGGERED = "triggered"
    CONTINUOUS = "continuous"


@dataclass
class FlowStatus:
    """A flow in one update, and its state in the event log."""

    flow: ResolvedFlow
    dataset: ResolvedDataset
    state: FlowState = FlowState.QUEUED

    @property
    def name(self) -> str:
        """The flow's name."""
        return self.flow.name

    @property
    def key(self) -> str:
        """The flow's name in lower case: what a run calls the flow by."""
        return self.flow.definition.key


@dataclass
class Task:
    """One query of an update, and the flows whose datasets its batches fill.

    `after` are the keys of the stored datasets that it reads. `run` is set while the query runs. All flows of a task
    start, fail, are retried and stop together.
    """

    flows: tuple[FlowStatus, ...]
    after: tuple[str, ...]
    mode: Mode
    settings: Settings
    clock: Clock
    run: TaskRun | None = None
    attempts: int = 0
    #: It failed in a way that another update can't repair.
    permanent: bool = False
    _due_at: float = 0.0
    _input_versions: dict[str, int] = field(default_factory=dict)

    @property
    def datasets(self) -> frozenset[str]:
        """The keys of the datasets that its flows fill."""
        return frozenset(one.dataset.key for one in self.flows)

    @property
    def state(self) -> FlowState:
        """The state of its flows: that of the first one which is not completed, as a failure concerns all."""
        states = (one.state for one in self.flows)
        return next((state for state in states if state is not FlowState.COMPLETED), FlowState.COMPLETED)

    @property
    def streaming(self) -> bool:
        """Whether it is a streaming query; else it is work that ends by itself."""
        return self.flows[0].flow.streaming

    @property
    def ended(self) -> bool:
        """Whether it will not run again in this update."""
        return self.run is None and self.state.final and not self._repeats

    @property
    def _repeats(self) -> bool:
        """A recomputation in continuous mode runs again whenever its inputs have changed."""
        recomputes = not self.streaming and not runs_once(self.flows[0].flow.definition)
        return self.mode is Mode.CONTINUOUS and recomputes and self.state is FlowState.COMPLETED

    @property
    def tries(self) -> int:
        """How often it is tried in all before it counts as failed."""
        return 1 + self.settings.integer(RETRIES, 2)

    def flow(self, key: str) -> FlowStatus:
        """Return the flow with this key."""
        return next(one for one in self.flows if one.key == key)

    def blocks_readers(self) -> bool:
        """Whether a task that reads its datasets still has to wait: in triggered mode, until it has ended."""
        return self.mode is Mode.TRIGGERED and not self.ended

    def due(self, version_of: Callable[[str], int]) -> bool:
        """Whether it may start now; a repeated recomputation only when an input has a new version."""
        if self.clock.monotonic() < self._due_at:
            return False
        versions = {key: version_of(key) for key in self.after}
        changed = versions != self._input_versions
        self._input_versions = versions
        return changed or not self._repeats or self._reads_outside()

    def _reads_outside(self) -> bool:
        """Whether it reads what has no version to look at: a source, or a function that gives snapshots."""
        return any(one.flow.external_inputs or isinstance(one.flow.definition, SnapshotFlow) for one in self.flows)

    def note_end(self) -> None:
        """Note that its query ended well; one that repeats is due again after its interval."""
        if not self.streaming:
            self._due_at = self.clock.monotonic() + self._interval(_RECOMPUTE_INTERVAL)

    def reset_attempts(self) -> None:
        """Note that a batch ended well: the next failure is a first one again."""
        self.attempts = 0

    def retry(self) -> bool:
        """Note a failure; return whether it is tried again, which is after 1, 2, 4... seconds."""
        self.attempts += 1
        wait = min(2.0 ** (self.attempts - 1), _MAX_WAIT_SECONDS)
        self._due_at = self.clock.monotonic() + wait
        for one in self.flows:
            one.state = FlowState.STARTING
        return self.attempts < self.tries

    def trigger(self) -> dict[str, Any]:
        """Return the trigger of its streaming query in this mode."""
        if self.mode is Mode.TRIGGERED:
            return {"availableNow": True}
        return {"processingTime": f"{self._interval(_STREAM_INTERVAL):g} seconds"}

    def _interval(self, default: str) -> float:
        """Return the trigger interval in seconds: of the flow, its table or the pipeline; of several flows, the least.

        Raises SettingsError when it is no duration.
        """
        return min(self._interval_of(one, default) for one in self.flows)

    def _interval_of(self, one: FlowStatus, default: str) -> float:
        definition = one.dataset.definition
        properties = definition.table_properties if isinstance(definition, Table) else {}
        own = one.flow.definition.spark_conf.get(INTERVAL) or properties.get(INTERVAL)
        return seconds(own or self.settings.configured(INTERVAL, default), INTERVAL)


def mode_of(settings: Settings) -> Mode:
    """Return how an update with these settings runs."""
    return Mode.CONTINUOUS if settings.continuous else Mode.TRIGGERED


def tasks_of(steps: Iterable[Step], graph: Graph, settings: Settings, clock: Clock) -> list[Task]:
    """Return the tasks of a plan's `Run` steps, in its order: one for each flow."""
    mode, tasks = mode_of(settings), []
    for step in steps:
        if isinstance(step, Run):
            dataset, after = graph.datasets[step.dataset.lower()], tuple(name.lower() for name in step.after)
            tasks += [Task((FlowStatus(flow, dataset),), after, mode, settings, clock) for flow in dataset.flows]
    return tasks
