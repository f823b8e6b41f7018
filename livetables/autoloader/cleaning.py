"""What becomes of files that were read: they are moved or deleted, some time after their batch was committed."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from livetables.autoloader.find.globs import beginning
from livetables.errors import count
from livetables.spark.jvm import classes, hadoop_conf
from livetables.storage.locations import local_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyspark.sql import SparkSession

    from livetables.autoloader.find.ledger import Entry, Ledger
    from livetables.autoloader.options import Options

#: After so many failures the rest waits for its next turn.
_MOST_FAILED = 100


class Cleaner:
    """Deletes or moves files below `root` as cloudFiles.cleanSource says."""

    def __init__(
        self,
        spark: SparkSession,
        options: Options,
        root: str,
        warn: Callable[[str, str], None],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._spark = spark
        self._retention = options.retention_ms / 1000
        self._target = options.move_to if options.clean_source == "MOVE" else None
        self._root = beginning(local_path(root) or root)
        self._warn = warn
        self._now = now

    def clean(self, ledger: Ledger) -> None:
        """Clean up files of committed batches whose time has come; what can't be is said aloud, and tried again."""
        failed: list[str] = []
        for entry in ledger.to_clean(self._now() - self._retention):
            error = self._error_of(entry)
            ledger.cleaned(entry.seq, well=error is None)
            failed += [] if error is None else [f"{entry.path} could not be cleaned up: {error}."]
            if len(failed) == _MOST_FAILED:  # it is not about single files
                break
        if failed:
            more = f" Neither could {count(len(failed) - 1, 'other file')}." if failed[1:] else ""
            self._warn("SOURCE_NOT_CLEANED", failed[0] + more)

    def _error_of(self, entry: Entry) -> Exception | None:
        """Clean up a file; return why it could not be: one that stays must not end the stream."""
        try:
            self._remove(entry)
        except Exception as error:  # noqa: BLE001 (of any file system)
            return error
        return None

    def _remove(self, entry: Entry) -> None:
        path = local_path(entry.path)
        if path is not None and (self._target is None or local_path(self._target) is not None):
            file = Path(path)
            if not file.exists():
                return
            if self._target is None:
                file.unlink()
                return
            target = self._moved(path, str(local_path(self._target)))
            Path(target).parent.mkdir(parents=True, exist_ok=True)
            shutil.move(file, target)  # also to another disk
            return
        hadoop: Any = classes(self._spark).org.apache.hadoop.fs
        source = hadoop.Path(entry.path)
        system = source.getFileSystem(hadoop_conf(self._spark))
        if not system.exists(source):
            return
        if self._target is None:
            system.delete(source, False)
            return
        target = hadoop.Path(self._moved(entry.path, self._target))
        system.mkdirs(target.getParent())
        if not system.rename(source, target):
            raise OSError(f"it could not be moved to {target.toString()}")

    def _moved(self, path: str, target: str) -> str:
        """Return where a file goes: below the target it lies as it lay below the path that is read."""
        below = path[len(self._root) :] if path.startswith(self._root.rstrip("/") + "/") else path.rpartition("/")[2]
        return f"{target.rstrip('/')}/{below.lstrip('/')}"
