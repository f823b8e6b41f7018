"""The numbers of a flow's batch: its metrics, its data quality, and how Spark's report becomes metrics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True)
class SourceMetrics:
    """What one source of a stream has not delivered yet; None is not known."""

    source_name: str
    backlog_bytes: int | None = None
    backlog_files: int | None = None
    backlog_records: int | None = None


@dataclass(frozen=True)
class FlowMetrics:
    """The numbers of one micro-batch or recomputation; None is not known, and is left out of the log.

    Durations are in milliseconds, the watermark is ISO 8601. `source_metrics` is None for what is no stream.
    """

    num_input_rows: int | None = None
    batch_duration_ms: int | None = None
    input_rows_per_second: float | None = None
    num_late_rows_dropped: int | None = None
    num_duplicate_rows_dropped: int | None = None
    watermark: str | None = None
    backlog_bytes: int | None = None
    backlog_files: int | None = None
    backlog_records: int | None = None
    source_metrics: tuple[SourceMetrics, ...] | None = None
    num_output_rows: int | None = None
    num_upserted_rows: int | None = None
    num_deleted_rows: int | None = None

    def __bool__(self) -> bool:
        """Whether any number is known."""
        return self != _NO_METRICS

    def details(self) -> dict[str, Any]:
        """Return the metrics as the log has them: those of a stream name its watermark even when it has none."""
        found = _known(self)
        if self.source_metrics is not None:
            found["watermark"] = self.watermark
            found["source_metrics"] = [_known(source) for source in self.source_metrics]
        return found

    @classmethod
    def parse(cls, details: Mapping[str, Any]) -> FlowMetrics:
        """Return the metrics that have these details."""
        found = {name: details[name] for name in cls.__dataclass_fields__ if name in details}
        if "source_metrics" in found:
            found["source_metrics"] = tuple(SourceMetrics(**source) for source in found["source_metrics"])
        return cls(**found)


_NO_METRICS = FlowMetrics()


@dataclass(frozen=True)
class RuleResult:
    """How many rows of a batch passed and failed one expectation of a dataset."""

    name: str
    dataset: str
    passed_records: int
    failed_records: int


@dataclass(frozen=True)
class DataQuality:
    """What the expectations of one batch counted; `dropped_records` are rows that at least one of them dropped."""

    dropped_records: int
    expectations: tuple[RuleResult, ...]

    def details(self) -> dict[str, Any]:
        """Return the counts as the log has them."""
        rules = [dict(vars(rule)) for rule in self.expectations]
        return {"dropped_records": self.dropped_records, "expectations": rules}

    @classmethod
    def parse(cls, details: Mapping[str, Any]) -> DataQuality:
        """Return the counts that have these details."""
        return cls(details["dropped_records"], tuple(RuleResult(**one) for one in details["expectations"]))


def stream_metrics(progress: Mapping[str, Any]) -> FlowMetrics:
    """Return the metrics of one micro-batch: rows in, rates, watermark, backlog, rows that state operators dropped.

    `progress` is the JSON of Spark's StreamingQueryProgress.
    """
    states = progress.get("stateOperators", [])
    duration = progress.get("durationMs", {}).get("triggerExecution", 0)
    rows = int(progress.get("numInputRows", 0))
    custom = [state.get("customMetrics", {}) for state in states]
    sources = tuple(_source_metrics(source) for source in progress.get("sources", []))
    return FlowMetrics(
        num_input_rows=rows,
        batch_duration_ms=duration,
        input_rows_per_second=round(rows * 1000 / duration, 1) if duration else 0.0,
        num_late_rows_dropped=sum(int(state.get("numRowsDroppedByWatermark", 0)) for state in states),
        num_duplicate_rows_dropped=sum(int(one.get("numDroppedDuplicateRows", 0)) for one in custom),
        watermark=progress.get("eventTime", {}).get("watermark"),
        backlog_bytes=_total(source.backlog_bytes for source in sources),
        backlog_files=_total(source.backlog_files for source in sources),
        backlog_records=_total(source.backlog_records for source in sources),
        source_metrics=sources,
    )


#: Fields of SourceMetrics, and the names under which Spark's sources report them.
_BACKLOG = {
    "backlog_bytes": ("numBytesOutstanding", "estimatedTotalBytesBehindLatest"),
    "backlog_files": ("numFilesOutstanding",),
    "backlog_records": ("maxOffsetsBehindLatest", "estimatedTotalRecordsBehindLatest"),
}


def _source_metrics(source: Mapping[str, Any]) -> SourceMetrics:
    reported = source.get("metrics") or {}
    backlog = {name: int(float(reported[key])) for name, keys in _BACKLOG.items() for key in keys if key in reported}
    return SourceMetrics(source.get("description", ""), **backlog)


def _total(counts: Iterable[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def _known(numbers: FlowMetrics | SourceMetrics) -> dict[str, Any]:
    return {name: value for name, value in vars(numbers).items() if value is not None}
