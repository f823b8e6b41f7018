"""Where paths of the platform lie on this machine."""

from __future__ import annotations

import re
from pathlib import Path


def map_path(path: str, path_map: dict[str, str], root: Path) -> str:
    """Return where `path` lies here: the longest prefix of whole folders is replaced; all else stays as it is."""
    # One place of the platform, however it is written.
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
    """Return the folder for a `storage` of the platform, or None when it has no place on this machine."""
    mapped = re.sub(r"^file:(//)?(?=/)", "", map_path(storage, path_map, base))
    return None if is_remote(mapped) else mapped


def is_remote(path: str) -> bool:
    """Tell whether a path names another file system, as `dbfs:/x` and `s3://bucket/x` do."""
    return re.match(r"^[a-z0-9]+:/", path) is not None


def folder_name(name: str) -> str:
    """Return a pipeline's name with only what a folder's name can hold."""
    return re.sub(r"[^\w.-]+", "_", name) or "pipeline"


def shown(file: Path) -> str:
    """Return a path as messages show it: from the current folder, when it lies below."""
    return str(file.relative_to(Path.cwd())) if file.is_relative_to(Path.cwd()) else str(file)
