"""The schema with which a source starts: the newest stored one, the user's, or one that is inferred from the files."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from functools import partial, reduce
from typing import TYPE_CHECKING, TypeAlias

from pyspark.sql.types import DataType, StructType, VariantType

from livetables.autoloader.find.discovery import list_files
from livetables.autoloader.option_values import byte_size
from livetables.autoloader.read.groups import group_files
from livetables.autoloader.read.inference import infer_fields
from livetables.autoloader.read.reader import FIXED_SCHEMAS, TEXT_FORMATS, FileReader, SourceSchema
from livetables.autoloader.schema.hints import apply_hints
from livetables.autoloader.schema.json_fields import Scanner
from livetables.autoloader.schema.partitions import marked_partitions, partition_columns, split_stored
from livetables.autoloader.schema.schemas import merge, sorted_columns
from livetables.errors import LivetablesError, count
from livetables.spark.jvm import schema_json_of_ddl

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import SparkSession

    from livetables.autoloader.find.files import FoundFile
    from livetables.autoloader.options import Options
    from livetables.autoloader.schema.schemas import SchemaStore

#: The schema of a reader's user: a type, its DDL, or None to infer it.
UserSchema: TypeAlias = "StructType | str | None"
#: The sample of schema inference, newest files first: limits of files and bytes.
_SAMPLE = "spark.databricks.cloudFiles.schemaInference.sampleSize"
_SAMPLE_FILES, _SAMPLE_BYTES = "1000", "50g"


def file_reader(
    session: SparkSession, options: Options, schema: UserSchema, path: str, store: SchemaStore | None
) -> FileReader:
    """Return the reader of a source in `session`, with the schema that the source starts with.

    A schema that is new goes to the `store`. Raises LivetablesError when no file has a schema, SettingsError for hints
    that do not fit.
    """
    latest = store.latest() if store is not None else None
    if latest is not None:
        data, partitions = split_stored(latest)
    else:
        data, partitions = _first_schema(session, options, schema, path, store)
    if options.hints is not None and schema is None:
        whole = StructType([*data.fields, *partitions.fields])
        hinted = apply_hints(whole, options.hints, partial(_type, session))
        if hinted != whole:
            folders = partitions.names
            partitions = StructType([field for field in hinted.fields if field.name in folders])
            data = StructType([field for field in hinted.fields if field.name not in folders])
            _store(store, data, partitions, "hints changed")
    return FileReader(session, options, SourceSchema(data, partitions, given=schema is not None))


def _first_schema(
    session: SparkSession, options: Options, schema: UserSchema, path: str, store: SchemaStore | None
) -> tuple[StructType, StructType]:
    """Return the data columns and partition columns of a source that has no stored schema."""
    files = list_files(session, options, path)
    given = _known_schema(session, options, schema)
    partitions = partition_columns(options, path, [file.path for file in files], given if schema else None)
    data = given if given is not None else _inferred(session, options, path, files)
    if files:  # the next start uses the stored schema and lists no files for it
        reason = "given" if given is not None else f"inferred from {count(len(files), 'file')}"
        _store(store, data, partitions, reason)
    return data, partitions


def _known_schema(session: SparkSession, options: Options, schema: UserSchema) -> StructType | None:
    """Return the schema that needs no inference: the user's, or the constant one of a format; else None."""
    if schema:
        return schema if isinstance(schema, StructType) else _parsed(session, schema)
    if options.variant_column is not None:
        return StructType().add(options.variant_column, VariantType())
    return FIXED_SCHEMAS.get(options.format)


def _store(store: SchemaStore | None, data: StructType, partitions: StructType, reason: str) -> None:
    if store is not None:
        columns = StructType([*data.fields, *marked_partitions(partitions).fields])
        store.append(columns, reason, datetime.now(timezone.utc))


def _inferred(session: SparkSession, options: Options, path: str, files: Sequence[FoundFile]) -> StructType:
    """Return the fields of the newest files; with their types only where the format has some or the option asks."""
    reader = FileReader(session, options, SourceSchema(StructType(), StructType()))
    sample = _sample(session, files)
    with Scanner() as scanner:
        groups = group_files(reader, sample, scanner) if sample else []
    if options.infer_types and options.format in TEXT_FORMATS:
        found = [infer_fields(reader, group.files, types=True) for group in groups]
    else:
        found = [group.fields for group in groups]
    schema = reduce(lambda merged, fields: merge(merged, fields, widen=False), found, StructType())
    if not schema.fields:
        raise LivetablesError(
            "SCHEMA_INFERENCE_FAILED",
            f"No file in {path} shows a schema yet.",
            hint="Give the reader .schema(...), or put a first file there.",
        )
    return sorted_columns(schema) if options.format == "json" else schema


def _sample(session: SparkSession, files: Sequence[FoundFile]) -> list[str]:
    """Return the paths of the newest files within the limits of schema inference, newest first."""
    max_files = int(session.conf.get(f"{_SAMPLE}.numFiles", _SAMPLE_FILES) or _SAMPLE_FILES)
    left = byte_size(_SAMPLE, session.conf.get(f"{_SAMPLE}.numBytes", _SAMPLE_BYTES) or _SAMPLE_BYTES)
    paths: list[str] = []
    for file in reversed(files[-max_files:]):
        left -= file.size
        paths.append(file.path)
        if left <= 0:
            break
    return paths


def _parsed(session: SparkSession, ddl: str) -> StructType:
    return StructType.fromJson(json.loads(schema_json_of_ddl(session, ddl)))


def _type(session: SparkSession, text: str) -> DataType:
    return _parsed(session, f"x {text}")["x"].dataType
