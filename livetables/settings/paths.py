"""Maps paths of the platform to paths of this machine."""

from __future__ import annotations

import re
from pathlib import Path


def map_path(path: str, path_map: dict[str, str], root: Path) -> str:
    """Return `path` on this machine: the longest matching prefix of whole folders is replaced.

    Relative targets of `path_map` start at `root`. A path without a matching prefix is returned unchanged.
    """
    # Three spellings of one location of the platform.
    same = re.match(r"(?:dbfs:|/dbfs)(?:/+(?P<rest>.*))?$", path, re.DOTALL)
    spellings = [path, *(start + (same["rest"] or "") for start in ("dbfs:/", "/dbfs/", "/") if same)]
    for prefix in sorted(path_map, key=len, reverse=True):
        for spelled in spellings:
            rest = spelled.removeprefix(prefix)
            if spelled.startswith(prefix) and (not rest or prefix.endswith("/") or rest.startswith("/")):
                target = path_map[prefix]
                base = target.rstrip("/") if "://" in target else str((root / target).absolute())
                return base + ("/" if rest and not rest.startswith("/") else "") + rest
    return path


def local_storage(storage: str, path_map: dict[str, str], base: Path) -> str | None:
    """Return the local folder for a `storage` of the platform, or None when the path is on another file system."""
    mapped = re.sub(r"^file:(//)?(?=/)", "", map_path(storage, path_map, base))
    return None if is_remote(mapped) else mapped


def is_remote(path: str) -> bool:
    """Return whether a path names another file system, as `dbfs:/x` and `s3://bucket/x` do."""
    return re.match(r"^[a-z0-9]+:/", path) is not None


def folder_name(name: str) -> str:
    """Return a pipeline's name with only the characters that a folder name can have."""
    return re.sub(r"[^\w.-]+", "_", name) or "pipeline"


def shown(file: Path) -> str:
    """Return a path as messages show it: relative to the current folder when it lies below it."""
    return str(file.relative_to(Path.cwd())) if file.is_relative_to(Path.cwd()) else str(file)
