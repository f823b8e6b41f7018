"""Turns a checked graph into the facts of its datasets and flows, and reports them as events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from livetables.events.facts import DatasetDefinition, FlowDefinition, RuleDefinition
from livetables.events.states import DatasetType, Language
from livetables.graph.kinds import flow_type
from livetables.model import MaterializedView, Sink, StreamingTable, Table, View, runs_once
from livetables.queries.sql_queries import SqlQuery

if TYPE_CHECKING:
    from livetables.events.events import EventBus
    from livetables.graph.graph import Graph, ResolvedDataset, ResolvedFlow

_DATASET_TYPES = {
    StreamingTable: DatasetType.STREAMING_TABLE,
    MaterializedView: DatasetType.MATERIALIZED_VIEW,
    View: DatasetType.VIEW,
    Sink: DatasetType.SINK,
}


def emit_definitions(bus: EventBus, graph: Graph) -> None:
    """Report each dataset and each flow that the pipeline defines."""
    for dataset in graph.datasets.values():
        bus.emit(
            dataset_definition(dataset),
            f"Dataset '{dataset.name}' is defined as a {dataset.kind}.",
            dataset_name=dataset.name,
        )
        for flow in dataset.flows:
            fact = flow_definition(graph, dataset, flow)
            bus.emit(
                fact,
                f"Flow '{flow.name}' is defined as a {fact.flow_type}.",
                dataset_name=dataset.name,
                flow_name=flow.name,
            )


def dataset_definition(dataset: ResolvedDataset) -> DatasetDefinition:
    """Return the fact that defines a dataset."""
    definition = dataset.definition
    rules = definition.expectations if isinstance(definition, Table | View) else ()
    return DatasetDefinition(
        _DATASET_TYPES[type(definition)],
        len(dataset.flows),
        tuple(RuleDefinition(rule.name, str(rule.predicate), rule.action.name) for rule in rules),
        definition.refresh_policy if isinstance(definition, MaterializedView) else None,
    )


def flow_definition(graph: Graph, dataset: ResolvedDataset, flow: ResolvedFlow) -> FlowDefinition:
    """Return the fact that defines a flow into a dataset."""
    definition = flow.definition
    return FlowDefinition(
        output_dataset=dataset.name,
        input_datasets=(*(graph.datasets[key].name for key in flow.inputs), *flow.external_inputs),
        flow_type=flow_type(dataset, flow),
        schema_json=flow.schema.json(),
        language=Language.SQL if isinstance(definition.query, SqlQuery) else Language.PYTHON,
        comment=definition.comment,
        spark_conf=dict(definition.spark_conf),
        once=runs_once(definition),
    )
