"""AUTO CDC: change events become rows of a target by key, in the order of their sequence, in any order of arrival.

Each target has one hidden Delta table with everything that later events may need, so that a micro-batch is one atomic
MERGE. Users see some of its rows and columns as the target. The result does not depend on how events were split into
batches, and a batch that is applied again does not change it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pyspark.sql import functions as F  # noqa: N812 (the name all Spark code uses)
from pyspark.sql.types import BooleanType, StructField, StructType

from livetables.cdc import scd1, scd2
from livetables.cdc.columns import TRUNCATES, CdcColumns, visible_of_hidden
from livetables.graph.cdc_schema import HISTORY, condition, sequence_of
from livetables.graph.schema import new_columns, stored_schema, widened
from livetables.storage.delta import schema_json
from livetables.storage.hidden import DELETED, SEQUENCE, TOUCHED

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pyspark.sql import Column, DataFrame

    from livetables.graph.graph import ResolvedDataset
    from livetables.model import Changes


def events_of(frame: DataFrame, dataset: ResolvedDataset) -> DataFrame:
    """Project events to the target's columns plus sequence, delete and truncate flags, and touched columns.

    A NULL sequence and an event outside `where` raise inside the plan.
    """
    names = CdcColumns(dataset)
    sequence = sequence_of(frame, names.changes.sequence_by)
    kind = frame.select(sequence.alias(SEQUENCE)).schema[SEQUENCE].dataType
    event = F.to_json(F.struct(*(F.col(f"`{name}`") for name in frame.columns)))

    def wrong(code: str, what: str) -> Column:
        text = f"[{code}] An event for '{dataset.name}' {what}: "
        return F.raise_error(F.concat(F.lit(text), event)).cast(kind)

    sequence = F.coalesce(sequence, wrong("CDC_NULL_SEQUENCE", "has no sequence"))
    if names.changes.where is not None:
        outside = wrong("CDC_EVENT_OUTSIDE_WHERE", "lies outside where=")
        sequence = F.when(condition(names.changes.where), sequence).otherwise(outside)
    columns = [
        F.col(f"`{field.name}`").cast(field.dataType).alias(field.name)
        for field in dataset.schema
        if field.name in names.visible
    ]
    columns += [
        sequence.alias(SEQUENCE),
        condition(names.changes.deletes).alias(DELETED),
        condition(names.changes.truncates).alias(TRUNCATES),
    ]
    if names.partial:
        touched = (_touches(names.changes, part, path).alias(part) for part, path in names.parts.items())
        columns.append(F.struct(*touched).alias(TOUCHED))
    return frame.select(*columns)


def _touches(changes: Changes, name: str, path: str) -> Column:
    if changes.columns_to_update is None:
        return F.col(path).isNotNull()
    named = changes.columns_to_update
    return F.coalesce(F.array_contains(F.col(named) if isinstance(named, str) else named, name), F.lit(False))


def apply(events: DataFrame, dataset: ResolvedDataset, hidden: Path) -> dict[str, int]:
    """Merge a batch of events into a target's hidden table.

    Returns num_upserted_rows and num_deleted_rows: for type 1 the keys whose newest event in the batch is an upsert or
    a delete, for type 2 the events that were not stored before.
    """
    names = CdcColumns(dataset)
    history = names.changes.scd_type == HISTORY
    upserts, deletes = (scd2 if history else scd1).merge(events, names, hidden)
    return {"num_upserted_rows": upserts, "num_deleted_rows": deletes}


def with_stored_columns(
    dataset: ResolvedDataset, hidden: Path
) -> tuple[ResolvedDataset, Callable[[DataFrame], DataFrame]]:
    """Return a target with the columns that only its stored table has added, and a function that adds them to events.

    The feed had these columns before; in events they are NULL. This reads the log of the table: call it once for a
    flow, not for each batch.
    """
    stored = stored_schema(schema_json(hidden))
    visible = StructType([stored[name] for name in visible_of_hidden(stored)])
    if not new_columns(dataset.schema, visible):
        return dataset, lambda events: events
    wide = replace(dataset, schema=widened(dataset.schema, visible))
    names = CdcColumns(wide)
    known = {field.name: field for field in wide.schema}
    if names.partial:
        known[TOUCHED] = StructField(TOUCHED, StructType([StructField(part, BooleanType()) for part in names.parts]))

    def completed(events: DataFrame) -> DataFrame:
        fields = {field.name: field for field in events.schema} | known
        own = [name for name in events.columns if name not in wide.schema.names]
        return events.to(StructType([fields[name] for name in (*names.visible, *own)]))

    return wide, completed
