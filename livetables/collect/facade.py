"""The functions that pipeline files call as `dlt` and as `pyspark.pipelines`: one implementation, two names.

Every decorator returns the function it was given, so users can call and test it.
"""

from __future__ import annotations

import functools
import warnings
from typing import TYPE_CHECKING, Any, TypeVar, overload

from livetables.collect.arguments import as_called, called
from livetables.collect.cdc import (
    apply_changes,
    apply_changes_from_snapshot,
    create_auto_cdc_flow,
    create_auto_cdc_from_snapshot_flow,
)
from livetables.collect.checks import (
    NOT_LOCAL,
    column_names,
    dataset_name,
    function_place,
    must_be_callable,
    must_be_known,
    refuse,
    say_not_local,
)
from livetables.collect.flows import (
    append_flow,
    create_sink,
    foreach_batch_sink,
    on_event_hook,
    replace_flow,
    replacing,
    update_flow,
)
from livetables.collect.registry import EXPECTATIONS, Registry, active
from livetables.collect.row_filter import row_filter
from livetables.errors import DefinitionError
from livetables.model import (
    Action,
    Dataset,
    Expectation,
    MaterializedView,
    QueryFlow,
    ReplaceFlow,
    ReplaceWhereFlow,
    StreamingTable,
    Table,
    View,
    as_strings,
)
from livetables.queries import reads

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pyspark.sql import Column, DataFrame
    from pyspark.sql.types import StructType

    from livetables.model import Flow

F = TypeVar("F", bound="Callable[..., Any]")


@overload
def table(query_function: F) -> F: ...
@overload
def table(query_function: None = None, **options: Any) -> Callable[[F], F]: ...
def table(query_function: Any = None, **options: Any) -> Any:
    """Define a table from a query: streaming DataFrame -> streaming table, batch -> materialized view.

    Options (all default to None or False): name, comment, spark_conf, table_properties, partition_cols,
    path, schema, temporary, private, cluster_by, cluster_by_auto, row_filter. With `replace_using` and `sequence_by`,
    its rows are replaced as by `replace_flow`; with `replace_where`, a batch query fills the rows that it is TRUE for.
    """
    return _decorate("table", Table, query_function, options)


@overload
def materialized_view(query_function: F) -> F: ...
@overload
def materialized_view(query_function: None = None, **options: Any) -> Callable[[F], F]: ...
def materialized_view(query_function: Any = None, **options: Any) -> Any:
    """Define a table that always equals its batch query; options as `table`, plus refresh_policy."""
    return _decorate("materialized_view", MaterializedView, query_function, options)


def view(query_function: Any = None, **options: Any) -> Any:
    """Define a view that its consumers evaluate; options name, comment, spark_conf."""
    return _decorate("view", View, query_function, options)


temporary_view = view


def create_streaming_table(name: str, **options: Any) -> None:
    """Define a streaming table that flows fill; options as `table`, plus expect_all, expect_all_or_drop, _fail."""
    registry = active()
    rules = [
        Expectation(rule, predicate, action)
        for key, action in (
            ("expect_all", Action.WARN),
            ("expect_all_or_drop", Action.DROP),
            ("expect_all_or_fail", Action.FAIL),
        )
        for rule, predicate in (options.pop(key, None) or {}).items()
    ]
    dataset = _dataset(registry, called(), StreamingTable, name, options, _OPTIONS["create_streaming_table"])
    registry.add(_with_rules(dataset, rules), None, None)


def expect(name: str, inv: str | Column) -> Callable[[F], F]:
    """Count the rows for which `inv` is not TRUE, and keep them."""
    return _expectations({name: inv}, Action.WARN)


def expect_or_drop(name: str, inv: str | Column) -> Callable[[F], F]:
    """Drop the rows for which `inv` is not TRUE, and count them."""
    return _expectations({name: inv}, Action.DROP)


def expect_or_fail(name: str, inv: str | Column) -> Callable[[F], F]:
    """Fail the flow when a row comes for which `inv` is not TRUE; nothing of that batch is written."""
    return _expectations({name: inv}, Action.FAIL)


