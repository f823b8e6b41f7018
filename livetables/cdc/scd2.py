"""SCD type 2: all versions of a key.

The hidden table has a row per event. The first event of each version is the row that is seen: it holds the version's
values and the sequences between which it was the current one. So an event that arrives late finds all others, and
the versions of its key are made anew.

Each key has one row, its head, that is marked as open: its current version, or the delete that ended it. Heads lie in
a partition of their own, so that events in the order of their sequences, which need nothing else, read and rewrite
nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from delta.tables import DeltaTable
from pyspark.sql import Window
from pyspark.sql import functions as F  # noqa: N812 (the name all Spark code uses)

from livetables.cdc.columns import DELETED, EVENT, LAST, NEW, OPEN, SEQUENCE, TOUCHED, Names, columns, kept, same
from livetables.graph.cdc_schema import END, START
from livetables.storage.layout import VISIBLE

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import Column, DataFrame

_SAID, _OLD, _LATE, _REPEATED, _FIRST, _KNOWN = "__said", "__old", "__late", "__repeated", "__first", "__known"
_BOUNDARY, _BEGINS, _SEGMENT, _VERSION, _NEWEST = "__boundary", "__begins", "__segment", "__version", "__newest"


def merge(events: DataFrame, names: Names, hidden: Path) -> tuple[int, int]:
    """Merge events into the hidden table; return how many upserts and deletes were not there yet."""
    table = DeltaTable.forPath(events.sparkSession, str(hidden))
    stored = table.toDF()
    with kept(_versions(_heads(stored, names).unionByName(_arriving(events, names)), names)) as rows:
        upserts, deletes, late = _counts(rows)
        if not late:
            if upserts or deletes:
                _write(table, rows, same([*names.keys, SEQUENCE]) & F.col(f"t.{OPEN}"))
            return upserts, deletes
        # What was made of the heads of these keys is wrong: all of their events are needed.
        keys = rows.where(_LATE).select(*columns(names.keys)).distinct()
        known = stored.alias("t").join(keys.alias("s"), same(names.keys), "left_semi")
        arrived = _events(rows.where(F.col(_LATE) & F.col(NEW)), names, new=True)
        anew = _versions(_events(known, names).unionByName(arrived), names, all_known=True)
        with kept(rows.where(~F.col(_LATE)).unionByName(anew)) as mended:
            upserts, deletes, _ = _counts(mended)
            if upserts or deletes:
                _write(table, mended, same([*names.keys, SEQUENCE]))
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


# Rows on their way: an event (its key, sequence and whether it deletes), what it says (_SAID: values, and which of them
# it touches), whether it is NEW, the row that it made before (_OLD).


def _heads(stored: DataFrame, names: Names) -> DataFrame:
    """Return the heads of all keys; for what comes after them, they say as much as all events before."""
    said = _said(names, columns(names.values), [F.expr("true")] * len(names.parts))
    return _rows(stored.where(OPEN).withColumn(_SAID, said), names)


def _events(rows: DataFrame, names: Names, *, new: bool = False) -> DataFrame:
    """Return the events of rows that are stored, or as they would be stored."""
    values = columns(names.values)
    if names.keeps_events:
        values = [F.col(f"{EVENT}.`{name}`").alias(name) for name in names.values]
    said = _said(names, values, [F.col(f"{EVENT}.{TOUCHED}.`{part}`") for part in names.parts])
    return _rows(rows.withColumn(_SAID, said), names, new=new)


def _arriving(events: DataFrame, names: Names) -> DataFrame:
    said = _said(names, columns(names.values), [F.col(f"{TOUCHED}.`{part}`") for part in names.parts])
    rows = events.withColumn(_SAID, said)
    if names.keeps_events:
        touched = [F.col(TOUCHED)] if names.partial else []
        rows = rows.withColumn(EVENT, F.struct(*columns(names.values), *touched))
    return _rows(rows, names, new=True)


def _said(names: Names, values: list[Column], touches: list[Column]) -> Column:
    touched = [touch.alias(part) for part, touch in zip(names.parts, touches, strict=True)]
    return F.struct(F.lit(1).alias(NEW), *values, *([F.struct(*touched).alias(TOUCHED)] if touched else []))


def _rows(rows: DataFrame, names: Names, *, new: bool = False) -> DataFrame:
    old = F.lit(None) if new else _made(names)
    return rows.select(
        *columns(names.keys),
        SEQUENCE,
        DELETED,
        *([EVENT] if names.keeps_events else []),
        _SAID,
        F.expr(str(new)).alias(NEW),
        old.alias(_OLD),
    )


def _made(names: Names) -> Column:
    """Return what the events before and after it make of an event's row."""
    return F.struct(*columns(names.values), START, END, VISIBLE, OPEN, LAST)


