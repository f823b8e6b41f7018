"""Folds events into the state of an update: console, summary, exit code, tests and scripts read nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from livetables.errors import NotInUpdateError, did_you_mean
from livetables.events.facts import FlowProgress, UpdateProgress
from livetables.events.states import FlowState, Level, UpdateState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from livetables.events.events import Event
    from livetables.events.progress import DataQuality, FlowMetrics


@dataclass
class RuleCount:
    """Rows that passed and failed one expectation."""

    passed: int = 0
    failed: int = 0


@dataclass
class FlowSummary:
    """What is known of one flow in this update: its state, sums over its batches, and the last batch's rates.

    `rules` has the counts by dataset and expectation; `late` and `duplicates` are rows that Spark's state dropped.

    >>> import livetables as lt
    >>> settings = lt.load_settings(paths=["rooms.py"], storage="out", path_map={"/Volumes/main/rooms": "data"})
    >>> with lt.Pipeline(settings) as pipeline:
    ...     update = pipeline.run()
    >>> flow = update.flow("readings")
    >>> flow.rows_in, flow.rows_out, flow.dropped
    (3, 2, 1)
    """

    name: str
    dataset: str
    status: FlowState = FlowState.QUEUED
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
class Update:
    """What is known of an update: its state, its flows in the order in which they were queued, its warnings and errors.

    `flows` has the flows by name. States equal their text: `update.state == "COMPLETED"`.

    >>> import livetables as lt
    >>> settings = lt.load_settings(paths=["rooms.py"], storage="out", path_map={"/Volumes/main/rooms": "data"})
    >>> with lt.Pipeline(settings) as pipeline:
    ...     update = pipeline.run()
    >>> update.state, update.expectation("readings", "known room").failed, update.errors
    ('COMPLETED', 1, [])
    """

    update_id: str = ""
    state: UpdateState = UpdateState.CREATED
    flows: dict[str, FlowSummary] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def flow(self, name: str) -> FlowSummary:
        """Return a flow by its name, in any case; raises NotInUpdateError, a LookupError, for an unknown one."""
        found = {key.lower(): flow for key, flow in self.flows.items()}.get(name.lower())
        if found is None:
            hint = did_you_mean(name, self.flows, f"Its flows are {', '.join(self.flows) or 'not known yet'}.")
            raise NotInUpdateError("FLOW_NOT_FOUND", f"The update has no flow '{name}'.", hint=hint)
        return found

    def expectation(self, dataset: str, name: str) -> RuleCount:
        """Return how many rows passed and failed an expectation of a dataset, over all flows; names in any case.

        Raises NotInUpdateError, a LookupError, for an expectation that no batch has counted.
        """
        counts = [(key, count) for flow in self.flows.values() for key, count in flow.rules.items()]
        found = [count for (of, rule), count in counts if (of.lower(), rule.lower()) == (dataset.lower(), name.lower())]
        if not found:
            known = list(dict.fromkeys(f"{of}.{rule}" for (of, rule), _ in counts))
            hint = did_you_mean(f"{dataset}.{name}", known, f"Counted were {', '.join(known) or 'none'}.")
            message = f"The update has counted no expectation '{name}' of '{dataset}'."
            raise NotInUpdateError("EXPECTATION_NOT_FOUND", message, hint=hint)
        return RuleCount(sum(count.passed for count in found), sum(count.failed for count in found))

    def apply(self, event: Event) -> None:
        """Take one event in; the first event of another update starts over."""
        update_id = event.origin.get("update_id") or self.update_id
        if self.update_id not in ("", update_id):
            vars(self).update(vars(Update()))
        self.update_id = update_id
        if event.event_type in (UpdateProgress.event_type, FlowProgress.event_type):
            match event.fact:
                case UpdateProgress(state):
                    self.state = state
                case FlowProgress() as progress:
                    self._flow(event, progress)
        if event.level == Level.ERROR:
            self.errors.append(event.message)
        elif event.level == Level.WARN:
            self.warnings.append(event.message)

    def _flow(self, event: Event, progress: FlowProgress) -> None:
        name, dataset = event.origin["flow_name"], event.origin["dataset_name"]
        flow = self.flows.setdefault(name, FlowSummary(name, dataset))
        flow.status = progress.status
        flow.message = event.message
        if progress.metrics:
            _add_metrics(flow, progress.metrics)
        if progress.data_quality is not None:
            _add_quality(flow, progress.data_quality)


def fold(events: Iterable[Event]) -> Update:
    """Return the state after all of `events`: of the last update among them."""
    update = Update()
    for event in events:
        update.apply(event)
    return update


def _add_metrics(flow: FlowSummary, metrics: FlowMetrics) -> None:
    flow.batches += 1
    flow.rows_in += metrics.num_input_rows or 0
    flow.rows_out += sum(
        rows or 0 for rows in (metrics.num_output_rows, metrics.num_upserted_rows, metrics.num_deleted_rows)
    )
    flow.late += metrics.num_late_rows_dropped or 0
    flow.duplicates += metrics.num_duplicate_rows_dropped or 0
    flow.rows_per_second = metrics.input_rows_per_second or 0.0
    flow.batch_seconds = (metrics.batch_duration_ms or 0) / 1000
    flow.watermark = metrics.watermark or flow.watermark
    flow.backlog = backlog_text(metrics)


def _add_quality(flow: FlowSummary, quality: DataQuality) -> None:
    flow.dropped += quality.dropped_records
    for rule in quality.expectations:
        counted = flow.rules.setdefault((rule.dataset, rule.name), RuleCount())
        counted.passed += rule.passed_records
        counted.failed += rule.failed_records


def backlog_text(metrics: FlowMetrics) -> str:
    """Return how much the sources have not delivered yet, in the unit that they report: rows, files or bytes."""
    if metrics.backlog_records is not None:
        return f"{metrics.backlog_records:,} rows"
    if metrics.backlog_files:
        return f"{metrics.backlog_files:,} files"
    if metrics.backlog_bytes is not None:
        return f"{metrics.backlog_bytes / 1e6:,.1f} MB"
    return ""
