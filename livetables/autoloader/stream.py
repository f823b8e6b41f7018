"""A streaming source written in Python: Spark asks it which files there are and for the rows of a batch.

Spark's own file source lists and compares all files in each micro-batch, and rewrites the list of all of them every
ten batches. Here an offset is a number in the ledger (docs/decisions/0010). Spark calls from threads of its own,
through py4j, as it does for `foreachBatch`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyspark.sql import DataFrame

from livetables.spark.jvm import (
    analyzed_plan,
    classes,
    classic_frame,
    frame_of_plan,
    java_schema,
    java_session,
    physical_frame,
    start_callbacks,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pyspark.sql import SparkSession
    from pyspark.sql.types import StructType

    from livetables.autoloader.batches import Batches

#: How long a run that ends when it has read everything waits for files that are being written.
_PATIENCE_SECONDS = 5.0


class FileSource:
    """The source of one stream; what it raises is kept, as Spark passes on only its text."""

    def __init__(self, spark: SparkSession, name: str, columns: StructType, opening: Callable[[], Batches]) -> None:
        self._spark = spark
        self._name = name
        self._columns = columns
        self._opening = opening
        self._batches: Batches | None = None
        #: Whether the query asks for `_metadata`, which makes each record dearer.
        self._metadata = True
        #: Where a run that ends when all was read does end.
        self._bound: int | None = None
        self.raised: Exception | None = None

    def queried(self, frame: DataFrame) -> None:
        """Take the query that is about to start; no other may be started with this source."""
        self._metadata = _refers_to(frame, "_metadata")

    def written(self, progress: Mapping[str, Any]) -> None:
        """Take what Spark tells of a batch that was written: how far it went, and the rows that were observed."""
        for source in progress["sources"]:
            if self._batches is not None and source["description"] == self._name and source["endOffset"] is not None:
                self._batches.written(int(source["endOffset"]), progress.get("observedMetrics", {}))

    def failed(self, file: str, said: str) -> None:
        """Note which file the query has failed at, and why."""
        if self._batches is not None:
            self._batches.failed(file, said)

    def close(self) -> None:
        """Close the ledger, once the query has ended and its counts were taken."""
        if self._batches is not None:
            self._batches.close()
            self._batches = None

    # What follows has the names of Spark's interfaces.

    def schema(self) -> Any:
        """Return the columns."""
        return java_schema(self._spark, self._columns)

    def getDefaultReadLimit(self) -> Any:  # noqa: N802
        """Return Spark's own limit: none, since the ledger cuts the batches."""
        return self._classes.org.apache.spark.sql.connector.read.streaming.ReadLimit.allAvailable()

    def prepareForTriggerAvailableNow(self) -> None:  # noqa: N802
        """Look for files once; this run ends with the last of them."""
        self._bound = self._keeping(lambda: self._opened().settled(_PATIENCE_SECONDS))

    def latestOffset(self, start: Any, limit: Any) -> Any:  # noqa: N802
        """Return the number of the last file of the next batch."""
        del limit
        after = None if start is None else self._number(start)
        end = self._keeping(lambda: self._opened().end_after(after, self._bound))
        return start if end is None else self._offset(end)

    def reportLatestOffset(self) -> None:  # noqa: N802
        """Spark shows it in the progress of a query."""
        return

    def getBatch(self, start: Any, end: Any) -> Any:  # noqa: N802
        """Return the rows of the files of a batch."""
        after = self._number(start.get()) if start.isDefined() else None
        frame = self._keeping(lambda: self._opened().rows(after, self._number(end), metadata=self._metadata))
        return physical_frame(frame, streaming=True) if self._opened().ambiguous else _streaming(self._spark, frame)

    def commit(self, end: Any) -> None:
        """Note that a batch is written."""
        upto = self._number(end)
        self._keeping(lambda: self._opened().committed(upto))

    def getOffset(self) -> Any:  # noqa: N802
        """Spark asks for `latestOffset` instead."""
        raise NotImplementedError

    def initialOffset(self) -> None:  # noqa: N802
        """There is none before the first file."""
        return

    def deserializeOffset(self, text: str) -> Any:  # noqa: N802
        """Return an offset as it was written down."""
        return self._classes.org.apache.spark.sql.execution.streaming.runtime.SerializedOffset(text)

    def stop(self) -> None:
        """Spark has ended the query; what its last batch counted is taken afterwards."""

    def hashCode(self) -> int:  # noqa: N802
        """Return a number that stays."""
        return id(self) & 0x7FFFFFFF

    def equals(self, other: Any) -> bool:
        """Tell whether it is this one."""
        return other is self

    def toString(self) -> str:  # noqa: N802
        """Return what the progress of a query shows."""
        return self._name

    class Java:
        """The interfaces of Spark's that this is, for py4j."""

        implements = (
            "org.apache.spark.sql.execution.streaming.Source",
            "org.apache.spark.sql.connector.read.streaming.SupportsTriggerAvailableNow",
        )

    @property
    def _classes(self) -> Any:
        return classes(self._spark)

    def _opened(self) -> Batches:
        if self._batches is None:
            self._batches = self._opening()
        return self._batches

    def _offset(self, number: int) -> Any:
        return self._classes.org.apache.spark.sql.execution.streaming.runtime.LongOffset(number)

    def _number(self, offset: Any) -> int:
        return int(offset.json())

    def _keeping(self, work: Callable[[], Any]) -> Any:
        try:
            return work()
        except Exception as error:
            self.raised = error
            raise


