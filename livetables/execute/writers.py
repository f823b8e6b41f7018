"""Starts flows, each in its way of writing: append to a table or sink, merge changes, recompute, append once."""

from __future__ import annotations

import shutil
import threading
import uuid
from collections import defaultdict
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from typing_extensions import assert_never

from livetables.cdc import apply as cdc
from livetables.cdc import replace, snapshots
from livetables.errors import DefinitionError
from livetables.execute.expectations import dataset_of, observed_counts
from livetables.execute.runs import Batch, BatchResults, BatchRun, FlowRun, StreamRun, batch_of
from livetables.graph.schema import conform, declared_schema
from livetables.model import (
    VERSION,
    CdcFlow,
    MaterializedView,
    OnceFlow,
    QueryFlow,
    ReplaceFlow,
    ReplaceWhereFlow,
    Sink,
    SnapshotFlow,
    Table,
    UpdateFlow,
)
from livetables.queries import reads
from livetables.spark.confs import confs, own_confs
from livetables.spark.jvm import condition_sql

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyspark.sql import DataFrame
    from pyspark.sql.conf import RuntimeConfig
    from pyspark.sql.streaming.query import StreamingQuery
    from pyspark.sql.streaming.readwriter import DataStreamWriter

    from livetables.execute.reader import Engine, FlowReader
    from livetables.graph.graph import ResolvedDataset, ResolvedFlow

    #: What `foreachBatch` calls to merge a micro-batch: (rows, batch id) -> counts.
    _Merge: TypeAlias = Callable[[DataFrame, int], dict[str, int]]

#: The kinds of flow that run as a streaming query.
_Streamed: TypeAlias = QueryFlow | UpdateFlow | ReplaceFlow | CdcFlow
#: Planning takes longer than merging the few rows of a batch: they are cached already, and all batches are alike.
_MERGING = {"spark.databricks.delta.merge.materializeSource": "none", "spark.sql.adaptive.enabled": "false"}
#: Locks by the path of a target: batches of several flows merge into it one after the other, each over the other's.
_merging: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)


def start(
    engine: Engine, reader: FlowReader, flow: ResolvedFlow, dataset: ResolvedDataset, trigger: dict[str, Any]
) -> FlowRun:
    """Start a flow; `trigger` is that of a streaming query."""
    definition = flow.definition
    work: Callable[[], list[Batch]]
    match definition:
        case QueryFlow() if not flow.streaming:
            work = partial(_recompute, engine, reader, flow, dataset)
        case OnceFlow() | CdcFlow(once=True):
            work = partial(_once, engine, reader, flow, dataset)
        case ReplaceWhereFlow():
            work = partial(_replace_where, engine, reader, flow, dataset)
        case SnapshotFlow():
            work = partial(_apply_snapshots, engine, reader, definition, dataset)
        case QueryFlow() | UpdateFlow() | ReplaceFlow() | CdcFlow():
            results = BatchResults()
            with own_confs(engine.spark, definition.spark_conf):
                merging = merging_confs(engine.spark.conf) if isinstance(definition, CdcFlow) else {}
                with confs(engine.spark, merging):
                    query = _stream(reader, flow, definition, dataset, trigger, results)
            return StreamRun(engine.graph, dataset.name, query, results, reader.files)
        case _:
            assert_never(definition)
    return BatchRun(engine, flow.name, work)


def merging_confs(session: RuntimeConfig) -> dict[str, str]:
    """Return the confs for merges of small batches, without those that the pipeline has set itself."""
    return {key: value for key, value in _MERGING.items() if session.get(key, None) is None}


