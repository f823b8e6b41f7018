"""Opens Auto Loader's sources: returns the DataFrame of a stream or of a batch for a path and a reader's options."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pyspark.sql.types import StructType

from livetables.autoloader.batches import Batches
from livetables.autoloader.cleaning import Cleaner, check_move_to
from livetables.autoloader.find.discovery import FileDiscovery, list_files, open_tree
from livetables.autoloader.find.ledger import Ledger
from livetables.autoloader.options import Options, full_name_of, options_of
from livetables.autoloader.read.groups import group_files, is_ambiguous
from livetables.autoloader.read.reader import FIXED_SCHEMAS, METADATA
from livetables.autoloader.read.rows import read_rows
from livetables.autoloader.schema.json_fields import Scanner
from livetables.autoloader.schema.schemas import SchemaStore
from livetables.autoloader.spark_frames import hide_metadata, planned, stream_of
from livetables.autoloader.starting_schema import file_reader
from livetables.autoloader.stream import FileSource
from livetables.errors import LivetablesError
from livetables.spark.jvm import cloned_session
from livetables.storage.checkpoint import Checkpoint
from livetables.storage.locations import local_path

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from pyspark.sql import DataFrame, SparkSession

    from livetables.autoloader.starting_schema import UserSchema

    Warn = Callable[[str, str], None]


@dataclass(frozen=True)
class StreamStorage:
    """Where a stream keeps its state: the folder of the inferred schemas, and the file of the ledger.

    The ledger lies in the folder `auto_loader` of the flow's checkpoint. Without it a stream only shows its columns.
    """

    schemas: Path
    ledger: Path | None


def open_stream(
    spark: SparkSession, given: Mapping[str, str], schema: UserSchema, path: str, storage: StreamStorage, warn: Warn
) -> tuple[DataFrame, FileSource]:
    """Return the stream of the files that arrive below `path`, and its source.

    The columns are those of the schema, of `name=value` folders, and of the rescued data; `_metadata` is hidden.
    `given` has the reader's options; `warn` takes a code and a sentence. Raises LivetablesError for a wrong option,
    path or schema.
    """
    options = _options(spark, given, schema, warn)
    if options.move_to is not None:
        check_move_to(options.move_to, path)
    store = SchemaStore(storage.schemas / _key(options, path, schema), path)
    reader = file_reader(_reading_session(spark, path), options, schema, path, store)
    ledger = storage.ledger

    def open_batches() -> Batches:
        assert ledger is not None
        checkpoint = Checkpoint.of_ledger(ledger)
        if checkpoint.planned_batch() >= 0 and not ledger.is_file():
            said = f"{checkpoint} tells how far the stream of {path} has come, but not which files it has read."
            hint = "Bring the whole folder back, or fill the table from the start with --full-refresh."
            raise LivetablesError("LEDGER_LOST", said, hint=hint)
        files = Ledger(ledger)
        cleaner = Cleaner(spark, options, path, warn) if options.clean_source != "OFF" else None
        tree = open_tree(spark, options, path, files)
        discovery = FileDiscovery(tree, files, warn, include_existing=options.include_existing)
        return Batches(reader, discovery, store, cleaner, checkpoint, warn)

    source = FileSource(spark, f"AutoLoader[{path}]", reader.columns, open_batches)
    return stream_of(spark, source, reader.columns, METADATA), source


def read_files(spark: SparkSession, given: Mapping[str, str], schema: UserSchema, path: str, warn: Warn) -> DataFrame:
    """Return the rows of the files that are below `path` now, with the columns that `open_stream` gives."""
    options = _options(spark, given, schema, warn)
    if options.bad_records is not None:
        warn("OPTION_WITHOUT_EFFECT", "The option badRecordsPath has no effect in a batch: only streams write there.")
    mode = "rescue" if options.rescued_column else "none"
    options = replace(options, mode=mode, bad_records=None)
    files = [file.path for file in list_files(spark, options, path)]
    reader = file_reader(_reading_session(spark, path), options, schema, path, None)
    if not files:
        columns = StructType([*reader.columns.fields, *METADATA.fields])
        return hide_metadata(spark, spark.createDataFrame([], columns))
    with Scanner() as scanner:
        groups = group_files(reader, files, scanner)
    frame = read_rows(reader, groups)
    return hide_metadata(spark, planned(spark, frame) if is_ambiguous(reader, groups) else frame)


def in_sql(given: Mapping[str, str]) -> dict[str, str]:
    """Return the options of `read_files` in SQL, which have no prefix, as reader options; types are inferred."""
    return {"cloudFiles.inferColumnTypes": "true", **{full_name_of(key): value for key, value in given.items()}}


def _options(spark: SparkSession, given: Mapping[str, str], schema: UserSchema, warn: Warn) -> Options:
    """Return the parsed options, with defaults from the session and from the format."""
    names = {key.lower() for key in given}
    defaults = {}
    for name in ("ignoreCorruptFiles", "ignoreMissingFiles"):
        if name.lower() not in names:
            defaults[name] = spark.conf.get(f"spark.sql.files.{name}", "false") or "false"
    options = options_of({**defaults, **given}, schema is not None, warn)
    if options.format == "csv" and schema is None and "header" not in {key.lower() for key in options.generic}:
        options = replace(options, generic={**options.generic, "header": "true"})
    if options.format in FIXED_SCHEMAS or options.variant_column is not None:
        options = replace(options, mode="none", rescued_column=None)
    return options


def _key(options: Options, path: str, schema: UserSchema) -> str:
    """Return the folder name of a source's schemas: another path, format, or way of reading has its own schemas."""
    given = schema.json() if isinstance(schema, StructType) else schema
    parts = [options.format, path, options.infer_types, options.partition_columns, given, options.variant_column]
    parts += sorted(options.generic.items())
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def _reading_session(spark: SparkSession, path: str) -> SparkSession:
    """Return a copy of the session for reading files: names differ by case, and values that do not fit are NULL."""
    session = cloned_session(spark)
    session.conf.set("spark.sql.caseSensitive", "true")
    session.conf.set("spark.sql.ansi.enabled", "false")
    if local_path(path) is not None:  # the driver looks up a file in 0.2 ms; Spark's job for many files takes 2.5 ms
        session.conf.set("spark.sql.sources.parallelPartitionDiscovery.threshold", str(2**31 - 1))
    return session
