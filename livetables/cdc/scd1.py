"""SCD type 1: one row per key, the newest.

A row of the hidden table has the values, the sequences of the key's newest upsert and of its newest delete (deleted
keys keep their row, which is not visible), and the sequence of each column that events may leave alone.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any

from delta.tables import DeltaTable
from pyspark.sql import Row, Window
from pyspark.sql import functions as F  # noqa: N812 (the name all Spark code uses)

from livetables.cdc.columns import TRUNCATES, CdcColumns, cached_once, columns, same
from livetables.storage.hidden import DELETED, SEQUENCE, TOUCHED, TRUNCATION, UPSERTED, VISIBLE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pyspark.sql import Column, DataFrame

_PLACE = "__place"


def merge(events: DataFrame, names: CdcColumns, hidden: Path) -> tuple[int, int]:
    """Merge events into the hidden table; return how many keys have an upsert, and a delete, as newest event."""
    table = DeltaTable.forPath(events.sparkSession, str(hidden))
    if names.changes.truncates is None:
        return _merge(table, events, names)
    with cached_once(events) as batch:
        oldest, truncates_now = _truncation(batch, table)
        rows = batch.where(~F.col(TRUNCATES))
        rows = rows if oldest is None else rows.where(F.col(SEQUENCE) >= oldest)
        counts = _merge(table, rows, names, oldest, truncates_now=truncates_now)
        if oldest is not None and truncates_now:
            _remember(table, oldest)
    return counts


def _newest(events: DataFrame, names: CdcColumns) -> DataFrame:
    """Return a row per key: the newest upsert, its sequence, the sequence of the newest delete."""
    sequence, live = F.col(SEQUENCE), ~F.col(DELETED)
    # The newest upsert of a key comes first. One sort costs less than to aggregate wide rows.
    newest_first = Window.partitionBy(*columns(names.keys)).orderBy(DELETED, F.desc(SEQUENCE))
    whole = newest_first.rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)
    row = {name: F.when(live, F.col(f"`{name}`")) for name in names.whole}
    row |= {UPSERTED: F.when(live, sequence), DELETED: F.max(F.when(~live, sequence)).over(whole)}
    values = {part: F.struct(sequence.alias("at"), F.col(path).alias("value")) for part, path in names.parts.items()}
    touching = {part: F.when(live & F.col(f"{TOUCHED}.`{part}`"), value) for part, value in values.items()}
    last = {f"{TOUCHED} {part}": F.first(value, ignorenulls=True).over(whole) for part, value in touching.items()}
    rows = events.withColumns({**row, **last, _PLACE: F.row_number().over(newest_first)}).where(F.col(_PLACE) == 1)
    if names.partial:
        newest = {name: names.together(name, lambda part: F.col(f"`{TOUCHED} {part}`.value")) for name in names.partial}
        touched = F.struct(*(F.col(f"`{TOUCHED} {part}`.at").alias(part) for part in names.parts))
        rows = rows.withColumns({**newest, TOUCHED: touched})
    return rows.drop(_PLACE, TRUNCATES, SEQUENCE, *last)


def _is_visible() -> Column:
    """Return whether the row of a key is visible: its newest upsert is newer than its newest delete."""
    return F.coalesce(F.col(UPSERTED) > F.col(DELETED), F.col(UPSERTED).isNotNull())


def _merge(
    table: DeltaTable,
    events: DataFrame,
    names: CdcColumns,
    oldest: Column | None = None,
    *,
    truncates_now: bool = False,
) -> tuple[int, int]:
    with cached_once(_newest(events, names)) as source:
        counted = source.agg(F.count_if(_is_visible()), F.count_if(~_is_visible())).first()
        upserts, deletes = counted or (0, 0)
        if upserts or deletes or truncates_now:
            _write(table, source, names, oldest, truncates_now=truncates_now)
    return upserts, deletes


def _write(
    table: DeltaTable, source: DataFrame, names: CdcColumns, oldest: Column | None, *, truncates_now: bool
) -> None:
    matches = same(names.keys)
    updated, changes = _merged(names, lambda name: F.col(f"t.{name}"), oldest)
    inserted, _ = _merged(names, lambda _: F.lit(None), oldest)
    inserted |= {name: F.col(f"s.`{name}`") for name in names.keys}
    if names.changes.truncates is not None:
        matches = matches & ~F.col(f"t.{TRUNCATION}")
        inserted[TRUNCATION] = F.lit(False)
    merging = (
        table.alias("t")
        .merge(source.alias("s"), matches)
        .whenMatchedUpdate(changes, _quoted(updated))
        .whenNotMatchedInsert(values=_quoted(inserted))
    )
    if oldest is not None and truncates_now:
        last = F.greatest(f"t.{UPSERTED}", f"t.{DELETED}")
        merging = merging.whenNotMatchedBySourceDelete((last < oldest) & ~F.col(f"t.{TRUNCATION}"))
    merging.execute()


def _merged(
    names: CdcColumns, stored: Callable[[str], Column], oldest: Column | None
) -> tuple[dict[str, Column], Column]:
    """Return the columns of a row after a merge, and whether it changes; `stored` returns a column before it."""
    newest = {name: F.greatest(stored(name), F.col(f"s.{name}")) for name in (UPSERTED, DELETED)}
    visible = F.coalesce(newest[UPSERTED] > newest[DELETED], newest[UPSERTED].isNotNull())
    newer = {name: _newer(F.col(f"s.{name}"), stored(name)) for name in (UPSERTED, DELETED)}
    row: dict[str, Column] = {VISIBLE: visible, **newest}
    for name in names.whole:
        row[name] = F.when(visible, F.when(newer[UPSERTED], F.col(f"s.`{name}`")).otherwise(stored(f"`{name}`")))
    touched, parts, changed = [], {}, [newer[UPSERTED], newer[DELETED]]
    for part, path in names.parts.items():
        then, now = stored(f"{TOUCHED}.`{part}`"), F.col(f"s.{TOUCHED}.`{part}`")
        at = F.greatest(then, now)
        alive = F.coalesce(at > newest[DELETED], at.isNotNull())
        if oldest is not None:
            alive = alive & (at >= oldest)
        parts[part] = F.when(visible & alive, F.when(_newer(now, then), F.col(f"s.{path}")).otherwise(stored(path)))
        touched.append(at.alias(part))
        changed.append(_newer(now, then))
    if touched:
        row |= {name: names.together(name, parts.__getitem__) for name in names.partial}
        row[TOUCHED] = F.struct(*touched)
    return row, reduce(lambda a, b: a | b, changed)


def _newer(now: Column, then: Column) -> Column:
    return F.coalesce(now > then, now.isNotNull())


def _truncation(events: DataFrame, table: DeltaTable) -> tuple[Column | None, bool]:
    """Return the sequence of the newest truncation or None, and whether it is in this batch.

    Older events have no effect, also when they arrive later.
    """
    newest = F.max(SEQUENCE).alias(SEQUENCE)
    stored = table.toDF().where(TRUNCATION).select(F.col(DELETED).alias(SEQUENCE)).agg(newest).first()
    arrived = events.where(TRUNCATES).agg(newest).first()
    known, now = (None if row is None else row[0] for row in (stored, arrived))
    if now is not None and (known is None or now > known):
        return _literal(now), True
    return (None if known is None else _literal(known)), False


def _remember(table: DeltaTable, truncation: Column) -> None:
    row = table.toDF().sparkSession.range(1).select(truncation.alias(SEQUENCE))
    at = F.col(f"s.{SEQUENCE}")
    values = {TRUNCATION: F.lit(True), VISIBLE: F.lit(False), DELETED: at}
    merging = table.alias("t").merge(row.alias("s"), F.col(f"t.{TRUNCATION}"))
    merging.whenMatchedUpdate(set={DELETED: at}).whenNotMatchedInsert(values=_quoted(values)).execute()


def _quoted(row: dict[str, Column]) -> dict[str, str | Column]:
    return {f"`{name}`": column for name, column in row.items()}


def _literal(value: Any) -> Column:
    """Return a sequence as a literal; a struct's fields keep their names and order."""
    if isinstance(value, Row):
        return F.struct(*(_literal(part).alias(name) for name, part in value.asDict().items()))
    return F.lit(value)
