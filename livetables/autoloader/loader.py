"""Opens Auto Loader's sources: from the options of a reader and a path to a DataFrame, of a stream or of a batch."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import datetime, timezone
from functools import partial, reduce
from typing import TYPE_CHECKING
from urllib.parse import unquote

from pyspark.sql.types import (
    DataType,
    DateType,
    IntegerType,
    LongType,
    StringType,
    StructField,
    StructType,
    VariantType,
)

from livetables.autoloader.batches import Batches
from livetables.autoloader.cleaning import Cleaner
from livetables.autoloader.find.hadoop import HadoopTree
from livetables.autoloader.find.ledger import Ledger
from livetables.autoloader.find.listing import Found, LocalTree, Selection
from livetables.autoloader.option_values import size
from livetables.autoloader.options import Options, check_move_to, full_name_of, options_of
from livetables.autoloader.read import formats
from livetables.autoloader.read.formats import FIXED, METADATA, Layout
from livetables.autoloader.schema.hints import apply_hints
from livetables.autoloader.schema.json_fields import Looks
from livetables.autoloader.schema.schemas import SchemaStore, merge, sorted_columns
from livetables.autoloader.stream import FileSource, frame_of, hiding_metadata, planned
from livetables.errors import LivetablesError, count
from livetables.spark.jvm import cloned_session, schema_json_of_ddl
from livetables.storage.checkpoint import Checkpoint
from livetables.storage.locations import local_path

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from pyspark.sql import DataFrame, SparkSession

    Warn = Callable[[str, str], None]

#: Of so many files, the newest ones, or so many bytes, a schema is inferred.
_SAMPLE_FILES, _SAMPLE_BYTES = "1000", "50g"
_SAMPLE = "spark.databricks.cloudFiles.schemaInference.sampleSize"


def open_stream(
    spark: SparkSession,
    given: Mapping[str, str],
    schema: StructType | str | None,
    path: str,
    schemas: Path,
    ledger: Path | None,
    warn: Warn,
) -> tuple[DataFrame, FileSource]:
    """Return the stream of the files that arrive below `path`, and its source.

    The columns are those of the schema, of `name=value` folders, and of the rescued data; `_metadata` is hidden.
    `schemas` is the folder in which inferred schemas are kept. `ledger` is the file of those that were found, in
    the flow's checkpoint; without it the stream can't be started. Raises LivetablesError for
    what is wrong with the options, the path or the schema.
    """
    options = _options(spark, given, schema, warn)
    if options.move_to is not None:
        check_move_to(options.move_to, path)
    reading = _reading_session(spark, path)
    kept = SchemaStore(schemas / _key(options, path, schema), path)
    layout = _layout(spark, reading, options, schema, path, kept)
    columns = layout.columns(options)

    def opening() -> Batches:
        assert ledger is not None
        checkpoint = Checkpoint.of_ledger(ledger)
        if checkpoint.planned_batch() >= 0 and not ledger.is_file():
            said = f"{checkpoint} tells how far the stream of {path} has come, but not which files it has read."
            hint = "Bring the whole folder back, or read the table anew with --full-refresh."
            raise LivetablesError("LEDGER_LOST", said, hint=hint)
        files = Ledger(ledger)
        cleaner = Cleaner(spark, options, path, warn) if options.clean_source != "OFF" else None
        return Batches(
            reading,
            options,
            layout,
            files,
            _tree(spark, options, path, files),
            kept,
            cleaner,
            checkpoint.folder.path,
            warn,
        )

    source = FileSource(spark, f"AutoLoader[{path}]", columns, opening)
    return frame_of(spark, source, columns, StructType([*columns.fields, *METADATA.fields])), source


def read_files(
    spark: SparkSession, given: Mapping[str, str], schema: StructType | str | None, path: str, warn: Warn
) -> DataFrame:
    """Return the rows of the files that are below `path` now, with the columns that `open_stream` gives."""
    options = _options(spark, given, schema, warn)
    if options.bad_records is not None:
        warn("OPTION_WITHOUT_EFFECT", "The option badRecordsPath has no effect in a batch: only streams write there.")
    mode = "rescue" if options.rescued_column else "none"
    options = replace(options, mode=mode, bad_records=None)
    reading = _reading_session(spark, path)
    files = _listed(spark, options, path)
    layout = _layout(spark, reading, options, schema, path, None)
    names = [one.path for one in files]
    if not names:
        columns = StructType([*layout.columns(options).fields, *METADATA.fields])
        return hiding_metadata(spark, spark.createDataFrame([], columns))
    with Looks() as looks:
        found = formats.groups(reading, options, layout, names, looks)
    frame = formats.read(reading, options, layout, found)
    return hiding_metadata(spark, planned(spark, frame) if formats.ambiguous(layout, found) else frame)


def in_sql(given: Mapping[str, str]) -> dict[str, str]:
    """Return the options of `read_files`, which have no prefix, as those of a reader; it infers types by itself."""
    return {"cloudFiles.inferColumnTypes": "true", **{full_name_of(key): value for key, value in given.items()}}


def _options(spark: SparkSession, given: Mapping[str, str], schema: StructType | str | None, warn: Warn) -> Options:
    named = {key.lower() for key in given}
    said = {}
    for name in ("ignoreCorruptFiles", "ignoreMissingFiles"):
        if name.lower() not in named:
            said[name] = spark.conf.get(f"spark.sql.files.{name}", "false") or "false"
    options = options_of({**said, **given}, schema is not None, warn)
    if options.format == "csv" and schema is None and "header" not in {key.lower() for key in options.generic}:
        options = replace(options, generic={**options.generic, "header": "true"})
    if options.format in FIXED or options.variant_column is not None:
        options = replace(options, mode="none", rescued_column=None)
    return options


def _key(options: Options, path: str, schema: StructType | str | None) -> str:
    """Return a name for what is read: another format, or the same read otherwise, has a schema of its own."""
    given = schema.json() if isinstance(schema, StructType) else schema
    told = [options.format, path, options.infer_types, options.partition_columns, given, options.variant_column]
    told += sorted(options.generic.items())
    return hashlib.sha256(repr(told).encode()).hexdigest()[:16]


def _reading_session(spark: SparkSession, path: str) -> SparkSession:
    """Return a session with confs of its own, in which files are read: names differ by case, bad values are NULL."""
    session = cloned_session(spark)
    session.conf.set("spark.sql.caseSensitive", "true")
    session.conf.set("spark.sql.ansi.enabled", "false")
    if local_path(path) is not None:  # many files would be looked up in a job with a task for each: 2.5 ms, not 0.2
        session.conf.set("spark.sql.sources.parallelPartitionDiscovery.threshold", str(2**31 - 1))
    return session


def _tree(spark: SparkSession, options: Options, path: str, ledger: Ledger | None) -> LocalTree | HadoopTree:
    selection = Selection(options.name_glob, options.recursive, options.modified_after, options.modified_before)
    overwrites = options.allow_overwrites
    known = (lambda _: ()) if ledger is None else ledger.versions if overwrites else ledger.names
    if local_path(path) is None:
        return HadoopTree(spark, path, selection, known=known, overwrites=overwrites)
    tree = LocalTree(path, selection, known=known, overwrites=overwrites)
    if ledger is not None:
        tree.folders = ledger.load_folders(tree.key)
    return tree


def _listed(spark: SparkSession, options: Options, path: str) -> list[Found]:
    return _tree(spark, options, path, None).look().found


def _layout(
    spark: SparkSession,
    reading: SparkSession,
    options: Options,
    schema: StructType | str | None,
    path: str,
    kept: SchemaStore | None,
) -> Layout:
    latest = kept.latest() if kept is not None else None
    if latest is not None:
        data, partitions = formats.parted(latest)
    else:
        files = _listed(spark, options, path)
        given = _given(spark, options, schema)
        partitions = _partitions(options, path, [one.path for one in files], given if schema else None)
        data = given if given is not None else _inferred(spark, reading, options, path, files)
        if files:  # the next start need not look for them
            reason = "given" if given is not None else f"inferred from {count(len(files), 'file')}"
            _keep(kept, data, partitions, reason)
    if options.hints is not None and schema is None:
        whole = StructType([*data.fields, *partitions.fields])
        hinted = apply_hints(whole, options.hints, partial(_type, spark))
        if hinted != whole:
            folders = partitions.names
            partitions = StructType([field for field in hinted.fields if field.name in folders])
            data = StructType([field for field in hinted.fields if field.name not in folders])
            _keep(kept, data, partitions, "hints changed")
    return Layout(data, partitions, given=schema is not None)


def _given(spark: SparkSession, options: Options, schema: StructType | str | None) -> StructType | None:
    """Return the schema that needs no inference: the user's, or that of a format which has only one."""
    if schema:
        return schema if isinstance(schema, StructType) else _parsed(spark, schema)
    if options.variant_column is not None:
        return StructType().add(options.variant_column, VariantType())
    return FIXED.get(options.format)


