"""What AUTO CDC makes of its source's columns: the columns of the target, checked against the parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F  # noqa: N812 (the name all Spark code uses)

from livetables.errors import DefinitionError, did_you_mean
from livetables.model import VERSION, CdcFlow, ReplaceFlow, SnapshotFlow

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyspark.sql import Column, DataFrame
    from pyspark.sql.types import DataType, StructType

    from livetables.model import Flow

#: The columns that type 2 adds: the sequences between which a version was the current one, [start, end).
START, END = "__START_AT", "__END_AT"
HISTORY = 2


def is_cdc(flow: Flow) -> bool:
    """Tell whether a flow changes rows of its target by key."""
    return isinstance(flow, CdcFlow | SnapshotFlow)


def written(frame: DataFrame, flow: CdcFlow | SnapshotFlow) -> tuple[DataFrame, DataType]:
    """Return the rows of a source with the target's columns, and the type of the sequences.

    Raises DefinitionError for a name that the source does not have.
    """
    changes = flow.changes
    source = [name for name in frame.columns if not (isinstance(flow, SnapshotFlow) and name == VERSION)]
    _check_names(source, flow)
    columns = [F.col(f"`{name}`") for name in changes.columns.of(source)]
    sequence = sequence_of(frame, changes.sequence_by)
    if changes.scd_type == HISTORY:
        columns += [sequence.alias(START), sequence.alias(END)]
    conditions = (condition(given) for given in (changes.deletes, changes.truncates, changes.where))
    checked = frame.select(sequence, *conditions)  # Spark says what is wrong
    return frame.select(*columns), checked.schema[0].dataType


def check_replacing(frame: DataFrame, flow: ReplaceFlow) -> None:
    """Raise DefinitionError when the rows that a flow writes lack one of its keys, or what its sequence is made of."""
    for name in flow.keys:
        if name.lower() not in {column.lower() for column in frame.columns}:
            _refuse(flow, f"replace_using names '{name}', which its query does not return.", name, frame.columns)
    frame.select(sequence_of(frame, flow.sequence_by))  # Spark says what is wrong


def sequence_of(frame: DataFrame, given: str | Column) -> Column:
    """Return the order of events or rows: a column by its name, or any expression."""
    if not isinstance(given, str):
        return given
    return F.col(f"`{given}`") if given in frame.columns else F.expr(given)


def condition(given: str | Column | None) -> Column:
    """Return a condition over the source's columns; NULL counts as FALSE, as does a condition that is not given."""
    if given is None:
        return F.lit(False)
    return F.coalesce(F.expr(given) if isinstance(given, str) else given, F.lit(False))


def visible_columns(schema: StructType) -> list[str]:
    """Return the names of a target's columns without the two that type 2 adds."""
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
                _refuse(flow, f"{parameter} names '{name}', which its source does not have.", name, source)
    for name in changes.keys:
        if name.lower() not in chosen:
            _refuse(flow, f"the key '{name}' is not among the columns that it writes.", name, source)


def _refuse(flow: Flow, what: str, name: str, source: list[str]) -> Any:
    raise DefinitionError(
        "CDC_COLUMN_NOT_FOUND",
        f"Flow '{flow.name}': {what}",
        location=flow.location,
        hint=did_you_mean(name, source, f"The columns are {', '.join(source)}."),
    )
