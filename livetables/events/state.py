"""Folds events into what is true now: console, summary and exit code read this, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from livetables.events.events import Event

FINAL = frozenset({"COMPLETED", "FAILED", "SKIPPED", "STOPPED", "EXCLUDED"})


@dataclass
class RuleCount:
    """Rows that passed and failed one expectation."""

    passed: int = 0
    failed: int = 0


@dataclass
class FlowState:
    """What is known of one flow in this update."""

    name: str
    dataset: str
    status: str = "QUEUED"
    rows_in: int = 0
    rows_out: int = 0
    dropped: int = 0
    late: int = 0
    duplicates: int = 0
    rows_per_second: float = 0.0
    batch_seconds: float = 0.0
    batches: int = 0
    watermark: str | None = None
    backlog: str = ""
    rules: dict[tuple[str, str], RuleCount] = field(default_factory=dict)
    message: str = ""

    @property
    def pass_rate(self) -> float | None:
        """The share of passed checks over all rules, or None when there are no rules or no rows."""
        passed = sum(rule.passed for rule in self.rules.values())
        total = passed + sum(rule.failed for rule in self.rules.values())
        return passed / total if total else None


@dataclass
class UpdateState:
    """What is known of an update: its state, its flows in order, warnings, the first errors."""

    update_id: str = ""
    state: str = "CREATED"
    flows: dict[str, FlowState] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def apply(self, event: Event) -> None:
        """Take one event in; the first one of another update starts anew."""
        update_id = event.origin.get("update_id") or self.update_id
        if self.update_id not in ("", update_id):
            vars(self).update(vars(UpdateState()))
        self.update_id = update_id
        if event.event_type == "update_progress":
            self.state = event.details["state"]
        elif event.event_type == "flow_progress":
            self._flow(event)
        if event.level == "ERROR":
            self.errors.append(event.message)
        elif event.level == "WARN":
            self.warnings.append(event.message)

    def _flow(self, event: Event) -> None:
        name, dataset = event.origin["flow_name"], event.origin["dataset_name"]
        flow = self.flows.setdefault(name, FlowState(name, dataset))
        flow.status = event.details["status"]
        flow.message = event.message
        metrics = event.details.get("metrics")
        if metrics:
            _add_metrics(flow, metrics)
        quality = event.details.get("data_quality")
        if quality:
            flow.dropped += quality["dropped_records"]
            for rule in quality["expectations"]:
                counted = flow.rules.setdefault((rule["dataset"], rule["name"]), RuleCount())
                counted.passed += rule["passed_records"]
                counted.failed += rule["failed_records"]


def fold(events: Iterable[Event]) -> UpdateState:
    """Return the state after all of `events`."""
    state = UpdateState()
    for event in events:
        state.apply(event)
    return state


def _add_metrics(flow: FlowState, metrics: dict[str, Any]) -> None:
    flow.batches += 1
    flow.rows_in += metrics.get("num_input_rows", 0)
    flow.rows_out += sum(metrics.get(f"num_{kind}_rows", 0) for kind in ("output", "upserted", "deleted"))
    flow.late += metrics.get("num_late_rows_dropped", 0)
    flow.duplicates += metrics.get("num_duplicate_rows_dropped", 0)
    flow.rows_per_second = metrics.get("input_rows_per_second", 0.0)
    flow.batch_seconds = metrics.get("batch_duration_ms", 0) / 1000
    flow.watermark = metrics.get("watermark") or flow.watermark
    flow.backlog = backlog_text(metrics)


def backlog_text(metrics: dict[str, Any]) -> str:
    """Return what waits at the sources, in the unit that the source knows: rows, files or bytes."""
    if "backlog_records" in metrics:
        return f"{metrics['backlog_records']:,} rows"
    if metrics.get("backlog_files"):
        return f"{metrics['backlog_files']:,} files"
    if "backlog_bytes" in metrics:
        return f"{metrics['backlog_bytes'] / 1e6:,.1f} MB"
    return ""
