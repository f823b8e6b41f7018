"""The storage folder of a pipeline: all paths in it, which no other module spells, and facts of its tables."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from livetables.errors import LivetablesError
from livetables.model import ROW_FILTER
from livetables.storage import delta
from livetables.storage.checkpoint import Checkpoint, FlowKey, newest_number
from livetables.storage.hidden import HIDDEN
from livetables.storage.locations import Location
from livetables.storage.lock import Lock, hold

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path


#: The table property with the kind of dataset that a table was created for.
KIND = "livetables.kind"
#: The table property with the declared properties of a table, as JSON.
DECLARED = "livetables.given"
#: Flows start over in parallel: only one at a time changes which checkpoint serves which flow.
_starting_over = threading.Lock()


@dataclass(frozen=True)
class SystemFolder:
    """The local files of a session. A command that only reads a storage has them in a temporary folder."""

    root: Path

    @property
    def spark_log(self) -> Path:
        """The log of Spark."""
        return self.root / "spark.log"

    @property
    def logging(self) -> Path:
        """The configuration of Spark's logging."""
        return self.root / "log4j2.properties"

    @property
    def warehouse(self) -> Path:
        """The folder of tables that Spark itself places."""
        return self.root / "warehouse"

    @property
    def workers(self) -> Path:
        """The folder of modules for Python workers."""
        return self.root / "workers"

    @property
    def schemas(self) -> Path:
        """The folder of the schemas that Auto Loader has inferred."""
        return self.root / "schemas"

    @property
    def empty(self) -> Path:
        """A folder without files, in place of a source's folder that does not exist."""
        return self.root / "empty"


