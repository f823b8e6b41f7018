"""Plans how files with given fields are read as the columns of a source."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F
from pyspark.sql.types import StringType, StructField, StructType

from livetables.autoloader.read.reader import FILE_METADATA, TEXT_FORMATS, ReadPlan
from livetables.autoloader.read.rescue import MALFORMED, RAW, Fit, column
from livetables.autoloader.schema.schemas import as_strings, merge

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyspark.sql import Column

    from livetables.autoloader.options import Options
    from livetables.autoloader.read.reader import FileReader

#: Extra values that a CSV record may have, beyond its header, before it counts as malformed.
_SURPLUS_VALUES = 64
_RAW_FIELD = StructField(RAW, StringType())
_KEEP_RAW = {"mode": "PERMISSIVE", "columnNameOfCorruptRecord": RAW}


def read_plan(reader: FileReader, fields: StructType, *, with_path: bool, with_metadata: bool) -> ReadPlan:
    """Return how files with these fields are read.

    `with_path` puts the path of the file into the rescued data; without `with_metadata`, `_metadata` is NULL.
    """
    options, schema = reader.options, reader.schema
    path = F.col("_metadata.file_path")
    partitions = [_partition_value(path, field).alias(field.name) for field in schema.partitions.fields]
    metadata = _metadata(with_metadata=with_metadata)
    if options.variant_column is not None:
        settings = {"singleVariantColumn": options.variant_column}
        return ReadPlan(None, settings, [column(options.variant_column), *partitions, metadata])
    names = [name for name in schema.data.names if name not in schema.partitions.names]
    if not reader.needs_fields:
        return _plain_plan(reader, [*(column(name) for name in names), *partitions, metadata])
    is_text = options.format in TEXT_FORMATS
    fit = _text_fit(options, schema.data, fields) if is_text else Fit(schema.data, fields, options.case_sensitive)
    columns = dict(zip(schema.data.names, fit.columns(), strict=True))
    if options.corrupt_column in columns:
        columns[options.corrupt_column] = F.when(fit.malformed(), column(RAW)).alias(options.corrupt_column)
    if is_text and not (partitions or with_metadata):  # cheaper: evaluated only for the few records that are rescued
        path = F.regexp_replace(F.input_file_name(), "^file:///", "file:/")
    rescued = fit.rescued(path if with_path else None) if options.rescues else F.lit(None).cast("string")
    extra = [rescued.alias(options.rescued_column)] if options.rescued_column else []
    output = [*(columns[name] for name in names), *partitions, *extra, metadata]
    if not is_text:
        return ReadPlan(fields, {}, output)
    bad = fit.malformed() if options.bad_records is not None else None
    return ReadPlan(StructType([*fit.wide.fields, _RAW_FIELD]), _KEEP_RAW, output, _well_formed(options, fit), bad)


def _metadata(*, with_metadata: bool) -> Column:
    values = F.struct(*(F.col(f"_metadata.{field.name}").alias(field.name) for field in FILE_METADATA.fields))
    return (values if with_metadata else F.lit(None).cast(FILE_METADATA)).alias("_metadata")


def _plain_plan(reader: FileReader, columns: list[Column]) -> ReadPlan:
    """Return how files are read whose fields are known to be those of the schema."""
    options, data = reader.options, reader.schema.data
    if options.bad_records is None or options.format not in TEXT_FORMATS:
        return ReadPlan(None if options.format == "binaryFile" else data, {}, columns)
    bad = column(RAW).isNotNull()
    return ReadPlan(StructType([*data.fields, _RAW_FIELD]), _KEEP_RAW, columns, ~bad, bad)


def _text_fit(options: Options, schema: StructType, found: StructType) -> Fit:
    """Return how records of text fit: fields of the schema are read with its types, new ones as strings."""
    own = {field.name: field for field in schema.fields}
    if options.format == "csv":  # the fields are in the order of the file
        wide = StructType([own.get(field.name, field) for field in found.fields])
        return Fit(schema, wide, options.case_sensitive, _csv_parser(options), surplus=_surplus(wide))
    if options.format == "xml":  # Spark's reader of XML rejects a record at its first value of another type
        wide = merge(as_strings(schema), as_strings(found), widen=False)
        return Fit(schema, wide, options.case_sensitive, keeps_malformed=True)
    settings = {**options.generic, "mode": "PERMISSIVE", "columnNameOfCorruptRecord": MALFORMED}

    def parse(text: Column, names: Sequence[str]) -> Column:
        strings = StructType([StructField(name, StringType()) for name in (*names, MALFORMED)])
        return F.from_json(text, strings, settings)

    wide = merge(schema, as_strings(found), widen=False)
    return Fit(schema, wide, options.case_sensitive, parse, parses_nested=True)


def _csv_parser(options: Options) -> Callable[[Column, Sequence[str]], Column]:
    settings = {key: value for key, value in options.generic.items() if key.lower() not in ("header", "mode")}

    def parse(text: Column, names: Sequence[str]) -> Column:
        ddl = ", ".join(f"`{name.replace('`', '``')}` STRING" for name in names)
        return F.from_csv(text, ddl, settings)

    return parse


def _surplus(wide: StructType) -> tuple[str, ...]:
    return tuple(f"_c{len(wide.fields) + at}" for at in range(_SURPLUS_VALUES))


def _well_formed(options: Options, fit: Fit) -> Column | None:
    """Return the filter that drops malformed records, or fails at one, as `mode` says; None to keep all.

    A value of another type does not make a record malformed.
    """
    mode = "DROPMALFORMED" if options.bad_records is not None else options.generic.get("mode", "PERMISSIVE").upper()
    well_formed = ~F.coalesce(fit.malformed(), F.lit(False))
    if mode == "FAILFAST":
        path = F.col("_metadata.file_path")
        message = F.concat(F.lit("[MALFORMED_RECORD_IN_PARSING] "), path, F.lit(": "), column(RAW))
        return well_formed | F.raise_error(message).cast("boolean")
    return well_formed if mode == "DROPMALFORMED" else None


def _partition_value(path: Column, field: StructField) -> Column:
    """Return the value of a `name=value` folder in a path; NULL when the path has none."""
    value = F.regexp_extract(path, rf"/{field.name}=([^/]*)/", 1)
    value = F.url_decode(F.url_decode(F.replace(value, F.lit("+"), F.lit("%2B"))))
    none = (value == "") | (value == "__HIVE_DEFAULT_PARTITION__")
    return F.when(~none, value).cast(field.dataType)
