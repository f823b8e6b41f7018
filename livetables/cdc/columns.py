"""The columns of AUTO CDC: those of a target by their role, and those of its hidden table."""

from __future__ import annotations

from contextlib import contextmanager
from functools import reduce
from typing import TYPE_CHECKING

from pyspark.sql import functions as F  # noqa: N812 (the name all Spark code uses)
from pyspark.sql.types import BooleanType, StructField, StructType

from livetables.graph.cdc_schema import END, HISTORY, START, visible_columns
from livetables.model import Table
from livetables.spark.jvm import release_checkpoint
from livetables.storage.hidden import (
    DELETED,
    EVENT,
    HIDDEN_COLUMNS,
    LAST,
    OPEN,
    SEQUENCE,
    TOUCHED,
    TRUNCATION,
    UPSERTED,
    VISIBLE,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyspark.sql import Column, DataFrame
    from pyspark.sql.types import DataType

    from livetables.graph.graph import ResolvedDataset
    from livetables.model import Changes

#: Columns of events before they are merged.
TRUNCATES, NEW = "__truncates", "__new"


class CdcColumns:
    """The columns of a target by their role: keys, values, partial (may be left alone), tracked (begin a version)."""

    def __init__(self, dataset: ResolvedDataset) -> None:
        assert dataset.changes is not None
        self.changes: Changes = dataset.changes
        self.visible = visible_columns(dataset.schema)
        lower = {key.lower() for key in self.changes.keys}
        self.keys = [name for name in self.visible if name.lower() in lower]
        self.values = [name for name in self.visible if name.lower() not in lower]
        self.partial = [] if self.changes.partial is None else self.changes.partial.of(self.values)
        self.whole = [name for name in self.values if name not in self.partial]
        fields = {} if self.changes.columns_to_update is not None else {f.name: f.dataType for f in dataset.schema}
        self._kinds = {name: fields.get(name) for name in self.partial}
        #: The independently updatable parts (columns, or leaf fields of structs): name -> SQL path.
        self.parts = {
            part: path for name, kind in self._kinds.items() for part, path in _parts(name, f"`{name}`", kind)
        }
        self.tracked = self.changes.tracked.of(self.values)

    @property
    def keeps_events(self) -> bool:
        """Whether the row of a version can differ from its events, which are then stored beside it."""
        return bool(self.partial) or len(self.tracked) < len(self.values)

    def together(self, name: str, value: Callable[[str], Column]) -> Column:
        """Return a column made of the values of its parts; a struct whose fields are all NULL is NULL."""
        return _together(name, self._kinds[name], value)


def _parts(name: str, path: str, kind: DataType | None) -> Iterator[tuple[str, str]]:
    if not isinstance(kind, StructType):
        yield name, path
        return
    for field in kind:
        yield from _parts(f"{name}.{field.name}", f"{path}.`{field.name}`", field.dataType)


def _together(name: str, kind: DataType | None, value: Callable[[str], Column]) -> Column:
    if not isinstance(kind, StructType):
        return value(name)
    fields = {field.name: _together(f"{name}.{field.name}", field.dataType, value) for field in kind}
    something = reduce(lambda a, b: a | b, (column.isNotNull() for column in fields.values()))
    return F.when(something, F.struct(*(column.alias(field) for field, column in fields.items())))


def hidden_schema(dataset: ResolvedDataset, sequence: DataType) -> StructType:
    """Return the columns of a target's hidden table; `sequence` is the type of its sequences."""
    names = CdcColumns(dataset)
    out = [StructField(f.name, f.dataType) for f in dataset.schema if f.name in names.visible]
    added: list[StructField] = [StructField(VISIBLE, BooleanType())]
    if names.changes.scd_type == HISTORY:
        added.append(StructField(OPEN, BooleanType()))
        added += [StructField(name, sequence) for name in (START, END, SEQUENCE, LAST)]
        added.append(StructField(DELETED, BooleanType()))
        if names.keeps_events:
            touched = StructField(TOUCHED, StructType([StructField(part, BooleanType()) for part in names.parts]))
            values = [field for field in out if field.name in names.values]
            added.append(StructField(EVENT, StructType([*values, *([touched] if names.partial else [])])))
        return StructType([*out, *added])
    added += [StructField(name, sequence) for name in (UPSERTED, DELETED)]
    if names.partial:
        added.append(StructField(TOUCHED, StructType([StructField(part, sequence) for part in names.parts])))
    if names.changes.truncates is not None:
        added.append(StructField(TRUNCATION, BooleanType()))
    return StructType([*out, *added])


def visible_of_hidden(hidden: StructType) -> list[str]:
    """Return the columns of a hidden table that its target shows, the two of type 2 last."""
    names = [name for name in hidden.names if name not in HIDDEN_COLUMNS]
    return sorted(names, key=(START, END).__contains__)


def hidden_layout(dataset: ResolvedDataset) -> list[str]:
    """Return the columns by which a target's hidden table is partitioned in addition to the user's."""
    assert isinstance(dataset.definition, Table)
    clustered = dataset.definition.cluster_by  # Delta takes either clusters or partitions
    return [OPEN] if CdcColumns(dataset).changes.scd_type == HISTORY and not clustered else []


@contextmanager
def cached_once(frame: DataFrame) -> Iterator[DataFrame]:
    """Give the frame inside of `with` as rows that are computed by the first query over it, and only once.

    Unlike with persist(), queries over these rows do not contain the plan that made them.
    """
    rows = frame.localCheckpoint(eager=False)
    try:
        yield rows.toDF(*frame.columns)
    finally:
        release_checkpoint(rows)


def columns(names: list[str]) -> list[Column]:
    """Return columns by their names, which may have any character."""
    return [F.col(f"`{name}`") for name in names]


def same(names: list[str]) -> Column:
    """Return whether `t` and `s` are equal in all of these columns; NULL equals NULL."""
    return reduce(lambda a, b: a & b, (F.col(f"t.`{name}`").eqNullSafe(F.col(f"s.`{name}`")) for name in names))
