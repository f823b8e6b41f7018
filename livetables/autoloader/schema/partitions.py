"""The partition columns of a load path: those that come from the names of folders, as in `day=2026-01-02`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from urllib.parse import unquote

from pyspark.sql.types import DataType, DateType, IntegerType, LongType, StringType, StructField, StructType

from livetables.storage.locations import local_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from livetables.autoloader.options import Options

#: The field metadata that marks a partition column in a stored schema.
_MARK = "livetables.folder"


def marked_partitions(partitions: StructType) -> StructType:
    """Return partition columns as they are stored beside the data columns."""
    return StructType([StructField(f.name, f.dataType, metadata={_MARK: True}) for f in partitions.fields])


def split_stored(stored: StructType) -> tuple[StructType, StructType]:
    """Split a stored schema into data columns and partition columns."""
    data = [field for field in stored.fields if not field.metadata.get(_MARK)]
    partitions = [StructField(f.name, f.dataType) for f in stored.fields if f.metadata.get(_MARK)]
    return StructType(data), StructType(partitions)


def partition_columns(options: Options, path: str, files: Sequence[str], given: StructType | None) -> StructType:
    """Return the columns that the `name=value` folders of `files` give: strings, unless types are inferred.

    `given` is the user's schema, whose types win; it also limits the columns, unless the option partitionColumns names
    them.
    """
    if options.partition_columns == ():
        return StructType()
    values = _folder_values(path, files)
    names = options.partition_columns if options.partition_columns is not None else tuple(values)
    if given is not None and options.partition_columns is None:
        names = tuple(name for name in names if name in given.names)
    fields = []
    for name in names:
        known = given[name].dataType if given is not None and name in given.names else None
        fields.append(StructField(name, known or _value_type(options, values.get(name, []))))
    return StructType(fields)


def _folder_values(path: str, files: Sequence[str]) -> dict[str, list[str]]:
    """Return the values of the `name=value` folders between the load path and each file, by name."""
    base = (local_path(path) or path).rstrip("/")
    values: dict[str, list[str]] = {}
    for file in files:
        below = (local_path(file) or file)[len(base.partition("*")[0]) :].split("/")[:-1]
        for name, _, value in (folder.partition("=") for folder in below if "=" in folder):
            values.setdefault(unquote(name), []).append(unquote(value))
    return values


def _value_type(options: Options, values: Sequence[str]) -> DataType:
    """Return the narrowest type of all values of a partition column: INT, BIGINT, DATE, or STRING."""
    if options.infer_types and values:
        if all(value.lstrip("-").isdigit() for value in values):
            largest = max(abs(int(value)) for value in values)
            return IntegerType() if largest < 1 << 31 else LongType() if largest < 1 << 63 else StringType()
        if all(_is_date(value) for value in values):
            return DateType()
    return StringType()


def _is_date(value: str) -> bool:
    try:
        time.strptime(value, "%Y-%m-%d")
    except ValueError:
        return False
    return True
