"""The definitions of a pipeline as frozen data: datasets, the flows that fill them, their expectations."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame
    from pyspark.sql.types import StructType

    from livetables.errors import Diagnostic, SourceLocation

Query: TypeAlias = Callable[[], "DataFrame"]


class Action(Enum):
    """What happens to a row that an expectation rejects."""

    WARN = "warn"
    DROP = "drop"
    FAIL = "fail"


@dataclass(frozen=True)
class Expectation:
    """A named rule over the output columns of a dataset; a row passes only when it is TRUE (NULL fails)."""

    name: str
    predicate: str | Column
    action: Action
    #: Its location, when that is not the location of its dataset.
    location: SourceLocation | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Dataset:
    """The fields of every dataset. It is looked up by `key`, as names are case-insensitive."""

    name: str
    location: SourceLocation
    comment: str | None = None

    @property
    def key(self) -> str:
        """The name in lower case."""
        return self.name.lower()


#: Prefix of the properties that livetables itself gives to stored tables.
OWN = "livetables."
#: The property of a stored table that is private: it is not published.
PRIVATE = OWN + "private"
#: The property of a stored table with the predicate of its row filter.
ROW_FILTER = OWN + "row_filter"
#: The properties of a stored table with the columns by which its rows are laid out.
PARTITION_COLS, CLUSTER_BY = OWN + "partition_cols", OWN + "cluster_by"


@dataclass(frozen=True)
class RowFilter:
    """A filter for readers of a table: they get the rows for which `predicate`, a call of a SQL function, is TRUE.

    `columns` are the columns of the table among the function's arguments.
    """

    predicate: str
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table(Dataset):
    """A stored dataset. Its query decides its kind: a streaming DataFrame makes it a streaming table."""

    schema: str | StructType | None = None
    table_properties: Mapping[str, str] = field(default_factory=dict)
    partition_cols: tuple[str, ...] = ()
    cluster_by: tuple[str, ...] = ()
    path: str | None = None
    private: bool = False
    spark_conf: Mapping[str, str] = field(default_factory=dict)
    expectations: tuple[Expectation, ...] = ()
    row_filter: RowFilter | None = None


@dataclass(frozen=True)
class StreamingTable(Table):
    """A stored table to which one or more flows append; each row of their sources is processed once."""


@dataclass(frozen=True)
class MaterializedView(Table):
    """A stored table that equals its batch query over the current inputs.

    It is recomputed in full, which the policies `auto`, `incremental` and `full` all allow.
    """

    refresh_policy: str = "auto"


@dataclass(frozen=True)
class View(Dataset):
    """A dataset that is not stored: each reader evaluates its query and its expectations."""

    expectations: tuple[Expectation, ...] = ()


@dataclass(frozen=True)
class Sink(Dataset):
    """A target outside the pipeline: a format that Spark can write a stream to, or a function `write_batch`."""

    format: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    write_batch: Callable[[DataFrame, int], None] | None = None


@dataclass(frozen=True)
class BaseFlow:
    """What the kinds of flow share: a query that fills one target. The flow of `@table` has the dataset's own name."""

    name: str
    target: str
    query: Query
    location: SourceLocation
    comment: str | None = None
    spark_conf: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The name in lower case."""
        return self.name.lower()


@dataclass(frozen=True)
class QueryFlow(BaseFlow):
    """A plain query; its target decides what happens to the rows.

    A streaming table and a sink append the rows of a stream. A materialized view is replaced by the rows of a batch
    query. A view is evaluated by its readers. A stream starts where the checkpoint in the folder `import_checkpoint`
    ends, if there is one.
    """

    import_checkpoint: str | None = None


@dataclass(frozen=True)
class OnceFlow(BaseFlow):
    """Appends the rows of a batch query once, and again only after a full refresh of its target."""


@dataclass(frozen=True)
class UpdateFlow(BaseFlow):
    """Writes the rows of a stream that each micro-batch changed to a sink: Spark's output mode `update`."""


@dataclass(frozen=True, kw_only=True)
class ReplaceWhereFlow(BaseFlow):
    """Replaces the rows for which `predicate` is TRUE by those of a batch query, in one commit."""

    predicate: str | Column


@dataclass(frozen=True, kw_only=True)
class ReplaceFlow(BaseFlow):
    """Replaces the rows of its target that have the same `keys` as the rows of a stream, unless they are newer.

    `sequence_by` orders the rows of a key.
    """

    keys: tuple[str, ...]
    sequence_by: str | Column


@dataclass(frozen=True)
class ColumnSelector:
    """A choice of columns: `only` these, or all `but` these. By default all."""

    only: tuple[str, ...] | None = None
    but: tuple[str, ...] = ()

    def of(self, names: Iterable[str]) -> list[str]:
        """Return the chosen ones of `names`, in their order; letter case does not matter."""
        only = None if self.only is None else {name.lower() for name in self.only}
        but = {name.lower() for name in self.but}
        return [name for name in names if name.lower() not in but and (only is None or name.lower() in only)]


