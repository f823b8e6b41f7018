"""Reads groups of files with Spark as the rows of a source, and finds its bad records."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from livetables.autoloader.read.groups import join_groups
from livetables.autoloader.read.inference import spark_reader
from livetables.autoloader.read.plans import read_plan
from livetables.autoloader.read.rescue import RAW, column
from livetables.autoloader.spark_frames import planned

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pyspark.sql import DataFrame

    from livetables.autoloader.read.reader import FileGroup, FileReader, ReadPlan


def read_rows(reader: FileReader, groups: Sequence[FileGroup], *, metadata: bool = True) -> DataFrame:
    """Return the rows of files with the columns of the source, and `_metadata` as the last column.

    Without `metadata` that column is NULL: Spark would compute it for each record even if no query uses it.
    """
    frames = [_read_group(reader, group, metadata=metadata) for group in join_groups(reader, groups)]
    return reduce(lambda joined, frame: joined.union(frame), frames)


def write_bad_records(
    reader: FileReader, groups: Sequence[FileGroup], bad_files: Mapping[str, str], folder: str
) -> None:
    """Write bad records to `bad_records` in a folder, and paths with reasons to `bad_files`, both as JSON.

    What an earlier attempt at the same batch has written is replaced.
    """
    records = _bad_records(reader, groups)
    if records is not None and not records.isEmpty():
        records.write.mode("overwrite").json(f"{folder}/bad_records")
    if bad_files:
        structs = (F.struct(F.lit(path).alias("path"), F.lit(why).alias("reason")) for path, why in bad_files.items())
        frame = reader.session.range(1, numPartitions=1).select(F.inline(F.array(*structs)))
        frame.write.mode("overwrite").json(f"{folder}/bad_files")


def _bad_records(reader: FileReader, groups: Sequence[FileGroup]) -> DataFrame | None:
    """Return path, text (`record`) and `reason` of the records that `read_rows` leaves out; None when it keeps all."""
    frames = []
    for group in join_groups(reader, groups):
        plan = read_plan(reader, group.fields, with_path=False, with_metadata=False)
        if plan.bad is None:
            continue
        # All columns are selected: Spark does not parse values that no query uses.
        whole = planned(reader.session, _load(reader, plan, group).select("*", F.col("_metadata.file_path")))
        reason = F.lit("malformed" if reader.needs_fields else "malformed, or a value does not fit its column")
        columns = F.col("file_path").alias("path"), column(RAW).alias("record"), reason.alias("reason")
        frames.append(whole.where(plan.bad).select(*columns))
    return reduce(lambda joined, frame: joined.union(frame), frames) if frames else None


def _read_group(reader: FileReader, group: FileGroup, *, metadata: bool) -> DataFrame:
    key = group.fields.json(), metadata
    if key not in reader.plans:
        path = reader.session.conf.get("spark.databricks.sql.rescuedDataColumn.filePath.enabled", "true")
        reader.plans[key] = read_plan(reader, group.fields, with_path=path != "false", with_metadata=metadata)
    plan = reader.plans[key]
    frame = _load(reader, plan, group)
    frame = frame if plan.where is None else frame.where(plan.where)
    return frame.select(*plan.columns)


def _load(reader: FileReader, plan: ReadPlan, group: FileGroup) -> DataFrame:
    frame = spark_reader(reader, plan).load(list(group.files))
    options = reader.format_options
    encoding = options.get("encoding", options.get("charset"))
    if reader.options.format != "json" or encoding is None or RAW not in frame.columns:
        return frame
    return frame.withColumn(RAW, F.decode(column(RAW).cast("binary"), encoding))  # Spark leaves its bytes undecoded
