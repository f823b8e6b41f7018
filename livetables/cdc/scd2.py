"""SCD type 2: all versions of a key.

The hidden table has a row per event. The row of the first event of each version is visible: it has the values of the
version and the sequences from which and until which it was the current one. An event that arrives late finds all others
of its key, and all versions of the key are computed again.

One row of each key, its head, is marked as open: the current version, or the delete that ended it. Heads have a
partition of their own: events that arrive in the order of their sequences read and rewrite that partition alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from delta.tables import DeltaTable
from pyspark.sql import Window
from pyspark.sql import functions as F  # noqa: N812 (the name all Spark code uses)

from livetables.cdc.columns import NEW, CdcColumns, cached_once, columns, same
from livetables.graph.cdc_schema import END, START
from livetables.storage.hidden import DELETED, EVENT, LAST, OPEN, SEQUENCE, TOUCHED, VISIBLE

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import Column, DataFrame
    from pyspark.sql.window import WindowSpec

_PAYLOAD, _OLD, _LATE, _REPEATED, _FIRST, _KNOWN = "__payload", "__old", "__late", "__repeated", "__first", "__known"
_FROM_START = Window.unboundedPreceding
_BOUNDARY, _BEGINS, _SEGMENT, _VERSION, _NEWEST = "__boundary", "__begins", "__segment", "__version", "__newest"


def merge(events: DataFrame, names: CdcColumns, hidden: Path) -> tuple[int, int]:
    """Merge events into the hidden table; return how many upserts and deletes were not stored before."""
    table = DeltaTable.forPath(events.sparkSession, str(hidden))
    stored = table.toDF()
    with cached_once(_versions(_heads(stored, names).unionByName(_arriving(events, names)), names)) as rows:
        upserts, deletes, late = _counts(rows)
        if not late:
            if upserts or deletes:
                _write(table, rows, same([*names.keys, SEQUENCE]) & F.col(f"t.{OPEN}"))
            return upserts, deletes
        # Late events: compute these keys again from all of their events.
        keys = rows.where(_LATE).select(*columns(names.keys)).distinct()
        known = stored.alias("t").join(keys.alias("s"), same(names.keys), "left_semi")
        arrived = _events(rows.where(F.col(_LATE) & F.col(NEW)), names, new=True)
        complete = _versions(_events(known, names).unionByName(arrived), names, all_known=True)
        with cached_once(rows.where(~F.col(_LATE)).unionByName(complete)) as corrected:
            upserts, deletes, _ = _counts(corrected)
            if upserts or deletes:
                _write(table, corrected, same([*names.keys, SEQUENCE]))
            return upserts, deletes


def _counts(rows: DataFrame) -> tuple[int, int, int]:
    """Return how many rows are new upserts, are new deletes, and belong to keys with late events."""
    new, deleted = F.col(NEW), F.col(DELETED)
    counted = rows.agg(F.count_if(new & ~deleted), F.count_if(new & deleted), F.count_if(_LATE)).first()
    upserts, deletes, late = counted or (0, 0, 0)
    return upserts, deletes, late


def _write(table: DeltaTable, rows: DataFrame, matches: Column) -> None:
    merging = table.alias("t").merge(rows.drop(NEW, _LATE).alias("s"), matches)
    merging.whenMatchedUpdateAll().whenNotMatchedInsertAll().execute()


# Rows before they are merged: an event (its key, its sequence, whether it deletes), its payload (values, and which of
# them it touches), whether it is NEW, and the row that is stored for it (_OLD).


def _heads(stored: DataFrame, names: CdcColumns) -> DataFrame:
    """Return the heads of all keys: for later events, they stand for all events before."""
    payload = _payload(names, columns(names.values), [F.expr("true")] * len(names.parts))
    return _rows(stored.where(OPEN).withColumn(_PAYLOAD, payload), names)


def _events(rows: DataFrame, names: CdcColumns, *, new: bool = False) -> DataFrame:
    """Return the events of rows that are stored, or have the columns of stored rows."""
    values = columns(names.values)
    if names.keeps_events:
        values = [F.col(f"{EVENT}.`{name}`").alias(name) for name in names.values]
    payload = _payload(names, values, [F.col(f"{EVENT}.{TOUCHED}.`{part}`") for part in names.parts])
    return _rows(rows.withColumn(_PAYLOAD, payload), names, new=new)


def _arriving(events: DataFrame, names: CdcColumns) -> DataFrame:
    payload = _payload(names, columns(names.values), [F.col(f"{TOUCHED}.`{part}`") for part in names.parts])
    rows = events.withColumn(_PAYLOAD, payload)
    if names.keeps_events:
        touched = [F.col(TOUCHED)] if names.partial else []
        rows = rows.withColumn(EVENT, F.struct(*columns(names.values), *touched))
    return _rows(rows, names, new=True)


def _payload(names: CdcColumns, values: list[Column], touches: list[Column]) -> Column:
    touched = [touch.alias(part) for part, touch in zip(names.parts, touches, strict=True)]
    return F.struct(F.lit(1).alias(NEW), *values, *([F.struct(*touched).alias(TOUCHED)] if touched else []))


def _rows(rows: DataFrame, names: CdcColumns, *, new: bool = False) -> DataFrame:
    old = F.lit(None) if new else _derived(names)
    return rows.select(
        *columns(names.keys),
        SEQUENCE,
        DELETED,
        *([EVENT] if names.keeps_events else []),
        _PAYLOAD,
        F.expr(str(new)).alias(NEW),
        old.alias(_OLD),
    )


def _derived(names: CdcColumns) -> Column:
    """Return the columns of an event's row that depend on the events before and after it."""
    return F.struct(*columns(names.values), START, END, VISIBLE, OPEN, LAST)


