"""Where a pipeline keeps things: everything below one folder, so that copying and removing it are ordinary."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deltalake import DeltaTable

from livetables.errors import LivetablesError, PipelineBusyError
from livetables.model import ROW_FILTER
from livetables.storage.stored import HIDDEN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


#: The table property that tells what kind of dataset a table was created for.
KIND = "livetables.kind"
#: The table property with the declared properties of a table, as JSON.
DECLARED = "livetables.given"


def schema_json(folder: Path) -> str:
    """Return the schema of the Delta table in a folder as JSON, from its log alone; Spark writes schemas so too."""
    return str(DeltaTable(str(folder)).schema().to_json())


@dataclass(frozen=True)
class Storage:
    """The folders below `root`: tables, checkpoints, system."""

    root: Path

    @property
    def events(self) -> Path:
        """The event log, a Delta table."""
        return self.root / "system" / "events"

    def table(self, name: str) -> Path:
        """Return the folder of a table's rows; of a target of AUTO CDC, those of its hidden table."""
        hidden = self.hidden_table(name)
        return hidden if hidden.is_dir() else self.root / "tables" / name.lower()

    def hidden_table(self, name: str) -> Path:
        """Return the folder in which AUTO CDC keeps the rows of a target, with what later events may need."""
        return self.root / "tables" / f"{HIDDEN}{name.lower()}"

    def has_table(self, name: str) -> bool:
        """Tell whether the table was created."""
        return (self.table(name) / "_delta_log").is_dir()

    def kind_of(self, name: str) -> str | None:
        """Return what kind of dataset a table was created for, or None when its properties do not say."""
        return DeltaTable(str(self.table(name))).metadata().configuration.get(KIND)

    def declared_of(self, name: str) -> dict[str, str]:
        """Return the properties, and the comment as one of them, that its definition last gave to a table."""
        kept = DeltaTable(str(self.table(name))).metadata().configuration.get(DECLARED, "{}")
        return dict(json.loads(kept))

    def schema_json(self, name: str) -> str:
        """Return the schema of a stored table as JSON."""
        return schema_json(self.table(name))

    def row_filter_of(self, name: str) -> str | None:
        """Return the predicate of a stored table's row filter, or None when it has none."""
        return DeltaTable(str(self.table(name))).metadata().configuration.get(ROW_FILTER)

    def table_names(self) -> list[str]:
        """Return the names of all stored tables."""
        folder = self.root / "tables"
        names = [entry.name.removeprefix(HIDDEN) for entry in folder.iterdir()] if folder.is_dir() else []
        return sorted(name for name in names if self.has_table(name))

    def flows_of(self, dataset: str) -> tuple[str, ...]:
        """Return the names, in lower case, of the flows into a dataset that have a checkpoint."""
        folder = self.root / "checkpoints" / dataset.lower()
        names = sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []
        return tuple(name for name in names if self.checkpoint_number(dataset, name))

    def checkpoint_number(self, dataset: str, flow: str) -> int:
        """Return the number of the flow's checkpoint; 0 when it has never run."""
        folder = self._checkpoints(dataset, flow)
        numbers = [int(e.name) for e in folder.iterdir() if e.name.isdigit()] if folder.is_dir() else []
        return max(numbers, default=0)

    def checkpoint(self, dataset: str, flow: str) -> Path:
        """Return the folder of the flow's current checkpoint."""
        return self._checkpoints(dataset, flow) / str(max(self.checkpoint_number(dataset, flow), 1))

    def new_checkpoint(self, dataset: str, flow: str) -> Path:
        """Make the flow start over: its next checkpoint is empty, and the old ones are gone."""
        number = self.checkpoint_number(dataset, flow)
        folder = self._checkpoints(dataset, flow)
        new = folder / str(number + 1)
        new.mkdir(parents=True)
        for old in range(1, number + 1):
            shutil.rmtree(folder / str(old), ignore_errors=True)
        return new

    def place_table(self, folder: Path, elsewhere: Path, name: str) -> None:
        """Let a table's folder be a link to one elsewhere; raises LivetablesError when a table lies there already."""
        if folder.is_symlink() and folder.resolve() == elsewhere.resolve():
            return
        if (elsewhere / "_delta_log").is_dir():
            message = f"The path of table '{name}', {elsewhere}, already holds a table, which is not this pipeline's."
            raise LivetablesError("TABLE_EXISTS", message, hint="Give it another path=, or remove what lies there.")
        folder.parent.mkdir(parents=True, exist_ok=True)
        elsewhere.mkdir(parents=True, exist_ok=True)
        folder.symlink_to(elsewhere.resolve(), target_is_directory=True)

    def remove_table(self, name: str) -> None:
        """Remove a table and its rows, wherever `path=` has put them."""
        folder = self.table(name)
        shutil.rmtree(folder.resolve(), ignore_errors=True)
        if folder.is_symlink():
            folder.unlink()

    def remove_checkpoints(self, dataset: str) -> None:
        """Remove the checkpoints of all flows into a dataset."""
        shutil.rmtree(self.root / "checkpoints" / dataset.lower(), ignore_errors=True)

    def _checkpoints(self, dataset: str, flow: str) -> Path:
        return self.root / "checkpoints" / dataset.lower() / flow.lower()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the storage for one update; the lock goes with the process, however it ends."""
        file = self.root / "system" / "lock"
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a+") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                handle.seek(0)
                msg = f"Another update is using {self.root} (process {handle.read().strip() or 'unknown'})."
                hint = "Wait for it or stop it, or give this one its own folder with --storage."
                raise PipelineBusyError("PIPELINE_BUSY", msg, hint=hint) from error
            handle.truncate(0)
            handle.write(str(os.getpid()))
            handle.flush()
            yield
