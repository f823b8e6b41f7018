"""Finds the fields of files before they are read, and groups the files by them."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

from pyspark.sql.types import StringType, StructField, StructType

from livetables.autoloader.read.inference import infer_fields
from livetables.autoloader.read.reader import TEXT_FORMATS, FileGroup
from livetables.autoloader.read.record_counts import OTHER_LINES, in_threads
from livetables.autoloader.schema.blocks import check_readable
from livetables.autoloader.schema.csv_header import csv_header
from livetables.autoloader.schema.json_fields import FileScan
from livetables.autoloader.schema.schemas import as_strings, merge, nulls_as_strings
from livetables.storage.locations import local_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from livetables.autoloader.read.reader import FileReader
    from livetables.autoloader.schema.json_fields import Scanner


def group_files(reader: FileReader, files: Sequence[str], scanner: Scanner) -> list[FileGroup]:
    """Return files in groups with the same fields; fields are strings where the format has no types.

    Where no fields are needed, files are not read, except to find damaged ones that may be left out: Spark would leave
    them out silently. Raises UnreadableError and FileNotFoundError.
    """
    if not reader.needs_fields:
        for path in filter(None, map(local_path, files if reader.options.ignore_corrupt else ())):
            check_readable(path)
        return [FileGroup(tuple(files), reader.schema.data)]
    if reader.options.format == "csv" and reader.format_options.get("header") == "true":
        return _by_fields(files, in_threads(lambda file: FileScan(_csv_fields(reader, file)), files))
    lines = json_line_paths(reader, files)
    if lines is not None:
        return _by_fields(files, [FileScan(nulls_as_strings(fields), n) for fields, n in scanner.scan(lines)])
    if reader.options.format in TEXT_FORMATS:
        return [FileGroup(tuple(files), infer_fields(reader, files, types=False))]
    return _typed_groups(reader, files)


def json_line_paths(reader: FileReader, files: Sequence[str]) -> list[str] | None:
    """Return the local paths of files that can be scanned as JSON lines; None when only Spark can read their fields."""
    options = reader.format_options
    if reader.options.format != "json" or options.get("multiline") == "true" or not reader.needs_fields:
        return None
    if OTHER_LINES & options.keys() or any(key.startswith("allow") for key in options):  # other syntax than JSON's
        return None
    paths = [path for path in map(local_path, files) if path is not None]
    return paths if len(paths) == len(files) else None


def join_groups(reader: FileReader, groups: Sequence[FileGroup]) -> list[FileGroup]:
    """Join groups that Spark can read together: of JSON and XML, those without new fields, and those with some."""
    if reader.options.format not in ("json", "xml") or not reader.needs_fields:
        return list(groups)
    data = reader.schema.data
    parts: dict[bool, list[FileGroup]] = {}
    for group in groups:
        parts.setdefault(merge(data, group.fields, widen=False) == data, []).append(group)
    return [
        FileGroup(
            tuple(file for group in part for file in group.files),
            data if no_new_fields else reduce(_merged_strings, (group.fields for group in part), data),
        )
        for no_new_fields, part in parts.items()
    ]


def is_ambiguous(reader: FileReader, groups: Sequence[FileGroup]) -> bool:
    """Whether names of fields differ only by case: then only the reading session can plan the query."""
    names = {name for group in groups for name in (*group.fields.names, *reader.schema.data.names)}
    return len({name.lower() for name in names}) < len(names)


def _typed_groups(reader: FileReader, files: Sequence[str]) -> list[FileGroup]:
    """Return files grouped by their own schema; in one group where Spark can merge their schemas."""
    if reader.options.format != "avro":
        try:
            return [FileGroup(tuple(files), infer_fields(reader, files, types=True))]
        except Exception as error:
            if "CANNOT_MERGE" not in str(error):
                raise
    return _by_fields(files, in_threads(lambda file: FileScan(infer_fields(reader, [file], types=True)), files))


def _by_fields(files: Sequence[str], scans: Iterable[FileScan]) -> list[FileGroup]:
    """Return files grouped by the fields of their scans."""
    by_fields: dict[str, list[tuple[str, FileScan]]] = {}
    for file, scan in zip(files, scans, strict=True):
        by_fields.setdefault(scan.fields.json(), []).append((file, scan))
    return [
        FileGroup(tuple(file for file, _ in same), same[0][1].fields, tuple(scan.records for _, scan in same))
        for same in by_fields.values()
    ]


def _csv_fields(reader: FileReader, file: str) -> StructType:
    path = local_path(file)
    if path is None:
        return infer_fields(reader, [file], types=False)
    return StructType([StructField(name, StringType()) for name in csv_header(path, reader.options.generic)])


def _merged_strings(old: StructType, new: StructType) -> StructType:
    return merge(old, as_strings(new), widen=False)
