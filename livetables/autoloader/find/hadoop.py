"""Finds the files of a load path in any file system that Spark can read, by one full listing at each look."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from livetables.autoloader.find.globs import expand, fits, hidden, is_glob
from livetables.autoloader.find.listing import Found, Look, Selection, missing
from livetables.spark.jvm import classes, hadoop_conf

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyspark.sql import SparkSession

    from livetables.autoloader.find.listing import Known

#: A call to the JVM takes 60 us and a file 300 characters.
_FILES_PER_CALL = 10_000
_STATUS = re.compile(
    r"\{path=(?P<path>.*?); isDirectory=(?P<folder>true|false); "
    r"(?:length=(?P<size>\d+); replication=\d+; blocksize=\d+; )?modification_time=(?P<modified>-?\d+); ",
    re.DOTALL,
)


class Status(NamedTuple):
    """What a file system says of a file or folder."""

    found: Found
    is_folder: bool


class HadoopTree:
    """The files below a folder, a file, or a glob of them, in a file system of Hadoop's.

    Object stores show an object when it is whole; elsewhere a file is taken when it is `settle_ms` old. As nothing
    tells what has changed, there are no stamps of folders: each look lists everything.
    """

    def __init__(
        self,
        spark: SparkSession,
        path: str,
        selection: Selection | None = None,
        *,
        known: Callable[[str], Known],
        overwrites: bool = False,
        settle_ms: int = 1000,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.path = path
        self.overwrites = overwrites
        self.folders: dict[str, int] = {}
        self.key = path
        self._spark = spark
        self._selection = selection or Selection()
        self._known = known
        self._settle_ms = settle_ms
        self._now = now

    def look(self, *, full: bool = False) -> Look:  # noqa: ARG002 - as LocalTree's
        """Return what is not known. Raises LivetablesError when a load path that is no glob is missing."""
        look = Look()
        known: dict[str, Known] = {}
        young = self._now() * 1000 - self._settle_ms
        for found in self._files():
            folder, _, name = found.path.rpartition("/")
            if folder not in known:
                known[folder] = self._known(folder)
            if found.is_in(known[folder], overwrites=self.overwrites) or not self._selection.takes_name(name):
                continue
            if self._settle_ms and found.modified > young:
                look.unsettled.append(found.path)
            elif self._selection.takes_time(found.modified):
                look.found.append(found)
        look.found.sort(key=lambda one: (one.modified, one.path))
        return look

    def _files(self) -> Iterator[Found]:
        jvm = classes(self._spark)
        hadoop = jvm.org.apache.hadoop
        path = hadoop.fs.Path(self.path)
        system = path.getFileSystem(hadoop_conf(self._spark))
        matched = system.globStatus(path)
        if matched is None:
            raise missing(self.path)
        # py4j finds no method that takes an array of something else than it says, as Java's own Arrays.asList does.
        tops = jvm.scala.jdk.javaapi.CollectionConverters.asJava(jvm.scala.Predef.genericWrapArray(matched))
        for top in _statuses(tops):
            if not belongs(self.path, top.found.path):
                continue
            if not top.is_folder:
                yield top.found
                continue
            files = system.listFiles(hadoop.fs.Path(top.found.path), self._selection.recursive)
            for each in _statuses(hadoop.util.functional.RemoteIterators.toList(files)):
                if not any(hidden(name) for name in each.found.path[len(top.found.path) :].split("/")):
                    yield each.found


def _statuses(files: Any) -> Iterator[Status]:
    """Yield what a Java list of statuses holds, many in one call."""
    size = files.size()
    for at in range(0, size, _FILES_PER_CALL):
        yield from parsed(files.subList(at, min(at + _FILES_PER_CALL, size)).toString())


def parsed(text: str) -> Iterator[Status]:
    """Yield what Java's text of a list of FileStatus says."""
    for match in _STATUS.finditer(text):
        found = Found(match["path"], int(match["size"] or 0), int(match["modified"]))
        yield Status(found, match["folder"] == "true")


def belongs(pattern: str, path: str) -> bool:
    """Whether a path that a glob matched is one of the load path's: `*` matches no hidden name."""
    return any(
        all(fits(part, name) for part, name in zip(parts[::-1], path.split("/")[::-1], strict=False) if is_glob(part))
        for parts in (one.rstrip("/").split("/") for one in expand(pattern))
    )
