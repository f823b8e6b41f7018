"""Locations: a file or folder on this machine, or the URI of one in another file system."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from livetables.errors import LivetablesError

if TYPE_CHECKING:
    from collections.abc import Mapping

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:/")
#: Options of delta-rs, without the prefix AWS_, and the parameters of pyarrow's S3 file system.
_S3_PARAMETERS = {
    "access_key_id": "access_key",
    "secret_access_key": "secret_key",
    "session_token": "session_token",
    "region": "region",
    "endpoint_url": "endpoint_override",
}


def local_path(location: str) -> str | None:
    """Return the absolute path of a location on this machine, or None when it lies in another file system."""
    if location.startswith("file:"):
        location = "/" + location.removeprefix("file:").lstrip("/")
    if _SCHEME.match(location):
        return None
    return os.path.abspath(location)  # noqa: PTH100 (Path.resolve would follow symbolic links)


@dataclass(frozen=True)
class Location:
    """A file or folder: an absolute path of this machine, or a URI (`s3://bucket/folder`).

    `str(location)` is what Spark and delta-rs take. `storage_options` are those of delta-rs (`AWS_ACCESS_KEY_ID`, ...)
    and give access to the files, too. `file_system` is the pyarrow file system of a URI; without one, it is found from
    the scheme.

    Of a remote storage these work: listing, reading and writing of small files, the facts of Delta tables, marks and
    versions in checkpoints. The lock, the ledgers of Auto Loader, `path=` of a table, the import of a checkpoint and
    the files of a Spark session need a local path: `path` raises LivetablesError.
    """

    uri: str
    storage_options: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)
    file_system: Any = field(default=None, compare=False, repr=False)

    @classmethod
    def of(cls, where: Location | Path | str, storage_options: Mapping[str, str] | None = None) -> Location:
        """Return the location of a path or URI; `file:/x` and `file:///x` are paths of this machine."""
        if isinstance(where, Location):
            return where
        local = local_path(str(where))
        return cls(str(where).rstrip("/") if local is None else local, dict(storage_options or {}))

    def __str__(self) -> str:
        return self.uri

    def __truediv__(self, name: str) -> Location:
        return Location(f"{self.uri.rstrip('/')}/{name}", self.storage_options, self.file_system)

    @property
    def name(self) -> str:
        """The last part."""
        return self.uri.rpartition("/")[2]

    @property
    def parent(self) -> Location:
        """The folder that contains this location."""
        return Location(self.uri.rpartition("/")[0], self.storage_options, self.file_system)

    @property
    def is_local(self) -> bool:
        """Whether it is a path of this machine."""
        return self.uri.startswith("/")

    @property
    def path(self) -> Path:
        """The local path; raises LivetablesError (STORAGE_NOT_LOCAL) for a URI."""
        if not self.is_local:
            raise LivetablesError(
                "STORAGE_NOT_LOCAL",
                f"{self.uri} is not on this machine, and this operation needs a local folder.",
                hint="Give a folder of this machine with --storage.",
            )
        return Path(self.uri)

    @property
    def _files(self) -> _LocalFile | _RemoteFile:
        return _LocalFile(self.uri) if self.is_local else _RemoteFile(*_opened(self))

    def exists(self) -> bool:
        """Return whether there is a file or folder."""
        return self._files.exists()

    def is_dir(self) -> bool:
        """Return whether there is a folder."""
        return self._files.is_dir()

    def children(self) -> list[Location]:
        """Return the files and folders in a folder, by name; an empty list when there is no folder."""
        return [self / name for name in sorted(self.names())]

    def names(self) -> list[str]:
        """Return the names in a folder, in no order; an empty list when there is no folder."""
        return self._files.names()

    def read_text(self) -> str:
        """Return the text of a file; raises FileNotFoundError."""
        return self._files.read().decode()

    def write_text(self, text: str) -> None:
        """Write a file whole: a reader, also after a crash, sees the old text or the new one. Makes the folders."""
        self._files.write(text.encode())

    def mkdir(self) -> None:
        """Make a folder and those above it, unless they are there."""
        self._files.mkdir()

    def remove(self) -> None:
        """Remove a file, or a folder with all that is in it; nothing happens when it is not there."""
        self._files.remove()


@dataclass(frozen=True)
class _LocalFile:
    name: str

    @property
    def path(self) -> Path:
        return Path(self.name)

    def exists(self) -> bool:
        return os.path.exists(self.name)  # noqa: PTH110 (as listdir)

    def is_dir(self) -> bool:
        return os.path.isdir(self.name)  # noqa: PTH112 (as listdir)

    def names(self) -> list[str]:
        try:
            return os.listdir(self.name)  # noqa: PTH208 (plans look at many folders: a Path costs more than the look)
        except (FileNotFoundError, NotADirectoryError):
            return []

    def read(self) -> bytes:
        with open(self.name, "rb") as file:  # noqa: PTH123 (as listdir)
            return file.read()

    def write(self, data: bytes) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self.path.with_name(f"{self.path.name}.new")
        unfinished.write_bytes(data)
        unfinished.replace(self.path)

    def mkdir(self) -> None:
        self.path.mkdir(parents=True, exist_ok=True)

    def remove(self) -> None:
        if self.path.is_dir() and not self.path.is_symlink():
            shutil.rmtree(self.path, ignore_errors=True)
        else:
            self.path.unlink(missing_ok=True)


@dataclass(frozen=True)
class _RemoteFile:
    file_system: Any
    path: str

    def _type(self) -> str:
        return str(self.file_system.get_file_info(self.path).type.name)

    def exists(self) -> bool:
        return self._type() != "NotFound"

    def is_dir(self) -> bool:
        return self._type() == "Directory"

    def names(self) -> list[str]:
        from pyarrow.fs import FileSelector

        if not self.is_dir():
            return []
        return [info.base_name for info in self.file_system.get_file_info(FileSelector(self.path))]

    def read(self) -> bytes:
        with self.file_system.open_input_stream(self.path) as file:
            return bytes(file.read())

    def write(self, data: bytes) -> None:
        self.file_system.create_dir(self.path.rpartition("/")[0], recursive=True)
        with self.file_system.open_output_stream(f"{self.path}.new") as file:
            file.write(data)
        self.file_system.move(f"{self.path}.new", self.path)

    def mkdir(self) -> None:
        self.file_system.create_dir(self.path, recursive=True)

    def remove(self) -> None:
        match self._type():
            case "Directory":
                self.file_system.delete_dir(self.path)
            case "File":
                self.file_system.delete_file(self.path)


def _opened(location: Location) -> tuple[Any, str]:
    """Return the file system of a URI, and the path in it."""
    from pyarrow.fs import FileSystem

    scheme, _, path = location.uri.partition("://")
    if location.file_system is not None:
        return location.file_system, path
    if scheme in ("s3", "s3a"):
        return _s3_file_system(tuple(sorted(location.storage_options.items()))), path
    file_system, path = FileSystem.from_uri(location.uri)
    return file_system, str(path)


@lru_cache
def _s3_file_system(options: tuple[tuple[str, str], ...]) -> Any:
    """Return the S3 file system for options of delta-rs; what they leave out comes from the environment."""
    from pyarrow.fs import S3FileSystem

    names = {key.lower().removeprefix("aws_"): value for key, value in options}
    return S3FileSystem(**{to: names[name] for name, to in _S3_PARAMETERS.items() if name in names})