def _stream(
    reader: FlowReader,
    flow: ResolvedFlow,
    definition: _Streamed,
    dataset: ResolvedDataset,
    trigger: dict[str, Any],
    results: BatchResults,
) -> StreamingQuery:
    storage = reader.engine.storage
    result = _result_of(reader, flow, dataset)
    for files in reader.files:
        files.queried(result)
    checkpoint = storage.checkpoint(dataset.name, flow.name)
    path = storage.table(dataset.name)
    writer = result.writeStream.queryName(flow.name).trigger(**trigger).outputMode(flow.output_mode)
    writer = writer.option("checkpointLocation", str(checkpoint))
    match definition:
        case CdcFlow():
            return writer.foreachBatch(results.telling(_in_turn(path, _applying_events(dataset, path)))).start()
        case ReplaceFlow():
            merge = _replacing_rows(definition, path, f"livetables {checkpoint}")
            return writer.foreachBatch(results.telling(_in_turn(path, merge))).start()
        case QueryFlow() | UpdateFlow():
            if isinstance(definition, QueryFlow) and definition.import_checkpoint is not None:
                _import_checkpoint(reader.map_path(definition.import_checkpoint), checkpoint, flow)
            if isinstance(dataset.definition, Sink):
                return _to_sink(writer, reader, dataset.definition, results)
            if isinstance(dataset.definition, Table) and dataset.definition.partition_cols:
                writer = writer.partitionBy(*dataset.definition.partition_cols)
            return writer.format("delta").option("mergeSchema", "true").start(str(path))
        case _:
            assert_never(definition)


def _to_sink(writer: DataStreamWriter, reader: FlowReader, sink: Sink, results: BatchResults) -> StreamingQuery:
    if sink.write_batch is not None:
        return writer.foreachBatch(results.telling(_returning_nothing(sink.write_batch))).start()
    options = {key: reader.map_path(value) if key == "path" else value for key, value in sink.options.items()}
    table = options.pop("tableName", None)
    writer = writer.format(sink.format).options(**options)
    return writer.toTable(table) if table else writer.start()


def _in_turn(target: Path, merge: _Merge) -> _Merge:
    """Return a function that merges while no other flow merges into the same target."""

    def in_turn(frame: DataFrame, number: int) -> dict[str, int]:
        with _merging[str(target)]:
            return merge(frame, number)

    return in_turn


def _applying_events(dataset: ResolvedDataset, target: Path) -> _Merge:
    """Return a function that applies a batch of change events to a target of AUTO CDC."""
    wide, completed = cdc.with_stored_columns(dataset, target)

    def merge(frame: DataFrame, number: int) -> dict[str, int]:
        del number
        return cdc.apply(completed(cdc.events_of(frame, dataset)), wide, target)

    return merge


def _replacing_rows(flow: ReplaceFlow, target: Path, transaction: str) -> _Merge:
    """Return a function that replaces rows of a table by those of a batch with the same keys."""

    def merge(frame: DataFrame, number: int) -> dict[str, int]:
        return {"num_output_rows": replace.merge(frame, flow, target, transaction, number)}

    return merge


def _returning_nothing(write: Callable[[DataFrame, int], Any]) -> Callable[[DataFrame, int], None]:
    """Return a user's function without its result, which could be taken for counts."""

    def batch(frame: DataFrame, number: int) -> None:
        write(frame, number)

    return batch


def _import_checkpoint(folder: str, checkpoint: Path, flow: ResolvedFlow) -> None:
    """Copy the checkpoint in `folder` for a first run; not after a full refresh, which reads all rows again."""
    if checkpoint.name != "1" or (checkpoint / "offsets").exists():
        return
    source = Path(folder.removeprefix("file:"))
    if not (source / "offsets").is_dir():
        raise DefinitionError(
            "CHECKPOINT_NOT_FOUND",
            f"Flow '{flow.name}' imports the checkpoint {source}, and there is none.",
            location=flow.definition.location,
            hint="It is the folder that a streaming query had as its checkpointLocation, with 'offsets' in it.",
        )
    half = checkpoint.with_name("importing")
    shutil.rmtree(half, ignore_errors=True)
    shutil.copytree(source, half)
    if checkpoint.exists():
        checkpoint.rmdir()
    half.rename(checkpoint)


