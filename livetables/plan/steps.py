"""The steps of an update as data: what is done to each dataset, and why."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeAlias, TypedDict

from livetables.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pyspark.sql.types import DataType
    from typing_extensions import Unpack


class SelectionKeywords(TypedDict, total=False):
    """The keywords of `Pipeline.run`, `start` and `plan` that select tables, by name."""

    refresh: Iterable[str]
    full_refresh: Iterable[str]
    full_refresh_all: bool
    reset_checkpoints: Iterable[str]


@dataclass(frozen=True)
class Selection:
    """The tables that `--refresh`, `--full-refresh`, `--full-refresh-all` and `--reset-checkpoints` name.

    An empty selection runs all tables, and resets none.
    """

    refresh: tuple[str, ...] = ()
    full_refresh: tuple[str, ...] = ()
    full_refresh_all: bool = False
    reset_checkpoints: tuple[str, ...] = ()

    def with_options(self, **options: Unpack[SelectionKeywords]) -> Selection:
        """Return the selection with some of its fields changed; raises SettingsError for a text in place of a list."""
        given: dict[str, Any] = dict(options)
        for name, value in given.items():
            if isinstance(value, str):
                message = f"{name} is the text '{value}', and it must be a list of names."
                raise SettingsError("WRONG_VALUE", message, hint=f'Write {name}=["{value}"].')
        chosen: dict[str, Any] = {
            name: value if isinstance(value, bool) else tuple(value) for name, value in given.items()
        }
        return replace(self, **chosen)

    def once_reset(self) -> Selection:
        """Return the selection that is left once its resets are done: the same tables run."""
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
    """Change a stored table as its definition did: properties (`comment` is the comment), new columns by SQL path."""

    dataset: str
    reason: str
    changed: Mapping[str, str]
    removed: tuple[str, ...]
    columns: Mapping[str, DataType] = field(default_factory=dict)


@dataclass(frozen=True)
class StartFlow:
    """Start a flow that is new to a stored table; `gone` are the keys of former flows of the table."""

    dataset: str
    flow: str
    reason: str
    gone: tuple[str, ...] = ()


@dataclass(frozen=True)
class OrphanFlow:
    """Keep the checkpoint of a flow that is not in the code any more."""

    dataset: str
    flow: str
    reason: str = "it is not in the code any more; its checkpoint stays"


class RunKind(str, Enum):
    """How a run fills its table: by the new rows of its sources, or by all rows of its inputs, replacing the table."""

    STREAM = "stream"
    RECOMPUTE = "recompute"


@dataclass(frozen=True)
class Run:
    """Run the flows of one dataset, after those of the stored datasets that it reads.

    Datasets that are filled together, in the same micro-batches, will be a step of their own beside this one.
    """

    dataset: str
    how: RunKind
    after: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class Exclude:
    """Leave a table as it is: it does not run."""

    dataset: str
    reason: str


@dataclass(frozen=True)
class Inactive:
    """Keep the table of a dataset that is not in the code any more."""

    dataset: str
    reason: str = "it is not in the code any more; its rows stay"


@dataclass(frozen=True)
class Drop:
    """Remove the table of a dataset that is not in the code any more, and its checkpoints."""

    dataset: str
    reason: str = "it is not in the code any more, and pipelines.dropInactiveTables is true"


Step: TypeAlias = Reset | ResetCheckpoint | Create | Alter | StartFlow | OrphanFlow | Run | Exclude | Inactive | Drop