@dataclass(frozen=True)
class Changes:
    """The parameters of AUTO CDC: how the events of a change feed become rows of a target.

    With `scd_type` 1 the newest row of a key is kept, with 2 all versions. An event leaves a `partial` column alone
    where it is NULL there, or where `columns_to_update` does not name the column.
    """

    keys: tuple[str, ...]
    sequence_by: str | Column
    scd_type: int = 1
    deletes: str | Column | None = None
    truncates: str | Column | None = None
    columns: ColumnSelector = ColumnSelector()
    tracked: ColumnSelector = ColumnSelector()
    partial: ColumnSelector | None = None
    where: str | Column | None = None
    columns_to_update: str | Column | None = None


@dataclass(frozen=True, kw_only=True)
class CdcFlow(BaseFlow):
    """Applies the events of a change feed to its target.

    The feed is a stream. With `once` it is a batch query, which is applied once, and again only after a full refresh.
    """

    changes: Changes
    once: bool = False


#: The column of a snapshot flow's query that holds the version.
VERSION = "__version"


@dataclass(frozen=True, kw_only=True)
class SnapshotFlow(BaseFlow):
    """Applies whole snapshots to its target, each with a version.

    `next_snapshot` takes the last version that was applied (None before the first), and returns (DataFrame, version),
    or None when there is no newer one. Without it, the query is one snapshot per update; its version is the time.
    """

    changes: Changes
    next_snapshot: Callable[[Any], tuple[DataFrame, Any] | None] | None = None


#: The kinds of flow. They exclude each other: whoever handles flows by kind does it in one `match`.
Flow: TypeAlias = QueryFlow | OnceFlow | UpdateFlow | ReplaceWhereFlow | ReplaceFlow | CdcFlow | SnapshotFlow


def runs_once(flow: Flow) -> bool:
    """Return whether a flow runs once, and again only after a full refresh of its target."""
    return isinstance(flow, OnceFlow) or (isinstance(flow, CdcFlow) and flow.once)


@dataclass(frozen=True)
class EventHook:
    """A user's function that is called with each event, until it fails more than `limit` times in a row."""

    name: str
    function: Callable[[dict[str, Any]], Any]
    limit: int | None = None


@dataclass(frozen=True)
class Definitions:
    """The datasets and flows that the files of a pipeline define, with their problems and warnings."""

    datasets: tuple[Dataset, ...]
    flows: tuple[Flow, ...]
    diagnostics: tuple[Diagnostic, ...] = ()
    warnings: tuple[Diagnostic, ...] = ()
    hooks: tuple[EventHook, ...] = ()
    #: The keys of datasets whose statements have errors: reading them is no second error.
    broken: frozenset[str] = frozenset()


_PART = re.compile(r"`((?:[^`]|``)*)`|([^.`]+)")
#: Pattern of one part of a name in SQL text; it has no groups.
NAME_PART = r"(?:`(?:[^`]|``)+`|\w+)"


def quoted(name: str) -> str:
    """Return a name in back-quotes, as SQL writes it."""
    return "`" + name.replace("`", "``") + "`"


def name_parts(name: str) -> tuple[str, ...]:
    """Split a dotted name into its parts, with back-quotes taken off: ``a.`b.c` `` -> ("a", "b.c")."""
    parts = []
    for match in _PART.finditer(name.strip()):
        within, plain = match.groups()
        parts.append(within.replace("``", "`") if within is not None else plain.strip())
    return tuple(parts)


@dataclass(frozen=True)
class Namespace:
    """The catalog and schema that the pipeline publishes to: they decide which names are its own."""

    catalog: str | None = None
    schema: str = "default"

    def own(self, name: str) -> str | None:
        """Return the key of the dataset that `name` could mean, or None for a name outside the pipeline.

        `x`, `LIVE.x`, `schema.x` and `catalog.schema.x` of the pipeline's own catalog and schema are its own.
        """
        *prefix, last = (part.lower() for part in name_parts(name) or ("",))
        schema = self.schema.lower()
        own_prefixes: tuple[list[str], ...] = (
            [],
            ["live"],
            [schema],
            [(self.catalog or "spark_catalog").lower(), schema],
        )
        return last if prefix in own_prefixes else None


def is_live(name: str) -> bool:
    """Return whether `name` has the LIVE prefix, which only a dataset of the pipeline can have."""
    parts = name_parts(name)
    return len(parts) > 1 and parts[0].lower() == "live"


def as_strings(mapping: Mapping[str, Any] | None) -> dict[str, str]:
    """Return properties or confs as texts: booleans in lower case, other values by `str`."""
    return {
        str(key): str(value).lower() if isinstance(value, bool) else str(value)
        for key, value in (mapping or {}).items()
    }
