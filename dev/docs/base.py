"""What the generators of documents share: the project's folder, TOML files, and one error."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]


class DocumentError(Exception):
    """A document cannot be written: a rule, a marker, a sample or the text around the tables is wrong."""


def read_toml(path: Path) -> dict[str, Any]:
    """Return the content of a TOML file; raises DocumentError."""
    try:
        content: dict[str, Any] = tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise DocumentError(f"{path}: {error}") from error
    return content
