"""REPLACE USING: newer rows replace the rows of a target that have the same key."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

from delta.tables import DeltaTable
from pyspark.sql import Window
from pyspark.sql import functions as F  # noqa: N812 (the name all Spark code uses)

from livetables.cdc.columns import columns
from livetables.graph.cdc_schema import sequence_of
from livetables.storage.hidden import SEQUENCE

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import Column, DataFrame

    from livetables.model import ReplaceFlow

_KEY, _STORED, _ARRIVES = "__key", "__stored", "__arrives"


def merge(rows: DataFrame, flow: ReplaceFlow, target: Path, transaction: str, batch_id: int) -> int:
    """Replace rows by key in one commit and return how many were added; a batch that is merged again changes nothing.

    Of each key, only the rows with the highest sequence of the batch count. They replace stored rows with a lower
    sequence, are added to those with the same one, and are ignored when the stored one is higher. NULL equals NULL in
    keys.
    """
    spark = rows.sparkSession
    table = DeltaTable.forPath(spark, str(target))
    source = _source(rows, table.toDF(), flow).persist()
    try:
        added = source.where(_ARRIVES).count()
        if added:
            # By the id of the transaction, Delta ignores a batch that is merged again: its rows would be added twice.
            spark.conf.set("spark.databricks.delta.write.txnAppId", transaction)
            spark.conf.set("spark.databricks.delta.write.txnVersion", str(batch_id))
            keys = (F.col(f"t.`{name}`").eqNullSafe(F.col(f"s.{_KEY}.`{name}`")) for name in flow.keys)
            same_key = reduce(lambda a, b: a & b, keys)
            values: dict[str, str | Column] = {f"`{name}`": F.col(f"s.`{name}`") for name in rows.columns}
            merging = table.alias("t").merge(source.alias("s"), same_key & ~F.col(f"s.{_ARRIVES}"))
            merging.whenMatchedDelete().whenNotMatchedInsert(F.col(f"s.{_ARRIVES}"), values).execute()
    finally:
        source.unpersist()
    return added


def _source(rows: DataFrame, stored: DataFrame, flow: ReplaceFlow) -> DataFrame:
    """Return the rows to add, which match nothing, and one row for each key whose stored rows are to be deleted."""
    key = F.struct(*columns(list(flow.keys)))
    rows = rows.withColumns({SEQUENCE: sequence_of(rows, flow.sequence_by), _KEY: key})
    newest = F.max(SEQUENCE).over(Window.partitionBy(_KEY))
    rows = rows.withColumn("__newest", newest).where(F.col("__newest") == F.col(SEQUENCE)).drop("__newest")
    known = stored.select(key.alias(_KEY), sequence_of(stored, flow.sequence_by).alias(_STORED))
    known = known.groupBy(_KEY).agg(F.max(_STORED).alias(_STORED)).alias("t")
    added = rows.alias("s").join(known, F.col(f"s.{_KEY}").eqNullSafe(F.col(f"t.{_KEY}")), "left")
    added = added.select("s.*", _STORED).where(F.col(_STORED).isNull() | (F.col(SEQUENCE) >= F.col(_STORED)))
    gone = added.where(F.col(_STORED) < F.col(SEQUENCE)).select(_KEY).distinct()
    return added.withColumn(_ARRIVES, F.lit(True)).unionByName(
        gone.withColumn(_ARRIVES, F.lit(False)), allowMissingColumns=True
    )
