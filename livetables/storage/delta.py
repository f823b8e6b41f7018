"""Facts of one Delta table from its log, by delta-rs: no JVM, and no Delta package before a fact needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from livetables.storage.locations import Location

if TYPE_CHECKING:
    from pathlib import Path

    from deltalake import DeltaTable

_LOG = "_delta_log"


def is_table(where: Location | Path | str) -> bool:
    """Return whether a folder is a Delta table."""
    return (Location.of(where) / _LOG).is_dir()


def newest_version(where: Location | Path | str) -> int:
    """Return the newest version of a Delta table, from the file names of its log alone; -1 when there is none."""
    return max((int(file.name.removesuffix(".json")) for file in commit_files(where)), default=-1)


def commit_files(where: Location | Path | str) -> list[Location]:
    """Return the files of the commits that a Delta log still has, the oldest first."""
    files = (Location.of(where) / _LOG).children()
    return [file for file in files if file.name.endswith(".json") and file.name.removesuffix(".json").isdigit()]


def delta_table(where: Location | Path | str) -> DeltaTable:
    """Open a Delta table with the storage options of its location."""
    from deltalake import DeltaTable

    location = Location.of(where)
    return DeltaTable(str(location), storage_options=dict(location.storage_options) or None)


def properties(where: Location | Path | str) -> dict[str, str]:
    """Return the properties of a Delta table."""
    return dict(delta_table(where).metadata().configuration)


def schema_json(where: Location | Path | str) -> str:
    """Return the schema of a Delta table as JSON, in the form in which Spark writes schemas, too."""
    return str(delta_table(where).schema().to_json())
