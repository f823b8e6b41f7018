"""Checks the arguments of each call of the facade, before the called function reads them.

A parameter name has the same meaning in all functions, so one table has the accepted values of each name.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from pyspark.sql import Column
from pyspark.sql.types import StructType

from livetables.collect import registry as registries
from livetables.collect.calls import called, current_call
from livetables.collect.row_filter import row_filter
from livetables.errors import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable

    from livetables.collect.calls import Call
    from livetables.collect.registry import Registry


class _Content(NamedTuple):
    """The values that a parameter accepts: a test, its description in an error, and an example."""

    fits: Callable[[Any], bool]
    words: str
    example: str


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_expression(value: Any) -> bool:
    return isinstance(value, Column) or (isinstance(value, str) and bool(value.strip()))


def _is_row_filter(value: Any) -> bool:
    return isinstance(value, str) and row_filter(value) is not None


def _is_schema(value: Any) -> bool:
    return isinstance(value, str | StructType)


def _are_columns(value: Any) -> bool:
    return all(map(_is_expression, value if isinstance(value, list | tuple | set | frozenset) else [value]))


def _are_settings(value: Any) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(key, str) and isinstance(setting, str | int | float) for key, setting in value.items()
    )


def _are_rules(value: Any) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(name, str) and name.strip() and _is_expression(rule) for name, rule in value.items()
    )


_POLICIES = ("auto", "incremental", "incremental_strict", "full")
_RULES = _Content(_are_rules, "a dict of rule name -> predicate", '{"valid_id": "id IS NOT NULL"}')
_FLAG = _Content(_is_flag, "True or False", "True")
_COLUMNS = _Content(_are_columns, "a column or a list of columns", '["id"]')
_CONTENTS = {
    "name": _Content(_is_text, "a text", '"my_name"'),
    "flow_name": _Content(_is_text, "a text", '"my_flow"'),
    "comment": _Content(_is_text, "a text", '"What the rows are."'),
    "path": _Content(_is_text, "a text", '"/mnt/my_table"'),
    "import_checkpoint": _Content(_is_text, "a text", '"/mnt/my_checkpoint"'),
    "row_filter": _Content(_is_row_filter, "a row filter", '"ROW FILTER my_filter ON (id)"'),
    "schema": _Content(_is_schema, "a text or a StructType", '"id BIGINT, name STRING"'),
    "table_properties": _Content(_are_settings, "a dict of name -> text", '{"quality": "bronze"}'),
    "spark_conf": _Content(_are_settings, "a dict of name -> text", '{"spark.sql.shuffle.partitions": "4"}'),
    "options": _Content(_are_settings, "a dict of name -> text", '{"path": "/mnt/out"}'),
    "format": _Content(_is_text, "a text", '"delta"'),
    "inv": _Content(_is_expression, "a SQL text or a Column", '"id IS NOT NULL"'),
    "sequence_by": _Content(_is_expression, 'a column, or struct("ts", "id") of several', '"ts"'),
    "columns_to_update": _Content(_is_expression, "the column that names the columns", '"changed_columns"'),
    "where": _Content(_is_expression, "a SQL text or a Column", "\"day >= '2026-01-01'\""),
    "replace_where": _Content(_is_expression, "a SQL text or a Column", "\"day >= '2026-01-01'\""),
    "apply_as_deletes": _Content(_is_expression, "a SQL text or a Column", "\"operation = 'DELETE'\""),
    "apply_as_truncates": _Content(_is_expression, "a SQL text or a Column", "\"operation = 'TRUNCATE'\""),
    "refresh_policy": _Content(_POLICIES.__contains__, f"one of {', '.join(_POLICIES)}", '"full"'),
    **dict.fromkeys(("expectations", "expect_all", "expect_all_or_drop", "expect_all_or_fail"), _RULES),
    **dict.fromkeys(("temporary", "private", "cluster_by_auto", "once", "ignore_null_updates"), _FLAG),
    **dict.fromkeys(
        (
            "keys",
            "replace_using",
            "partition_cols",
            "cluster_by",
            "column_list",
            "except_column_list",
            "track_history_column_list",
            "track_history_except_column_list",
            "ignore_null_updates_column_list",
            "ignore_null_updates_except_column_list",
        ),
        _COLUMNS,
    ),
}
#: Examples in the usage of a call, where these differ from those of `_CONTENTS`.
_EXAMPLES = {"name": '"my_table"', "target": '"my_table"', "source": '"my_feed"', "format": '"kafka"'}
#: Longest text of a value in an error, in characters; of a longer one, the type is shown.
_MAX_SHOWN = 40


def as_called(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of the facade as users call it: by this name, with checked arguments."""
    signature = inspect.signature(function)

    @functools.wraps(function)
    def checked(*args: Any, **kwargs: Any) -> Any:
        with called(name):
            call = current_call()
            _check(call, signature, args, kwargs)
            result = function(*args, **kwargs)
            if result is None:
                return _no_decorator(call)
            registry = registries.current.get()
            decorates = callable(result) and not any(result is value for value in (*args, *kwargs.values()))
            return _tracked(registry, call, result) if registry is not None and decorates else result

    return checked


