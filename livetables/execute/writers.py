"""How flows write: append to a table, write to a sink, merge changes, replace a materialized view, append once."""

from __future__ import annotations

import threading
from collections import defaultdict
from concurrent.futures import TimeoutError as FutureTimeoutError
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from livetables.cdc import apply as cdc
from livetables.cdc import replace, snapshots
from livetables.errors import DefinitionError
from livetables.execute.runs import Batch, BatchResults, BatchRun, FlowRun, StreamRun, batch_of
from livetables.graph.schema import conform, declared_schema
from livetables.model import VERSION, CdcFlow, MaterializedView, ReplaceFlow, Sink, SnapshotFlow, Table
from livetables.queries import reads
from livetables.spark.confs import confs, own_confs
from livetables.spark.jvm import condition_sql
from livetables.storage.checkpoint import Checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pyspark.sql import DataFrame, Observation
    from pyspark.sql.conf import RuntimeConfig
    from pyspark.sql.streaming.query import StreamingQuery

    from livetables.execute.reader import Engine, FlowReader
    from livetables.graph.graph import ResolvedDataset, ResolvedFlow

_OBSERVATION_SECONDS = 10.0
#: Planning costs a merge more than its rows do: the rows to merge are kept already, and every batch is like the last.
_MERGING = {"spark.databricks.delta.merge.materializeSource": "none", "spark.sql.adaptive.enabled": "false"}
#: Batches of several flows into one target take turns: each merge then sees the other's.
_merging: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)


def start(
    engine: Engine, reader: FlowReader, flow: ResolvedFlow, dataset: ResolvedDataset, trigger: dict[str, Any]
) -> FlowRun:
    """Start a flow; `trigger` is that of a streaming query."""
    definition = flow.definition
    if flow.streaming:
        told = BatchResults()
        with own_confs(engine.spark, definition.spark_conf):
            merging = merging_confs(engine.spark.conf) if isinstance(definition, CdcFlow) else {}
            with confs(engine.spark, merging):
                query = _stream(engine, reader, flow, dataset, trigger, told)
        return StreamRun(engine.graph, dataset.name, query, told, reader.files)
    if isinstance(definition, SnapshotFlow):
        return BatchRun(engine, flow.name, lambda: _apply_snapshots(engine, reader, definition, dataset))
    if definition.once:
        return BatchRun(engine, flow.name, lambda: _once(engine, reader, flow, dataset))
    if definition.replace_where is not None:
        return BatchRun(engine, flow.name, lambda: _replace_where(engine, reader, flow, dataset))
    return BatchRun(engine, flow.name, lambda: _recompute(engine, reader, flow, dataset))


def merging_confs(session: RuntimeConfig) -> dict[str, str]:
    """Return the confs that suit merges of small batches, save those that the pipeline has set itself."""
    return {key: value for key, value in _MERGING.items() if session.get(key, None) is None}


def _stream(
    engine: Engine,
    reader: FlowReader,
    flow: ResolvedFlow,
    dataset: ResolvedDataset,
    trigger: dict[str, Any],
    told: BatchResults,
) -> StreamingQuery:
    definition = dataset.definition
    path = engine.storage.table(dataset.name).path
    mode = "update" if flow.definition.update_mode else flow.output_mode
    result = _result_of(reader, flow, dataset)
    for files in reader.files:
        files.queried(result)
    writer = result.writeStream.queryName(flow.name).trigger(**trigger).outputMode(mode)
    checkpoint = engine.storage.checkpoint(dataset.name, flow.name)
    if flow.definition.import_checkpoint is not None:
        _import_checkpoint(reader.map_path(flow.definition.import_checkpoint), checkpoint, flow)
    writer = writer.option("checkpointLocation", str(checkpoint))
    if isinstance(flow.definition, CdcFlow | ReplaceFlow):
        merge = _merging_batches(flow, dataset, path, f"livetables {checkpoint}")
        return writer.foreachBatch(told.telling(merge)).start()
    if isinstance(definition, Sink):
        if definition.write_batch is not None:
            return writer.foreachBatch(told.telling(_returning_nothing(definition.write_batch))).start()
        options = {key: reader.map_path(v) if key == "path" else v for key, v in definition.options.items()}
        table = options.pop("tableName", None)
        writer = writer.format(definition.format).options(**options)
        return writer.toTable(table) if table else writer.start()
    if isinstance(definition, Table) and definition.partition_cols:
        writer = writer.partitionBy(*definition.partition_cols)
    return writer.format("delta").option("mergeSchema", "true").start(str(path))


def _merging_batches(
    flow: ResolvedFlow, dataset: ResolvedDataset, target: Path, transaction: str
) -> Callable[[DataFrame, int], dict[str, int]]:
    """Return what merges a batch into a table, and counts what it did."""
    definition = flow.definition
    merge: Callable[[DataFrame, int], dict[str, int]]
    if isinstance(definition, ReplaceFlow):
        merge = lambda frame, number: {  # noqa: E731
            "num_output_rows": replace.merge(frame, definition, target, transaction, number)
        }
    else:
        wide, completed = cdc.with_stored_columns(dataset, target)
        merge = lambda frame, _: cdc.apply(completed(cdc.events_of(frame, dataset)), wide, target)  # noqa: E731

    def in_turn(frame: DataFrame, number: int) -> dict[str, int]:
        with _merging[str(target)]:
            return merge(frame, number)

    return in_turn


def _returning_nothing(write: Callable[[DataFrame, int], Any]) -> Callable[[DataFrame, int], None]:
    """Drop what a user's function returns: it is not ours."""

    def batch(frame: DataFrame, number: int) -> None:
        write(frame, number)

    return batch


