"""The statements of DLT SQL as data. Queries and expressions are kept as text, which Spark parses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True)
class SqlText:
    """A part of a file that Spark parses, and its position."""

    text: str
    start: int


@dataclass(frozen=True)
class DottedName:
    """The parts of a dotted name, without back-quotes, and its position."""

    parts: tuple[str, ...]
    start: int

    @property
    def last(self) -> str:
        """The last part: the name without catalog and schema."""
        return self.parts[-1]


@dataclass(frozen=True)
class ColumnDefinition:
    """A column of a list: its name, the text after the name (type, NOT NULL, COMMENT...), its comment.

    `typed` is whether it has a type.
    """

    name: str
    text: SqlText
    typed: bool
    comment: str | None = None


@dataclass(frozen=True)
class Constraint:
    """CONSTRAINT name EXPECT (predicate) [ON VIOLATION ...]; `action` is `warn`, `drop` or `fail`."""

    name: str
    predicate: SqlText
    action: str
    start: int


@dataclass(frozen=True)
class KeyConstraint:
    """A PRIMARY or FOREIGN KEY, which has no effect; its text."""

    text: SqlText


@dataclass(frozen=True)
class ColumnChoice:
    """`(a, b)`, or with `but`: `* EXCEPT (a, b)`."""

    names: tuple[str, ...]
    but: bool = False


@dataclass(frozen=True)
class Cdc:
    """AUTO CDC ... FROM source, with its clauses; `source` is the text after FROM."""

    source: SqlText
    keys: tuple[str, ...]
    sequence: SqlText
    once: bool = False
    ignore_null_updates: bool = False
    ignored: ColumnChoice | None = None
    where: SqlText | None = None
    deletes: SqlText | None = None
    truncates: SqlText | None = None
    columns: ColumnChoice | None = None
    columns_to_update: SqlText | None = None
    stored_as: str = "1"
    tracked: ColumnChoice | None = None


@dataclass(frozen=True)
class Insert:
    """INSERT of a query's rows; with `replace_using`, they replace rows with the same keys."""

    query: SqlText
    once: bool = False
    replace_using: tuple[str, ...] = ()
    sequence: SqlText | None = None
    replace_where: SqlText | None = None


@dataclass(frozen=True)
class RowFilterClause:
    """WITH ROW FILTER function ON (columns)."""

    function: DottedName
    columns: tuple[str, ...]


STREAMING_TABLE, MATERIALIZED_VIEW, VIEW, TABLE = "streaming table", "materialized view", "view", "table"


@dataclass(frozen=True)
class CreateDataset:
    """CREATE of a table or view. `kind` is TABLE for a plain CREATE TABLE, which needs a property to be a dataset."""

    kind: str
    name: DottedName
    start: int
    live: bool = False
    private: bool = False
    if_not_exists: bool = False
    columns: tuple[ColumnDefinition, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    keys: tuple[KeyConstraint, ...] = ()
    partitioned_by: tuple[str, ...] = ()
    cluster_by: tuple[str, ...] = ()
    cluster_by_auto: bool = False
    comment: str | None = None
    properties: dict[str, str] = field(default_factory=dict)
    location: str | None = None
    using: str | None = None
    row_filter: RowFilterClause | None = None
    refresh_policy: str | None = None
    schedule: SqlText | None = None
    query: SqlText | None = None
    flow: Insert | Cdc | None = None


@dataclass(frozen=True)
class CreateFlow:
    """CREATE FLOW; also APPLY CHANGES INTO and AUTO CDC INTO, whose flows have the names of their targets."""

    name: DottedName
    target: DottedName
    flow: Insert | Cdc
    start: int
    comment: str | None = None


@dataclass(frozen=True)
class SetConf:
    """SET key = value; without a value, nothing is set."""

    key: str
    value: str | None
    start: int


@dataclass(frozen=True)
class Use:
    """USE CATALOG, USE SCHEMA, or USE with a dotted name."""

    catalog: str | None
    schema: str | None
    start: int


@dataclass(frozen=True)
class CreateFunction:
    """CREATE FUNCTION; `text` is what follows the name."""

    name: DottedName
    text: SqlText
    start: int


Statement: TypeAlias = CreateDataset | CreateFlow | SetConf | Use | CreateFunction