def _versions(rows: DataFrame, names: Names, *, all_known: bool = False) -> DataFrame:
    """Return the rows that are new or changed: where each version begins and ends, and its values.

    Unless all events of the keys are known, the rows of a key with late events are marked.
    """
    keys = columns(names.keys)
    key = Window.partitionBy(*keys)
    # One order for all: Spark sorts once. Of equal sequences, what is stored comes first and stays.
    forward = key.orderBy(SEQUENCE, NEW)
    before = Window.unboundedPreceding
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
    rows = rows.withColumn(_LATE, late)
    values = {name: F.col(f"{_SAID}.`{name}`") for name in names.values}
    if names.partial:
        rows = rows.withColumn(_SEGMENT, F.sum(F.col(DELETED).cast("int")).over(forward.rowsBetween(before, 0)))
        life = Window.partitionBy(*keys, _SEGMENT).orderBy(SEQUENCE).rowsBetween(before, 0)
        told = {}
        for part, path in names.parts.items():
            touched = ~F.col(DELETED) & F.col(f"{_SAID}.{TOUCHED}.`{part}`")
            value = F.when(touched, F.struct(F.col(f"{_SAID}.{path}").alias("value")))
            told[part] = F.last(value, ignorenulls=True).over(life)["value"]
        values |= {name: names.together(name, told.__getitem__) for name in names.partial}
    rows = rows.withColumns(values)
    tracked = F.struct(F.lit(1).alias(NEW), *columns(names.tracked))
    unchanged = F.lag(tracked).over(forward).eqNullSafe(tracked)
    begins = F.col(DELETED) | F.coalesce(F.lag(DELETED).over(forward), F.expr("true")) | ~unchanged
    rows = rows.withColumn(_BOUNDARY, begins).withColumn(_BEGINS, F.when(F.col(_BOUNDARY), F.col(SEQUENCE)))
    rows = rows.withColumn(END, F.expr(f"lead({_BEGINS}) IGNORE NULLS").over(forward))
    untracked = [name for name in names.values if name not in names.tracked]
    if untracked:
        rows = rows.withColumn(_VERSION, F.sum(F.col(_BOUNDARY).cast("int")).over(forward.rowsBetween(before, 0)))
        version = Window.partitionBy(*keys, _VERSION).orderBy(F.col(SEQUENCE).desc()).rowsBetween(before, 0)
        newest = F.first(F.struct(*columns(untracked))).over(version)
        rows = rows.withColumn(_NEWEST, newest)
        rows = rows.withColumns({name: F.col(f"{_NEWEST}.`{name}`") for name in untracked})
    seen = F.col(_BOUNDARY) & ~F.col(DELETED)
    is_open = F.col(_BOUNDARY) & F.col(END).isNull()
    rows = rows.withColumns(
        {
            VISIBLE: seen,
            OPEN: is_open,
            LAST: F.when(is_open, F.col(LAST)),
            START: F.when(seen, F.col(SEQUENCE)),
            END: F.when(seen, F.col(END)),
            **{name: F.when(~F.col(DELETED), F.col(f"`{name}`")) for name in names.values},
        }
    )
    rows = rows.where(F.col(NEW) | F.col(_LATE) | ~_made(names).eqNullSafe(F.col(_OLD)))
    said = [EVENT] if names.keeps_events else []
    return rows.select(*columns(names.visible), VISIBLE, OPEN, START, END, SEQUENCE, LAST, DELETED, *said, NEW, _LATE)
