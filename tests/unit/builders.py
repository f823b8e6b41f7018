"""Small graphs and a clock that stands still, for tests that need no Spark."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from itertools import count

from pyspark.sql.types import StructType

from livetables.clock import Clock
from livetables.errors import SourceLocation
from livetables.events.events import Event
from livetables.graph.graph import FlowInput, Graph, ResolvedDataset, ResolvedFlow
from livetables.model import MaterializedView, QueryFlow, StreamingTable, View

NOON = datetime(2026, 1, 2, 12, tzinfo=timezone.utc)


@dataclass
class FakeTime:
    """Time that only `advance` and sleeping move."""

    seconds: float = 0.0
    _ids: count = field(default_factory=count)

    def advance(self, seconds):
        """Let time pass."""
        self.seconds += seconds

    @property
    def clock(self):
        """The clock that shows this time."""
        return Clock(
            now=lambda: NOON + timedelta(seconds=self.seconds),
            monotonic=lambda: self.seconds,
            sleep=self.advance,
            new_id=lambda: f"id-{next(self._ids)}",
        )


def dataset(kind, name, *inputs, schema=None, **options):
    """Build a resolved dataset with one flow that reads `inputs` (names of datasets)."""
    location = SourceLocation("pipeline.py", 1)
    definition = kind(name, location, **options)
    streaming = kind is StreamingTable
    reads = tuple(FlowInput(one.lower(), streaming) for one in inputs)
    schema = schema or StructType()
    flow = ResolvedFlow(QueryFlow(name, name, lambda: None, location), reads, (), streaming, schema)
    return ResolvedDataset(definition, schema, (flow,))


def medallion():
    """Build a graph bronze -> (a view) -> silver -> gold, given in the wrong order."""
    return Graph.of(
        [
            dataset(MaterializedView, "gold", "silver"),
            dataset(StreamingTable, "Silver", "cleaned"),
            dataset(View, "cleaned", "bronze"),
            dataset(StreamingTable, "bronze"),
        ]
    )


def event(event_type, details, *, seq=0, level="INFO", message="It happened.", error=None, **origin):
    """Build an event `seq` seconds after noon."""
    return Event(
        f"id-{seq}",
        seq,
        NOON + timedelta(seconds=seq),
        event_type,
        message,
        level,
        details,
        {"update_id": "u-1", "host": "localhost", **origin},
        error=error,
    )
