"""The functions that pipeline files call as `dlt` and as `pyspark.pipelines`: one implementation, two names.

Every decorator returns the function it was given, so users can call and test it.
"""

from __future__ import annotations

import functools
import warnings
from typing import TYPE_CHECKING, Any

from livetables.collect.arguments import as_called
from livetables.collect.calls import current_call
from livetables.collect.cdc import (
    apply_changes,
    apply_changes_from_snapshot,
    create_auto_cdc_flow,
    create_auto_cdc_from_snapshot_flow,
)
from livetables.collect.datasets import create_streaming_table, materialized_view, table, view
from livetables.collect.expectations import (
    expect,
    expect_all,
    expect_all_or_drop,
    expect_all_or_fail,
    expect_or_drop,
    expect_or_fail,
)
from livetables.collect.flows import (
    append_flow,
    create_sink,
    foreach_batch_sink,
    on_event_hook,
    replace_flow,
    update_flow,
)
from livetables.collect.registry import active
from livetables.errors import Diagnostic
from livetables.queries import reads

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyspark.sql import DataFrame


temporary_view = view


def read(name: str) -> DataFrame:
    """Return the current rows of a dataset or table as a batch DataFrame."""
    return reads.read(name, streaming=False)


def read_stream(name: str) -> DataFrame:
    """Return the rows of a dataset or table as a streaming DataFrame."""
    return reads.read(name, streaming=True)


def enable_local_execution() -> None:
    """Do nothing: local execution is always on here."""


def _deprecated(old: str, new: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(new)
    def call(*args: Any, **kwargs: Any) -> Any:
        message = f"{old} is deprecated; use {new.__name__}."
        warnings.warn(message, DeprecationWarning, stacklevel=3)  # past the check of arguments
        # Python shows a DeprecationWarning only of __main__.
        active().reporter.warn(Diagnostic("DEPRECATED_NAME", message, current_call().location))
        return new(*args, **kwargs)

    return call


readStream = read_stream  # noqa: N816 (the platform's own name)
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
#: In pyspark.pipelines, `create_table` is no decorator.
create_table_of_pipelines = as_called("create_table", create_streaming_table)
# Users call each function through a check of its arguments, whose errors have the name that they called.
for _name in __all__:
    globals()[_name] = as_called(_name, globals()[_name])
