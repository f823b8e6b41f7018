"""Reads files of each format with Spark's own readers, as the columns of one schema; what does not fit is rescued."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import reduce
from typing import TYPE_CHECKING, TypeVar

from pyspark.sql import functions as F  # noqa: N812 - Spark's own convention
from pyspark.sql.types import StringType, StructField, StructType

from livetables.autoloader.read import record_counts as scan
from livetables.autoloader.read.rescue import MALFORMED, RAW, Fit, column
from livetables.autoloader.schema import blocks as pieces
from livetables.autoloader.schema.json_fields import THREADS, Look
from livetables.autoloader.schema.schemas import as_strings, merge, nulls_as_strings
from livetables.autoloader.stream import planned
from livetables.storage.locations import local_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pyspark.sql import Column, DataFrame, DataFrameReader, SparkSession

    from livetables.autoloader.options import Options
    from livetables.autoloader.schema.json_fields import Looks

_T = TypeVar("_T")
#: Formats whose schema is always the same.
FIXED = {
    "text": StructType().add("value", "string"),
    "binaryFile": StructType()
    .add("path", "string")
    .add("modificationTime", "timestamp")
    .add("length", "long")
    .add("content", "binary"),
}
TEXT = ("csv", "json", "xml")
#: With these options, lines are not those of UTF-8 text.
_OTHER_LINES = {"linesep", "encoding", "charset"}
#: By so many values a record of CSV may exceed its header before it counts as malformed.
_OVERFLOW = 64
#: What Spark says when it asks a damaged file for its schema.
_DAMAGED = ("FAILED_READ_FILE", "CANNOT_READ_FILE_FOOTER", "Not an Avro data file", "Malformed ORC file")
#: What Spark's readers tell of the file of a row.
_FILE = (
    StructType()
    .add("file_path", "string")
    .add("file_name", "string")
    .add("file_size", "long")
    .add("file_block_start", "long")
    .add("file_block_length", "long")
    .add("file_modification_time", "timestamp")
)
_RAW = StructField(RAW, StringType())
_KEEPING_RAW = {"mode": "PERMISSIVE", "columnNameOfCorruptRecord": RAW}
METADATA = StructType().add("_metadata", _FILE)
#: In the metadata of a column that is kept: it comes from the names of folders.
_FOLDER = "livetables.folder"


@dataclass(frozen=True)
class Selection:
    """How files with the same fields are read: Spark's schema and settings for it, the columns, which records."""

    schema: StructType | None
    settings: dict[str, str]
    columns: list[Column]
    where: Column | None = None
    #: Which records go to badRecordsPath.
    bad: Column | None = None


@dataclass(frozen=True)
class Layout:
    """The columns that files are read as, those of their folders apart; `given` when the user says them."""

    data: StructType
    partitions: StructType
    given: bool = False
    #: By the fields of files and whether `_metadata` is asked for, how they are read: to say it takes the JVM
    #: hundreds of calls, and most files are alike.
    selections: dict[tuple[str, bool], Selection] = field(default_factory=dict, compare=False)

    def columns(self, options: Options) -> StructType:
        """Return the columns of the stream."""
        rescued = options.rescued_column
        data = [field for field in self.data.fields if field.name not in self.partitions.names]
        extra = [StructField(rescued, StringType())] if rescued else []
        return StructType([*data, *self.partitions.fields, *extra])


@dataclass(frozen=True)
class Group:
    """Files that are read in one go, the fields that they have, and how many records each has, where that is known."""

    files: tuple[str, ...]
    wide: StructType
    records: tuple[int | None, ...] = ()


def flagged(partitions: StructType) -> StructType:
    """Return columns as they are kept beside those of the data."""
    return StructType([StructField(f.name, f.dataType, metadata={_FOLDER: True}) for f in partitions.fields])


def parted(kept: StructType) -> tuple[StructType, StructType]:
    """Return of kept columns those of the data and those of folders."""
    data = [field for field in kept.fields if not field.metadata.get(_FOLDER)]
    folders = [StructField(f.name, f.dataType) for f in kept.fields if f.metadata.get(_FOLDER)]
    return StructType(data), StructType(folders)


def by_name(options: Options, layout: Layout) -> bool:
    """Tell whether the fields of files have to be known: without that, Spark's reader does what it always does."""
    fixed = options.format in FIXED or options.variant_column is not None
    return not fixed and (not layout.given or options.rescued_column is not None or options.mode == "failOnNewColumns")