def _keep(kept: SchemaStore | None, data: StructType, partitions: StructType, reason: str) -> None:
    if kept is not None:
        fields = [*data.fields, *formats.flagged(partitions).fields]
        kept.append(StructType(fields), reason, datetime.now(timezone.utc))


def _inferred(
    spark: SparkSession, reading: SparkSession, options: Options, path: str, files: list[Found]
) -> StructType:
    """Return the fields of the newest files, with their types only where the format has them or that is asked for."""
    limit = size(_SAMPLE, spark.conf.get(f"{_SAMPLE}.numBytes", _SAMPLE_BYTES) or _SAMPLE_BYTES)
    names: list[str] = []
    most = int(spark.conf.get(f"{_SAMPLE}.numFiles", _SAMPLE_FILES) or _SAMPLE_FILES)
    for one in reversed(files[-most:]):
        limit -= one.size
        names.append(one.path)
        if limit <= 0:
            break
    with Looks() as looks:
        found = formats.groups(reading, options, Layout(StructType(), StructType()), names, looks) if names else []
    if options.infer_types and options.format in formats.TEXT:
        found = [formats.Group(g.files, formats.infer(reading, options, g.files, types=True)) for g in found]
    schema = reduce(lambda one, other: merge(one, other.wide, widen=False), found, StructType())
    if not schema.fields:
        raise LivetablesError(
            "SCHEMA_INFERENCE_FAILED",
            f"No file in {path} shows a schema yet.",
            hint="Give the reader .schema(...), or put a first file there.",
        )
    return sorted_columns(schema) if options.format == "json" else schema


