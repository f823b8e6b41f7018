"""Lists the files of a load path in any file system that Spark can read, by one full listing each time."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from livetables.autoloader.find.files import FileSelection, FoundFile, Listing, folder_not_found
from livetables.autoloader.find.globs import expand_braces, is_glob, is_hidden, matches_part
from livetables.spark.jvm import classes, hadoop_conf

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyspark.sql import SparkSession

    from livetables.autoloader.find.files import KnownFiles

#: A call to the JVM takes 60 us and a file 300 characters.
_FILES_PER_CALL = 10_000
_SETTLE_MS = 1000
_STATUS = re.compile(
    r"\{path=(?P<path>.*?); isDirectory=(?P<folder>true|false); "
    r"(?:length=(?P<size>\d+); replication=\d+; blocksize=\d+; )?modification_time=(?P<modified>-?\d+); ",
    re.DOTALL,
)


class HadoopStatus(NamedTuple):
    """Hadoop's FileStatus of a file or folder."""

    file: FoundFile
    is_folder: bool


class HadoopTree:
    """The files below a folder, a single file, or a glob of them, in a file system of Hadoop's.

    Object stores show an object when it is complete; elsewhere a file is taken when it is a second old. These file
    systems do not show which folders have changed, so there are no stamps: each listing is a full one. `known` returns
    the files of a folder that are in the ledger.
    """

    def __init__(
        self,
        spark: SparkSession,
        path: str,
        selection: FileSelection | None = None,
        *,
        known: Callable[[str], KnownFiles],
        overwrites: bool = False,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.path = path
        self.overwrites = overwrites
        self.stamps: dict[str, int] = {}
        self._spark = spark
        self._selection = selection or FileSelection()
        self._known = known
        self._now = now

    @property
    def key(self) -> str:
        """The load path; nothing is stored under it."""
        return self.path

    def list_new(self, *, full: bool = False) -> Listing:
        """Return the files that are not known. Raises LivetablesError when a load path without wildcards is missing."""
        del full  # each listing is a full one
        listing = Listing()
        known: dict[str, KnownFiles] = {}
        settled_before = self._now() * 1000 - _SETTLE_MS
        for file in self._files():
            folder, _, name = file.path.rpartition("/")
            if folder not in known:
                known[folder] = self._known(folder)
            if file.is_in(known[folder], overwrites=self.overwrites) or not self._selection.takes_name(name):
                continue
            if file.modified > settled_before:
                listing.unsettled.append(file.path)
            elif self._selection.takes_time(file.modified):
                listing.files.append(file)
        listing.files.sort(key=lambda file: (file.modified, file.path))
        return listing

    def _files(self) -> Iterator[FoundFile]:
        jvm = classes(self._spark)
        hadoop = jvm.org.apache.hadoop
        path = hadoop.fs.Path(self.path)
        system = path.getFileSystem(hadoop_conf(self._spark))
        matched = system.globStatus(path)
        if matched is None:
            raise folder_not_found(self.path)
        # py4j can't call Arrays.asList with this array: the types of its elements differ from the declared one.
        tops = jvm.scala.jdk.javaapi.CollectionConverters.asJava(jvm.scala.Predef.genericWrapArray(matched))
        for top in _statuses(tops):
            if not belongs(self.path, top.file.path):
                continue
            if not top.is_folder:
                yield top.file
                continue
            files = system.listFiles(hadoop.fs.Path(top.file.path), self._selection.recursive)
            for status in _statuses(hadoop.util.functional.RemoteIterators.toList(files)):
                if not any(is_hidden(name) for name in status.file.path[len(top.file.path) :].split("/")):
                    yield status.file


def _statuses(files: Any) -> Iterator[HadoopStatus]:
    """Yield the statuses of a Java list, many in one call."""
    size = files.size()
    for at in range(0, size, _FILES_PER_CALL):
        yield from parse_statuses(files.subList(at, min(at + _FILES_PER_CALL, size)).toString())


def parse_statuses(text: str) -> Iterator[HadoopStatus]:
    """Yield the statuses in the Java text of a list of FileStatus."""
    for match in _STATUS.finditer(text):
        file = FoundFile(match["path"], int(match["size"] or 0), int(match["modified"]))
        yield HadoopStatus(file, match["folder"] == "true")


def belongs(pattern: str, path: str) -> bool:
    """Whether a path that Hadoop's glob has matched belongs to the load path: here `*` matches no hidden name."""
    return any(
        all(
            matches_part(part, name)
            for part, name in zip(parts[::-1], path.split("/")[::-1], strict=False)
            if is_glob(part)
        )
        for parts in (each.rstrip("/").split("/") for each in expand_braces(pattern))
    )
