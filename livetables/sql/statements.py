"""The statements of DLT SQL, as data. Queries and expressions are kept as they stand: Spark parses them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True)
class Text:
    """A part of a file that Spark is to parse, and where it begins."""

    text: str
    start: int


@dataclass(frozen=True)
class Name:
    """The parts of a dotted name, without back-quotes, and where it begins."""

    parts: tuple[str, ...]
    start: int

    @property
    def last(self) -> str:
        """The name without what says where it lies."""
        return self.parts[-1]


@dataclass(frozen=True)
class Column:
    """A column of a list: its name, the text behind the name (type, NOT NULL, COMMENT...), the comment in it."""

    name: str
    text: Text
    typed: bool
    comment: str | None = None


@dataclass(frozen=True)
class Constraint:
    """CONSTRAINT name EXPECT (predicate) [ON VIOLATION ...]; `action` is `warn`, `drop` or `fail`."""

    name: str
    predicate: Text
    action: str
    start: int


@dataclass(frozen=True)
class KeyConstraint:
    """A PRIMARY or FOREIGN KEY, which only informs; its text."""

    text: Text


@dataclass(frozen=True)
class ColumnChoice:
    """`(a, b)`, or with `but`, `* EXCEPT (a, b)`."""

    names: tuple[str, ...]
    but: bool = False


@dataclass(frozen=True)
class Cdc:
    """AUTO CDC ... FROM source and what follows; `source` is the text behind FROM."""

    source: Text
    keys: tuple[str, ...]
    sequence: Text
    once: bool = False
    ignore_null_updates: bool = False
    ignored: ColumnChoice | None = None
    where: Text | None = None
    deletes: Text | None = None
    truncates: Text | None = None
    columns: ColumnChoice | None = None
    columns_to_update: Text | None = None
    stored_as: str = "1"
    tracked: ColumnChoice | None = None


@dataclass(frozen=True)
class Insert:
    """INSERT of a query's rows; with `replace_using`, they take the place of rows with the same keys."""

    query: Text
    once: bool = False
    replace_using: tuple[str, ...] = ()
    sequence: Text | None = None
    replace_where: Text | None = None


@dataclass(frozen=True)
class RowFilter:
    """WITH ROW FILTER function ON (columns)."""

    function: Name
    columns: tuple[str, ...]


STREAMING_TABLE, MATERIALIZED_VIEW, VIEW, TABLE = "streaming table", "materialized view", "view", "table"


@dataclass(frozen=True)
class CreateDataset:
    """CREATE of a table or view. `kind` is TABLE for a plain CREATE TABLE, which only a pipeline's property marks."""

    kind: str
    name: Name
    start: int
    live: bool = False
    private: bool = False
    if_not_exists: bool = False
    columns: tuple[Column, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    keys: tuple[KeyConstraint, ...] = ()
    partitioned_by: tuple[str, ...] = ()
    cluster_by: tuple[str, ...] = ()
    cluster_by_auto: bool = False
    comment: str | None = None
    properties: dict[str, str] = field(default_factory=dict)
    location: str | None = None
    using: str | None = None
    row_filter: RowFilter | None = None
    refresh_policy: str | None = None
    schedule: Text | None = None
    query: Text | None = None
    flow: Insert | Cdc | None = None


@dataclass(frozen=True)
class CreateFlow:
    """CREATE FLOW, or APPLY CHANGES INTO and AUTO CDC INTO, whose flows are named as their targets."""

    name: Name
    target: Name
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

    name: Name
    text: Text
    start: int


Statement: TypeAlias = CreateDataset | CreateFlow | SetConf | Use | CreateFunction