def _versions(rows: DataFrame, names: CdcColumns, *, all_known: bool = False) -> DataFrame:
    """Return the rows that are new or changed: where each version begins and ends, and its values.

    Unless all events of the keys are known, the rows of a key with late events are marked.
    """
    key = Window.partitionBy(*columns(names.keys))
    # One order for all, so that Spark sorts once. Of equal sequences, the stored event comes first and is kept.
    forward = key.orderBy(SEQUENCE, NEW)
    rows = _affected(rows, key, forward, all_known=all_known)
    rows = _with_boundaries(_with_values(rows, names, forward), names, forward)
    if len(names.tracked) < len(names.values):
        rows = _newest_untracked(rows, names, forward)
    visible = F.col(_BOUNDARY) & ~F.col(DELETED)
    is_open = F.col(_BOUNDARY) & F.col(END).isNull()
    rows = rows.withColumns(
        {
            VISIBLE: visible,
            OPEN: is_open,
            LAST: F.when(is_open, F.col(LAST)),
            START: F.when(visible, F.col(SEQUENCE)),
            END: F.when(visible, F.col(END)),
            **{name: F.when(~F.col(DELETED), F.col(f"`{name}`")) for name in names.values},
        }
    )
    rows = rows.where(F.col(NEW) | F.col(_LATE) | ~_derived(names).eqNullSafe(F.col(_OLD)))
    event = [EVENT] if names.keeps_events else []
    return rows.select(*columns(names.visible), VISIBLE, OPEN, START, END, SEQUENCE, LAST, DELETED, *event, NEW, _LATE)


def _affected(rows: DataFrame, key: WindowSpec, forward: WindowSpec, *, all_known: bool) -> DataFrame:
    """Return the rows of keys with new events, each event once, with `_LATE` and the last sequence of the key."""
    rows = rows.withColumns(
        {
            _REPEATED: F.lag(SEQUENCE).over(forward).eqNullSafe(F.col(SEQUENCE)),
            _FIRST: F.min(F.when(F.col(NEW), F.col(SEQUENCE))).over(key),
            _KNOWN: F.max(f"{_OLD}.{LAST}").over(key),
            LAST: F.max(SEQUENCE).over(key),
        }
    )
    rows = rows.where(F.col(_FIRST).isNotNull() & ~F.col(_REPEATED))
    late = F.lit(False) if all_known else F.coalesce(F.col(_FIRST) <= F.col(_KNOWN), F.lit(False))
    return rows.withColumn(_LATE, late)


def _with_values(rows: DataFrame, names: CdcColumns, forward: WindowSpec) -> DataFrame:
    """Return rows with the values of their events; a part that an event leaves alone keeps its value since a delete."""
    values = {name: F.col(f"{_PAYLOAD}.`{name}`") for name in names.values}
    if names.partial:
        rows = rows.withColumn(_SEGMENT, F.sum(F.col(DELETED).cast("int")).over(forward.rowsBetween(_FROM_START, 0)))
        segment = Window.partitionBy(*columns(names.keys), _SEGMENT).orderBy(SEQUENCE).rowsBetween(_FROM_START, 0)
        newest = {}
        for part, path in names.parts.items():
            touched = ~F.col(DELETED) & F.col(f"{_PAYLOAD}.{TOUCHED}.`{part}`")
            value = F.when(touched, F.struct(F.col(f"{_PAYLOAD}.{path}").alias("value")))
            newest[part] = F.last(value, ignorenulls=True).over(segment)["value"]
        values |= {name: names.together(name, newest.__getitem__) for name in names.partial}
    return rows.withColumns(values)


def _with_boundaries(rows: DataFrame, names: CdcColumns, forward: WindowSpec) -> DataFrame:
    """Return rows with `_BOUNDARY`, whether a version or a delete begins there, and `END`, where the next begins."""
    tracked = F.struct(F.lit(1).alias(NEW), *columns(names.tracked))
    unchanged = F.lag(tracked).over(forward).eqNullSafe(tracked)
    begins = F.col(DELETED) | F.coalesce(F.lag(DELETED).over(forward), F.expr("true")) | ~unchanged
    rows = rows.withColumn(_BOUNDARY, begins).withColumn(_BEGINS, F.when(F.col(_BOUNDARY), F.col(SEQUENCE)))
    return rows.withColumn(END, F.expr(f"lead({_BEGINS}) IGNORE NULLS").over(forward))


def _newest_untracked(rows: DataFrame, names: CdcColumns, forward: WindowSpec) -> DataFrame:
    """Return rows whose columns without history have the newest values of their version."""
    untracked = [name for name in names.values if name not in names.tracked]
    rows = rows.withColumn(_VERSION, F.sum(F.col(_BOUNDARY).cast("int")).over(forward.rowsBetween(_FROM_START, 0)))
    version = Window.partitionBy(*columns(names.keys), _VERSION)
    newest_first = version.orderBy(F.col(SEQUENCE).desc()).rowsBetween(_FROM_START, 0)
    rows = rows.withColumn(_NEWEST, F.first(F.struct(*columns(untracked))).over(newest_first))
    return rows.withColumns({name: F.col(f"{_NEWEST}.`{name}`") for name in untracked})