def _partitions(options: Options, path: str, files: list[str], given: StructType | None) -> StructType:
    """Return the columns that the folders of files tell, as `name=value`; strings unless types are inferred."""
    if options.partition_columns == ():
        return StructType()
    base = (local_path(path) or path).rstrip("/")
    values: dict[str, list[str]] = {}
    for file in files:
        below = (local_path(file) or file)[len(base.partition("*")[0]) :].split("/")[:-1]
        for name, _, value in (folder.partition("=") for folder in below if "=" in folder):
            values.setdefault(unquote(name), []).append(unquote(value))
    wanted = options.partition_columns if options.partition_columns is not None else tuple(values)
    if given is not None and options.partition_columns is None:
        wanted = tuple(name for name in wanted if name in given.names)
    fields = []
    for name in wanted:
        known = given[name].dataType if given is not None and name in given.names else None
        fields.append(StructField(name, known or _value_type(options, values.get(name, []))))
    return StructType(fields)


def _value_type(options: Options, values: list[str]) -> DataType:
    """Return the type that all values of a folder's column have: INT, BIGINT, DATE, or STRING."""
    if options.infer_types and values:
        if all(value.lstrip("-").isdigit() for value in values):
            most = max(abs(int(value)) for value in values)
            return IntegerType() if most < 1 << 31 else LongType() if most < 1 << 63 else StringType()
        if all(_is_date(value) for value in values):
            return DateType()
    return StringType()


def _is_date(value: str) -> bool:
    try:
        return bool(datetime.strptime(value, "%Y-%m-%d"))  # noqa: DTZ007 (a date has no zone)
    except ValueError:
        return False


def _parsed(spark: SparkSession, ddl: str) -> StructType:
    return StructType.fromJson(json.loads(schema_json_of_ddl(spark, ddl)))


def _type(spark: SparkSession, text: str) -> DataType:
    return _parsed(spark, f"x {text}")["x"].dataType
