"""Infers the fields of files with Spark, and configures Spark's reader of files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql.types import StructType

from livetables.autoloader.read.reader import TEXT_FORMATS
from livetables.autoloader.read.rescue import RAW
from livetables.autoloader.schema.blocks import UnreadableError
from livetables.autoloader.schema.schemas import nulls_as_strings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import DataFrameReader

    from livetables.autoloader.read.reader import FileReader, ReadPlan

#: Marks of Spark's errors at damaged files when it reads their schema.
_DAMAGED = ("FAILED_READ_FILE", "CANNOT_READ_FILE_FOOTER", "Not an Avro data file", "Malformed ORC file")


def infer_fields(reader: FileReader, files: Sequence[str], *, types: bool) -> StructType:
    """Return the fields that Spark infers, with their `types` or as strings; empty when files have no schema.

    Raises UnreadableError for a damaged file.
    """
    settings = {"columnNameOfCorruptRecord": RAW, "mode": "PERMISSIVE", "mergeSchema": "true"}
    if reader.options.format in TEXT_FORMATS:
        settings |= {"inferSchema": str(types).lower(), "primitivesAsString": str(not types).lower()}
    try:
        schema = spark_reader(reader).options(**settings).load(list(files)).schema
    except Exception as error:
        if any(mark in str(error) for mark in _DAMAGED):
            raise UnreadableError(str(error).splitlines()[0].split(" SQLSTATE")[0]) from error
        if "UNABLE_TO_INFER_SCHEMA" not in str(error):
            raise
        return StructType()
    return nulls_as_strings(StructType([field for field in schema.fields if field.name != RAW]))


def spark_reader(reader: FileReader, plan: ReadPlan | None = None) -> DataFrameReader:
    """Return Spark's reader of the format with the options of the source, and the schema and settings of a plan."""
    options = reader.options
    # Each path is one file: no wildcards in its name, and no partitions in its folders.
    own = {"__globPaths__": "false", "recursiveFileLookup": "true", "ignoreMissingFiles": str(options.ignore_missing)}
    own["ignoreCorruptFiles"] = str(options.ignore_corrupt)
    if options.corrupt_column is not None:
        own["columnNameOfCorruptRecord"] = options.corrupt_column
    settings = {} if plan is None else plan.settings
    found = reader.session.read.format(options.format).options(**{**options.generic, **own, **settings})
    return found if plan is None or plan.schema is None else found.schema(plan.schema)
