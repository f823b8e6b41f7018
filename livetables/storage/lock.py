"""The lock of a storage folder: one update at a time, and a second one is told who holds it."""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from livetables.errors import StorageBusy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path


@dataclass(frozen=True)
class LockHolder:
    """Who holds a lock: the process id, since when (ISO 8601), and the id of the update; None where that is unknown."""

    process: int | None = None
    since: str | None = None
    update: str | None = None

    @classmethod
    def of(cls, text: str) -> LockHolder:
        """Read the content of a lock file; one of an earlier release holds the process id alone."""
        try:
            # A longer content of before may end behind it.
            kept: Any = json.JSONDecoder().raw_decode(text)[0]
        except ValueError:  # it is being written
            return cls()
        match kept:
            case int():
                return cls(kept)
            case {"process": process, "since": since, "update": update}:
                return cls(process, since, update)
        return cls()

    def __str__(self) -> str:
        parts = [
            f"process {self.process or 'unknown'}",
            f"since {self.since}" if self.since else "",
            f"update {self.update[:6]}" if self.update else "",
        ]
        return ", ".join(filter(None, parts))


class Lock:
    """A lock that this process holds; `update` names the update in it, for a second process that is refused."""

    def __init__(self, descriptor: int, since: datetime) -> None:
        self._descriptor = descriptor
        self._since = since.isoformat(" ", "seconds")
        self.update(None)

    def update(self, update_id: str | None) -> None:
        """Name the update that runs now."""
        text = json.dumps(asdict(LockHolder(os.getpid(), self._since, update_id))).encode()
        os.pwrite(self._descriptor, text, 0)
        os.ftruncate(self._descriptor, len(text))


@contextmanager
def hold(file: Path, storage: object, now: datetime) -> Iterator[Lock]:
    """Hold the lock in a file; the system frees it with the process, however that ends.

    Raises StorageBusy, which names the holder, when another update holds it.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(file, os.O_RDWR | os.O_CREAT, 0o644), "r") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            msg = f"Another update is using {storage} ({LockHolder.of(handle.read())})."
            hint = "Wait for it or stop it, or give this one its own folder with --storage."
            raise StorageBusy("PIPELINE_BUSY", msg, hint=hint) from error
        yield Lock(handle.fileno(), now)
