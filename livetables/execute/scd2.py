"""SCD type 2: all versions of a key.

The hidden table has a row per event. The first event of each version is the row that is seen: it holds the version's
values and the sequences between which it was the current one. So an event that arrives late finds all others, and
the versions of its key are made anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from delta.tables import DeltaTable
from pyspark.sql import Window
from pyspark.sql import functions as F  # noqa: N812 (the name all Spark code uses)

from livetables.execute.cdc_columns import DELETED, EVENT, NEW, SEQUENCE, TOUCHED, VISIBLE, Names, columns, same
from livetables.graph.cdc import END, START

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import DataFrame

_OLD, _BOUNDARY, _SEGMENT, _VERSION, _NEWEST = "__old", "__boundary", "__segment", "__version", "__newest"


def merge(events: DataFrame, names: Names, hidden: Path) -> tuple[int, int]:
    """Merge events into the hidden table; return how many upserts and deletes were not there yet."""
    table = DeltaTable.forPath(events.sparkSession, str(hidden))
    stored = table.toDF().alias("t")
    touched_keys = events.select(*columns(names.keys)).distinct().alias("s")
    stored = stored.join(touched_keys, same(names.keys), "left_semi")
    rows = _versions(_event_rows(events, stored, names), names).persist()
    try:
        counted = rows.where(NEW).agg(F.count_if(~F.col(DELETED)), F.count_if(DELETED)).first()
        upserts, deletes = counted or (0, 0)
        if upserts or deletes:
            merging = table.alias("t").merge(rows.drop(NEW).alias("s"), same([*names.keys, SEQUENCE]))
            merging.whenMatchedUpdateAll().whenNotMatchedInsertAll().execute()
    finally:
        rows.unpersist()
    return upserts, deletes


def _event_rows(events: DataFrame, stored: DataFrame, names: Names) -> DataFrame:
    """Return all events of the keys, each once: those that are stored, with the row they made, and the new ones."""
    values = columns(names.values)
    touched = [F.col(TOUCHED)] if names.partial else []
    old = F.struct(*values, START, END, VISIBLE)
    event = F.col(EVENT) if names.keeps_events else F.struct(F.lit(1).alias(NEW), *values)
    fresh = F.struct(*values, *touched) if names.keeps_events else event
    always = [*columns(names.keys), F.col(SEQUENCE), F.col(DELETED)]
    known = stored.select(*always, event.alias(EVENT), F.expr("false").alias(NEW), old.alias(_OLD))
    none = F.lit(None).cast(known.schema[_OLD].dataType)
    new = events.select(*always, fresh.alias(EVENT), F.expr("true").alias(NEW), none.alias(_OLD))
    order = Window.partitionBy(*columns(names.keys)).orderBy(SEQUENCE, NEW)
    repeated = F.lag(SEQUENCE).over(order).eqNullSafe(F.col(SEQUENCE))
    return known.unionByName(new).withColumn("__repeated", repeated).where("NOT __repeated").drop("__repeated")


def _versions(rows: DataFrame, names: Names) -> DataFrame:
    """Return the rows that are new or changed: where each version begins and ends, and its values."""
    keys = columns(names.keys)
    forward = Window.partitionBy(*keys).orderBy(SEQUENCE)
    backward = Window.partitionBy(*keys).orderBy(F.col(SEQUENCE).desc())
    before = Window.unboundedPreceding
    values = {name: F.col(f"{EVENT}.`{name}`") for name in names.values}
    if names.partial:
        rows = rows.withColumn(_SEGMENT, F.sum(F.col(DELETED).cast("int")).over(forward.rowsBetween(before, 0)))
        life = Window.partitionBy(*keys, _SEGMENT).orderBy(SEQUENCE).rowsBetween(before, 0)
        for name in names.partial:
            touched = ~F.col(DELETED) & F.col(f"{EVENT}.{TOUCHED}.`{name}`")
            told = F.when(touched, F.struct(values[name].alias("value")))
            values[name] = F.last(told, ignorenulls=True).over(life)["value"]
    rows = rows.withColumns(values)
    tracked = F.struct(F.lit(1).alias(NEW), *columns(names.tracked))
    unchanged = F.lag(tracked).over(forward).eqNullSafe(tracked)
    begins = F.col(DELETED) | F.coalesce(F.lag(DELETED).over(forward), F.expr("true")) | ~unchanged
    rows = rows.withColumn(_BOUNDARY, begins)
    next_boundary = F.last(F.when(F.col(_BOUNDARY), F.col(SEQUENCE)), ignorenulls=True)
    rows = rows.withColumn(END, next_boundary.over(backward.rowsBetween(before, -1)))
    untracked = [name for name in names.values if name not in names.tracked]
    if untracked:
        rows = rows.withColumn(_VERSION, F.sum(F.col(_BOUNDARY).cast("int")).over(forward.rowsBetween(before, 0)))
        version = Window.partitionBy(*keys, _VERSION).orderBy(F.col(SEQUENCE).desc()).rowsBetween(before, 0)
        newest = F.first(F.struct(*columns(untracked))).over(version)
        rows = rows.withColumn(_NEWEST, newest)
        rows = rows.withColumns({name: F.col(f"{_NEWEST}.`{name}`") for name in untracked})
    seen = F.col(_BOUNDARY) & ~F.col(DELETED)
    rows = rows.withColumns({VISIBLE: seen, START: F.when(seen, F.col(SEQUENCE)), END: F.when(seen, F.col(END))})
    rows = rows.withColumns({name: F.when(~F.col(DELETED), F.col(f"`{name}`")) for name in names.values})
    made = F.struct(*columns(names.values), START, END, VISIBLE)
    rows = rows.where(F.col(NEW) | ~made.eqNullSafe(F.col(_OLD)))
    kept = [EVENT] if names.keeps_events else []
    return rows.select(*columns(names.visible), VISIBLE, START, END, SEQUENCE, DELETED, *kept, NEW)