def groups(spark: SparkSession, options: Options, layout: Layout, files: Sequence[str], looks: Looks) -> list[Group]:
    """Look into files for the fields that they have: as strings where their format has no types.

    Where nobody asks for fields, a file is not looked into, unless damaged ones are to be left out: Spark would do
    that in silence. Raises pieces.UnreadableError and FileNotFoundError.
    """
    if not by_name(options, layout):
        for path in filter(None, map(local_path, files if options.ignore_corrupt else ())):
            pieces.check(path)
        return [Group(tuple(files), layout.data)]
    if options.format == "csv" and _said(options).get("header") == "true":
        return _by_fields(files, _in_threads(lambda file: Look(_csv_fields(spark, file, options)), files))
    lines = paths_of_lines(options, layout, files)
    if lines is not None:
        return _by_fields(files, [Look(nulls_as_strings(fields), n) for fields, n in looks.at(lines)])
    if options.format in TEXT:
        return [Group(tuple(files), infer(spark, options, files, types=False))]
    return _typed_groups(spark, options, files)


def paths_of_lines(options: Options, layout: Layout, files: Sequence[str]) -> list[str] | None:
    """Return the paths of files on this machine that are looked at as JSON lines; None when that does not tell."""
    said = _said(options)
    if options.format != "json" or said.get("multiline") == "true" or not by_name(options, layout):
        return None
    if _OTHER_LINES & said.keys() or any(key.startswith("allow") for key in said):  # what is JSON, only Spark can say
        return None
    paths = [path for path in map(local_path, files) if path is not None]
    return paths if len(paths) == len(files) else None


def _said(options: Options) -> dict[str, str]:
    return {key.lower(): value.lower() for key, value in options.generic.items()}


def _typed_groups(spark: SparkSession, options: Options, files: Sequence[str]) -> list[Group]:
    """Return files by their own schema; in one group where Spark can read different ones by name."""
    if options.format != "avro":
        try:
            return [Group(tuple(files), infer(spark, options, files, types=True))]
        except Exception as error:
            if "CANNOT_MERGE" not in str(error):
                raise
    looked = _in_threads(lambda file: Look(infer(spark, options, [file], types=True)), files)
    return _by_fields(files, looked)


def infer(spark: SparkSession, options: Options, files: Sequence[str], *, types: bool) -> StructType:
    """Return the schema that Spark infers of files, with their `types` or all strings; empty when there is none."""
    settings = {"columnNameOfCorruptRecord": RAW, "mode": "PERMISSIVE", "mergeSchema": "true"}
    if options.format in TEXT:
        settings |= {"inferSchema": str(types).lower(), "primitivesAsString": str(not types).lower()}
    try:
        schema = _reader(spark, options).options(**settings).load(list(files)).schema
    except Exception as error:
        if any(mark in str(error) for mark in _DAMAGED):
            raise pieces.UnreadableError(str(error).splitlines()[0].split(" SQLSTATE")[0]) from error
        if "UNABLE_TO_INFER_SCHEMA" not in str(error):
            raise
        return StructType()
    return nulls_as_strings(StructType([field for field in schema.fields if field.name != RAW]))


def read(
    spark: SparkSession, options: Options, layout: Layout, found: Sequence[Group], *, metadata: bool = True
) -> DataFrame:
    """Return the records of files as the columns of a layout, and `_metadata` as the last one.

    Without `metadata` that is NULL: otherwise it is made for each record, also when nobody asks for it.
    """
    frames = [_group(spark, options, layout, group, metadata=metadata) for group in _joined(options, layout, found)]
    return reduce(lambda one, other: one.union(other), frames)


def records(options: Options, found: Sequence[Group]) -> dict[str, int | None]:
    """Return how many records files have, as far as that is known before Spark reads them."""
    said = _said(options)
    some_are_no_rows = options.bad_records is not None or said.get("mode", "permissive") != "permissive"
    if some_are_no_rows or _OTHER_LINES & said.keys() or "true" in (said.get("multiline"), said.get("wholetext")):
        return {}

    def counted(file: str) -> int | None:
        path = local_path(file)
        return None if path is None else scan.records(path, options.format)

    looked = {file: number for group in found for file, number in zip(group.files, group.records, strict=False)}
    rest = [file for group in found for file in group.files if looked.get(file) is None]
    return {**looked, **dict(zip(rest, _in_threads(counted, rest), strict=True))}


def bad_records(spark: SparkSession, options: Options, layout: Layout, found: Sequence[Group]) -> DataFrame | None:
    """Return path, text (`record`) and `reason` of the records that `read` leaves out; None when it leaves out none."""
    frames = []
    for group in _joined(options, layout, found):
        selection = _selection(options, layout, group.wide, with_path=False, with_metadata=False)
        if selection.bad is None:
            continue
        # All columns are asked for: Spark does not look into values that nobody wants.
        whole = planned(spark, _load(spark, options, selection, group).select("*", F.col("_metadata.file_path")))
        reason = F.lit("malformed" if by_name(options, layout) else "malformed, or a value does not fit its column")
        told = (F.col("file_path").alias("path"), column(RAW).alias("record"), reason.alias("reason"))
        frames.append(whole.where(selection.bad).select(*told))
    return reduce(lambda one, other: one.union(other), frames) if frames else None


