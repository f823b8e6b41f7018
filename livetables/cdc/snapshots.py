"""AUTO CDC from snapshots: the differences of a snapshot from the target become events, all with one version."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F  # noqa: N812 (the name all Spark code uses)

from livetables.cdc import apply as cdc
from livetables.cdc.columns import CdcColumns, columns, same
from livetables.errors import DefinitionError
from livetables.graph.cdc_schema import END, HISTORY
from livetables.model import VERSION, SnapshotFlow
from livetables.storage.hidden import VISIBLE

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import DataFrame

    from livetables.graph.graph import ResolvedDataset, ResolvedFlow
    from livetables.model import Changes

_DELETED = "__snapshot_lacks"


def apply(snapshot: DataFrame, version: Any, dataset: ResolvedDataset, hidden: Path) -> None:
    """Make the target equal to a snapshot: new and changed rows are upserted, keys that it lacks are deleted."""
    names = CdcColumns(dataset)
    spark = snapshot.sparkSession
    current = spark.read.format("delta").load(str(hidden)).where(VISIBLE)
    if names.changes.scd_type == HISTORY:
        current = current.where(F.col(END).isNull())
    current = current.select(*columns(names.visible)).alias("t")
    typed = snapshot.select(
        *(F.col(f"`{f.name}`").cast(f.dataType).alias(f.name) for f in dataset.schema if f.name in names.visible)
    )
    upserts = typed.alias("s").join(current, same(names.visible), "left_anti").withColumn(_DELETED, F.expr("false"))
    lacking = current.join(typed.alias("s"), same(names.keys), "left_anti").select(*columns(names.keys))
    nothing = [F.lit(None).cast(f.dataType).alias(f.name) for f in typed.schema if f.name in names.values]
    deletes = lacking.select(*columns(names.keys), *nothing, F.expr("true").alias(_DELETED))
    events = upserts.unionByName(deletes).withColumn(VERSION, F.lit(version))
    changes = replace(names.changes, deletes=_DELETED, sequence_by=VERSION)
    flows = tuple(_with_changes(flow, changes) for flow in dataset.flows)
    merging = replace(dataset, flows=flows)
    wide, completed = cdc.with_stored_columns(merging, hidden)
    cdc.apply(completed(cdc.events_of(events, merging)), wide, hidden)


def _with_changes(flow: ResolvedFlow, changes: Changes) -> ResolvedFlow:
    assert isinstance(flow.definition, SnapshotFlow)
    return replace(flow, definition=replace(flow.definition, changes=changes))


def checked(snapshot: Any, last: Any, flow: SnapshotFlow) -> tuple[DataFrame, Any]:
    """Return the DataFrame and version of a snapshot; raises DefinitionError when it is not newer than `last`."""
    if not (isinstance(snapshot, tuple) and len(snapshot) == 2):  # noqa: PLR2004 (DataFrame and version)
        message = f"The source of '{flow.name}' returned {type(snapshot).__name__}, not (DataFrame, version) or None."
        raise DefinitionError("WRONG_SNAPSHOT", message, location=flow.location, hint="return spark.read..., 1")
    frame, version = snapshot
    if last is not None and not version > last:
        message = f"The source of '{flow.name}' returned version {version!r} after {last!r}: versions must ascend."
        raise DefinitionError(
            "WRONG_SNAPSHOT", message, location=flow.location, hint="Return None when there is nothing new."
        )
    return frame, version
