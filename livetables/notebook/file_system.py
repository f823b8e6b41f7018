"""`dbutils.fs`: paths of the platform, mapped to local folders by path_map."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from livetables.notebook.utility import Utility

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from livetables.errors import LivetablesError, SourceLocation

#: The beginning of a path of the platform, which may look like a local one.
_PLATFORM = re.compile(r"dbfs:/|/(dbfs|FileStore|databricks-datasets|mnt|Volumes)(/|$)|[a-z][\w+.-]+://[^/]+/?")
_SCHEME = re.compile(r"[A-Za-z][\w+.-]+:")


class FileInfo(NamedTuple):
    """One entry of a folder; the time is in milliseconds since 1970."""

    path: str
    name: str
    size: int
    modificationTime: int

    def isDir(self) -> bool:
        """Return whether it is a folder."""
        return self.name.endswith("/")

    def isFile(self) -> bool:
        """Return whether it is a file."""
        return not self.isDir()


class FileSystem(Utility):
    """Reads and writes files; every path is mapped by `map_path`."""

    def __init__(self, map_path: Callable[[str], str], caller: Callable[[], SourceLocation | None]) -> None:
        super().__init__("dbutils.fs", caller)
        self._map_path = map_path

    def ls(self, path: str) -> list[FileInfo]:
        """Return the entries of a folder, sorted by name; their paths begin with `path` as it was written."""
        local = self._existing(path)
        if not local.is_dir():
            return [_info(local, str(path))]
        folder = str(path).rstrip("/") + "/"
        return [_info(entry, folder + entry.name) for entry in sorted(local.iterdir())]

    def head(self, file: str, max_bytes: int = 65536) -> str:
        """Return up to the first `max_bytes` bytes of a file, as UTF-8 text."""
        with self._existing(file).open("rb") as stream:
            return stream.read(max_bytes).decode("utf-8", "replace")

    def mkdirs(self, dir: str) -> bool:
        """Create a folder, with missing parents."""
        self._local(dir, new=True).mkdir(parents=True, exist_ok=True)
        return True

    def put(self, file: str, contents: str, overwrite: bool = False) -> bool:
        """Write a text to a file, with missing parents."""
        local = self._local(file, new=True)
        if local.exists() and not overwrite:
            raise self._error("PATH_REFUSED", f"'{file}' exists.", "Write over it with overwrite=True.")
        local.parent.mkdir(parents=True, exist_ok=True)
        local.write_bytes(contents.encode())
        return True

    def cp(self, source: str, dest: str, recurse: bool = False) -> bool:
        """Copy a file, or with `recurse` the content of a folder; a file keeps its name in an existing folder."""
        origin, target = self._existing(source), self._local(dest, new=True)
        if origin.is_dir():
            self._must_recurse(source, recurse=recurse)
            shutil.copytree(origin, target, dirs_exist_ok=True)
            return True
        if target.is_dir() or str(dest).endswith("/"):
            target /= origin.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(origin, target)
        return True

    def mv(self, source: str, dest: str, recurse: bool = False) -> bool:
        """Copy, then remove the source."""
        self._must_be_removable(source, self._existing(source))
        self.cp(source, dest, recurse)
        return self.rm(source, recurse)

    def rm(self, dir: str, recurse: bool = False) -> bool:
        """Remove a file or a folder, with its content only with `recurse`; return False when it does not exist."""
        local = self._local(dir, new=True)
        if local.is_symlink() or local.is_file():
            local.unlink()
            return True
        if not local.exists():
            return False
        self._must_be_removable(dir, local)
        if any(local.iterdir()):
            self._must_recurse(dir, recurse=recurse)
        shutil.rmtree(local)
        return True

    def _must_recurse(self, path: str, *, recurse: bool) -> None:
        if not recurse:
            raise self._error("PATH_REFUSED", f"'{path}' is a folder.", "Take all that is in it with recurse=True.")

    def _must_be_removable(self, path: str, local: Path) -> None:
        # A file written for the platform may remove / or /tmp there, where they are not those of the user's machine.
        own = next((folder for folder in (Path.cwd(), Path.home()) if folder.is_relative_to(local.resolve())), None)
        if own is not None:
            message = f"'{path}' is {local.resolve()} here, which holds {own}; it is not removed."
            raise self._error("PATH_REFUSED", message, "Let path_map lead it to a folder of its own.")

    def _existing(self, path: str) -> Path:
        local = self._local(path)
        if not local.exists():
            looked = "" if str(local) == str(path) else f" (looked for {local})"
            # Files written for the platform search the text for this class, to test whether a path exists.
            message = f"java.io.FileNotFoundException: '{path}' does not exist{looked}."
            raise self._error("PATH_NOT_FOUND", message, "Correct the path, or path_map in livetables.yml.")
        return local

    def _local(self, path: str | os.PathLike[str], *, new: bool = False) -> Path:
        """Return the local path of a path; raises LivetablesError for one that only the platform has."""
        text = str(path)
        mapped = re.sub(r"^file:/+", "/", self._map_path(text))
        local = Path(mapped)
        if _SCHEME.match(mapped):
            raise self._not_mapped(text)
        if mapped == text and _PLATFORM.match(text) and not (local.exists() or (new and local.parent.exists())):
            raise self._not_mapped(text)
        return local

    def _not_mapped(self, path: str) -> LivetablesError:
        message = f"'{path}' is on the platform, and no folder here stands for it."
        return self._error("PATH_NOT_MAPPED", message, way_into_path_map(path) or "Correct the path.")


def way_into_path_map(path: str) -> str | None:
    """Return the hint how to map a path of the platform; None for any other path."""
    start = _PLATFORM.match(path)
    if start is None:
        return None
    prefix = start[0].rstrip("/").replace("/dbfs", "dbfs:") + "/"
    return f'Add `path_map: {{"{prefix}": folder}}` to livetables.yml, with a folder of this machine.'


def _info(local: Path, path: str) -> FileInfo:
    status = local.stat()
    end = "/" if local.is_dir() else ""
    return FileInfo(path + end, local.name + end, 0 if end else status.st_size, int(status.st_mtime * 1000))