def expect_all(expectations: Mapping[str, str | Column]) -> Callable[[F], F]:
    """As `expect`, for each rule of a dict name -> predicate."""
    return _expectations(expectations, Action.WARN)


def expect_all_or_drop(expectations: Mapping[str, str | Column]) -> Callable[[F], F]:
    """As `expect_or_drop`, for each rule of a dict name -> predicate."""
    return _expectations(expectations, Action.DROP)


def expect_all_or_fail(expectations: Mapping[str, str | Column]) -> Callable[[F], F]:
    """As `expect_or_fail`, for each rule of a dict name -> predicate."""
    return _expectations(expectations, Action.FAIL)


def read(name: str) -> DataFrame:
    """Return the current rows of a dataset or table as a batch DataFrame."""
    return reads.read(name, streaming=False)


def read_stream(name: str) -> DataFrame:
    """Return the rows of a dataset or table as a streaming DataFrame."""
    return reads.read(name, streaming=True)


readStream = read_stream  # noqa: N816 (the platform's own name)


def enable_local_execution() -> None:
    """Do nothing: local execution is always on here."""


def _deprecated(old: str, new: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(new)
    def call(*args: Any, **kwargs: Any) -> Any:
        message = f"{old} is deprecated; use {new.__name__}."
        warnings.warn(message, DeprecationWarning, stacklevel=3)  # over `as_called`
        registry = active()
        registry.warn("DEPRECATED_NAME", message, registry.caller())  # Python hides its own outside __main__
        return new(*args, **kwargs)

    return call


create_table = _deprecated("create_table", table)
create_view = _deprecated("create_view", view)
create_target_table = _deprecated("create_target_table", create_streaming_table)
create_streaming_live_table = _deprecated("create_streaming_live_table", create_streaming_table)


__all__ = [
    "append_flow",
    "apply_changes",
    "apply_changes_from_snapshot",
    "create_auto_cdc_flow",
    "create_auto_cdc_from_snapshot_flow",
    "create_sink",
    "create_streaming_live_table",
    "create_streaming_table",
    "create_table",
    "create_target_table",
    "create_view",
    "enable_local_execution",
    "expect",
    "expect_all",
    "expect_all_or_drop",
    "expect_all_or_fail",
    "expect_or_drop",
    "expect_or_fail",
    "foreach_batch_sink",
    "materialized_view",
    "on_event_hook",
    "read",
    "readStream",
    "read_stream",
    "replace_flow",
    "table",
    "temporary_view",
    "update_flow",
    "view",
]
#: In pyspark.pipelines this name is no decorator.
create_table_of_pipelines = as_called("create_table", create_streaming_table)
# Users call each name through a check of its arguments; its errors say this name.
for _name in __all__:
    globals()[_name] = as_called(_name, globals()[_name])


def _decorate(takes: str, kind: type[Dataset], query_function: Any, options: dict[str, Any]) -> Any:
    what, known = called(), _OPTIONS[takes]
    registry = active()
    location = registry.caller()

    def decorate(function: F) -> F:
        must_be_callable(what, function, registry)
        given = dict(options)
        name = given.pop("name", None) or getattr(function, "__name__", "")  # functools.partial has none
        spark_conf = as_strings(given.pop("spark_conf", None))
        flow_class, fields = _replaces(what, given)
        dataset = _dataset(registry, what, kind, name, given, known)
        flow = flow_class(
            dataset.name,
            dataset.name,
            function,
            function_place(registry, function),
            dataset.comment,
            spark_conf,
            **fields,
        )
        registry.add(dataset, function, flow)
        return function

    if query_function is None:
        return decorate
    if not callable(query_function):
        raise DefinitionError(
            "NOT_A_FUNCTION",
            f"@{what} was given {query_function!r}, which is not a function.",
            location=location,
            hint=f"Write @dlt.{what}(name={query_function!r}) above the function."
            if isinstance(query_function, str)
            else f"Put @dlt.{what} above a function that returns a DataFrame.",
        )
    return decorate(query_function)


def _replaces(what: str, given: dict[str, Any]) -> tuple[type[Flow], dict[str, Any]]:
    """Take from the options what says which rows a table's own query replaces."""
    using, sequence, where = (given.pop(name, None) for name in _REPLACING)
    if where is not None and (using is not None or sequence is not None):
        message = f"{what} takes replace_where or replace_using, not both."
        raise refuse("WRONG_ARGUMENT", message, active().caller(), "Leave one of them out.")
    if using is not None or sequence is not None:
        return ReplaceFlow, replacing(what, using, sequence)
    return (QueryFlow, {}) if where is None else (ReplaceWhereFlow, {"predicate": where})


#: Of parameters that have no effect here, the values that have.
_HONOURED = (("format", "delta"), *(("refresh_policy", policy) for policy in ("auto", "incremental", "full")))
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
_OPTIONS: dict[str, frozenset[str]] = {
    "table": _TABLE_OPTIONS | set(_REPLACING),
    "materialized_view": _TABLE_OPTIONS | {"refresh_policy"},
    "create_streaming_table": _TABLE_OPTIONS | {"expect_all", "expect_all_or_drop", "expect_all_or_fail"},
    "view": frozenset({"name", "comment", "spark_conf"}),
}


def _dataset(
    registry: Registry, what: str, kind: type[Dataset], name: str, given: Mapping[str, Any], known: frozenset[str]
) -> Dataset:
    location = registry.caller()
    must_be_known(registry, what, given, known)
    for parameter in sorted(set(NOT_LOCAL) & set(given)):
        if given[parameter] and (parameter, given[parameter]) not in _HONOURED:
            say_not_local(registry, what, parameter)
    own_name = dataset_name(what, name, location)
    if kind is View:
        return View(own_name, location, given.get("comment"))
    return _table(kind, own_name, location, given)


def _table(kind: type[Any], name: str, location: Any, given: Mapping[str, Any]) -> Dataset:
    partition_cols, cluster_by = column_names(given.get("partition_cols")), column_names(given.get("cluster_by"))
    if partition_cols and cluster_by:
        raise DefinitionError(
            "WRONG_ARGUMENT",
            f"Dataset '{name}' has both partition_cols and cluster_by; a table can have one of them.",
            location=location,
            hint="Keep cluster_by, and leave partition_cols out.",
        )
    schema: str | StructType | None = given.get("schema")
    dataset: Dataset = kind(
        name,
        location,
        given.get("comment"),
        schema=schema,
        table_properties=as_strings(given.get("table_properties")),
        partition_cols=partition_cols,
        cluster_by=cluster_by,
        path=given.get("path"),
        private=bool(given.get("temporary") or given.get("private")),
        spark_conf=as_strings(given.get("spark_conf")),
        row_filter=row_filter(given.get("row_filter") or ""),
        **({"refresh_policy": given["refresh_policy"]} if given.get("refresh_policy") else {}),
    )
    return dataset


def _with_rules(dataset: Dataset, rules: Sequence[Expectation]) -> Dataset:
    from dataclasses import replace

    return replace(dataset, expectations=tuple(rules))  # type: ignore[call-arg]


def _expectations(rules: Mapping[str, str | Column], action: Action) -> Callable[[F], F]:
    registry, what = active(), called()
    location = registry.caller()

    def decorate(function: F) -> F:
        if not callable(function):
            raise DefinitionError(
                "NOT_A_FUNCTION",
                f"@{what} was put on {function!r}, which is not a function.",
                location=location,
                hint=f"Put @dlt.{what} above a function that returns a DataFrame.",
            )
        gathered = [Expectation(name, predicate, action) for name, predicate in rules.items()]
        registry.rules += [(what, location, rule) for rule in gathered]
        # The decorator nearest to the function runs first, but people read rules from the top.
        setattr(function, EXPECTATIONS, (*gathered, *getattr(function, EXPECTATIONS, ())))
        return function

    return decorate
