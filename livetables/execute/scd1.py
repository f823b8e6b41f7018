"""SCD type 1: one row per key, the newest.

A row of the hidden table holds the values, the sequences of the key's newest upsert and of its newest delete (so it
is there while it is not seen), and, where events may leave columns alone, the sequence of each such column.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any

from delta.tables import DeltaTable
from pyspark.sql import functions as F  # noqa: N812 (the name all Spark code uses)

from livetables.execute.cdc_columns import (
    DELETED,
    NEW,
    SEQUENCE,
    TOUCHED,
    TRUNCATES,
    TRUNCATION,
    UPSERTED,
    VISIBLE,
    Names,
    columns,
    kept,
    same,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pyspark.sql import Column, DataFrame, Row


def merge(events: DataFrame, names: Names, hidden: Path) -> tuple[int, int]:
    """Merge events into the hidden table; return the keys of the batch whose newest event upserts, and deletes."""
    table = DeltaTable.forPath(events.sparkSession, str(hidden))
    if names.changes.truncates is None:
        return _merge(table, events, names)
    with kept(events, eager=False) as batch:
        oldest, truncates_now = _truncation(batch, table)
        rows = batch.where(~F.col(TRUNCATES))
        rows = rows if oldest is None else rows.where(F.col(SEQUENCE) >= oldest)
        counts = _merge(table, rows, names, oldest, truncates_now=truncates_now)
        if oldest is not None and truncates_now:
            _remember(table, oldest)
    return counts


def _newest(events: DataFrame, names: Names) -> DataFrame:
    """Return a row per key: the newest upsert, its sequence, the sequence of the newest delete."""
    sequence, live = F.col(SEQUENCE), ~F.col(DELETED)
    aggregates = [
        F.max(F.when(live, sequence)).alias(UPSERTED),
        F.max(F.when(~live, sequence)).alias(DELETED),
        F.max_by(F.struct(F.lit(1).alias(NEW), *columns(names.whole)), F.when(live, sequence)).alias("row"),
    ]
    touching = {name: F.when(live & F.col(f"{TOUCHED}.`{name}`"), sequence) for name in names.partial}
    aggregates += [F.max_by(f"`{name}`", when).alias(name) for name, when in touching.items()]
    aggregates += [F.max(when).alias(f"{TOUCHED} {name}") for name, when in touching.items()]
    reduced = events.groupBy(*columns(names.keys)).agg(*aggregates)
    shown: list[Column | str] = [
        *columns(names.keys),
        UPSERTED,
        DELETED,
        *(F.col(f"row.`{name}`") for name in names.whole),
    ]
    if names.partial:
        touched = F.struct(*(F.col(f"`{TOUCHED} {name}`").alias(name) for name in names.partial))
        shown += [*columns(names.partial), touched.alias(TOUCHED)]
    return reduced.select(*shown)


def _seen() -> Column:
    """Tell whether the row of a key is seen: its newest upsert is newer than its newest delete."""
    return F.coalesce(F.col(UPSERTED) > F.col(DELETED), F.col(UPSERTED).isNotNull())


def _merge(
    table: DeltaTable, events: DataFrame, names: Names, oldest: Column | None = None, *, truncates_now: bool = False,
) -> tuple[int, int]:  # fmt: skip
    with kept(_newest(events, names)) as source:
        counted = source.agg(F.count_if(_seen()), F.count_if(~_seen())).first()
        upserts, deletes = counted or (0, 0)
        if upserts or deletes or truncates_now:
            _write(table, source, names, oldest, truncates_now=truncates_now)
    return upserts, deletes


def _write(
    table: DeltaTable, source: DataFrame, names: Names, oldest: Column | None, *, truncates_now: bool,
) -> None:  # fmt: skip
    matches = same(names.keys)
    updated, changes_something = _merged(names, lambda name: F.col(f"t.{name}"), oldest)
    inserted, _ = _merged(names, lambda _: F.lit(None), oldest)
    inserted |= {name: F.col(f"s.`{name}`") for name in names.keys}
    if names.changes.truncates is not None:
        matches = matches & ~F.col(f"t.{TRUNCATION}")
        inserted[TRUNCATION] = F.lit(False)
    merging = (
        table.alias("t")
        .merge(source.alias("s"), matches)
        .whenMatchedUpdate(changes_something, _quoted(updated))
        .whenNotMatchedInsert(values=_quoted(inserted))
    )
    if oldest is not None and truncates_now:
        last = F.greatest(f"t.{UPSERTED}", f"t.{DELETED}")
        merging = merging.whenNotMatchedBySourceDelete((last < oldest) & ~F.col(f"t.{TRUNCATION}"))
    merging.execute()


def _merged(
    names: Names, stored: Callable[[str], Column], oldest: Column | None,
) -> tuple[dict[str, Column], Column]:  # fmt: skip
    """Return the columns of a row after a merge, and whether it changes; `stored` gives what was there before."""
    newest = {name: F.greatest(stored(name), F.col(f"s.{name}")) for name in (UPSERTED, DELETED)}
    seen = F.coalesce(newest[UPSERTED] > newest[DELETED], newest[UPSERTED].isNotNull())
    newer = {name: _newer(F.col(f"s.{name}"), stored(name)) for name in (UPSERTED, DELETED)}
    row: dict[str, Column] = {VISIBLE: seen, **newest}
    for name in names.whole:
        row[name] = F.when(seen, F.when(newer[UPSERTED], F.col(f"s.`{name}`")).otherwise(stored(f"`{name}`")))
    touched, changed = [], [newer[UPSERTED], newer[DELETED]]
    for name in names.partial:
        then, now = stored(f"{TOUCHED}.`{name}`"), F.col(f"s.{TOUCHED}.`{name}`")
        at = F.greatest(then, now)
        alive = F.coalesce(at > newest[DELETED], at.isNotNull())
        if oldest is not None:
            alive = alive & (at >= oldest)
        value = F.when(_newer(now, then), F.col(f"s.`{name}`")).otherwise(stored(f"`{name}`"))
        row[name] = F.when(seen & alive, value)
        touched.append(at.alias(name))
        changed.append(_newer(now, then))
    if touched:
        row[TOUCHED] = F.struct(*touched)
    return row, reduce(lambda a, b: a | b, changed)


def _newer(now: Column, then: Column) -> Column:
    return F.coalesce(now > then, now.isNotNull())


def _truncation(events: DataFrame, table: DeltaTable) -> tuple[Column | None, bool]:
    """Return the newest truncation so far, and whether this batch brought it.

    What is older than it is gone, also when it arrives later.
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
    if isinstance(value, tuple):
        row: Row = value  # type: ignore[assignment]
        return F.struct(*(_literal(part).alias(name) for name, part in row.asDict().items()))
    return F.lit(value)
