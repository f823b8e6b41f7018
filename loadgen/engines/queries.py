"""The Structured Streaming query of each stream of a load.

The source is Spark's own `rate` at one tick a second. A tick stands for the second after its time, and becomes the rows
that fall due in it. So the schedule is open-loop: after a slow batch the next one has all the missed ticks. All queries
count from one moment, however long their start takes: a query's first tick also stands for the time before it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import functions as F  # noqa: N812 (its usual name)

from ..datasets.columns import SCHEMA
from ..datasets.spark_columns import spark_columns, spark_due, spark_line
from ..errors import target_error
from ..phases.shape import DEVICES, SECOND
from ..targets.opening import Delta, Files, Kafka, Null, Tables

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.streaming.query import StreamingQuery
    from pyspark.sql.streaming.readwriter import DataStreamWriter

    from ..phases.shape import LoadStream, Shape
    from ..targets.opening import Address

TRIGGER = "1 second"
#: Metric of each batch: microseconds of the run up to which its rows are due.
OBSERVED = "load"
#: Errors of Spark: of Python, of its Java side, and of a lost connection.
SPARK_ERRORS = (PySparkException, Py4JError, OSError)
#: The connector that a target needs and Spark may lack, and its package.
CONNECTORS: dict[type, tuple[str, str]] = {
    Delta: ("delta", "io.delta:delta-spark"),
    Tables: ("delta", "io.delta:delta-spark"),
    Kafka: ("kafka", "org.apache.spark:spark-sql-kafka-0-10"),
}


class StreamQueries:
    """Starts the query of each stream.

    Each has a checkpoint of its own below the shape's `checkpoint_path` and the run id; a query that is started again
    goes on there. Delta tables get each row once. Kafka and files get the rows of an interrupted batch a second time;
    a file of such a batch replaces the one before.

    Args:
        spark: any session; nothing but its public interface is used, so Spark Connect will do.
        shape: the load.
        start: simulated time of the run's start, microseconds since 1970 UTC.
        address: where the rows go.
        run_id: of this run, or of the one that goes on.
    """

    def __init__(self, spark: SparkSession, shape: Shape, start: int, address: Address, run_id: str) -> None:
        self._spark = spark
        self.shape = shape
        self._start = start
        self._run_id = run_id
        self._address = address
        self._checkpoints = f"{shape.settings['checkpoint_path']}/{run_id}"
        self._began = 0  # milliseconds since 1970, by Spark's clock
        self._partitions = 0

    def prepare(self) -> int:
        """Check all that queries need; return the time, microseconds of the run.

        Raises:
            LoadgenError: Kafka cannot be reached, named within 10 s; or Spark lacks the connector, or cannot write.
        """
        address = self._address
        if type(address) in CONNECTORS:
            _require(self._spark, *CONNECTORS[type(address)])
        if isinstance(address, Kafka):
            from ..targets.topic import prepare_topic  # Kafka's client is for this target alone

            partitions = int(self.shape.settings["partitions"])
            self._partitions = prepare_topic(address.host, address.port, address.topic, partitions)
        try:
            if isinstance(address, Tables):
                self._spark.sql(f"CREATE DATABASE IF NOT EXISTS {_quoted(str(self.shape.settings['database']))}")
        except SPARK_ERRORS as error:
            raise target_error(f"Spark cannot make the database: {reason(error)}") from error
        try:
            self._began = _began(self._spark, f"{self._checkpoints}/began")
        except SPARK_ERRORS as error:
            raise target_error(f"Spark cannot write checkpoints into {self._checkpoints}: {reason(error)}") from error
        now = _first(self._spark.sql("SELECT unix_millis(current_timestamp())"))
        return (now - self._began) * 1000

    def start(self, stream: LoadStream) -> StreamingQuery:
        """Start the query of a stream; raises one of SPARK_ERRORS."""
        columns = spark_columns(self.shape, stream, self._start)
        rows = self._numbers(stream).selectExpr("number", *(f"{sql} AS {name}" for name, sql in columns.items()))
        return (
            self._writer(stream, rows)
            .queryName(stream.table)
            .option("checkpointLocation", f"{self._checkpoints}/{stream.table}")
            .trigger(processingTime=TRIGGER)
            .start()
        )

    def _numbers(self, stream: LoadStream) -> DataFrame:
        """Return the numbers of a stream's rows, as they fall due."""
        # One tick is one row, so more than one partition would only add empty tasks.
        ticks = self._spark.readStream.format("rate").options(rowsPerSecond=1, numPartitions=1).load()
        begin = f"unix_micros(timestamp) - {self._began * 1000}"
        return (
            ticks.selectExpr(f"IF(value = 0, 0L, {begin}) AS begin", f"{begin} + {SECOND} AS until")
            .observe(OBSERVED, F.expr("max(until)").alias("until"))
            .selectExpr(f"{spark_due(stream, 'begin')} AS first", f"{spark_due(stream, 'until')} - 1 AS last")
            .where("first <= last")  # sequence would count down
            .selectExpr("explode(sequence(first, last)) AS number")
        )

    def _writer(self, stream: LoadStream, rows: DataFrame) -> DataStreamWriter:
        """Return the writer to the target; `rows` has the columns of a row, and its number."""
        address = self._address
        if isinstance(address, Delta):
            table = rows.select(*SCHEMA.names).writeStream.format("delta")
            return table.option("path", str(address.directory / stream.table))
        if isinstance(address, Tables):
            name = table_name(self.shape, stream)
            return rows.select(*SCHEMA.names).writeStream.foreachBatch(_table_writer(name, self._run_id))
        if isinstance(address, Files):
            text = rows.selectExpr(f"{spark_line()} AS value")
            return text.writeStream.foreachBatch(_folder_writer(f"{address.directory / stream.table}/{self._run_id}"))
        if isinstance(address, Kafka):
            # Devices take turns, so that also a few fast streams fill all partitions.
            turn = f"CAST(({stream.stream_id * DEVICES} + number % {self.shape.devices}) % {self._partitions} AS INT)"
            records = rows.selectExpr("device_id AS key", f"{spark_line()} AS value", f"{turn} AS partition")
            servers = f"{address.host}:{address.port}"
            kafka = records.writeStream.format("kafka").option("topic", address.topic)
            return kafka.options(**{"kafka.bootstrap.servers": servers, "kafka.compression.type": "lz4"})
        assert isinstance(address, Null), address  # a new kind of target needs a writer: its rows must not vanish
        return rows.select(*SCHEMA.names).writeStream.format("noop")


