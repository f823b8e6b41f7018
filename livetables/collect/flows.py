"""Flows and where they lead: append_flow, update_flow, sinks, and hooks on events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from livetables.collect.checks import column_names, dataset_name, function_place, must_be_callable, name_of_flow, refuse
from livetables.collect.registry import active
from livetables.errors import nearest
from livetables.model import EventHook, OnceFlow, QueryFlow, ReplaceFlow, Sink, UpdateFlow, as_strings, name_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from livetables.model import Flow

F = TypeVar("F", bound="Callable[..., Any]")

#: What Spark, Delta and the Kafka connector can stream to.
_FORMATS = ("delta", "kafka", "console", "memory", "noop", "parquet", "json", "csv", "orc", "text", "avro")


def append_flow(
    query_function: Any = None,
    *,
    target: str | None = None,
    name: str | None = None,
    comment: str | None = None,
    spark_conf: Mapping[str, Any] | None = None,
    once: bool = False,
    import_checkpoint: str | None = None,
) -> Any:
    """Define a query that appends to the streaming table or sink `target`; `name` defaults to the function's.

    With `once`, the query returns a batch DataFrame, and is run once; again only after a full refresh.
    With `import_checkpoint`, its first run goes on where that checkpoint, a folder, ends.
    """
    flow_class, kind = (OnceFlow, {}) if once else (QueryFlow, {"import_checkpoint": import_checkpoint})
    return _flow("append_flow", query_function, target, name, comment, spark_conf, flow_class, **kind)


def update_flow(
    query_function: Any = None,
    *,
    target: str | None = None,
    name: str | None = None,
    comment: str | None = None,
    spark_conf: Mapping[str, Any] | None = None,
) -> Any:
    """Define a streaming query that writes to a sink the rows that changed in each batch (Spark's update mode)."""
    return _flow("update_flow", query_function, target, name, comment, spark_conf, UpdateFlow)


def replace_flow(
    query_function: Any = None,
    *,
    target: str | None = None,
    replace_using: Any = None,
    sequence_by: Any = None,
    name: str | None = None,
    comment: str | None = None,
    spark_conf: Mapping[str, Any] | None = None,
) -> Any:
    """Define a stream of partial snapshots: rows replace those of `target` that agree with them in `replace_using`.

    Of each key, the rows with the highest sequence are kept: newer rows replace, rows of the same sequence are
    appended, older ones are left out. `sequence_by` is a column of the rows, or an expression over them.
    """
    kind = replacing("replace_flow", replace_using, sequence_by)
    return _flow("replace_flow", query_function, target, name, comment, spark_conf, ReplaceFlow, **kind)


def replacing(what: str, replace_using: Any, sequence_by: Any) -> dict[str, Any]:
    """Return the fields of a ReplaceFlow; raises DefinitionError when one is missing or a key is repeated."""
    location = active().caller()
    keys = column_names(replace_using)
    if not keys or sequence_by is None:
        needed = "sequence_by=, the order of the rows" if keys else "replace_using=, the columns that identify rows"
        hint = 'replace_using=["id"], sequence_by="updated_at"'
        raise refuse("WRONG_ARGUMENT", f"{what} needs {needed}.", location, hint)
    if len({key.lower() for key in keys}) < len(keys):
        raise refuse("WRONG_ARGUMENT", f"{what}(replace_using=) names a column twice.", location, "Name each once.")
    return {"keys": keys, "sequence_by": sequence_by}


def _flow(
    what: str,
    function: Any,
    target: str | None,
    name: str | None,
    comment: str | None,
    spark_conf: Mapping[str, Any] | None,
    flow_class: type[Flow],
    **kind: Any,
) -> Any:
    registry = active()
    if not isinstance(target, str) or not name_parts(target):
        message = f"{what} needs target=, the name of what it fills."
        raise refuse("WRONG_ARGUMENT", message, registry.caller(), f'@dlt.{what}(target="my_table")')

    def decorate(function: F) -> F:
        must_be_callable(what, function, registry)
        own_name = name_of_flow(what, name or getattr(function, "__name__", None) or target, registry.caller())
        location = function_place(registry, function)
        registry.flows.append(
            flow_class(own_name, name_parts(target)[-1], function, location, comment, as_strings(spark_conf), **kind)
        )
        return function

    return decorate if function is None else decorate(function)


def create_sink(name: str, format: str, options: Mapping[str, Any] | None = None) -> None:  # noqa: A002
    """Define a place outside the pipeline that flows write to.

    `format` is `delta` (option `path` or `tableName`), `kafka`, `console` or any that Spark can stream to.
    """
    registry = active()
    location = registry.caller()
    given = as_strings(options)
    if format.lower() == "delta":  # Spark's formats have no letter case
        format = "delta"  # noqa: A001
    close = nearest(format, _FORMATS)
    if close and format.lower() not in _FORMATS:
        message = f"create_sink: Spark has no format '{format}' of its own; did you mean '{close}'?"
        registry.warn("UNKNOWN_FORMAT", message, location)
    if format == "delta" and len({"path", "tableName"} & set(given)) != 1:
        message = f"The Delta sink '{name}' needs one of the options path and tableName."
        raise refuse("WRONG_ARGUMENT", message, location, 'options={"path": "/mnt/out"}')
    registry.add(Sink(dataset_name("create_sink", name, location), location, format=format, options=given), None, None)


def foreach_batch_sink(batch_function: Any = None, *, name: str | None = None) -> Any:
    """Define a sink from a function `f(df, batch_id)` that writes one micro-batch; batch 0 is the first one."""
    registry = active()
    location = registry.caller()
    if isinstance(batch_function, str):
        batch_function, name = None, batch_function

    def decorate(function: F) -> F:
        must_be_callable("foreach_batch_sink", function, registry, "df", "batch_id")
        sink_name = dataset_name("foreach_batch_sink", name or getattr(function, "__name__", ""), location)
        place_ = function_place(registry, function)
        registry.add(Sink(sink_name, place_, format="foreach_batch", write_batch=function), None, None)
        return function

    return decorate if batch_function is None else decorate(batch_function)


def on_event_hook(user_event_hook_fn: Any = None, *, max_allowable_consecutive_failures: int | None = None) -> Any:
    """Call the function with each stable event, a dict with the fields of the event log and nested `details`.

    After more than `max_allowable_consecutive_failures` failures in a row it is off until the next start.
    """
    registry = active()
    location = registry.caller()
    limit = max_allowable_consecutive_failures
    if limit is not None and (not isinstance(limit, int) or isinstance(limit, bool) or limit < 0):
        message = f"max_allowable_consecutive_failures is {limit!r}, not a whole number of 0 or more."
        raise refuse("WRONG_ARGUMENT", message, location, "Leave it out for no limit.")

    def decorate(function: F) -> F:
        must_be_callable("on_event_hook", function, registry, "event")
        registry.hooks.append(EventHook(getattr(function, "__name__", "hook"), function, limit))
        return function

    return decorate if user_event_hook_fn is None else decorate(user_event_hook_fn)
