"""The alternative of `cdc`: two MERGEs in foreachBatch, as one would write them.

    python -m benchmarks._cdc_by_hand EVENTS STORAGE

They take what the benchmark sends, events in the order of their sequence: a late event would be lost, and a deleted
key would come back. It prints {"seconds": ..., "batches": {...}}: the time of the flows, and of each micro-batch.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from delta.tables import DeltaTable
from pyspark.sql import Window
from pyspark.sql import functions as F  # noqa: N812 (the name all Spark code uses)

from benchmarks._hand_written import ended, start_session

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.streaming.query import StreamingQuery

SCHEMA = "id INT, name STRING, city STRING, op STRING, seq BIGINT"
COLUMNS = {"id": "s.id", "name": "s.name", "city": "s.city"}


def upsert(table: DeltaTable) -> Callable[[DataFrame, int], None]:
    """Return a writer that keeps the newest row of each key."""

    def write(batch: DataFrame, _: int) -> None:
        newest_first = Window.partitionBy("id").orderBy(F.col("seq").desc())
        newest = batch.withColumn("n", F.row_number().over(newest_first)).where("n = 1").drop("n")
        (
            table.alias("t")
            .merge(newest.alias("s"), "t.id = s.id")
            .whenMatchedDelete("s.op = 'D' AND s.seq > t.seq")
            .whenMatchedUpdate("s.seq > t.seq", {**COLUMNS, "seq": "s.seq"})
            .whenNotMatchedInsert("s.op <> 'D'", {**COLUMNS, "seq": "s.seq"})
            .execute()
        )

    return write


def versions(table: DeltaTable) -> Callable[[DataFrame, int], None]:
    """Return a writer that closes the current version of each key and inserts the new ones."""

    def write(batch: DataFrame, _: int) -> None:
        by_key = Window.partitionBy("id").orderBy("seq")
        rows = batch.withColumn("ends", F.lead("seq").over(by_key)).withColumn("n", F.row_number().over(by_key))
        closing = rows.where("n = 1").withColumn("closes", F.col("id"))
        opening = rows.where("op <> 'D'").withColumn("closes", F.lit(None).cast("int"))
        (
            table.alias("t")
            .merge(closing.unionByName(opening).alias("s"), "t.id = s.closes AND t.end_at IS NULL")
            .whenMatchedUpdate(set={"end_at": "s.seq"})
            .whenNotMatchedInsert("s.closes IS NULL", {**COLUMNS, "start_at": "s.seq", "end_at": "s.ends"})
            .execute()
        )

    return write


def start(spark: SparkSession, events: str, folder: Path, name: str, write: Callable[..., None]) -> StreamingQuery:
    """Take what is there, a file in each micro-batch, then end."""
    source = spark.readStream.schema(SCHEMA).option("maxFilesPerTrigger", 1).parquet(events)
    writer = source.writeStream.queryName(name).foreachBatch(write)
    return writer.option("checkpointLocation", str(folder / "checkpoints" / name)).trigger(availableNow=True).start()


def main(events: str, storage: str) -> None:
    """Fill both tables and say how long it took."""
    folder = Path(storage).absolute()
    spark = start_session(folder / "system")
    columns = {"newest": "seq BIGINT", "history": "start_at BIGINT, end_at BIGINT"}
    tables = {}
    for name, own in columns.items():
        path = str(folder / "tables" / name)
        schema = spark.createDataFrame([], f"id INT, name STRING, city STRING, {own}").schema
        DeltaTable.create(spark).location(path).addColumns(schema).execute()
        tables[name] = DeltaTable.forPath(spark, path)
    began = time.monotonic()
    queries = [
        start(spark, events, folder, "newest", upsert(tables["newest"])),
        start(spark, events, folder, "history", versions(tables["history"])),
    ]
    for query in queries:
        ended(query)
    seconds = time.monotonic() - began
    batches = {q.name: [p["durationMs"]["triggerExecution"] / 1000 for p in q.recentProgress] for q in queries}
    print(json.dumps({"seconds": seconds, "batches": batches}))


if __name__ == "__main__":
    main(*sys.argv[1:])
