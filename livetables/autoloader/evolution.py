"""Schema evolution: follows new columns in the files of a batch as the option schemaEvolutionMode says."""

from __future__ import annotations

from datetime import datetime, timezone
from functools import reduce
from typing import TYPE_CHECKING

from pyspark.sql.types import StructType

from livetables.autoloader.read.inference import infer_fields
from livetables.autoloader.read.reader import TEXT_FORMATS
from livetables.autoloader.schema.partitions import marked_partitions
from livetables.autoloader.schema.schemas import merge, new_fields, sorted_columns, without_case_variants
from livetables.errors import LivetablesError, NewColumnsError, count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from livetables.autoloader.read.reader import FileGroup, FileReader
    from livetables.autoloader.schema.schemas import SchemaStore


def follow_new_columns(
    reader: FileReader, groups: Sequence[FileGroup], store: SchemaStore, path: str, now: float
) -> None:
    """Store a wider schema when the files of a batch have new columns, and end the stream, where the mode says so.

    `now` is in seconds since 1970, `path` the load path. Raises NewColumnsError once the wider schema is stored;
    LivetablesError in the mode failOnNewColumns.
    """
    options, schema = reader.options, reader.schema
    if options.mode in ("none", "rescue"):
        return
    known = StructType([*schema.data.fields, *schema.partitions.fields])
    fresh = [group for group in groups if new_fields(known, group.fields, case_sensitive=False)]
    widen = options.mode == "addNewColumnsWithTypeWidening"
    if not (fresh or widen):
        return
    if options.mode == "failOnNewColumns":
        raise _new_column_error(fresh[0], known)
    wider = _widened(reader, groups if widen else fresh, widen=widen)
    if wider == schema.data:
        return
    names = ", ".join(new_fields(schema.data, wider, case_sensitive=True)) or "wider types"
    columns = StructType([*wider.fields, *marked_partitions(schema.partitions).fields])
    store.append(columns, f"new columns: {names}", datetime.fromtimestamp(now, timezone.utc))
    files = count(sum(len(group.files) for group in fresh or groups), "new file")
    raise NewColumnsError(
        "UNKNOWN_FIELD_EXCEPTION", f"{files} of {path} showed new columns, which the schema has now: {names}."
    )


def _widened(reader: FileReader, groups: Sequence[FileGroup], *, widen: bool) -> StructType:
    """Return the data columns of the source with the new fields of files, and with `widen` with wider types."""
    options = reader.options
    wider = reader.schema.data
    infers_types = options.infer_types and options.format in TEXT_FORMATS
    found = [infer_fields(reader, group.files, types=True) if infers_types else group.fields for group in groups]
    if options.format == "json":
        found = [sorted_columns(fields) for fields in found]
    return reduce(lambda data, new: merge(data, without_case_variants(data, new), widen=widen), found, wider)


def _new_column_error(group: FileGroup, known: StructType) -> LivetablesError:
    names = ", ".join(new_fields(known, group.fields, case_sensitive=False))
    return LivetablesError(
        "UNKNOWN_FIELD_EXCEPTION",
        f"{group.files[0]} has fields that the schema lacks: {names}.",
        hint="Add them to the schema or to cloudFiles.schemaHints, or remove the file.",
    )
