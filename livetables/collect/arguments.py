"""What every function of the facade asks of its arguments, before it looks at them itself.

A parameter of one name holds the same everywhere, so its type is checked in one place.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple

from pyspark.sql import Column
from pyspark.sql.types import StructType

from livetables.collect import registry as registries
from livetables.collect.checks import must_be_known, refuse
from livetables.collect.row_filter import row_filter

if TYPE_CHECKING:
    from livetables.collect.registry import Registry
    from livetables.errors import SourceLocation

_called: ContextVar[str] = ContextVar("called", default="")


class _Content(NamedTuple):
    """What a parameter holds: a test, how that is called, and an example of it."""

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
        isinstance(key, str) and isinstance(one, str | int | float) for key, one in value.items()
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
#: Examples in a call, where they differ or stand alone.
_EXAMPLES = {"name": '"my_table"', "target": '"my_table"', "source": '"my_feed"', "format": '"kafka"'}
_SHORT = 40  # characters


def called() -> str:
    """Return the name by which the user called the function of the facade that runs now; some have several."""
    return _called.get()


def as_called(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of the facade as users call it: under this name, with its arguments checked."""
    signature = inspect.signature(function)

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        token = _called.set(name)
        try:
            # A query function reads when no file is being loaded.
            registry = registries.current.get() or registries.Registry()
            _check(registry, name, signature, args, kwargs)
            result = function(*args, **kwargs)
            if result is None:
                return _no_decorator(name, registry.caller())
            decorates = callable(result) and not any(result is value for value in (*args, *kwargs.values()))
            return _watched(registry, name, result) if decorates else result
        finally:
            _called.reset(token)

    return call


def _watched(registry: Registry, what: str, decorate: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Let the registry know of a decorator until it is put on a function."""
    mark = (what, registry.caller())
    registry.unused.append(mark)

    def put_on(function: Any) -> Any:
        if mark in registry.unused:
            registry.unused.remove(mark)
        return decorate(function)

    return put_on


def _no_decorator(what: str, location: SourceLocation) -> Callable[[Any], Any]:
    def put_on(_function: Any) -> Any:
        message = f"{what} was put on a function, and is no decorator."
        raise refuse("NOT_A_DECORATOR", message, location, "Write it on a line of its own, without @.")

    return put_on


def _check(
    registry: Registry, what: str, signature: inspect.Signature, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    parameters = signature.parameters.values()
    others = next((one.name for one in parameters if one.kind is one.VAR_KEYWORD), "")
    if not others:
        must_be_known(registry, what, kwargs, signature.parameters)
    required = [one.name for one in parameters if one.default is one.empty and one.kind is one.POSITIONAL_OR_KEYWORD]
    usage = f"Write {what}({', '.join(_example(name, required) for name in required)})"
    try:
        given = signature.bind_partial(*args, **kwargs).arguments
    except TypeError as error:
        hint = f"{usage}, with all else by name." if parameters else "Call it without arguments."
        raise refuse("WRONG_ARGUMENT", f"{what} was given {error}.", registry.caller(), hint) from None
    given |= given.pop(others, {})
    for name, value in given.items():
        content = _CONTENTS.get(name)
        if content and value is not None and not content.fits(value):
            hint = f"{usage}." if name in required else f"Write {name}={content.example}."
            message = f"{what}({name}=) takes {content.words}, not {_shown(value)}."
            raise refuse("WRONG_ARGUMENT", message, registry.caller(), hint)
    for name in required:
        value = given.get(name)
        if name not in given or (name in _CONTENTS and (value is None or (isinstance(value, str) and not value))):
            raise refuse("WRONG_ARGUMENT", f"{what} needs {name}=.", registry.caller(), f"{usage}.")


def _example(name: str, required: list[str]) -> str:
    if name == "name" and "inv" in required:
        return '"valid_id"'
    return _EXAMPLES.get(name) or _CONTENTS[name].example


def _shown(value: Any) -> str:
    """Return a short value as it was written, and the type of any other."""
    text = repr(value)
    return type(value).__name__ if len(text) > _SHORT or " at 0x" in text else text
