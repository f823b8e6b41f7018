"""Tables look alike, whichever library has created them."""

from __future__ import annotations

from itertools import count

from pyspark.sql.types import StructType

from livetables.errors import SourceLocation
from livetables.execute.tables import Tables
from livetables.graph.graph import ResolvedDataset
from livetables.model import Namespace, StreamingTable
from livetables.pipeline import Pipeline
from livetables.settings import Settings
from livetables.storage.delta import commit_files
from livetables.storage.layout import Storage

_COLUMNS = "id BIGINT NOT NULL COMMENT 'the key', at TIMESTAMP, price DECIMAL(10,2), drops ARRAY<STRUCT<x: INT>>"
_numbers = count()


def created(spark, folder, columns=_COLUMNS, **properties):
    """Return the description of a new table: protocol, columns, comment, properties that are not our own."""
    name = f"table_{next(_numbers)}"
    schema = StructType.fromDDL(columns)
    definition = StreamingTable(name, SourceLocation("file.py", 1), comment="a 'comment'", table_properties=properties)
    storage = Storage(folder)
    Tables(spark, storage, Namespace()).create(ResolvedDataset(definition, schema, ()))
    path = f"delta.`{storage.table(name)}`"
    detail = spark.sql(f"DESCRIBE DETAIL {path}").first()
    log = commit_files(storage.table(name))[0].read_text()
    kept = {key: value for key, value in detail.properties.items() if not key.startswith("livetables.")}
    made = spark.read.format("delta").load(str(storage.table(name))).schema
    protocol = (detail.minReaderVersion, detail.minWriterVersion)
    return "delta-rs" in log, (protocol, made.json(), detail.description, kept)


def test_a_table_is_the_same_with_and_without_spark(spark, tmp_path):
    """A plain table is created without Spark, which takes long for it; one with a property of Delta's by Spark."""
    quick, plain = created(spark, tmp_path, team="ops")
    slow, by_spark = created(spark, tmp_path, team="ops", **{"delta.logRetentionDuration": "interval 9 days"})
    assert (quick, slow) == (True, False)
    assert by_spark[3].pop("delta.logRetentionDuration") == "interval 9 days"
    assert plain == by_spark


def test_what_asks_more_of_delta_is_left_to_spark(spark, tmp_path):
    """A type that Delta learned later, a generated column, a default property of the session."""
    assert not created(spark, tmp_path, "id INT, at TIMESTAMP_NTZ")[0]
    assert not created(spark, tmp_path, "id INT, code CHAR(3)")[0]
    spark.conf.set("spark.databricks.delta.properties.defaults.enableChangeDataFeed", "true")
    try:
        quick, table = created(spark, tmp_path)
    finally:
        spark.conf.unset("spark.databricks.delta.properties.defaults.enableChangeDataFeed")
    assert not quick
    assert table[3] == {"delta.enableChangeDataFeed": "true"}


def test_a_query_needs_no_stored_table(spark, tmp_path):
    """A pipeline with a schema of its own can be asked before its first update, too."""
    settings = Settings("asked", tmp_path, (), tmp_path / "storage", namespace=Namespace(schema="never_run"))
    try:
        with Pipeline(settings, scratch=tmp_path / "scratch") as pipeline:
            assert [row.x for row in pipeline.query("SELECT 1 AS x").collect()] == [1]
    finally:
        spark.sql("USE default")