def ambiguous(layout: Layout, found: Sequence[Group]) -> bool:
    """Tell whether fields differ by their case alone: then only the session that reads files can plan for them."""
    names = {name for group in found for name in (*group.wide.names, *layout.data.names)}
    return len({name.lower() for name in names}) < len(names)


def _joined(options: Options, layout: Layout, found: Sequence[Group]) -> list[Group]:
    """Put groups together that are read by name: into those without further fields, and those with."""
    if options.format not in ("json", "xml") or not by_name(options, layout):
        return list(found)
    parts: dict[bool, list[Group]] = {}
    for group in found:
        parts.setdefault(merge(layout.data, group.wide, widen=False) == layout.data, []).append(group)
    return [
        Group(
            tuple(file for group in part for file in group.files),
            layout.data if plain else reduce(_merged, (group.wide for group in part), layout.data),
        )
        for plain, part in parts.items()
    ]


def _group(spark: SparkSession, options: Options, layout: Layout, group: Group, *, metadata: bool) -> DataFrame:
    key = group.wide.json(), metadata
    if key not in layout.selections:
        with_path = spark.conf.get("spark.databricks.sql.rescuedDataColumn.filePath.enabled", "true") != "false"
        layout.selections[key] = _selection(options, layout, group.wide, with_path=with_path, with_metadata=metadata)
    selection = layout.selections[key]
    frame = _load(spark, options, selection, group)
    frame = frame if selection.where is None else frame.where(selection.where)
    return frame.select(*selection.columns)


def _load(spark: SparkSession, options: Options, selection: Selection, group: Group) -> DataFrame:
    frame = _reader(spark, options, selection).load(list(group.files))
    said = _said(options)
    encoding = said.get("encoding", said.get("charset"))
    if options.format != "json" or encoding is None or RAW not in frame.columns:
        return frame
    return frame.withColumn(RAW, F.decode(column(RAW).cast("binary"), encoding))  # its bytes are the file's


def _selection(
    options: Options, layout: Layout, wide: StructType, *, with_path: bool, with_metadata: bool
) -> Selection:
    """Return how files with the fields `wide` are read."""
    path = F.col("_metadata.file_path")
    told = F.struct(*(F.col(f"_metadata.{f.name}").alias(f.name) for f in _FILE.fields))
    metadata = (told if with_metadata else F.lit(None).cast(_FILE)).alias("_metadata")
    folders = [_folder(path, field).alias(field.name) for field in layout.partitions.fields]
    if options.variant_column is not None:
        settings = {"singleVariantColumn": options.variant_column}
        return Selection(None, settings, [column(options.variant_column), *folders, metadata])
    names = [name for name in layout.data.names if name not in layout.partitions.names]
    if not by_name(options, layout):
        return _as_it_is(options, layout, [*(column(name) for name in names), *folders, metadata])
    if options.format not in TEXT:
        fit, schema, settings = Fit(layout.data, wide, options.case_sensitive), wide, {}
    else:
        fit = _text_fit(options, layout.data, wide)
        schema, settings = StructType([*fit.wide.fields, _RAW]), _KEEPING_RAW
    columns = dict(zip(layout.data.names, fit.columns(), strict=True))
    if options.corrupt_column in columns:
        columns[options.corrupt_column] = F.when(fit.malformed(), column(RAW)).alias(options.corrupt_column)
    if options.format in TEXT and not (folders or with_metadata):  # few records are rescued: it is evaluated for those
        path = F.regexp_replace(F.input_file_name(), "^file:///", "file:/")
    rescued = fit.rescued(path if with_path else None) if options.rescues else F.lit(None).cast("string")
    extra = [rescued.alias(options.rescued_column)] if options.rescued_column else []
    chosen = [*(columns[name] for name in names), *folders, *extra, metadata]
    if options.format not in TEXT:
        return Selection(schema, settings, chosen)
    bad = fit.malformed() if options.bad_records is not None else None
    return Selection(schema, settings, chosen, _well_formed(options, fit), bad)


def _as_it_is(options: Options, layout: Layout, columns: list[Column]) -> Selection:
    """Return how files are read in a schema that they are known to have."""
    if options.bad_records is None or options.format not in TEXT:
        return Selection(None if options.format == "binaryFile" else layout.data, {}, columns)
    bad = column(RAW).isNotNull()
    return Selection(StructType([*layout.data.fields, _RAW]), _KEEPING_RAW, columns, ~bad, bad)


