"""AUTO CDC as users declare it: change feeds and snapshots that are applied to a target by key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyspark.sql.functions import current_timestamp, lit

from livetables.collect.arguments import check_parameters
from livetables.collect.calls import Call, check_signature, current_call
from livetables.collect.names import column_names, flow_name
from livetables.collect.registry import active
from livetables.model import VERSION, CdcFlow, Changes, ColumnSelector, SnapshotFlow, as_strings, name_parts
from livetables.queries import reads

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_OPTIONS = (
    "ignore_null_updates",
    "ignore_null_updates_column_list",
    "ignore_null_updates_except_column_list",
    "columns_to_update",
    "apply_as_deletes",
    "apply_as_truncates",
    "column_list",
    "except_column_list",
    "stored_as_scd_type",
    "track_history_column_list",
    "track_history_except_column_list",
    "once",
    "spark_conf",
    "system_sequence_by",
)
#: Values of stored_as_scd_type: 1 keeps the newest row of a key, 2 keeps all versions.
_NEWEST, _HISTORY = 1, 2


@dataclass(frozen=True)
class _ChangeFeed:
    """The arguments of create_auto_cdc_flow."""

    target: str
    source: str
    keys: Any
    sequence_by: Any
    name: str | None
    options: Mapping[str, Any]


def create_auto_cdc_flow(
    target: str, source: str, keys: Any, sequence_by: Any, *, name: str | None = None, **options: Any
) -> None:
    """Apply the events of the change feed `source` (a name, read as a stream) to the streaming table `target`.

    Options: stored_as_scd_type (1 or 2), apply_as_deletes, apply_as_truncates (type 1), column_list or
    except_column_list, track_history_column_list or track_history_except_column_list (type 2),
    ignore_null_updates with its two column lists, columns_to_update, once, spark_conf.
    """
    _define(_ChangeFeed(target, source, keys, sequence_by, name, options), "name")


def apply_changes(
    target: str,
    source: str,
    keys: Any,
    sequence_by: Any,
    where: Any = None,
    *,
    flow_name: str | None = None,
    **options: Any,
) -> None:
    """Do as create_auto_cdc_flow, its new name; an event for which `where` is not TRUE is an error."""
    if where is not None:
        options["where"] = where
    flow_name = flow_name or options.pop("name", None)
    _define(_ChangeFeed(target, source, keys, sequence_by, flow_name, options), "where", "flow_name")


def _define(feed: _ChangeFeed, *own_options: str) -> None:
    """Add the flow of a change feed; `own_options` are those of the called function alone."""
    registry, call, options = active(), current_call(), feed.options
    check_parameters(call, options, (*_OPTIONS, *own_options, "target", "source", "keys", "sequence_by"))
    if options.get("system_sequence_by") is not None:
        raise call.not_supported(f"{call.name}(system_sequence_by=)")
    if not isinstance(feed.source, str) or not feed.source:
        shown = repr(feed.source) if isinstance(feed.source, str) else type(feed.source).__name__
        message = f"{call.name} needs source=, the name of a table or view, not {shown}."
        raise call.invalid(message, "Make it a @dlt.view, and give the view's name.")
    if feed.sequence_by is None or (isinstance(feed.sequence_by, str) and not feed.sequence_by):
        raise call.invalid(f"{call.name} needs sequence_by=, the order of the events.", 'col("ts")')
    changes = _changes(call, feed)
    once = bool(options.get("once"))
    target = _target(call, feed.target)
    flow = CdcFlow(
        flow_name(call, feed.name or target),
        target,
        lambda: reads.read(feed.source, streaming=not once),
        call.location,
        spark_conf=as_strings(options.get("spark_conf")),
        once=once,
        changes=changes,
    )
    registry.add_flow(flow)


def create_auto_cdc_from_snapshot_flow(
    target: str,
    source: Any = None,
    keys: Any = None,
    stored_as_scd_type: Any = "1",
    *,
    snapshot_and_version: Any = None,
    track_history_column_list: Any = None,
    track_history_except_column_list: Any = None,
    name: str | None = None,
) -> None:
    """Apply snapshots to the streaming table `target`; a key that is missing in a snapshot was deleted.

    `source` is the name of a table or view, a function `last version -> (DataFrame, version) or None` that is called
    until it returns None, or one (DataFrame, version).
    """
    registry, call = active(), current_call()
    if source is not None and snapshot_and_version is not None:
        message = f"{call.name} takes source or snapshot_and_version, not both."
        raise call.invalid(message, "Leave snapshot_and_version out.")
    query, next_snapshot = _snapshots(call, snapshot_and_version if source is None else source)
    tracked = (track_history_column_list, track_history_except_column_list)
    changes = Changes(
        keys=_keys(call, keys),
        sequence_by=VERSION,
        scd_type=_scd_type(call, stored_as_scd_type),
        tracked=_columns(call, "track_history", *tracked),
    )
    _check_types(call, changes, tracks=any(tracked))
    target = _target(call, target)
    own_name = flow_name(call, name or target)
    registry.add_flow(
        SnapshotFlow(own_name, target, query, call.location, changes=changes, next_snapshot=next_snapshot)
    )


apply_changes_from_snapshot = create_auto_cdc_from_snapshot_flow


def _snapshots(call: Call, source: Any) -> tuple[Callable[[], Any], Callable[[Any], Any] | None]:
    """Return the query of a snapshot flow, and the function of its next snapshot; None for a table or view."""
    match source:
        case str():
            return lambda: reads.read(source, streaming=False).withColumn(VERSION, current_timestamp()), None
        case tuple((frame, version)):
            following = _one_snapshot(frame, version)
        case _ if callable(source):
            check_signature(call, source, "last_version")
            following = source
        case _:
            message = f"{call.name} needs source=: a name, a function, or a tuple (DataFrame, version)."
            raise call.invalid(message, "def next_snapshot(last): return (spark.read..., 1) or None")

    def first_snapshot() -> Any:
        snapshot = following(None)
        return snapshot and snapshot[0].withColumn(VERSION, lit(snapshot[1]))

    return first_snapshot, following


def _one_snapshot(frame: Any, version: Any) -> Callable[[Any], tuple[Any, Any] | None]:
    return lambda last: (frame, version) if last is None or last < version else None


def _changes(call: Call, feed: _ChangeFeed) -> Changes:
    get = feed.options.get
    tracked = (get("track_history_column_list"), get("track_history_except_column_list"))
    changes = Changes(
        keys=_keys(call, feed.keys),
        sequence_by=feed.sequence_by,
        scd_type=_scd_type(call, get("stored_as_scd_type")),
        deletes=get("apply_as_deletes"),
        truncates=get("apply_as_truncates"),
        columns=_columns(call, "", get("column_list"), get("except_column_list")),
        tracked=_columns(call, "track_history", *tracked),
        partial=_partial(call, feed.options),
        columns_to_update=get("columns_to_update"),
        where=get("where"),
    )
    _check_types(call, changes, tracks=any(tracked))
    return changes


def _check_types(call: Call, changes: Changes, *, tracks: bool) -> None:
    if changes.scd_type == _NEWEST and tracks:
        message = f"{call.name} tracks history only with stored_as_scd_type=2."
        raise call.invalid(message, "Add stored_as_scd_type=2, or leave track_history_... out.")
    if changes.scd_type == _HISTORY and changes.truncates is not None:
        message = f"{call.name} takes apply_as_truncates only with stored_as_scd_type=1."
        raise call.invalid(message, "Leave apply_as_truncates out: history is not truncated.")


def _partial(call: Call, options: Mapping[str, Any]) -> ColumnSelector | None:
    """Return the columns that an event may leave unchanged; None when an event sets all columns."""
    only = options.get("ignore_null_updates_column_list")
    but = options.get("ignore_null_updates_except_column_list")
    ignores = bool(options.get("ignore_null_updates") or only or but)
    if options.get("columns_to_update") is not None:
        if ignores:
            message = f"{call.name} takes columns_to_update or ignore_null_updates, not both."
            raise call.invalid(message, "Leave one of them out.")
        return ColumnSelector()
    return _columns(call, "ignore_null_updates", only, but) if ignores else None


def _columns(call: Call, prefix: str, only: Any, but: Any) -> ColumnSelector:
    start = f"{prefix}_" if prefix else ""
    if only and but:
        message = f"{call.name} takes {start}column_list or {start}except_column_list, not both."
        raise call.invalid(message, "Leave one of them out.")
    return ColumnSelector(column_names(only) if only else None, column_names(but))


def _keys(call: Call, keys: Any) -> tuple[str, ...]:
    names = column_names(keys)
    if not names or not all(names):
        message = f"{call.name} needs keys=, the columns that identify a row."
        raise call.invalid(message, 'keys="id" or ["id", "region"]')
    return names


def _scd_type(call: Call, value: Any) -> int:
    if value is None or str(value) in ("1", "2"):
        return int(value or _NEWEST)
    if str(value).lower() == "bitemporal":
        raise call.not_supported(f'{call.name}(stored_as_scd_type="bitemporal")')
    raise call.invalid(f"{call.name}: stored_as_scd_type is {value!r}.", "It is 1 or 2.")


def _target(call: Call, target: Any) -> str:
    """Return the last part of a target's name."""
    if not isinstance(target, str) or not name_parts(target):
        message = f"{call.name} needs target=, the name of a streaming table."
        raise call.invalid(message, 'create_streaming_table("my_table") defines it.')
    return name_parts(target)[-1]
