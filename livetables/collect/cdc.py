"""AUTO CDC as users declare it: change feeds and snapshots that are applied to a target by key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F  # noqa: N812 (the name all Spark code uses)

from livetables.collect.arguments import called
from livetables.collect.checks import column_names, must_be_known, must_take, name_of_flow, not_supported, refuse
from livetables.collect.registry import active
from livetables.model import VERSION, CdcFlow, Changes, ColumnSelector, SnapshotFlow, as_strings, name_parts
from livetables.queries import reads

if TYPE_CHECKING:
    from collections.abc import Callable

    from livetables.errors import SourceLocation

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
_NAMED = '"id" or ["id", "region"]'


def create_auto_cdc_flow(
    target: str, source: str, keys: Any, sequence_by: Any, *, name: str | None = None, **options: Any
) -> None:
    """Apply the events of the change feed `source` (a name, read as a stream) to the streaming table `target`.

    Options: stored_as_scd_type (1 or 2), apply_as_deletes, apply_as_truncates (type 1), column_list or
    except_column_list, track_history_column_list or track_history_except_column_list (type 2),
    ignore_null_updates with its two column lists, columns_to_update, once, spark_conf.
    """
    _change_flow("create_auto_cdc_flow", target, source, keys, sequence_by, name, options, ("name",))


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
    """Do what create_auto_cdc_flow does, under its former name; an event for which `where` is not TRUE is an error."""
    if where is not None:
        options["where"] = where
    flow_name = flow_name or options.pop("name", None)
    _change_flow("apply_changes", target, source, keys, sequence_by, flow_name, options, ("where", "flow_name"))


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
    """Apply snapshots to the streaming table `target`; a key that a snapshot lacks was deleted.

    `source` is the name of a table or view, a function `last version -> (DataFrame, version) or None` that is called
    until it returns None, or one (DataFrame, version).
    """
    what, registry = called(), active()
    location = registry.caller()
    if source is not None and snapshot_and_version is not None:
        message = f"{what} takes source or snapshot_and_version, not both."
        raise refuse("WRONG_ARGUMENT", message, location, "Leave snapshot_and_version out.")
    source = snapshot_and_version if source is None else source
    if not (isinstance(source, str) or callable(source) or _is_snapshot(source)):
        message = f"{what} needs source=: a name, a function, or a tuple (DataFrame, version)."
        raise refuse("WRONG_ARGUMENT", message, location, "def next_snapshot(last): return (spark.read..., 1) or None")
    if callable(source):
        must_take(what, source, location, "last_version")
    changes = Changes(
        keys=_keys(what, keys, location),
        sequence_by=VERSION,
        scd_type=_scd_type(what, stored_as_scd_type, location),
        tracked=_columns(what, "track_history", track_history_column_list, track_history_except_column_list, location),
    )
    _check_types(
        what, changes, tracks=bool(track_history_column_list or track_history_except_column_list), location=location
    )
    target_name = _target(what, target, location)
    own_name = name_of_flow(what, name or target_name, location)
    following = None
    if not isinstance(source, str):
        following = source if callable(source) else _one_snapshot(*source)

    def first_snapshot() -> Any:
        if following is None:
            return reads.read(source, streaming=False).withColumn(VERSION, F.current_timestamp())
        found = following(None)
        return found and found[0].withColumn(VERSION, F.lit(found[1]))

    registry.flows.append(
        SnapshotFlow(own_name, target_name, first_snapshot, location, changes=changes, next_snapshot=following)
    )


apply_changes_from_snapshot = create_auto_cdc_from_snapshot_flow


def _is_snapshot(source: Any) -> bool:
    return isinstance(source, tuple) and len(source) == 2  # noqa: PLR2004 (DataFrame and version)


def _one_snapshot(frame: Any, version: Any) -> Callable[[Any], tuple[Any, Any] | None]:
    return lambda last: (frame, version) if last is None or last < version else None


def _change_flow(
    what: str,
    target: str,
    source: Any,
    keys: Any,
    sequence_by: Any,
    name: str | None,
    options: dict[str, Any],
    own: tuple[str, ...],
) -> None:
    registry = active()
    location = registry.caller()
    must_be_known(registry, what, options, (*_OPTIONS, *own, "target", "source", "keys", "sequence_by"))
    if options.get("system_sequence_by") is not None:
        raise not_supported(f"{what}(system_sequence_by=)", location)
    if not isinstance(source, str) or not source:
        hint = "Make it a @dlt.view, and give the view's name."
        given = repr(source) if isinstance(source, str) else type(source).__name__
        message = f"{what} needs source=, the name of a table or view, not {given}."
        raise refuse("WRONG_ARGUMENT", message, location, hint)
    if sequence_by is None or (isinstance(sequence_by, str) and not sequence_by):
        raise refuse("WRONG_ARGUMENT", f"{what} needs sequence_by=, the order of the events.", location, 'col("ts")')
    changes = _changes(what, keys, sequence_by, options, location)
    once = bool(options.get("once"))
    target_name = _target(what, target, location)
    own_name = name_of_flow(what, name or target_name, location)
    registry.flows.append(
        CdcFlow(
            own_name,
            target_name,
            lambda: reads.read(source, streaming=not once),
            location,
            spark_conf=as_strings(options.get("spark_conf")),
            changes=changes,
            once=once,
        )
    )


def _changes(what: str, keys: Any, sequence_by: Any, options: dict[str, Any], location: SourceLocation) -> Changes:
    get = options.get
    track = (get("track_history_column_list"), get("track_history_except_column_list"))
    changes = Changes(
        keys=_keys(what, keys, location),
        sequence_by=sequence_by,
        scd_type=_scd_type(what, get("stored_as_scd_type"), location),
        deletes=get("apply_as_deletes"),
        truncates=get("apply_as_truncates"),
        columns=_columns(what, "", get("column_list"), get("except_column_list"), location),
        tracked=_columns(what, "track_history", *track, location),
        partial=_partial(what, options, location),
        columns_to_update=get("columns_to_update"),
        where=get("where"),
    )
    _check_types(what, changes, tracks=any(track), location=location)
    return changes


def _check_types(what: str, changes: Changes, *, tracks: bool, location: SourceLocation) -> None:
    if changes.scd_type == 1 and tracks:
        message = f"{what} tracks history only with stored_as_scd_type=2."
        raise refuse("WRONG_ARGUMENT", message, location, "Add stored_as_scd_type=2, or leave track_history_... out.")
    if changes.scd_type == 2 and changes.truncates is not None:  # noqa: PLR2004 (the type's own name)
        message = f"{what} takes apply_as_truncates only with stored_as_scd_type=1."
        raise refuse("WRONG_ARGUMENT", message, location, "Leave apply_as_truncates out: history is not truncated.")


def _partial(what: str, options: dict[str, Any], location: SourceLocation) -> ColumnSelector | None:
    only = options.get("ignore_null_updates_column_list")
    but = options.get("ignore_null_updates_except_column_list")
    ignores = bool(options.get("ignore_null_updates") or only or but)
    if options.get("columns_to_update") is not None:
        if ignores:
            message = f"{what} takes columns_to_update or ignore_null_updates, not both."
            raise refuse("WRONG_ARGUMENT", message, location, "Leave one of them out.")
        return ColumnSelector()
    return _columns(what, "ignore_null_updates", only, but, location) if ignores else None


def _columns(what: str, prefix: str, only: Any, but: Any, location: SourceLocation) -> ColumnSelector:
    start = f"{prefix}_" if prefix else ""
    if only and but:
        message = f"{what} takes {start}column_list or {start}except_column_list, not both."
        raise refuse("WRONG_ARGUMENT", message, location, "Leave one of them out.")
    return ColumnSelector(column_names(only) if only else None, column_names(but))


def _keys(what: str, keys: Any, location: SourceLocation) -> tuple[str, ...]:
    names = column_names(keys)
    if not names or not all(names):
        message = f"{what} needs keys=, the columns that identify a row."
        raise refuse("WRONG_ARGUMENT", message, location, f"keys={_NAMED}")
    return names


def _scd_type(what: str, given: Any, location: SourceLocation) -> int:
    if given is None or str(given) in ("1", "2"):
        return int(given or 1)
    if str(given).lower() == "bitemporal":
        raise not_supported(f'{what}(stored_as_scd_type="bitemporal")', location)
    raise refuse("WRONG_ARGUMENT", f"{what}: stored_as_scd_type is {given!r}.", location, "It is 1 or 2.")


def _target(what: str, target: Any, location: SourceLocation) -> str:
    if not isinstance(target, str) or not name_parts(target):
        raise refuse(
            "WRONG_ARGUMENT",
            f"{what} needs target=, the name of a streaming table.",
            location,
            'create_streaming_table("my_table") defines it.',
        )
    return name_parts(target)[-1]
