"""Names of datasets, flows and columns as users write them in a call."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from livetables.model import name_parts

if TYPE_CHECKING:
    from livetables.collect.calls import Call

#: A character that a table name must not contain.
NOT_IN_NAMES = re.compile(r"[\s/\x00-\x1f\x7f]")
_COLUMN = re.compile(r"^Column<'(?P<name>.*)'>$")


def dataset_name(call: Call, name: str | None) -> str:
    """Return the last part of a dotted name; raises DefinitionError for one that no dataset can have."""
    last = (name_parts(name or "") or ("",))[-1]
    if not last or last == "<lambda>":
        raise call.invalid(f"{call.name} needs a name.", 'name="my_table"')
    wrong = NOT_IN_NAMES.search(last)
    if wrong:
        message = f"{call.name}: the name {last!r} has {wrong.group()!r} in it, which no table can have in its name."
        raise call.invalid(message, f'name="{NOT_IN_NAMES.sub("_", last)}"')
    return last


def flow_name(call: Call, name: str) -> str:
    """Return the name of a flow; raises DefinitionError for one that can't name the folder of its checkpoint."""
    if "/" in name:
        message = f"{call.name}: the name {name!r} has '/' in it, which no flow can have in its name."
        raise call.invalid(message, f'name="{name.replace("/", "_")}"')
    return name


def column_names(columns: Any) -> tuple[str, ...]:
    """Return the names of columns: one name, or a sequence of names and plain `col("name")` Columns."""
    if columns is None:
        return ()
    names = []
    for column in columns if isinstance(columns, list | tuple | set | frozenset) else [columns]:
        match = None if isinstance(column, str) else _COLUMN.match(str(column))
        names.append((match["name"] if match else str(column)).strip("`"))
    return tuple(names)
