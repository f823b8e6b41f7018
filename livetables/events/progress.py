"""Turns what Spark reports of a micro-batch into the numbers of a flow_progress event."""

from __future__ import annotations

from typing import Any


def stream_metrics(progress: dict[str, Any]) -> dict[str, Any]:
    """Return rows in, rates, watermark, backlog and rows that state operators dropped, of one micro-batch.

    `progress` is the JSON of Spark's StreamingQueryProgress.
    """
    states = progress.get("stateOperators", [])
    duration = progress.get("durationMs", {}).get("triggerExecution", 0)
    rows = int(progress.get("numInputRows", 0))
    metrics: dict[str, Any] = {
        "num_input_rows": rows,
        "batch_duration_ms": duration,
        "input_rows_per_second": round(rows * 1000 / duration, 1) if duration else 0.0,
        "num_late_rows_dropped": sum(int(s.get("numRowsDroppedByWatermark", 0)) for s in states),
        "num_duplicate_rows_dropped": sum(
            int(s.get("customMetrics", {}).get("numDroppedDuplicateRows", 0)) for s in states
        ),
        "watermark": progress.get("eventTime", {}).get("watermark"),
    }
    metrics.update(_backlog(progress.get("sources", [])))
    return metrics


def _backlog(sources: list[dict[str, Any]]) -> dict[str, Any]:
    names = {
        "backlog_bytes": ("numBytesOutstanding", "estimatedTotalBytesBehindLatest"),
        "backlog_files": ("numFilesOutstanding",),
        "backlog_records": ("maxOffsetsBehindLatest", "estimatedTotalRecordsBehindLatest"),
    }
    found: dict[str, Any] = {}
    per_source = []
    for source in sources:
        reported = source.get("metrics") or {}
        mine = {
            ours: int(float(reported[theirs]))
            for ours, candidates in names.items()
            for theirs in candidates
            if theirs in reported
        }
        per_source.append({"source_name": source.get("description", ""), **mine})
        for key, value in mine.items():
            found[key] = found.get(key, 0) + value
    return {**found, "source_metrics": per_source}