def _text_fit(options: Options, schema: StructType, found: StructType) -> Fit:
    """Return how records of text fit: fields of the schema are read in its types, others as strings."""
    own = {field.name: field for field in schema.fields}
    if options.format == "csv":  # the fields stand in the order of the file
        wide = StructType([own.get(field.name, field) for field in found.fields])
        return Fit(schema, wide, options.case_sensitive, _csv_parser(options), overflow=_overflow(wide))
    if options.format == "xml":  # Spark's reader of XML gives up a record at its first value of another type
        wide = merge(as_strings(schema), as_strings(found), widen=False)
        return Fit(schema, wide, options.case_sensitive, whole=True)
    settings = {**options.generic, "mode": "PERMISSIVE", "columnNameOfCorruptRecord": MALFORMED}

    def parse(text: Column, names: Sequence[str]) -> Column:
        return F.from_json(text, _strings(*names, MALFORMED), settings)

    return Fit(schema, merge(schema, as_strings(found), widen=False), options.case_sensitive, parse, nested=True)


def _csv_parser(options: Options) -> Callable[[Column, Sequence[str]], Column]:
    settings = {key: value for key, value in options.generic.items() if key.lower() not in ("header", "mode")}

    def parse(text: Column, names: Sequence[str]) -> Column:
        ddl = ", ".join(f"`{name.replace('`', '``')}` STRING" for name in names)
        return F.from_csv(text, ddl, settings)

    return parse


def _overflow(wide: StructType) -> tuple[str, ...]:
    return tuple(f"_c{len(wide.fields) + at}" for at in range(_OVERFLOW))


def _well_formed(options: Options, fit: Fit) -> Column | None:
    """Drop malformed records, or fail at one, when `mode` says so; a value of another type is no malformed record."""
    mode = "DROPMALFORMED" if options.bad_records is not None else options.generic.get("mode", "PERMISSIVE").upper()
    well_formed = ~F.coalesce(fit.malformed(), F.lit(False))
    if mode == "FAILFAST":
        said = F.concat(F.lit("[MALFORMED_RECORD_IN_PARSING] "), F.col("_metadata.file_path"), F.lit(": "), column(RAW))
        return well_formed | F.raise_error(said).cast("boolean")
    return well_formed if mode == "DROPMALFORMED" else None


def _folder(path: Column, field: StructField) -> Column:
    """Return the value of a `name=value` folder in a path, NULL when there is none."""
    value = F.regexp_extract(path, rf"/{field.name}=([^/]*)/", 1)
    value = F.url_decode(F.url_decode(F.replace(value, F.lit("+"), F.lit("%2B"))))
    none = (value == "") | (value == "__HIVE_DEFAULT_PARTITION__")
    return F.when(~none, value).cast(field.dataType)


def _by_fields(files: Sequence[str], looks: Iterable[Look]) -> list[Group]:
    """Put files with the same fields together."""
    found: dict[str, list[tuple[str, Look]]] = {}
    for file, look in zip(files, looks, strict=True):
        found.setdefault(look.fields.json(), []).append((file, look))
    return [
        Group(tuple(file for file, _ in like), like[0][1].fields, tuple(look.records for _, look in like))
        for like in found.values()
    ]


def _in_threads(work: Callable[[str], _T], files: Sequence[str]) -> list[_T]:
    with ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="livetables-scan") as threads:
        return list(threads.map(work, files))


def _csv_fields(spark: SparkSession, file: str, options: Options) -> StructType:
    local = local_path(file)
    if local is None:
        return infer(spark, options, [file], types=False)
    return _strings(*scan.csv_header(local, options.generic))


def _merged(one: StructType, other: StructType) -> StructType:
    return merge(one, as_strings(other), widen=False)


def _strings(*names: str) -> StructType:
    return StructType([StructField(name, StringType()) for name in names])


def _reader(spark: SparkSession, options: Options, selection: Selection | None = None) -> DataFrameReader:
    # Each path is one file: its name is no pattern, and its folders are no partitions.
    own = {"__globPaths__": "false", "recursiveFileLookup": "true", "ignoreMissingFiles": str(options.ignore_missing)}
    own["ignoreCorruptFiles"] = str(options.ignore_corrupt)
    if options.corrupt_column is not None:
        own["columnNameOfCorruptRecord"] = options.corrupt_column
    settings = {} if selection is None else selection.settings
    reader = spark.read.format(options.format).options(**{**options.generic, **own, **settings})
    return reader if selection is None or selection.schema is None else reader.schema(selection.schema)
