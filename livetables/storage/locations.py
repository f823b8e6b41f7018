"""Locations: a path on this machine, or the URL of a file or folder in another file system."""

from __future__ import annotations

import os
import re

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:/")


def local_path(location: str) -> str | None:
    """Return the absolute path of a location on this machine, or None when it lies in another file system."""
    if location.startswith("file:"):
        location = "/" + location.removeprefix("file:").lstrip("/")
    if _SCHEME.match(location):
        return None
    return os.path.abspath(location)  # noqa: PTH100 (Path.resolve would follow symbolic links)