def _import_checkpoint(folder: str, checkpoint: Checkpoint, flow: ResolvedFlow) -> None:
    """Begin where a checkpoint from elsewhere ends; not after a full refresh, which asks for all rows again."""
    source = Checkpoint.at(folder)
    try:
        checkpoint.import_from(source)
    except FileNotFoundError as error:
        raise DefinitionError(
            "CHECKPOINT_NOT_FOUND",
            f"Flow '{flow.name}' imports the checkpoint {source}, and there is none.",
            location=flow.definition.location,
            hint="It is the folder that a streaming query had as its checkpointLocation, with 'offsets' in it.",
        ) from error


def _result_of(reader: FlowReader, flow: ResolvedFlow, dataset: ResolvedDataset) -> DataFrame:
    """Return what a flow writes: its query with the target's expectations and declared schema."""
    frame = reads.evaluate(flow.definition, reader)
    predicate: Any = flow.definition.replace_where
    if predicate is not None:  # before rows are counted: the others are no rows of this flow
        frame = frame.where(predicate)
    frame = reader.observe(frame, dataset)
    if dataset.changes is not None:
        return frame
    schema = declared_schema(reader.engine.spark, dataset.definition)
    return frame if schema is None else conform(frame, schema, dataset.definition)


def _recompute(engine: Engine, reader: FlowReader, flow: ResolvedFlow, dataset: ResolvedDataset) -> list[Batch]:
    """Replace a materialized view in one commit."""
    definition = dataset.definition
    assert isinstance(definition, MaterializedView)
    with own_confs(engine.spark, flow.definition.spark_conf):
        writer = _result_of(reader, flow, dataset).write.format("delta").mode("overwrite")
        writer = writer.option("overwriteSchema", "true")
        if definition.partition_cols:
            writer = writer.partitionBy(*definition.partition_cols)
        if definition.cluster_by:
            writer = writer.clusterBy(*definition.cluster_by)
        writer.save(str(engine.storage.table(dataset.name)))
    return [batch_of(engine.graph, dataset.name, {}, _counts(engine, reader), None)]


def _once(engine: Engine, reader: FlowReader, flow: ResolvedFlow, dataset: ResolvedDataset) -> list[Batch]:
    """Append a batch query once: a mark beside the flow's checkpoint remembers it until the next full refresh."""
    checkpoint = engine.storage.checkpoint(dataset.name, flow.name)
    if checkpoint.is_done():
        return []
    transaction = checkpoint.transaction()
    path = engine.storage.table(dataset.name).path
    metrics: dict[str, Any] = {}
    with own_confs(engine.spark, flow.definition.spark_conf):
        frame = _result_of(reader, flow, dataset)
        if dataset.changes is not None:
            wide, completed = cdc.with_stored_columns(dataset, path)
            with _merging[str(path)]:
                metrics = dict(cdc.apply(completed(cdc.events_of(frame, dataset)), wide, path))
        else:
            # With a transaction, an append whose mark was not written is not made a second time.
            writer = frame.write.format("delta").mode("append").option("mergeSchema", "true")
            writer.option("txnAppId", transaction).option("txnVersion", "0").save(str(path))
    checkpoint.mark_done()
    counts = {} if dataset.changes is not None else _counts(engine, reader)
    return [batch_of(engine.graph, dataset.name, metrics, counts, None)]


def _replace_where(engine: Engine, reader: FlowReader, flow: ResolvedFlow, dataset: ResolvedDataset) -> list[Batch]:
    """Replace the rows for which the predicate is TRUE by those that the query gives for it, in one commit."""
    column: Any = flow.definition.replace_where
    with own_confs(engine.spark, flow.definition.spark_conf):
        frame = _result_of(reader, flow, dataset)
        if not isinstance(column, str):  # Delta takes a text; a row without a table gives it plain names
            filtered = engine.spark.createDataFrame([], frame.schema).where(column)
            column = condition_sql(filtered)
        writer = frame.write.format("delta").mode("overwrite").option("replaceWhere", column)
        writer.option("mergeSchema", "true").save(str(engine.storage.table(dataset.name)))
    return [batch_of(engine.graph, dataset.name, {}, _counts(engine, reader), None)]


def _apply_snapshots(engine: Engine, reader: FlowReader, flow: SnapshotFlow, dataset: ResolvedDataset) -> list[Batch]:
    """Apply the snapshots that there are, each in one merge; the last version is kept beside the checkpoint."""
    hidden = engine.storage.table(dataset.name).path
    checkpoint = engine.storage.checkpoint(dataset.name, flow.name)
    if flow.next_snapshot is None:
        snapshots.apply(reads.evaluate(flow, reader).drop(VERSION), datetime.now(timezone.utc), dataset, hidden)
        return [Batch(None, {}, ())]
    last = checkpoint.snapshot_version()
    batches: list[Batch] = []
    while True:
        with reads.reading_with(reader):
            following = flow.next_snapshot(last)
        if following is None:
            return batches
        frame, version = snapshots.checked(following, last, flow)
        snapshots.apply(frame, version, dataset, hidden)
        checkpoint.write_snapshot_version(version)
        last = version
        batches.append(Batch(len(batches), {}, ()))


def _counts(engine: Engine, reader: FlowReader) -> dict[str, Any]:
    return {name: _observed(engine, seen) for name, seen in (reader.observations or {}).items()}


def _observed(engine: Engine, observation: Observation) -> dict[str, Any]:
    # Spark may fold an empty input away together with its observation, which then never comes.
    waiting = engine.threads.submit(lambda: observation.get)
    try:
        return dict(waiting.result(timeout=_OBSERVATION_SECONDS))
    except FutureTimeoutError:
        return {}
