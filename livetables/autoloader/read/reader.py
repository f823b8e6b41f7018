"""The types of reading: the reader and schema of a source, groups of files with the same fields, their read plan."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pyspark.sql.types import StringType, StructField, StructType

if TYPE_CHECKING:
    from pyspark.sql import Column, SparkSession

    from livetables.autoloader.options import Options

#: Formats with a constant schema.
FIXED_SCHEMAS = {
    "text": StructType().add("value", "string"),
    "binaryFile": StructType()
    .add("path", "string")
    .add("modificationTime", "timestamp")
    .add("length", "long")
    .add("content", "binary"),
}
#: Formats whose values are texts.
TEXT_FORMATS = ("csv", "json", "xml")
#: The fields of `_metadata`.
FILE_METADATA = (
    StructType()
    .add("file_path", "string")
    .add("file_name", "string")
    .add("file_size", "long")
    .add("file_block_start", "long")
    .add("file_block_length", "long")
    .add("file_modification_time", "timestamp")
)
METADATA = StructType().add("_metadata", FILE_METADATA)


@dataclass(frozen=True)
class SourceSchema:
    """The data columns and the partition columns of a source; `given` when the user defined the schema."""

    data: StructType
    partitions: StructType
    given: bool = False


@dataclass(frozen=True)
class FileGroup:
    """Files with the same fields, which are read together; `records` has the record count of each, where known."""

    files: tuple[str, ...]
    fields: StructType
    records: tuple[int | None, ...] = ()


@dataclass(frozen=True)
class ReadPlan:
    """How a group of files is read: the schema and settings of Spark's reader, the output columns, the filter.

    Without a `schema` Spark's reader has its own.
    """

    schema: StructType | None
    settings: dict[str, str]
    columns: list[Column]
    where: Column | None = None
    #: The condition of records that go to badRecordsPath.
    bad: Column | None = None


@dataclass(frozen=True)
class FileReader:
    """Reads the files of one source; `session` is only for reading, and compares names with their case."""

    session: SparkSession
    options: Options
    schema: SourceSchema
    #: Cache by the fields of a group and whether `_metadata` is read: a plan takes hundreds of calls to the JVM, and
    #: most files have the same fields.
    plans: dict[tuple[str, bool], ReadPlan] = field(default_factory=dict, compare=False)

    @property
    def columns(self) -> StructType:
        """The columns of the source, without `_metadata`: data, partitions, and the rescued data."""
        rescued = self.options.rescued_column
        data = [field for field in self.schema.data.fields if field.name not in self.schema.partitions.names]
        extra = [StructField(rescued, StringType())] if rescued else []
        return StructType([*data, *self.schema.partitions.fields, *extra])

    @property
    def needs_fields(self) -> bool:
        """Whether the fields of files must be known before they are read; otherwise Spark's reader needs no help."""
        options = self.options
        if options.format in FIXED_SCHEMAS or options.variant_column is not None:
            return False
        return not self.schema.given or options.rescued_column is not None or options.mode == "failOnNewColumns"

    @property
    def format_options(self) -> dict[str, str]:
        """The options of Spark's reader of the format, names and values in lower case."""
        return {key.lower(): value.lower() for key, value in self.options.generic.items()}
