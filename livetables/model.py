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
    #: Where it stands, if that is not where its dataset stands.
    location: SourceLocation | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Dataset:
    """What every dataset has. `key` is how it is looked up: names are case-insensitive."""

    name: str
    location: SourceLocation
    comment: str | None = None

    @property
    def key(self) -> str:
        """The name in lower case."""
        return self.name.lower()


#: How the properties that we give to stored tables begin.
OWN = "livetables."
#: The property of a stored table that is not published.
PRIVATE = OWN + "private"
#: The property of a stored table with the predicate of its row filter.
ROW_FILTER = OWN + "row_filter"
#: The properties of a stored table with the columns by which its rows are laid out.
PARTITION_COLS, CLUSTER_BY = OWN + "partition_cols", OWN + "cluster_by"


@dataclass(frozen=True)
class RowFilter:
    """Readers of a table see the rows for which `predicate`, a call of a function in SQL, is TRUE.

    `columns` are those of the table that the function is given.
    """

    predicate: str
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table(Dataset):
    """A stored dataset whose kind its query decides: a streaming DataFrame makes it a streaming table."""

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
    """Each source row is processed once; one or more flows append to it."""


@dataclass(frozen=True)
class MaterializedView(Table):
    """Always equals its query over the current inputs; one batch flow.

    It is recomputed in full here, which the policies `auto`, `incremental` and `full` allow.
    """

    refresh_policy: str = "auto"


@dataclass(frozen=True)
class View(Dataset):
    """Not stored: each consumer evaluates it, with its expectations."""

    expectations: tuple[Expectation, ...] = ()


@dataclass(frozen=True)
class Sink(Dataset):
    """Something outside the pipeline that flows write to: a format of Spark's, or a function of the user's."""

    format: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    write_batch: Callable[[DataFrame, int], None] | None = None


@dataclass(frozen=True)
class Flow:
    """A query that fills one target dataset. The flow of `@table` has the dataset's own name."""

    name: str
    target: str
    query: Query
    location: SourceLocation
    comment: str | None = None
    spark_conf: Mapping[str, str] = field(default_factory=dict)
    once: bool = False
    update_mode: bool = False
    import_checkpoint: str | None = None
    replace_where: str | Column | None = None

    @property
    def key(self) -> str:
        """The name in lower case."""
        return self.name.lower()


@dataclass(frozen=True, kw_only=True)
class ReplaceFlow(Flow):
    """Replaces the rows of its target that have the same `keys` by those of a newer sequence."""

    keys: tuple[str, ...]
    sequence_by: str | Column


@dataclass(frozen=True)
class ColumnSelector:
    """A choice of columns: `only` these, or all `but` these; without either, all."""

    only: tuple[str, ...] | None = None
    but: tuple[str, ...] = ()

    def of(self, names: Iterable[str]) -> list[str]:
        """Return those of `names` that are chosen, in their order; letter case does not count."""
        only = None if self.only is None else {name.lower() for name in self.only}
        but = {name.lower() for name in self.but}
        return [name for name in names if name.lower() not in but and (only is None or name.lower() in only)]


@dataclass(frozen=True)
class Changes:
    """How events of a change feed become rows of a target: the parameters of AUTO CDC.

    `scd_type` 1 keeps the newest row of a key, 2 keeps all versions. `partial` are the columns that an event may
    leave alone: where it is NULL, or where `columns_to_update` does not name them.
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
class CdcFlow(Flow):
    """Applies the events of a change feed to its target."""

    changes: Changes


#: The column of a snapshot flow's query that holds the version.
VERSION = "__version"


@dataclass(frozen=True, kw_only=True)
class SnapshotFlow(Flow):
    """Applies whole snapshots to its target, each with a version.

    `next_snapshot` takes the last version that was applied, or None, and returns (DataFrame, version) or None.
    Without it, the query gives one snapshot per update, whose version is the time of the update.
    """

    changes: Changes
    next_snapshot: Callable[[Any], tuple[DataFrame, Any] | None] | None = None


@dataclass(frozen=True)
class EventHook:
    """A user's function that is called with each event; `limit` is how many failures in a row it may have."""

    name: str
    function: Callable[[dict[str, Any]], Any]
    limit: int | None = None


@dataclass(frozen=True)
class Definitions:
    """Everything that the files of a pipeline define, plus what is wrong with it."""

    datasets: tuple[Dataset, ...]
    flows: tuple[Flow, ...]
    diagnostics: tuple[Diagnostic, ...] = ()
    warnings: tuple[Diagnostic, ...] = ()
    hooks: tuple[EventHook, ...] = ()
    #: The keys of datasets whose statements have errors: reading them is no second error.
    broken: frozenset[str] = frozenset()


_PART = re.compile(r"`((?:[^`]|``)*)`|([^.`]+)")
#: One part of a name where SQL text is looked through, as a pattern without groups.
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
    """The catalog and schema that the pipeline publishes to; decides which names are its own."""

    catalog: str | None = None
    schema: str = "default"

    def own(self, name: str) -> str | None:
        """Return the key of the dataset that `name` could mean, or None when it names something else.

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
    """Tell whether `name` has the LIVE prefix, which only a dataset of the pipeline can have."""
    parts = name_parts(name)
    return len(parts) > 1 and parts[0].lower() == "live"


def as_strings(mapping: Mapping[str, Any] | None) -> dict[str, str]:
    """Return properties or confs as Spark takes them: booleans in lower case, all else by `str`."""
    return {
        str(key): str(value).lower() if isinstance(value, bool) else str(value)
        for key, value in (mapping or {}).items()
    }
