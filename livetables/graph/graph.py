"""The checked graph of a pipeline: datasets with schema and kind, flows with what they read."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from livetables.model import CdcFlow, MaterializedView, Sink, SnapshotFlow, StreamingTable, View

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyspark.sql.types import DataType, StructType

    from livetables.model import Changes, Dataset, Flow


@dataclass(frozen=True)
class FlowInput:
    """A dataset that a flow reads: its key, and whether that read gives a stream.

    A flow that reads a dataset both ways has two inputs for it.
    """

    key: str
    streaming: bool


@dataclass(frozen=True)
class ResolvedFlow:
    """A flow whose query was evaluated: what it reads and how, whether it streams, its columns.

    Attributes:
        definition: The flow as it is defined.
        reads: The datasets that it reads, in the order of its query.
        external_inputs: The names and paths outside the pipeline that it reads.
        streaming: Whether the query returns a stream.
        schema: The columns that it writes.
        output_mode: Spark's output mode: `append`, `complete` or `update`.
        stateless: Whether the query is a stream that keeps nothing from one micro-batch to the next.
        sequence: The type of the sequences of an AUTO CDC flow; None for other flows.
    """

    definition: Flow
    reads: tuple[FlowInput, ...]
    external_inputs: tuple[str, ...]
    streaming: bool
    schema: StructType
    output_mode: str = "append"
    stateless: bool = False
    sequence: DataType | None = None

    @property
    def name(self) -> str:
        """The flow's name."""
        return self.definition.name

    @property
    def inputs(self) -> tuple[str, ...]:
        """The keys of the datasets that it reads, each once."""
        return tuple(dict.fromkeys(read.key for read in self.reads))


@dataclass(frozen=True)
class ResolvedDataset:
    """A dataset whose kind and schema are known, with the flows that fill it."""

    definition: Dataset
    schema: StructType
    flows: tuple[ResolvedFlow, ...]

    @property
    def name(self) -> str:
        """The dataset's name."""
        return self.definition.name

    @property
    def key(self) -> str:
        """The name in lower case."""
        return self.definition.key

    @property
    def inputs(self) -> tuple[str, ...]:
        """The keys of the datasets that its flows read, each once."""
        return tuple(dict.fromkeys(key for flow in self.flows for key in flow.inputs))

    @property
    def changes(self) -> Changes | None:
        """How AUTO CDC fills it, or None when it is filled otherwise."""
        definitions = (flow.definition for flow in self.flows)
        return next((flow.changes for flow in definitions if isinstance(flow, CdcFlow | SnapshotFlow)), None)

    @property
    def kind(self) -> str:
        """`streaming table`, `materialized view`, `view` or `sink`."""
        names = {StreamingTable: "streaming table", MaterializedView: "materialized view", View: "view", Sink: "sink"}
        return names[type(self.definition)]

    @property
    def complete_mode(self) -> bool:
        """Whether each batch rewrites the whole table: then it is no source of a stream."""
        return any(flow.output_mode == "complete" for flow in self.flows)

    @property
    def stored_kind(self) -> str:
        """The kind, and of a target of AUTO CDC its type: a stored table can't change from one of these to another."""
        return self.kind if self.changes is None else f"target of AUTO CDC type {self.changes.scd_type}"


@dataclass(frozen=True)
class Graph:
    """The checked graph of a pipeline: datasets by key, each after those that it reads.

    >>> import livetables as lt
    >>> settings = lt.load_settings(paths=["rooms.py"], path_map={"/Volumes/main/rooms": "data"})
    >>> with lt.Pipeline(settings) as pipeline:
    ...     graph = pipeline.graph
    >>> [(dataset.name, dataset.kind) for dataset in graph.datasets.values()]
    [('readings', 'streaming table'), ('warm_rooms', 'materialized view')]
    >>> graph.to_dict()["datasets"][1]["inputs"]
    ['readings']
    >>> graph.to_svg()[:4]
    '<svg'
    """

    datasets: dict[str, ResolvedDataset]

    def to_svg(self) -> str:
        """Return the graph as an SVG document, layers from left to right."""
        from livetables.graph.drawing import graph_svg

        return graph_svg(self)

    def to_dict(self) -> dict[str, Any]:
        """Return the graph as plain data: `datasets` with kind, columns, inputs, flows, expectations, file and line."""
        from livetables.graph.drawing import graph_document

        return graph_document(self)

    @classmethod
    def of(cls, resolved: Iterable[ResolvedDataset]) -> Graph:
        """Order the datasets by dependency; within that, in the order of their definition."""
        pending = {dataset.key: dataset for dataset in resolved}
        ordered: dict[str, ResolvedDataset] = {}
        while pending:
            ready = [
                key
                for key, dataset in pending.items()
                if all(name in ordered or name not in pending for name in dataset.inputs)
            ]
            for key in ready or list(pending):
                ordered[key] = pending.pop(key)
        return cls(ordered)

    @cached_property
    def tables(self) -> tuple[ResolvedDataset, ...]:
        """The stored datasets, in order."""
        return tuple(d for d in self.targets if not isinstance(d.definition, Sink))

    @cached_property
    def targets(self) -> tuple[ResolvedDataset, ...]:
        """The datasets that flows write to, in order: tables and sinks."""
        return tuple(d for d in self.datasets.values() if not isinstance(d.definition, View))

    def stored_inputs(self, key: str) -> tuple[str, ...]:
        """Return the stored datasets that a dataset reads, looking through views."""
        return self.stored(self.datasets[key].inputs)

    def stored(self, inputs: Iterable[str]) -> tuple[str, ...]:
        """Return the stored datasets behind `inputs`, looking through views."""
        stored: dict[str, None] = {}
        for name in inputs:
            if isinstance(self.datasets[name].definition, View):
                stored.update(dict.fromkeys(self.stored_inputs(name)))
            else:
                stored[name] = None
        return tuple(stored)

    def downstream(self, keys: Iterable[str]) -> frozenset[str]:
        """Return all datasets that depend on any of `keys`, without `keys` themselves."""
        start = set(keys)
        reached = set(start)
        for key, dataset in self.datasets.items():
            if reached & set(dataset.inputs):
                reached.add(key)
        return frozenset(reached - start)
