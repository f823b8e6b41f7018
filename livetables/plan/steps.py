"""The steps of an update, as data: what is done to each dataset, and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyspark.sql.types import DataType


@dataclass(frozen=True)
class Selection:
    """What `--refresh`, `--full-refresh`, `--full-refresh-all` and `--reset-checkpoints` ask for.

    Empty means everything, as it is.
    """

    refresh: tuple[str, ...] = ()
    full_refresh: tuple[str, ...] = ()
    full_refresh_all: bool = False
    reset_checkpoints: tuple[str, ...] = ()

    def once_reset(self) -> Selection:
        """Return what is still to be done when all that it resets has been reset: the same tables run."""
        return Selection(() if self.full_refresh_all else (*self.refresh, *self.full_refresh))


@dataclass(frozen=True)
class Reset:
    """Remove the rows and checkpoints of a table, so that it is filled from the start."""

    dataset: str
    reason: str


@dataclass(frozen=True)
class ResetCheckpoint:
    """Give a flow a new checkpoint and keep the table's rows."""

    dataset: str
    flow: str
    reason: str


@dataclass(frozen=True)
class Create:
    """Create a table with its columns and properties."""

    dataset: str
    reason: str = "it does not exist yet"


@dataclass(frozen=True)
class Alter:
    """Give a stored table what its definition gives to it now: properties, the comment (as `comment`), new columns."""

    dataset: str
    reason: str
    changed: Mapping[str, str]
    removed: tuple[str, ...]
    columns: Mapping[str, DataType] = field(default_factory=dict)


@dataclass(frozen=True)
class StartFlow:
    """Start a flow that is new to a stored table; `gone` are flows of the table that are not in the code any more."""

    dataset: str
    flow: str
    reason: str
    gone: tuple[str, ...] = ()


@dataclass(frozen=True)
class OrphanFlow:
    """Leave the checkpoint of a flow that is not in the code any more."""

    dataset: str
    flow: str
    reason: str = "it is not in the code any more; its checkpoint stays"


@dataclass(frozen=True)
class Run:
    """Run the flows of a table: `stream` takes what is new, `recompute` replaces everything."""

    dataset: str
    how: str
    after: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class Exclude:
    """Leave a table as it is."""

    dataset: str
    reason: str


@dataclass(frozen=True)
class Inactive:
    """Leave the table of a dataset that is not in the code any more."""

    dataset: str
    reason: str = "it is not in the code any more; its rows stay"


@dataclass(frozen=True)
class Drop:
    """Remove the table of a dataset that is not in the code any more, and its checkpoints."""

    dataset: str
    reason: str = "it is not in the code any more, and pipelines.dropInactiveTables is true"


Step: TypeAlias = Reset | ResetCheckpoint | Create | Alter | StartFlow | OrphanFlow | Run | Exclude | Inactive | Drop
