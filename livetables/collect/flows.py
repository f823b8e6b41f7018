"""Flows and their targets: append_flow, update_flow, replace_flow, sinks, and hooks on events."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from livetables.collect.calls import Call, check_callable, check_signature, current_call, function_location
from livetables.collect.names import column_names, dataset_name, flow_name
from livetables.collect.registry import active
from livetables.errors import Diagnostic, nearest
from livetables.model import EventHook, OnceFlow, QueryFlow, ReplaceFlow, Sink, UpdateFlow, as_strings, name_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from livetables.model import Flow

F = TypeVar("F", bound="Callable[..., Any]")

#: Formats that Spark, Delta and the Kafka connector can stream to.
_FORMATS = ("delta", "kafka", "console", "memory", "noop", "parquet", "json", "csv", "orc", "text", "avro")


@dataclass(frozen=True)
class _FlowOptions:
    """The options that all decorators of flows have."""

    target: str | None
    name: str | None
    comment: str | None
    spark_conf: Mapping[str, Any] | None


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

    With `once`, the query returns a batch DataFrame and runs once; again only after a full refresh.
    With `import_checkpoint`, a folder, its first run continues from that checkpoint.
    """
    kind = OnceFlow if once else partial(QueryFlow, import_checkpoint=import_checkpoint)
    return _define(kind, query_function, _FlowOptions(target, name, comment, spark_conf))


def update_flow(
    query_function: Any = None,
    *,
    target: str | None = None,
    name: str | None = None,
    comment: str | None = None,
    spark_conf: Mapping[str, Any] | None = None,
) -> Any:
    """Define a streaming query that writes to a sink the rows that changed in each batch (Spark's update mode)."""
    options = _FlowOptions(target, name, comment, spark_conf)
    return _define(UpdateFlow, query_function, options)


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
    """Define a stream of partial snapshots: rows replace those of `target` with equal columns `replace_using`.

    For each key, the rows with the highest sequence are kept: newer rows replace, rows of the same sequence are
    appended, older ones are dropped. `sequence_by` is a column of the rows, or an expression over them.
    """
    flow = partial(ReplaceFlow, **replacing(current_call(), replace_using, sequence_by))
    return _define(flow, query_function, _FlowOptions(target, name, comment, spark_conf))


def replacing(call: Call, replace_using: Any, sequence_by: Any) -> dict[str, Any]:
    """Return the fields of a ReplaceFlow; raises DefinitionError when one is missing or a key is repeated."""
    keys = column_names(replace_using)
    if not keys or sequence_by is None:
        needed = "sequence_by=, the order of the rows" if keys else "replace_using=, the columns that identify rows"
        raise call.invalid(f"{call.name} needs {needed}.", 'replace_using=["id"], sequence_by="updated_at"')
    if len({key.lower() for key in keys}) < len(keys):
        raise call.invalid(f"{call.name}(replace_using=) names a column twice.", "Name each once.")
    return {"keys": keys, "sequence_by": sequence_by}


def _define(flow: Callable[..., Flow], function: Any, options: _FlowOptions) -> Any:
    """Return a decorator that adds the flow of a query function; `flow` makes it. With `function`, decorate that."""
    registry, call, target = active(), current_call(), options.target
    if not isinstance(target, str) or not name_parts(target):
        message = f"{call.name} needs target=, the name of what it fills."
        raise call.invalid(message, f'@dlt.{call.name}(target="my_table")')

    def decorate(function: F) -> F:
        here = call.here()
        check_callable(here, function)
        check_signature(here, function)
        name = flow_name(here, options.name or getattr(function, "__name__", None) or target)
        location, confs = function_location(registry, here, function), as_strings(options.spark_conf)
        registry.add_flow(flow(name, name_parts(target)[-1], function, location, options.comment, confs))
        return function

    return decorate if function is None else decorate(function)


def create_sink(name: str, format: str, options: Mapping[str, Any] | None = None) -> None:  # noqa: A002 (the platform's name)
    """Define a sink, a target outside the pipeline that flows write to.

    `format` is `delta` (option `path` or `tableName`), `kafka`, `console` or any that Spark can stream to.
    """
    registry, call = active(), current_call()
    confs = as_strings(options)
    sink_format = "delta" if format.lower() == "delta" else format  # Spark's formats have no letter case
    close = nearest(sink_format, _FORMATS)
    if close and sink_format.lower() not in _FORMATS:
        message = f"create_sink: Spark has no format '{sink_format}' of its own; did you mean '{close}'?"
        registry.reporter.warn(Diagnostic("UNKNOWN_FORMAT", message, call.location))
    if sink_format == "delta" and len({"path", "tableName"} & set(confs)) != 1:
        message = f"The Delta sink '{name}' needs one of the options path and tableName."
        raise call.invalid(message, 'options={"path": "/mnt/out"}')
    registry.add_dataset(Sink(dataset_name(call, name), call.location, format=sink_format, options=confs))


def foreach_batch_sink(batch_function: Any = None, *, name: str | None = None) -> Any:
    """Define a sink from a function `f(df, batch_id)` that writes one micro-batch; batch 0 is the first one."""
    registry, call = active(), current_call()
    if isinstance(batch_function, str):
        batch_function, name = None, batch_function

    def decorate(function: F) -> F:
        here = call.here()
        check_callable(here, function, "df", "batch_id")
        check_signature(here, function, "df", "batch_id")
        sink_name = dataset_name(call, name or getattr(function, "__name__", ""))
        location = function_location(registry, here, function)
        registry.add_dataset(Sink(sink_name, location, format="foreach_batch", write_batch=function))
        return function

    return decorate if batch_function is None else decorate(batch_function)


def on_event_hook(user_event_hook_fn: Any = None, *, max_allowable_consecutive_failures: int | None = None) -> Any:
    """Call the function with each stable event, a dict with the fields of the event log and nested `details`.

    After more than `max_allowable_consecutive_failures` failures in a row it is off until the next start.
    """
    registry, call = active(), current_call()
    limit = max_allowable_consecutive_failures
    if limit is not None and (not isinstance(limit, int) or isinstance(limit, bool) or limit < 0):
        message = f"max_allowable_consecutive_failures is {limit!r}, not a whole number of 0 or more."
        raise call.invalid(message, "Leave it out for no limit.")

    def decorate(function: F) -> F:
        here = call.here()
        check_callable(here, function, "event")
        check_signature(here, function, "event")
        registry.add_hook(EventHook(getattr(function, "__name__", "hook"), function, limit))
        return function

    return decorate if user_event_hook_fn is None else decorate(user_event_hook_fn)