def frame_of(spark: SparkSession, source: FileSource, columns: StructType, metadata: StructType) -> DataFrame:
    """Return the streaming DataFrame of a source, whose `_metadata` is there for who asks for it, and not in `*`."""
    start_callbacks(spark)
    jvm, session = classes(spark), java_session(spark)
    spark_sql = jvm.org.apache.spark.sql
    attributes = spark_sql.catalyst.types.DataTypeUtils.toAttributes(java_schema(spark, metadata))
    relations = spark_sql.execution.streaming.runtime.StreamingExecutionRelation
    none = getattr(getattr(jvm.scala, "None$"), "MODULE$")
    relation = relations(source, attributes, none, getattr(relations, "apply$default$4")(), session)
    return _visible(spark, relation, attributes, len(columns.fields))


def hiding_metadata(spark: SparkSession, frame: DataFrame) -> DataFrame:
    """Return a frame whose last column, `_metadata`, is there for who asks for it, and not in `*`."""
    plan = analyzed_plan(frame)
    return _visible(spark, plan, plan.output(), len(frame.columns) - 1)


def _visible(spark: SparkSession, plan: Any, attributes: Any, count: int) -> DataFrame:
    """Show the first `count` attributes of a plan and hide the rest, as Spark hides a column that USING has joined."""
    spark_sql = classes(spark).org.apache.spark.sql
    project = spark_sql.catalyst.plans.logical.Project(attributes.take(count), plan)
    project.setTagValue(spark_sql.catalyst.plans.logical.Project.hiddenOutputTag(), attributes.drop(count))
    return frame_of_plan(spark, project)


def _refers_to(frame: DataFrame, name: str) -> bool:
    """Tell whether any part of a query's plan uses a column whose name ends so."""
    nodes = [analyzed_plan(frame)]
    while nodes:
        node = nodes.pop()
        if f"{name}#" in node.references().mkString(" "):
            return True
        children = node.children()
        nodes += [children.apply(at) for at in range(children.size())]
    return False


class _AsStream:
    """A function over the nodes of a plan: a relation of files becomes one of a stream, as Spark demands of a batch."""

    def applyOrElse(self, node: Any, default: Any) -> Any:  # noqa: N802
        """Return what a node becomes."""
        del default
        kind = node.getClass().getSimpleName()
        if kind == "LogicalRelation":
            return node.copy(
                node.relation(), node.output(), node.catalogTable(), True, getattr(node, "copy$default$5")()
            )
        if kind == "LocalRelation":
            return node.copy(node.output(), node.data(), True, getattr(node, "copy$default$4")())
        return node

    class Java:
        """The interface of Scala's that this is, for py4j."""

        implements = ("scala.PartialFunction",)


def _streaming(spark: SparkSession, frame: DataFrame) -> Any:
    return classic_frame(spark, analyzed_plan(frame).transform(_AsStream()))


def planned(spark: SparkSession, frame: DataFrame) -> DataFrame:
    """Return a frame that is planned in its own session, for use in another one."""
    return DataFrame(physical_frame(frame, streaming=False), spark)
