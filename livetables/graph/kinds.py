"""The kind of a dataset: streaming table, materialized view, view or sink. Its flows decide, and must fit it."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from pyspark.sql.types import StructField, StructType
from typing_extensions import assert_never

from livetables.errors import DefinitionError
from livetables.events.states import FlowType
from livetables.model import (
    CdcFlow,
    Dataset,
    Flow,
    MaterializedView,
    OnceFlow,
    QueryFlow,
    ReplaceFlow,
    ReplaceWhereFlow,
    Sink,
    SnapshotFlow,
    StreamingTable,
    Table,
    UpdateFlow,
    View,
)
from livetables.spark.jvm import check_output_mode

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyspark.sql import DataFrame, SparkSession

    from livetables.errors import SourceLocation
    from livetables.graph.graph import ResolvedDataset, ResolvedFlow


def kind_of(dataset: Dataset, flows: list[ResolvedFlow]) -> Dataset:
    """Return the dataset with its kind decided; raises DefinitionError when its flows do not fit it."""
    _check_updates(dataset, flows)
    if isinstance(dataset, View):
        _check_only_own(dataset, flows, "view")
        return dataset
    _check_by_key(dataset, flows)
    if not isinstance(dataset, Table):
        _check_sink(dataset, flows)
        return dataset
    own = next((flow for flow in flows if flow.definition.key == dataset.key), None)
    if isinstance(dataset, MaterializedView) or _is_batch_table(dataset, own):
        _check_only_own(dataset, flows, "materialized view")
        _check_is_batch(dataset, own)
        return _as(MaterializedView, dataset)
    _check_streams(dataset, flows)
    return _as(StreamingTable, dataset)


def check_query(flow: Flow, *, streaming: bool) -> None:
    """Raise DefinitionError when the query of a flow is a stream and must not be one, or the other way round."""
    words: tuple[str, str] | None = None
    match flow:
        case OnceFlow() | CdcFlow(once=True):
            words = ("once=True", "ONCE")
        case ReplaceWhereFlow():
            words = ("replace_where=", "REPLACE WHERE")
        case CdcFlow() if not streaming:
            raise DefinitionError(
                "BATCH_IN_CDC_FLOW",
                f"Flow '{flow.name}' reads its change feed from a view that returns a batch DataFrame.",
                location=flow.location,
                hint=flow.location.hint(
                    "Let the view read its inputs with spark.readStream.", "Let the view read FROM STREAM(name)."
                ),
            )
        case QueryFlow() | UpdateFlow() | ReplaceFlow() | CdcFlow() | SnapshotFlow():
            pass
        case _:
            assert_never(flow)
    if words and streaming:
        batch_only = flow.location.hint(*words)
        batch_hint = flow.location.hint("Read its inputs with spark.read", "Leave STREAM out")
        raise DefinitionError(
            "STREAM_IN_BATCH_FLOW",
            f"Flow '{flow.name}' has {batch_only}, and its query returns a stream.",
            location=flow.location,
            hint=f"{batch_hint}, or leave {batch_only} out.",
        )


def check_read(dataset: Dataset, caller: Callable[[], SourceLocation], *, streaming: bool) -> None:
    """Raise DefinitionError, at the line of `caller`, when a dataset can't be read in this way."""
    if isinstance(dataset, Sink):
        raise DefinitionError(
            "READ_OF_SINK",
            f"'{dataset.name}' is a sink, which can't be read.",
            location=caller(),
            hint="Read what the flow into it reads.",
        )
    if streaming and isinstance(dataset, MaterializedView):
        location = caller()
        read = location.hint(f'Read it with spark.read.table("{dataset.name}")', "Leave STREAM out")
        raise DefinitionError(
            "STREAM_OF_MATERIALIZED_VIEW",
            f"'{dataset.name}' is a materialized view, which can't be read as a stream.",
            location=location,
            hint=f"{read}, or make it a streaming table.",
        )


def _is_batch_table(dataset: Table, own: ResolvedFlow | None) -> bool:
    """Return whether the query of a `@table` makes it a materialized view."""
    plain_batch = own is not None and isinstance(own.definition, QueryFlow) and not own.streaming
    return plain_batch and type(dataset) is Table


