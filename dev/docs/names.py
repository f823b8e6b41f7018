"""The platform's Python interface: each name, each parameter, and a value to try it with.

`dev.docs.probe` calls all of them, and records what happens.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

DLT, PIPELINES = "dlt", "pyspark.pipelines"


def other_rows(*_given: Any) -> None:
    """A user's function that is passed as an argument."""


@dataclass(frozen=True)
class Sample:
    """A value to try a parameter with.

    Attributes:
        value: the value.
        beside: other arguments that it needs; they are valid without it.
        without: required arguments that it excludes.
        together: other arguments that it needs, and that need it.
    """

    value: Any
    beside: Mapping[str, Any] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    together: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Silent(Sample):
    """A parameter that is accepted and stored, but that no code reads (`why`): a call cannot show that."""

    why: str = ""


@dataclass(frozen=True)
class Missing(Sample):
    """A parameter of the platform that the function here does not have: any value is refused."""


@dataclass(frozen=True)
class Name:
    """How a name is called: with all of `required`, and with each of `optional` in turn.

    Attributes:
        name: the name in its modules.
        required: arguments of every call.
        optional: parameter -> value to try, or a Sample.
        decorates: whether the result is applied to a function.
        same_as: another name with the same parameters, which are tried there only.
        modules: the modules in which the name has this meaning.
    """

    name: str
    required: Mapping[str, Any] = field(default_factory=dict)
    optional: Mapping[str, Any] = field(default_factory=dict)
    decorates: bool = False
    same_as: str = ""
    modules: tuple[str, ...] = (DLT, PIPELINES)


_SCD2 = {"stored_as_scd_type": 2}
_RULE = {"name": "valid id", "inv": "id IS NOT NULL"}
_RULES = {"expectations": {"valid id": "id IS NOT NULL"}}

_TABLE = {
    "name": "orders",
    "comment": "All orders.",
    "table_properties": {"quality": "bronze"},
    "partition_cols": ["day"],
    "path": "/mnt/orders",
    "schema": "id BIGINT, day DATE",
    "cluster_by": ["id"],
    "cluster_by_auto": True,
    "row_filter": "ROW FILTER only_mine ON (id)",
    "spark_conf": {"spark.sql.shuffle.partitions": 4},
}
_DECORATED = {"query_function": other_rows, **_TABLE, "private": True}
_TARGET = {key: value for key, value in _TABLE.items() if key != "name"} | {
    "expect_all": _RULES["expectations"],
    "expect_all_or_drop": _RULES["expectations"],
    "expect_all_or_fail": _RULES["expectations"],
}
_VIEW = {"query_function": other_rows, "name": "orders", "comment": "All orders.", "spark_conf": {"a.b": "c"}}
_FLOW = {"name": "from_shop", "comment": "Of the shop.", "spark_conf": {"a.b": "c"}}
_FEED = {"target": "users", "source": "feed", "keys": ["id"], "sequence_by": "at"}
_CHANGES = {
    "ignore_null_updates": True,
    "ignore_null_updates_column_list": ["city"],
    "ignore_null_updates_except_column_list": ["city"],
    "columns_to_update": "changed",
    "apply_as_deletes": "op = 'D'",
    "apply_as_truncates": "op = 'T'",
    "column_list": ["id", "city"],
    "except_column_list": ["op"],
    "stored_as_scd_type": "2",
    "track_history_column_list": Sample(["city"], beside=_SCD2),
    "track_history_except_column_list": Sample(["seen"], beside=_SCD2),
    "once": True,
}
_SNAPSHOT = {"target": "users", "source": "daily", "keys": ["id"]}
_TRACKED = {
    "track_history_column_list": Sample(["city"], beside=_SCD2),
    "track_history_except_column_list": Sample(["seen"], beside=_SCD2),
}

#: In the order of the document.
NAMES = (
    Name(
        "table",
        optional={
            **_DECORATED,
            "temporary": True,
            "replace_using": Sample(["id"], together={"sequence_by": "at"}),
            "sequence_by": Sample("at", together={"replace_using": ["id"]}),
            "replace_where": "day = DATE '2026-01-01'",
        },
        decorates=True,
    ),
    Name("materialized_view", optional={**_DECORATED, "refresh_policy": "incremental"}, decorates=True),
    Name("view", optional=_VIEW, decorates=True),
    Name("temporary_view", optional=_VIEW, decorates=True),
    Name("create_streaming_table", {"name": "orders"}, _TARGET),
    Name("create_table", {"name": "orders"}, {**_TARGET, "private": True}, modules=(PIPELINES,)),
    Name(
        "append_flow",
        {"target": "orders"},
        {**_FLOW, "once": True, "import_checkpoint": "/mnt/checkpoint"},
        decorates=True,
    ),
    Name("update_flow", {"target": "out"}, _FLOW, decorates=True),
    Name("replace_flow", {"target": "orders", "replace_using": ["id"], "sequence_by": "at"}, _FLOW, decorates=True),
    Name("create_auto_cdc_flow", _FEED, {**_CHANGES, "name": "from_crm", "system_sequence_by": "stored_at"}),
    Name("apply_changes", _FEED, {**_CHANGES, "flow_name": "from_crm", "where": "day > DATE '2026-01-01'"}),
    Name("create_auto_cdc_from_snapshot_flow", _SNAPSHOT | _SCD2, _TRACKED),
    Name(
        "apply_changes_from_snapshot",
        _SNAPSHOT,
        {**_TRACKED, **_SCD2, "snapshot_and_version": Sample(("rows", 1), without=("source",))},
    ),
    Name("create_sink", {"name": "out", "format": "kafka"}, {"options": {"topic": "orders"}}),
    Name("foreach_batch_sink", optional={"name": "out"}, decorates=True),
    Name(
        "on_event_hook",
        optional={"max_allowable_consecutive_failures": 3, "user_event_hook_fn": other_rows},
        decorates=True,
    ),
    *(Name(name, _RULE, decorates=True) for name in ("expect", "expect_or_drop", "expect_or_fail")),
    *(Name(name, _RULES, decorates=True) for name in ("expect_all", "expect_all_or_drop", "expect_all_or_fail")),
    *(Name(name, {"name": "orders"}) for name in ("read", "read_stream", "readStream")),
    Name("enable_local_execution"),
    Name("create_table", decorates=True, same_as="table", modules=(DLT,)),
    Name("create_view", decorates=True, same_as="view"),
    Name("create_target_table", {"name": "orders"}, same_as="create_streaming_table"),
    Name("create_streaming_live_table", {"name": "orders"}, same_as="create_streaming_table"),
)

#: Parameters that only Spark's own `pyspark.pipelines` has (section 1.6 of the reference): shown, not counted.
SPARKS_OWN = (
    *(Name(name, optional={"format": "parquet"}, decorates=True) for name in ("table", "materialized_view")),
    Name("create_streaming_table", {"name": "orders"}, {"format": "parquet"}),
    Name("create_auto_cdc_flow", _FEED, {"spark_conf": {"a.b": "c"}}),
)
