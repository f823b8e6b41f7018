"""What a dataset is, once its queries are known: streaming table, materialized view, view or sink."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from pyspark.sql.types import StructField, StructType

from livetables.errors import DefinitionError
from livetables.graph.cdc_schema import is_cdc
from livetables.model import (
    Dataset,
    Flow,
    MaterializedView,
    ReplaceFlow,
    Sink,
    SnapshotFlow,
    StreamingTable,
    Table,
    View,
)
from livetables.spark.jvm import check_output_mode

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from livetables.graph.graph import ResolvedFlow


def kind_of(dataset: Dataset, flows: list[ResolvedFlow]) -> Dataset:
    """Return the dataset with its kind decided; raises DefinitionError when its flows do not fit it."""
    _check_updates(dataset, flows)
    if isinstance(dataset, View):
        _check_only_own(dataset, flows, "view")
        return dataset
    _check_cdc(dataset, flows)
    if not isinstance(dataset, Table):
        _check_sink(dataset, flows)
        return dataset
    own = next((flow for flow in flows if flow.definition.key == dataset.key), None)
    if isinstance(dataset, MaterializedView) or _is_batch_table(dataset, own):
        _check_only_own(dataset, flows, "materialized view")
        if own and own.streaming:
            raise DefinitionError(
                "STREAM_IN_MATERIALIZED_VIEW",
                f"The query of the materialized view '{dataset.name}' returns a stream.",
                location=dataset.location,
                hint=dataset.location.hint(
                    "Read its inputs with spark.read, or make it a @dlt.table.",
                    "Leave STREAM out, or make it a STREAMING TABLE.",
                ),
            )
        return _as(MaterializedView, dataset)
    batch = [flow for flow in flows if not (flow.streaming or _may_be_batch(flow))]
    if batch:
        raise DefinitionError(
            "BATCH_IN_STREAMING_TABLE",
            f"Flow '{batch[0].name}' of the streaming table '{dataset.name}' returns a batch DataFrame.",
            location=batch[0].definition.location,
            hint=batch[0].definition.location.hint(
                "Read its inputs with spark.readStream.", "Write FROM STREAM(name)."
            ),
        )
    if not flows and dataset.schema is None:
        raise DefinitionError(
            "NO_FLOWS",
            f"Nothing fills the streaming table '{dataset.name}', and it has no schema.",
            location=dataset.location,
            hint=dataset.location.hint(
                f'Add a flow with @dlt.append_flow(target="{dataset.name}").',
                f"Add AS and a query, or CREATE FLOW name AS INSERT INTO {dataset.name} BY NAME SELECT ...",
            ),
        )
    return _as(StreamingTable, dataset)


def _is_batch_table(dataset: Table, own: ResolvedFlow | None) -> bool:
    if own is None or own.streaming or _may_be_batch(own) or isinstance(own.definition, ReplaceFlow):
        return False
    return type(dataset) is Table


def _may_be_batch(flow: ResolvedFlow) -> bool:
    definition = flow.definition
    return definition.once or definition.replace_where is not None or isinstance(definition, SnapshotFlow)


def _check_only_own(dataset: Dataset, flows: list[ResolvedFlow], kind: str) -> None:
    others = [flow for flow in flows if flow.definition.key != dataset.key]
    if others:
        raise DefinitionError(
            "SECOND_FLOW",
            f"Flow '{others[0].name}' fills the {kind} '{dataset.name}', which has only its own query.",
            location=others[0].definition.location,
            hint="Union the two queries, or give the flow a target of its own: create_streaming_table(...).",
        )


def _check_updates(dataset: Dataset, flows: list[ResolvedFlow]) -> None:
    updates = [flow for flow in flows if flow.definition.update_mode]
    if updates and (not isinstance(dataset, Sink) or dataset.format == "delta"):
        what = "a Delta sink" if isinstance(dataset, Sink) else "no sink"
        raise DefinitionError(
            "UPDATE_FLOW_TARGET",
            f"The update_flow '{updates[0].name}' fills '{dataset.name}', which is {what}.",
            location=updates[0].definition.location,
            hint="Write @dlt.append_flow, or let it fill a sink of another format.",
        )


def _check_sink(sink: Dataset, flows: list[ResolvedFlow]) -> None:
    wrong = [flow for flow in flows if type(flow.definition) is not Flow or not flow.streaming]
    if wrong:
        to_table = type(wrong[0].definition) is not Flow or wrong[0].definition.once
        raise DefinitionError(
            "BATCH_IN_SINK",
            f"Flow '{wrong[0].name}' fills the sink '{sink.name}', and only streams of rows can be written there.",
            location=wrong[0].definition.location,
            hint="Let it fill a streaming table: create_streaming_table(...)."
            if to_table
            else "Read its inputs with spark.readStream.",
        )


def _check_cdc(dataset: Dataset, flows: list[ResolvedFlow]) -> None:
    cdc = [flow for flow in flows if is_cdc(flow.definition)]
    by_key = [flow for flow in flows if is_cdc(flow.definition) or isinstance(flow.definition, ReplaceFlow)]
    other = [flow for flow in flows if type(flow.definition) is not type(flows[0].definition)]
    if by_key and (other or isinstance(dataset, MaterializedView)):
        raise DefinitionError(
            "MIXED_FLOWS",
            f"'{dataset.name}' is filled by {'AUTO CDC' if cdc else 'a replace_flow'} and in another way too.",
            location=(other or by_key)[-1].definition.location,
            hint="Give each way a target of its own: create_streaming_table(...).",
        )
    shapes = {(c.keys, c.scd_type) for flow in cdc for c in [getattr(flow.definition, "changes")]}  # noqa: B009
    if len(shapes) > 1:
        raise DefinitionError(
            "FLOWS_DISAGREE",
            f"The CDC flows of '{dataset.name}' have different keys or types.",
            location=cdc[-1].definition.location,
            hint="All flows of a target have the same keys and the same SCD type.",
        )


def output_mode(spark: SparkSession, frame: DataFrame) -> str:
    """Return `append` where Spark allows it, else `complete` (a streaming aggregate without a watermark)."""
    first: Exception | None = None
    for name in ("append", "complete"):
        try:
            check_output_mode(spark, frame, name)
        except Exception as error:  # noqa: BLE001 (what Spark refuses in every mode is reported when it starts)
            first = first or error
        else:
            return name
    assert first is not None
    raise first


def merged_schema(dataset: Dataset, flows: list[ResolvedFlow]) -> StructType:
    """Return the columns of all flows by name; two flows must not give one column two types."""
    columns: dict[str, Any] = {}
    for flow in flows:
        for column in flow.schema:
            known = columns.setdefault(column.name.lower(), column)
            if known.dataType != column.dataType:
                raise DefinitionError(
                    "FLOWS_DISAGREE",
                    f"The flows of '{dataset.name}' give column '{column.name}' two types: "
                    f"{known.dataType.simpleString()} and {column.dataType.simpleString()}.",
                    location=flow.definition.location,
                    hint=f"Cast it in one of them, for example col('{column.name}').cast(...).",
                )
    # Without metadata: a watermark's mark on a column belongs to the query, not to the table.
    return StructType([StructField(column.name, column.dataType) for column in columns.values()])


def _as(kind: type[Any], dataset: Table) -> Dataset:
    made: Dataset = kind(**{f.name: getattr(dataset, f.name) for f in fields(dataset)})
    return made