def _may_be_batch(flow: Flow) -> bool:
    """Return whether a flow into a streaming table may have a batch query."""
    match flow:
        case OnceFlow() | ReplaceWhereFlow() | SnapshotFlow():
            return True
        case CdcFlow():
            return flow.once
        case QueryFlow() | UpdateFlow() | ReplaceFlow():
            return False
        case _:
            assert_never(flow)


def _check_is_batch(dataset: Table, own: ResolvedFlow | None) -> None:
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


def _check_streams(dataset: Table, flows: list[ResolvedFlow]) -> None:
    batch = [flow for flow in flows if not (flow.streaming or _may_be_batch(flow.definition))]
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
    updates = [flow for flow in flows if isinstance(flow.definition, UpdateFlow)]
    if updates and (not isinstance(dataset, Sink) or dataset.format == "delta"):
        what = "a Delta sink" if isinstance(dataset, Sink) else "no sink"
        raise DefinitionError(
            "UPDATE_FLOW_TARGET",
            f"The update_flow '{updates[0].name}' fills '{dataset.name}', which is {what}.",
            location=updates[0].definition.location,
            hint="Write @dlt.append_flow, or let it fill a sink of another format.",
        )


def _check_sink(sink: Dataset, flows: list[ResolvedFlow]) -> None:
    for flow in flows:
        plain = isinstance(flow.definition, QueryFlow | UpdateFlow)
        if not (plain and flow.streaming):
            raise DefinitionError(
                "BATCH_IN_SINK",
                f"Flow '{flow.name}' fills the sink '{sink.name}', and only streams of rows can be written there.",
                location=flow.definition.location,
                hint="Read its inputs with spark.readStream."
                if plain
                else "Let it fill a streaming table: create_streaming_table(...).",
            )


def _check_by_key(dataset: Dataset, flows: list[ResolvedFlow]) -> None:
    """Check that flows which change rows by key are alone of their kind, and agree in keys and type."""
    cdc = [flow for flow in flows if isinstance(flow.definition, CdcFlow | SnapshotFlow)]
    by_key = [flow for flow in flows if isinstance(flow.definition, CdcFlow | SnapshotFlow | ReplaceFlow)]
    other = [flow for flow in flows if type(flow.definition) is not type(flows[0].definition)]
    if by_key and (other or isinstance(dataset, MaterializedView)):
        raise DefinitionError(
            "MIXED_FLOWS",
            f"'{dataset.name}' is filled by {'AUTO CDC' if cdc else 'a replace_flow'} and in another way too.",
            location=(other or by_key)[-1].definition.location,
            hint="Give each way a target of its own: create_streaming_table(...).",
        )
    definitions = [flow.definition for flow in flows]
    changes = [flow.changes for flow in definitions if isinstance(flow, CdcFlow | SnapshotFlow)]
    if len({(change.keys, change.scd_type) for change in changes}) > 1:
        raise DefinitionError(
            "FLOWS_DISAGREE",
            f"The CDC flows of '{dataset.name}' have different keys or types.",
            location=cdc[-1].definition.location,
            hint="All flows of a target have the same keys and the same SCD type.",
        )


def flow_type(dataset: ResolvedDataset, flow: ResolvedFlow) -> FlowType:
    """Return the type of a flow as the event log names it, such as `APPEND` or `CHANGE`."""
    match flow.definition:
        case CdcFlow():
            return FlowType.CHANGE
        case SnapshotFlow():
            return FlowType.SNAPSHOT_CHANGE
        case QueryFlow() if isinstance(dataset.definition, View | MaterializedView):
            return FlowType.VIEW if isinstance(dataset.definition, View) else FlowType.MATERIALIZED_VIEW
        case QueryFlow() if flow.output_mode == "complete" and not isinstance(dataset.definition, Sink):
            return FlowType.COMPLETE
        case QueryFlow() | OnceFlow() | UpdateFlow() | ReplaceWhereFlow() | ReplaceFlow():
            return FlowType.APPEND
        case _:
            assert_never(flow.definition)


def output_mode(spark: SparkSession, frame: DataFrame) -> str:
    """Return `append` where Spark allows it, else `complete` (a streaming aggregate without a watermark)."""
    first: Exception | None = None
    for name in ("append", "complete"):
        try:
            check_output_mode(spark, frame, name)
        except Exception as error:  # noqa: BLE001 (Spark's checker raises several kinds)
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


def _as(kind: type[MaterializedView | StreamingTable], dataset: Table) -> Dataset:
    return kind(**{f.name: getattr(dataset, f.name) for f in fields(dataset)})
