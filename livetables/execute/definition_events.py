"""The events that say what a pipeline defines: its datasets with their rules, its flows with what they read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from livetables.events.facts import DatasetDefinition, FlowDefinition, RuleDefinition
from livetables.events.states import DatasetType, FlowType, Language
from livetables.model import CdcFlow, SnapshotFlow
from livetables.queries.sql_queries import SqlQuery

if TYPE_CHECKING:
    from livetables.events.events import EventBus
    from livetables.graph.graph import Graph, ResolvedDataset, ResolvedFlow

_DATASET_TYPES = {
    "streaming table": DatasetType.STREAMING_TABLE,
    "materialized view": DatasetType.MATERIALIZED_VIEW,
    "view": DatasetType.VIEW,
    "sink": DatasetType.SINK,
}


def emit_definitions(graph: Graph, bus: EventBus) -> None:
    """Emit an event for each dataset of a graph, and one for each of its flows."""
    for dataset in graph.datasets.values():
        message = f"Dataset '{dataset.name}' is defined as a {dataset.kind}."
        bus.emit(_dataset_definition(dataset), message, dataset_name=dataset.name)
        for flow in dataset.flows:
            fact = _flow_definition(flow, dataset, graph)
            message = f"Flow '{flow.name}' is defined as a {fact.flow_type}."
            bus.emit(fact, message, dataset_name=dataset.name, flow_name=flow.name)


def _dataset_definition(dataset: ResolvedDataset) -> DatasetDefinition:
    rules = getattr(dataset.definition, "expectations", ())
    expectations = tuple(RuleDefinition(rule.name, str(rule.predicate), rule.action.name) for rule in rules)
    policy = getattr(dataset.definition, "refresh_policy", None)
    return DatasetDefinition(_DATASET_TYPES[dataset.kind], len(dataset.flows), expectations, policy)


def _flow_definition(flow: ResolvedFlow, dataset: ResolvedDataset, graph: Graph) -> FlowDefinition:
    return FlowDefinition(
        output_dataset=dataset.name,
        input_datasets=(*(graph.datasets[key].name for key in flow.inputs), *flow.external_inputs),
        flow_type=_flow_type(flow, dataset),
        schema_json=flow.schema.json(),
        language=Language.SQL if isinstance(flow.definition.query, SqlQuery) else Language.PYTHON,
        comment=flow.definition.comment,
        spark_conf=dict(flow.definition.spark_conf),
        once=flow.definition.once,
    )


def _flow_type(flow: ResolvedFlow, dataset: ResolvedDataset) -> FlowType:
    if type(flow.definition) is CdcFlow:
        return FlowType.CHANGE
    if type(flow.definition) is SnapshotFlow:
        return FlowType.SNAPSHOT_CHANGE
    match _DATASET_TYPES[dataset.kind]:
        case DatasetType.MATERIALIZED_VIEW:
            return FlowType.MATERIALIZED_VIEW
        case DatasetType.VIEW:
            return FlowType.VIEW
        case DatasetType.STREAMING_TABLE if flow.output_mode == "complete":
            return FlowType.COMPLETE
        case _:
            return FlowType.APPEND