def table_name(shape: Shape, stream: LoadStream) -> str:
    """Return the name of a stream's table in Spark's catalog; the setting `database` may name a catalog too."""
    return f"{_quoted(str(shape.settings['database']))}.{_quoted(stream.table)}"


def _quoted(name: str) -> str:
    return ".".join(f"`{part.replace('`', '``')}`" for part in name.split("."))


def reason(error: BaseException | None) -> str:
    """Return the line of Spark's message that names the reason."""
    lines = [line for line in str(error).splitlines() if line and not line.startswith("An error occurred while")]
    text = lines[0].lstrip(": ") if lines else type(error).__name__
    return (text.partition("terminated with exception: ")[2] or text).partition(" SQLSTATE:")[0]


def _folder_writer(folder: str) -> Callable[[DataFrame, int], None]:
    """Return a function that writes each batch as text into a folder of its own, whose name begins with `folder`.

    A file has a hidden name until it is complete, which Spark's own streaming sink does not promise. The function uses
    nothing of this package: Spark Connect runs it on the cluster, where the package may be missing.
    """

    def write(batch: DataFrame, number: int) -> None:
        batch.write.mode("overwrite").text(f"{folder}-{number:06d}")

    return write


def _table_writer(name: str, run_id: str) -> Callable[[DataFrame, int], None]:
    """Return a function that appends each batch once to a table of the catalog, which is made when missing.

    Not `toTable`: open-source Delta refuses it. As above, it uses nothing of this package.
    """

    def write(batch: DataFrame, number: int) -> None:
        once = batch.write.format("delta").mode("append").option("txnAppId", run_id).option("txnVersion", number)
        once.saveAsTable(name)

    return write


def _require(spark: SparkSession, connector: str, package: str) -> None:
    """Raise a LoadgenError if Spark lacks a connector."""
    try:
        _ = spark.read.format(connector).load().schema
    except SPARK_ERRORS as error:  # it misses options too, which is fine
        if "DATA_SOURCE_NOT_FOUND" in str(error):
            raise target_error(
                f"This Spark session has no {connector} connector. Add {package} in the version for this "
                "Spark: by spark.jars.packages before Spark starts, or as a library of the cluster."
            ) from error


def _began(spark: SparkSession, path: str) -> int:
    """Return when the run began, milliseconds since 1970 by Spark's clock; it is stored beside the checkpoints."""
    # A resumed run adds its own time and takes the earliest: so a note that was cut off does no harm.
    spark.sql("SELECT CAST(unix_millis(current_timestamp()) AS STRING)").write.mode("append").text(path)
    return _first(spark.read.text(path).selectExpr("min(CAST(value AS BIGINT))"))


def _first(frame: DataFrame) -> int:
    row = frame.first()
    assert row is not None
    return int(row[0])
