"""The checkpoint of a flow: how far it has come, in one folder that Spark and livetables share."""

from __future__ import annotations

import base64
import json
import shutil
import uuid
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from livetables.errors import LivetablesError
from livetables.storage.locations import Location

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_TO_TEXT: dict[type, Callable[[Any], str]] = {
    bytes: lambda value: base64.b64encode(value).decode(),
    datetime: datetime.isoformat,
    date: date.isoformat,
}
_FROM_TEXT: dict[str, Callable[[str], Any]] = {
    "bytes": base64.b64decode,
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "Decimal": Decimal,
    "int": int,
    "float": float,
    "str": str,
}


class FlowKey(NamedTuple):
    """The key of a flow: its dataset and its name, both in lower case."""

    dataset: str
    flow: str

    @classmethod
    def of(cls, dataset: str, flow: str) -> FlowKey:
        """Return the key of a flow by its names."""
        return cls(dataset.lower(), flow.lower())


@dataclass(frozen=True)
class Checkpoint:
    """The folder `checkpoints/<dataset>/<flow>/<number>`; it need not exist yet.

    Spark keeps `offsets`, `commits` and state in it. Ours are `auto_loader/N.db` (ledgers of Auto Loader sources),
    `done` and `transaction` (of a flow that runs once), `version.json` (newest snapshot), and `flows.json`: the other
    flows that run in the micro-batches of this one. A folder without that file serves the flow of its path alone.
    """

    folder: Location

    @classmethod
    def at(cls, folder: Location | Path | str) -> Checkpoint:
        """Return the checkpoint in a folder."""
        return cls(Location.of(folder))

    @classmethod
    def of_ledger(cls, file: Path) -> Checkpoint:
        """Return the checkpoint that a ledger of Auto Loader belongs to."""
        return cls.at(file.parent.parent)

    def __str__(self) -> str:
        return str(self.folder)

    @property
    def number(self) -> int:
        """How often the flow has started over, counted from 1."""
        return int(self.folder.name)

    def planned_batch(self) -> int:
        """Return the id of the newest micro-batch that Spark has planned; -1 before the first."""
        return newest_number(self.folder / "offsets")

    def committed_batch(self) -> int:
        """Return the id of the newest micro-batch that Spark has committed; -1 before the first."""
        return newest_number(self.folder / "commits")

    def all_committed(self) -> bool:
        """Return whether there was a micro-batch and the last one is committed."""
        return self.committed_batch() == self.planned_batch() >= 0

    def has_offsets(self) -> bool:
        """Return whether a streaming query has started here."""
        return (self.folder / "offsets").is_dir()

    def import_from(self, other: Checkpoint) -> None:
        """Copy the checkpoint of another streaming query to this folder, whole or, after a crash, not at all.

        Nothing happens when this flow has started already, or has started over: a full refresh asks for all rows.
        Raises FileNotFoundError when the other one has no offsets, or is not on this machine.
        """
        if self.number != 1 or self.has_offsets():
            return
        if not (other.folder.is_local and other.has_offsets()):
            raise FileNotFoundError(str(other))
        folder = self.folder.path
        unfinished = folder.with_name("importing")
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.copytree(other.folder.path, unfinished)
        if folder.exists():
            folder.rmdir()
        unfinished.rename(folder)

    def ledger(self, number: int) -> Path:
        """Return the file with the ledger of the flow's Auto Loader source of this number, counted from 0."""
        return self.folder.path / "auto_loader" / f"{number}.db"

    def ledgers(self) -> dict[int, Path]:
        """Return the ledgers that exist, by the number of their source."""
        files = (file.path for file in (self.folder / "auto_loader").children())
        return {int(file.stem): file for file in files if file.suffix == ".db"}

    def is_done(self) -> bool:
        """Return whether a flow that runs once has run."""
        return (self.folder / "done").exists()

    def mark_done(self) -> None:
        """Note that a flow that runs once has run."""
        (self.folder / "done").write_text("")

    def transaction(self) -> str:
        """Return the id of the transaction by which a flow that runs once appends; the same one after a crash."""
        file = self.folder / "transaction"
        if not file.exists():
            file.write_text(str(uuid.uuid4()))
        return file.read_text()

    def snapshot_version(self) -> Any:
        """Return the version of the newest snapshot that was applied, or None before the first."""
        kept = self._read("version.json")
        return None if kept is None else _FROM_TEXT[kept["type"]](kept["version"])

    def write_snapshot_version(self, version: Any) -> None:
        """Keep the version of the newest snapshot: a number, text, bytes, date or time."""
        kind = type(version)
        kept = {"type": kind.__name__, "version": _TO_TEXT.get(kind, str)(version)}
        (self.folder / "version.json").write_text(json.dumps(kept))

    def members(self) -> dict[FlowKey, dict[str, int]]:
        """Return the other flows that run in this one's micro-batches: the version of each input that each has come to.

        An input is the key of a stored table; its version is that of its Delta log. How far the flow of this folder has
        come is in Spark's offsets.
        """
        kept = self._read("flows.json") or {"members": []}
        return {FlowKey(one["dataset"], one["flow"]): one["inputs"] for one in kept["members"]}

    def write_members(self, members: Mapping[FlowKey, Mapping[str, int]]) -> None:
        """Keep all the other flows that run in this one's micro-batches; see `members`."""
        kept = [{**key._asdict(), "inputs": dict(inputs)} for key, inputs in members.items()]
        (self.folder / "flows.json").write_text(json.dumps({"members": kept}))

    def _read(self, name: str) -> Any:
        """Return the content of a JSON file, or None when there is none."""
        try:
            return json.loads((self.folder / name).read_text())
        except FileNotFoundError:
            return None
        except ValueError as error:
            said = f"{self.folder / name}, which says how far a flow has come, is damaged: {error}."
            hint = "Bring it back from a copy. Without it, the flows that it is about read their inputs from the start."
            raise LivetablesError("CHECKPOINT_UNREADABLE", said, hint=hint) from error


def newest_number(folder: Location) -> int:
    """Return the highest number that is the name of an entry in a folder; -1 when there is none."""
    return max((int(name) for name in folder.names() if name.isdigit()), default=-1)
