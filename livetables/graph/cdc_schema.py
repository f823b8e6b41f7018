"""Derives and checks the target schema of AUTO CDC flows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F  # noqa: N812 (the name all Spark code uses)

from livetables.errors import DefinitionError, did_you_mean
from livetables.model import VERSION, CdcFlow, ReplaceFlow, SnapshotFlow

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyspark.sql import Column, DataFrame
    from pyspark.sql.types import DataType, StructType

    from livetables.model import Flow

#: The columns that SCD type 2 adds: the sequences from which, and until which, a version was current.
START, END = "__START_AT", "__END_AT"
#: SCD type 2: all versions of a key are kept.
HISTORY = 2


def cdc_output(frame: DataFrame, flow: CdcFlow | SnapshotFlow) -> tuple[DataFrame, DataType]:
    """Return a change feed or snapshot with the columns of the target, and the type of its sequences.

    Raises DefinitionError when a parameter names a column that the source does not have.
    """
    changes = flow.changes
    source = [name for name in frame.columns if not (isinstance(flow, SnapshotFlow) and name == VERSION)]
    _check_names(source, flow)
    columns = [F.col(f"`{name}`") for name in changes.columns.of(source)]
    sequence = sequence_of(frame, changes.sequence_by)
    if changes.scd_type == HISTORY:
        columns += [sequence.alias(START), sequence.alias(END)]
    conditions = (condition(predicate) for predicate in (changes.deletes, changes.truncates, changes.where))
    checked = frame.select(sequence, *conditions)  # raises Spark's error for a wrong expression
    return frame.select(*columns), checked.schema[0].dataType


def check_replacing(frame: DataFrame, flow: ReplaceFlow) -> None:
    """Raise an error when the query of a flow lacks one of the keys, or a column of the sequence."""
    for name in flow.keys:
        if name.lower() not in {column.lower() for column in frame.columns}:
            raise _column_error(
                flow, f"replace_using names '{name}', which its query does not return.", name, frame.columns
            )
    frame.select(sequence_of(frame, flow.sequence_by))  # raises Spark's error for a wrong expression


def sequence_of(frame: DataFrame, sequence_by: str | Column) -> Column:
    """Return the sequence of events or rows; a text is the name of a column, or else an expression."""
    if not isinstance(sequence_by, str):
        return sequence_by
    return F.col(f"`{sequence_by}`") if sequence_by in frame.columns else F.expr(sequence_by)


def condition(predicate: str | Column | None) -> Column:
    """Return a predicate over the columns of a source, FALSE in place of NULL; None is FALSE."""
    if predicate is None:
        return F.lit(False)
    return F.coalesce(F.expr(predicate) if isinstance(predicate, str) else predicate, F.lit(False))


def visible_columns(schema: StructType) -> list[str]:
    """Return the names of the columns of a target, without `__START_AT` and `__END_AT`."""
    return [name for name in schema.names if name not in (START, END)]


def _check_names(source: list[str], flow: CdcFlow | SnapshotFlow) -> None:
    changes = flow.changes
    named: dict[str, Iterable[str]] = {
        "keys": changes.keys,
        "column_list": (*(changes.columns.only or ()), *changes.columns.but),
        "track_history_column_list": (*(changes.tracked.only or ()), *changes.tracked.but),
        "ignore_null_updates_column_list": (
            () if changes.partial is None else (*(changes.partial.only or ()), *changes.partial.but)
        ),
    }
    known = {name.lower() for name in source}
    chosen = {name.lower() for name in changes.columns.of(source)}
    for parameter, names in named.items():
        for name in names:
            if name.lower() not in known:
                raise _column_error(flow, f"{parameter} names '{name}', which its source does not have.", name, source)
    for name in changes.keys:
        if name.lower() not in chosen:
            raise _column_error(flow, f"the key '{name}' is not among the columns that it writes.", name, source)


def _column_error(flow: Flow, what: str, name: str, source: list[str]) -> DefinitionError:
    return DefinitionError(
        "CDC_COLUMN_NOT_FOUND",
        f"Flow '{flow.name}': {what}",
        location=flow.location,
        hint=did_you_mean(name, source, f"The columns are {', '.join(source)}."),
    )
