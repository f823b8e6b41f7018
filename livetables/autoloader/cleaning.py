"""Cleans up files that were read: moves or deletes them, some time after their batch was committed."""

from __future__ import annotations

import re
import shutil
import time
from pathlib import Path, PurePosixPath
from posixpath import normpath
from typing import TYPE_CHECKING, Any

from livetables.autoloader.find.globs import glob_root
from livetables.autoloader.option_values import wrong_value
from livetables.autoloader.options import full_name
from livetables.errors import count
from livetables.spark.jvm import classes, hadoop_conf
from livetables.storage.locations import local_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyspark.sql import SparkSession

    from livetables.autoloader.find.ledger import Entry, Ledger
    from livetables.autoloader.options import Options

#: Failures after which a clean-up pass stops until the next one.
_MAX_FAILURES = 100
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(?://([^/]*))?(/.*|)")


class Cleaner:
    """Deletes or moves files below the load path `root`, as cloudFiles.cleanSource says.

    `warn` takes a code and a sentence; `now` returns the time in seconds since 1970.
    """

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
        self._root = glob_root(local_path(root) or root)
        self._warn = warn
        self._now = now

    def clean(self, ledger: Ledger) -> None:
        """Clean up files of committed batches after their retention; warn about failures, which are tried again."""
        failed: list[str] = []
        for entry in ledger.to_clean(self._now() - self._retention):
            error = self._try_remove(entry)
            ledger.cleaned(entry.seq, succeeded=error is None)
            failed += [] if error is None else [f"{entry.path} could not be cleaned up: {error}."]
            if len(failed) == _MAX_FAILURES:  # the cause is not a single file
                break
        if failed:
            more = f" Neither could {count(len(failed) - 1, 'other file')}." if failed[1:] else ""
            self._warn("SOURCE_NOT_CLEANED", failed[0] + more)

    def _try_remove(self, entry: Entry) -> Exception | None:
        """Clean up a file; return the error, if any: it must not end the stream."""
        try:
            self._remove(entry)
        except Exception as error:  # noqa: BLE001 (each file system has its own)
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
            target = self._destination(path, str(local_path(self._target)))
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
        target = hadoop.Path(self._destination(entry.path, self._target))
        system.mkdirs(target.getParent())
        if not system.rename(source, target):
            raise OSError(f"it could not be moved to {target.toString()}")

    def _destination(self, path: str, target: str) -> str:
        """Return where a file is moved to: below the target it keeps its path below the load path."""
        relative = path[len(self._root) :] if path.startswith(self._root.rstrip("/") + "/") else path.rpartition("/")[2]
        return f"{target.rstrip('/')}/{relative.lstrip('/')}"


def check_move_to(move_to: str, load_path: str) -> None:
    """Raise SettingsError when files would be moved into the load path, where they would be found again."""
    *location, target = _location(move_to)
    *source, root = _location(load_path)
    if location == source and target.is_relative_to(root):
        problem = f"which lies in {load_path}: its files would be read again"
        name = full_name("cleanSource.moveDestination")
        raise wrong_value(name, move_to, problem, "Name a folder outside of the path that is read.")


def _location(path: str) -> tuple[str, str, PurePosixPath]:
    """Return the file system, the bucket, and the folder of a path; for a glob, the folder before its wildcards."""
    match = _URL.fullmatch(path)
    scheme, bucket, rest = (match[1].lower(), match[2] or "", match[3]) if match else ("file", "", path)
    folder = glob_root(rest) or "/"
    return scheme, bucket, PurePosixPath(normpath(Path.cwd() / folder if scheme == "file" else folder))