def _tracked(registry: Registry, call: Call, decorate: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a decorator that counts as unused until it is applied to a function."""
    registry.decorator_made(call.name, call.location)

    def apply(function: Any) -> Any:
        registry.decorator_used(call.name, call.location)
        return decorate(function)

    return apply


def _no_decorator(call: Call) -> Callable[[Any], Any]:
    def apply(_function: Any) -> Any:
        message = f"{call.name} was put on a function, and is no decorator."
        raise call.invalid(message, "Write it on a line of its own, without @.", "NOT_A_DECORATOR")

    return apply


def check_parameters(call: Call, arguments: Iterable[str], known: Iterable[str]) -> None:
    """Raise DefinitionError for the name of an argument that is not a parameter of the function."""
    known = frozenset(known)
    unknown = sorted(set(arguments) - known)
    if unknown:
        hint = did_you_mean(unknown[0], known, f"It takes {', '.join(sorted(known))}.")
        raise call.invalid(f"{call.name} has no parameter '{unknown[0]}'.", hint, "UNKNOWN_PARAMETER")


def _check(call: Call, signature: inspect.Signature, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Raise DefinitionError for arguments that don't fit a signature, or the accepted values of a parameter."""
    parameters = signature.parameters.values()
    options = next((parameter.name for parameter in parameters if parameter.kind is parameter.VAR_KEYWORD), "")
    if not options:
        check_parameters(call, kwargs, signature.parameters)
    required = [
        parameter.name
        for parameter in parameters
        if parameter.default is parameter.empty and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
    ]
    usage = f"Write {call.name}({', '.join(_example(name, required) for name in required)})"
    try:
        arguments = signature.bind_partial(*args, **kwargs).arguments
    except TypeError as error:
        hint = f"{usage}, with all else by name." if parameters else "Call it without arguments."
        raise call.invalid(f"{call.name} was given {error}.", hint) from None
    arguments |= arguments.pop(options, {})
    for name, value in arguments.items():
        content = _CONTENTS.get(name)
        if content and value is not None and not content.fits(value):
            hint = f"{usage}." if name in required else f"Write {name}={content.example}."
            raise call.invalid(f"{call.name}({name}=) takes {content.words}, not {_shown(value)}.", hint)
    for name in required:
        value = arguments.get(name)
        empty = value is None or (isinstance(value, str) and not value)
        if name not in arguments or (empty and name in _CONTENTS):
            raise call.invalid(f"{call.name} needs {name}=.", f"{usage}.")


def _example(name: str, required: list[str]) -> str:
    if name == "name" and "inv" in required:
        return '"valid_id"'
    return _EXAMPLES.get(name) or _CONTENTS[name].example


def _shown(value: Any) -> str:
    """Return a short value as it was written, or else its type."""
    text = repr(value)
    return type(value).__name__ if len(text) > _MAX_SHOWN or " at 0x" in text else text