def _result_of(reader: FlowReader, flow: ResolvedFlow, dataset: ResolvedDataset) -> DataFrame:
    """Return the rows that a flow writes: its query with the target's expectations and declared schema."""
    frame = reads.evaluate(flow.definition, reader)
    if isinstance(flow.definition, ReplaceWhereFlow):  # rows outside the predicate do not count as rows of the flow
        frame = frame.where(flow.definition.predicate)
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
    """Append or apply a batch query, unless the mark beside its checkpoint says that this was done before."""
    folder = engine.storage.checkpoint(dataset.name, flow.name)
    folder.mkdir(parents=True, exist_ok=True)
    done, name = folder / "done", folder / "transaction"
    if done.exists():
        return []
    if not name.exists():
        name.write_text(str(uuid.uuid4()))
    path = engine.storage.table(dataset.name)
    metrics: dict[str, Any] = {}
    with own_confs(engine.spark, flow.definition.spark_conf):
        frame = _result_of(reader, flow, dataset)
        if dataset.changes is not None:
            metrics = dict(_in_turn(path, _applying_events(dataset, path))(frame, 0))
        else:
            # With a transaction, an append whose mark was not written is not made a second time.
            writer = frame.write.format("delta").mode("append").option("mergeSchema", "true")
            writer.option("txnAppId", name.read_text()).option("txnVersion", "0").save(str(path))
    done.touch()
    counts = {} if dataset.changes is not None else _counts(engine, reader)
    return [batch_of(engine.graph, dataset.name, metrics, counts, None)]


def _replace_where(engine: Engine, reader: FlowReader, flow: ResolvedFlow, dataset: ResolvedDataset) -> list[Batch]:
    """Replace the rows for which the predicate is TRUE by those of the query, in one commit."""
    assert isinstance(flow.definition, ReplaceWhereFlow)
    column: Any = flow.definition.predicate
    with own_confs(engine.spark, flow.definition.spark_conf):
        frame = _result_of(reader, flow, dataset)
        if not isinstance(column, str):  # Delta takes a text; over an empty frame its columns have plain names
            filtered = engine.spark.createDataFrame([], frame.schema).where(column)
            column = condition_sql(filtered)
        writer = frame.write.format("delta").mode("overwrite").option("replaceWhere", column)
        writer.option("mergeSchema", "true").save(str(engine.storage.table(dataset.name)))
    return [batch_of(engine.graph, dataset.name, {}, _counts(engine, reader), None)]


def _apply_snapshots(engine: Engine, reader: FlowReader, flow: SnapshotFlow, dataset: ResolvedDataset) -> list[Batch]:
    """Apply all new snapshots, each in one merge; the last version is stored beside the checkpoint."""
    hidden = engine.storage.table(dataset.name)
    version_file = engine.storage.checkpoint(dataset.name, flow.name) / "version.json"
    if flow.next_snapshot is None:
        snapshots.apply(reads.evaluate(flow, reader).drop(VERSION), datetime.now(timezone.utc), dataset, hidden)
        return [Batch(None, {}, ())]
    last = snapshots.read_version(version_file)
    batches: list[Batch] = []
    while True:
        with reads.reading_with(reader):
            following = flow.next_snapshot(last)
        if following is None:
            return batches
        frame, version = snapshots.checked(following, last, flow)
        snapshots.apply(frame, version, dataset, hidden)
        snapshots.write_version(version_file, version)
        last = version
        batches.append(Batch(len(batches), {}, ()))


def _counts(engine: Engine, reader: FlowReader) -> dict[str, Any]:
    """Return the counts of a batch query that has ended, by the names of its observations; warn when some are lost."""
    observations = reader.observations or {}
    counts = observed_counts(observations)
    lost = sorted({dataset_of(name) for name in observations.keys() - counts.keys()})
    if lost:
        message = f"Spark did not report how many rows flow '{reader.flow}' has read for {', '.join(lost)}."
        engine.sources.warn("COUNTS_LOST", f"{message} The rows are written; only their counts are missing.")
    return counts
