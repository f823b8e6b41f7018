"""A flow on its way through an update: its status, its tries, when it may run next."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from livetables.events.state import FINAL
from livetables.model import SnapshotFlow, Table, runs_once
from livetables.settings import INTERVAL, RETRIES, seconds

if TYPE_CHECKING:
    from collections.abc import Callable

    from livetables.clock import Clock
    from livetables.execute.runs import FlowRun
    from livetables.graph.graph import ResolvedDataset, ResolvedFlow
    from livetables.plan.steps import Run
    from livetables.settings import Settings

_STREAM_INTERVAL, _RECOMPUTE_INTERVAL = "5 seconds", "1 minute"
_MAX_WAIT_SECONDS = 30.0


class Mode(Enum):
    """How an update runs."""

    TRIGGERED = "triggered"
    CONTINUOUS = "continuous"


@dataclass
class Job:
    """One flow in one update. `run` is set while it is running."""

    flow: ResolvedFlow
    dataset: ResolvedDataset
    step: Run
    mode: Mode
    settings: Settings
    clock: Clock
    run: FlowRun | None = None
    status: str = "QUEUED"
    attempts: int = 0
    #: It failed in a way that another update can't mend.
    permanent: bool = False
    _due_at: float = 0.0
    _input_versions: dict[str, int] = field(default_factory=dict)

    @property
    def ended(self) -> bool:
        """Tell whether it will not run again in this update."""
        return self.run is None and self.status in FINAL and not self._repeats

    @property
    def _repeats(self) -> bool:
        """A recomputation in continuous mode runs again whenever its inputs have changed."""
        recomputes = not self.flow.streaming and not runs_once(self.flow.definition)
        return self.mode is Mode.CONTINUOUS and recomputes and self.status == "COMPLETED"

    @property
    def tries(self) -> int:
        """How often it is tried in all before it counts as failed."""
        return 1 + self.settings.integer(RETRIES, 2)

    def must_end_first(self) -> bool:
        """Tell whether a flow that reads this one's table still has to wait."""
        return self.mode is Mode.TRIGGERED and not self.ended

    def due(self, version_of: Callable[[str], int]) -> bool:
        """Tell whether it may start now; a repeated recomputation only when an input has a new version."""
        if self.clock.monotonic() < self._due_at:
            return False
        # What lies outside the pipeline has no version to look at: a source, or a function that gives snapshots.
        asks_outside = self.flow.external_inputs or isinstance(self.flow.definition, SnapshotFlow)
        if not self._repeats or asks_outside:
            self._input_versions = {name: version_of(name) for name in self.step.after}
            return True
        versions = {name: version_of(name) for name in self.step.after}
        changed = versions != self._input_versions
        self._input_versions = versions
        return changed

    def finish(self) -> str:
        """Note that it ended well, and return its new status."""
        self.status = "COMPLETED"
        if not self.flow.streaming:
            self._due_at = self.clock.monotonic() + self._interval(_RECOMPUTE_INTERVAL)
        return self.status

    def succeeded(self) -> None:
        """Note that a batch ended well: the next failure is a first one again."""
        self.attempts = 0

    def retry(self) -> bool:
        """Note a failure; tell whether it is tried again, which is after 1, 2, 4... seconds."""
        self.attempts += 1
        wait = min(2.0 ** (self.attempts - 1), _MAX_WAIT_SECONDS)
        self._due_at = self.clock.monotonic() + wait
        self.status = "STARTING"
        return self.attempts < self.tries

    def trigger(self) -> dict[str, Any]:
        """Return the trigger of a streaming query in this mode."""
        if self.mode is Mode.TRIGGERED:
            return {"availableNow": True}
        return {"processingTime": f"{self._interval(_STREAM_INTERVAL):g} seconds"}

    def _interval(self, default: str) -> float:
        definition = self.dataset.definition
        properties = definition.table_properties if isinstance(definition, Table) else {}
        said = self.flow.definition.spark_conf.get(INTERVAL) or properties.get(INTERVAL)
        return seconds(said or self.settings.configured(INTERVAL, default), INTERVAL)
