"""Decorators and functions that define tables and views."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, overload

from livetables.collect.arguments import check_parameters
from livetables.collect.calls import (
    WITHOUT_EFFECT,
    Call,
    check_callable,
    check_signature,
    current_call,
    function_location,
)
from livetables.collect.flows import replacing
from livetables.collect.names import column_names, dataset_name
from livetables.collect.registry import active
from livetables.collect.row_filter import row_filter
from livetables.model import (
    Action,
    Dataset,
    Expectation,
    Flow,
    MaterializedView,
    QueryFlow,
    ReplaceFlow,
    ReplaceWhereFlow,
    StreamingTable,
    Table,
    View,
    as_strings,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from livetables.collect.registry import Registry

F = TypeVar("F", bound="Callable[..., Any]")

_ACTIONS = {"expect_all": Action.WARN, "expect_all_or_drop": Action.DROP, "expect_all_or_fail": Action.FAIL}
_REPLACING = ("replace_using", "sequence_by", "replace_where")
_TABLE_OPTIONS = frozenset(
    {
        "name",
        "comment",
        "table_properties",
        "partition_cols",
        "path",
        "schema",
        "temporary",
        "private",
        "cluster_by",
        "cluster_by_auto",
        "row_filter",
        "spark_conf",
        "format",
    }
)
#: The options of each class of dataset.
_OPTIONS: dict[type[Dataset], frozenset[str]] = {
    Table: _TABLE_OPTIONS | set(_REPLACING),
    MaterializedView: _TABLE_OPTIONS | {"refresh_policy"},
    StreamingTable: _TABLE_OPTIONS | set(_ACTIONS),
    View: frozenset({"name", "comment", "spark_conf"}),
}
#: Values that do have an effect, of the parameters in WITHOUT_EFFECT.
_WITH_EFFECT = (("format", "delta"), *(("refresh_policy", policy) for policy in ("auto", "incremental", "full")))


@overload
def table(query_function: F) -> F: ...
@overload
def table(query_function: None = None, **options: Any) -> Callable[[F], F]: ...
def table(query_function: Any = None, **options: Any) -> Any:
    """Define a table from a query: streaming DataFrame -> streaming table, batch -> materialized view.

    Options (all default to None or False): name, comment, spark_conf, table_properties, partition_cols,
    path, schema, temporary, private, cluster_by, cluster_by_auto, row_filter. With `replace_using` and `sequence_by`,
    its rows are replaced as by `replace_flow`; with `replace_where`, a batch query replaces the rows for which the
    condition is TRUE.
    """
    return _decorate(Table, query_function, options)


@overload
def materialized_view(query_function: F) -> F: ...
@overload
def materialized_view(query_function: None = None, **options: Any) -> Callable[[F], F]: ...
def materialized_view(query_function: Any = None, **options: Any) -> Any:
    """Define a table that always equals its batch query; options as `table`, plus refresh_policy."""
    return _decorate(MaterializedView, query_function, options)


def view(query_function: Any = None, **options: Any) -> Any:
    """Define a view, evaluated by each consumer; options name, comment, spark_conf."""
    return _decorate(View, query_function, options)


def create_streaming_table(name: str, **options: Any) -> None:
    """Define a streaming table that flows fill; options as `table`, plus expect_all, expect_all_or_drop, _fail."""
    registry, call = active(), current_call()
    check_parameters(call, options, _OPTIONS[StreamingTable])
    rules = tuple(
        Expectation(rule, predicate, action)
        for option, action in _ACTIONS.items()
        for rule, predicate in (options.get(option) or {}).items()
    )
    confs = as_strings(options.get("spark_conf"))
    registry.add_dataset(_table(registry, call, StreamingTable, name, options, spark_conf=confs, expectations=rules))


def _decorate(kind: type[Dataset], query_function: Any, options: dict[str, Any]) -> Any:
    registry, call = active(), current_call()

    def decorate(function: F) -> F:
        _define(registry, call.here(), kind, function, options)
        return function

    if query_function is None:
        return decorate
    if not callable(query_function):
        write = f"Write @dlt.{call.name}(name={query_function!r}) above the function."
        put = f"Put @dlt.{call.name} above a function that returns a DataFrame."
        hint = write if isinstance(query_function, str) else put
        message = f"@{call.name} was given {query_function!r}, which is not a function."
        raise call.invalid(message, hint, "NOT_A_FUNCTION")
    return decorate(query_function)


def _define(
    registry: Registry, call: Call, kind: type[Dataset], function: Callable[..., Any], options: Mapping[str, Any]
) -> None:
    """Add the dataset of a query function, and the flow that fills it."""
    check_callable(call, function)
    check_signature(call, function)
    name = str(options.get("name") or getattr(function, "__name__", ""))  # functools.partial has none
    flow_class, fields = _replacing(call, options)
    check_parameters(call, set(options) - set(_REPLACING), _OPTIONS[kind])
    dataset: Dataset
    if kind is View:
        dataset = View(dataset_name(call, name), call.location, options.get("comment"))
    else:
        dataset = _table(registry, call, kind, name, options)
    location, confs = function_location(registry, call, function), as_strings(options.get("spark_conf"))
    flow = flow_class(dataset.name, dataset.name, function, location, dataset.comment, confs, **fields)
    registry.add_dataset(dataset, function, flow)


def _replacing(call: Call, options: Mapping[str, Any]) -> tuple[type[Flow], dict[str, Any]]:
    """Return the class of a table's own flow, and the fields that say which rows it replaces."""
    using, sequence, where = (options.get(name) for name in _REPLACING)
    if where is not None and (using is not None or sequence is not None):
        message = f"{call.name} takes replace_where or replace_using, not both."
        raise call.invalid(message, "Leave one of them out.")
    if using is not None or sequence is not None:
        return ReplaceFlow, replacing(call, using, sequence)
    return (QueryFlow, {}) if where is None else (ReplaceWhereFlow, {"predicate": where})


def _table(
    registry: Registry, call: Call, kind: type[Any], name: str, options: Mapping[str, Any], **fields: Any
) -> Table:
    """Return the definition of a table; warn of options without effect."""
    for parameter in sorted(set(WITHOUT_EFFECT) & set(options)):
        if options[parameter] and (parameter, options[parameter]) not in _WITH_EFFECT:
            registry.reporter.warn(call.without_effect(parameter))
    own_name = dataset_name(call, name)
    partition_cols, cluster_by = column_names(options.get("partition_cols")), column_names(options.get("cluster_by"))
    if partition_cols and cluster_by:
        message = f"Dataset '{own_name}' has both partition_cols and cluster_by; a table can have one of them."
        raise call.invalid(message, "Keep cluster_by, and leave partition_cols out.")
    if options.get("refresh_policy"):
        fields["refresh_policy"] = options["refresh_policy"]
    table: Table = kind(
        own_name,
        call.location,
        options.get("comment"),
        schema=options.get("schema"),
        table_properties=as_strings(options.get("table_properties")),
        partition_cols=partition_cols,
        cluster_by=cluster_by,
        path=options.get("path"),
        private=bool(options.get("temporary") or options.get("private")),
        row_filter=row_filter(options.get("row_filter") or ""),
        **fields,
    )
    return table