class Storage:
    """The storage of one pipeline: `tables`, `checkpoints` and `system` below `root`, a path or a URI.

    Names of datasets and flows are case-insensitive. See Location for what works with a URI.
    """

    def __init__(self, root: Location | Path | str, storage_options: Mapping[str, str] | None = None) -> None:
        """Asking for a path makes no folder. `storage_options` are those of delta-rs."""
        self.root = Location.of(root, storage_options)
        self._tables = self.root / "tables"
        self._checkpoints = self.root / "checkpoints"
        self._system = self.root / "system"

    @property
    def events(self) -> Location:
        """The event log, a Delta table."""
        return self._system / "events"

    @property
    def system(self) -> SystemFolder:
        """The local files of sessions."""
        return SystemFolder(self._system.path)

    def exists(self) -> bool:
        """Return whether an update has run with this storage."""
        return self._system.is_dir()

    def table(self, name: str) -> Location:
        """Return the folder of a table; of a target of AUTO CDC, that of its hidden table."""
        hidden = self.hidden_table(name)
        return hidden if hidden.is_dir() else self._tables / name.lower()

    def hidden_table(self, name: str) -> Location:
        """Return the folder in which AUTO CDC keeps the rows of a target, with what later events may need."""
        return self._tables / f"{HIDDEN}{name.lower()}"

    def has_table(self, name: str) -> bool:
        """Return whether the table was created."""
        return delta.is_table(self.table(name))

    def table_names(self) -> list[str]:
        """Return the keys of all stored tables."""
        names = {entry.name.removeprefix(HIDDEN) for entry in self._tables.children()}
        return sorted(name for name in names if self.has_table(name))

    def version(self, name: str) -> int:
        """Return the newest version of a table; -1 when there is no table."""
        return delta.newest_version(self.table(name))

    def kind_of(self, name: str) -> str | None:
        """Return what kind of dataset a table was created for, or None when its properties do not say."""
        return delta.properties(self.table(name)).get(KIND)

    def declared_of(self, name: str) -> dict[str, str]:
        """Return the properties, and the comment as one of them, that its definition last gave to a table."""
        return dict(json.loads(delta.properties(self.table(name)).get(DECLARED, "{}")))

    def schema_json(self, name: str) -> str:
        """Return the schema of a stored table as JSON."""
        return delta.schema_json(self.table(name))

    def row_filter_of(self, name: str) -> str | None:
        """Return the predicate of a stored table's row filter, or None when it has none."""
        return delta.properties(self.table(name)).get(ROW_FILTER)

    def checkpoints(self) -> Iterator[tuple[FlowKey, Checkpoint]]:
        """Iterate over the flows that have a checkpoint of their own, and the current one of each."""
        for dataset in self._checkpoints.children():
            for flow in dataset.children():
                number = newest_number(flow)
                if number > 0:
                    yield FlowKey(dataset.name, flow.name), Checkpoint(flow / str(number))

    def flows_of(self, dataset: str) -> tuple[str, ...]:
        """Return the names, in lower case, of the flows into a dataset that have run: a checkpoint serves them."""
        names = set()
        for key, checkpoint in self.checkpoints():
            names |= {flow for into, flow in (key, *checkpoint.members()) if into == dataset.lower()}
        return tuple(sorted(names))

    def checkpoint_number(self, dataset: str, flow: str) -> int:
        """Return the number of the checkpoint that serves the flow; 0 when it has never run."""
        number = self._own_number(dataset, flow)
        serving = None if number else self.serving(dataset, flow)
        return serving.number if serving else number

    def checkpoint(self, dataset: str, flow: str) -> Checkpoint:
        """Return the flow's own checkpoint, also before its first run."""
        return Checkpoint(self._flow(dataset, flow) / str(max(self._own_number(dataset, flow), 1)))

    def serving(self, dataset: str, flow: str) -> Checkpoint | None:
        """Return the checkpoint of another flow in whose micro-batches this one runs, or None."""
        key = FlowKey.of(dataset, flow)
        return next((checkpoint for _, checkpoint in self.checkpoints() if key in checkpoint.members()), None)

    def new_checkpoint(self, dataset: str, flow: str) -> Checkpoint:
        """Make the flow start over: its next checkpoint is empty, the old ones are removed, and no other serves it."""
        key = FlowKey.of(dataset, flow)
        with _starting_over:
            number = self._own_number(dataset, flow)
            folder = self._flow(dataset, flow)
            new = folder / str(number + 1)
            new.mkdir()
            for old in range(1, number + 1):
                (folder / str(old)).remove()
            self._leave(lambda member: member == key)
        return Checkpoint(new)

    def remove_checkpoints(self, dataset: str) -> None:
        """Remove the checkpoints of all flows into a dataset; no other serves them any more."""
        with _starting_over:
            (self._checkpoints / dataset.lower()).remove()
            self._leave(lambda member: member.dataset == dataset.lower())

    def _leave(self, gone: Callable[[FlowKey], bool]) -> None:
        """Take flows out of the checkpoints that serve them."""
        for _, checkpoint in self.checkpoints():
            members = checkpoint.members()
            left = {key: inputs for key, inputs in members.items() if not gone(key)}
            if left != members:
                checkpoint.write_members(left)

    def _flow(self, dataset: str, flow: str) -> Location:
        return self._checkpoints / dataset.lower() / flow.lower()

    def _own_number(self, dataset: str, flow: str) -> int:
        return max(newest_number(self._flow(dataset, flow)), 0)

    def place_table(self, folder: Location, elsewhere: Path, name: str) -> None:
        """Make a table's folder a link to one elsewhere; raises LivetablesError when that holds a table already."""
        link = folder.path
        if link.is_symlink() and link.resolve() == elsewhere.resolve():
            return
        if delta.is_table(elsewhere):
            message = f"The path of table '{name}', {elsewhere}, already holds a table, which is not this pipeline's."
            raise LivetablesError("TABLE_EXISTS", message, hint="Give it another path=, or remove what lies there.")
        link.parent.mkdir(parents=True, exist_ok=True)
        elsewhere.mkdir(parents=True, exist_ok=True)
        link.symlink_to(elsewhere.resolve(), target_is_directory=True)

    def remove_table(self, name: str) -> None:
        """Remove a table and its rows, also where `path=` has put them."""
        folder = self.table(name)
        if folder.is_local and folder.path.is_symlink():
            Location.of(folder.path.resolve()).remove()
        folder.remove()

    def remove(self) -> None:
        """Remove all tables, also those that lie elsewhere, all checkpoints, and the system folder with the events."""
        for name in self.table_names():
            self.remove_table(name)
        for folder in (self._tables, self._checkpoints, self.root / "warehouse", self._system):
            folder.remove()

    def locked(self, now: Callable[[], datetime] = lambda: datetime.now(timezone.utc)) -> AbstractContextManager[Lock]:
        """Hold the storage for one update; the system frees it with the process, however that ends.

        Raises StorageBusy, which names the holder, when another update holds it.
        """
        return hold(self._system.path / "lock", self.root, now())
