"""What every function of the facade checks and says, each with the line of the user's file."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any

from livetables.errors import DefinitionError, did_you_mean
from livetables.model import name_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from livetables.collect.registry import Registry
    from livetables.errors import SourceLocation

#: Parameters that a run on one machine cannot honour, with what is done instead. Nothing is ignored in silence.
NOT_LOCAL = {
    "cluster_by_auto": "clustering columns are not chosen automatically",
    "refresh_policy": "it is recomputed in full, where the platform would refuse to",
    "format": "tables are stored as Delta",
}


def refuse(code: str, message: str, location: SourceLocation, hint: str) -> DefinitionError:
    """Return the error of a wrong call."""
    return DefinitionError(code, message, location=location, hint=hint)


def not_supported(name: str, location: SourceLocation) -> DefinitionError:
    """Return the error of something that the platform has and this runtime has not."""
    return refuse("NOT_SUPPORTED", f"{name} does not run here yet.", location, "See docs/differences.md for what runs.")


def must_be_callable(what: str, function: Any, registry: Registry, *takes: str) -> None:
    """Refuse to decorate what is no function, or one that can't be called with what it will get: `takes`."""
    arguments = ", ".join(takes)
    wanted = f"a function f({arguments})" if takes else "a function that returns a DataFrame"
    if not callable(function):
        raise refuse(
            "NOT_A_FUNCTION",
            f"@{what} was put on {function!r}, which is not a function.",
            registry.caller(),
            f"Put @dlt.{what} above {wanted}.",
        )
    must_take(what, function, registry.caller(), *takes)


def must_take(what: str, function: Callable[..., Any], location: SourceLocation, *takes: str) -> None:
    """Refuse a function that can't be called with the arguments that it will get."""
    try:
        signature = inspect.signature(function, follow_wrapped=False)  # a decorator may give arguments
    except ValueError:  # some of those that are not written in Python don't say
        return
    try:
        signature.bind(*takes)
    except TypeError:
        message = f"{what} calls its function with ({', '.join(takes)}), and it takes {signature}."
        hint = f"Let it take ({', '.join(takes)})." if takes else "Give each of its parameters a default value."
        raise refuse("WRONG_ARGUMENT", message, location, hint) from None


#: What the platform's catalogs have in no name of a table.
NOT_IN_NAMES = re.compile(r"[\s/\x00-\x1f\x7f]")


def dataset_name(what: str, name: str | None, location: SourceLocation) -> str:
    """Return the last part of a dotted name; refuse one that no dataset can have."""
    last = (name_parts(name or "") or ("",))[-1]
    if not last or last == "<lambda>":
        raise refuse("WRONG_ARGUMENT", f"{what} needs a name.", location, 'name="my_table"')
    wrong = NOT_IN_NAMES.search(last)
    if wrong:
        message = f"{what}: the name {last!r} has {wrong.group()!r} in it, which no table can have in its name."
        raise refuse("WRONG_ARGUMENT", message, location, f'name="{NOT_IN_NAMES.sub("_", last)}"')
    return last


def must_be_known(registry: Registry, what: str, given: Mapping[str, Any], known: Iterable[str]) -> None:
    """Refuse a parameter that the function does not have."""
    known = frozenset(known)
    unknown = sorted(set(given) - known)
    if unknown:
        raise refuse(
            "UNKNOWN_PARAMETER",
            f"{what} has no parameter '{unknown[0]}'.",
            registry.caller(),
            did_you_mean(unknown[0], known, f"It takes {', '.join(sorted(known))}."),
        )


def say_not_local(registry: Registry, what: str, parameter: str) -> None:
    """Warn that a parameter has no effect here."""
    message = f"{what}({parameter}=) has no effect here: {NOT_LOCAL[parameter]}."
    registry.warn("PARAMETER_WITHOUT_EFFECT", message, registry.caller())


def function_place(registry: Registry, function: Callable[..., Any]) -> SourceLocation:
    """Return where a function is defined; the calling line for what has no code of its own."""
    code = getattr(function, "__code__", None)
    return registry.caller() if code is None else registry.location(code.co_filename, code.co_firstlineno)


def name_of_flow(what: str, name: str, location: SourceLocation) -> str:
    """Return the name of a flow; refuse one that can't name the folder of its checkpoint."""
    if "/" in name:
        raise refuse(
            "WRONG_ARGUMENT",
            f"{what}: the name {name!r} has '/' in it, which no flow can have in its name.",
            location,
            f'name="{name.replace("/", "_")}"',
        )
    return name


_COLUMN = re.compile(r"^Column<'(?P<name>.*)'>$")


def column_names(columns: Any) -> tuple[str, ...]:
    """Return names that were given as one name, or as a sequence of names and plain `col("name")` Columns."""
    if columns is None:
        return ()
    given = columns if isinstance(columns, list | tuple | set | frozenset) else [columns]
    names = []
    for column in given:
        match = None if isinstance(column, str) else _COLUMN.match(str(column))
        names.append((match["name"] if match else str(column)).strip("`"))
    return tuple(names)
