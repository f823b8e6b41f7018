"""The adapter to Spark's JVM: the only file that uses private names of PySpark, and the gateway of py4j.

An upgrade of Spark changes this file alone. Values of type `Any` are Java objects.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pyspark import SparkContext
from pyspark.java_gateway import ensure_callback_server_started
from pyspark.sql import DataFrame, SparkSession

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator

    from pyspark.sql import Observation
    from pyspark.sql.streaming.query import StreamingQuery
    from pyspark.sql.types import DataType, StructType


def classes(spark: SparkSession) -> Any:
    """Return the root of the JVM's packages: `classes(spark).java.util.ArrayList()`."""
    return spark._jvm


def cloned_session(spark: SparkSession) -> SparkSession:
    """Return a session with a copy of the confs and views of another one."""
    return SparkSession(spark.sparkContext, spark._jsparkSession.cloneSession())


def java_process() -> subprocess.Popen[bytes] | None:
    """Return the Java process that PySpark has started; None where Java was there before."""
    return getattr(SparkContext._gateway, "proc", None)


def start_callbacks(spark: SparkSession) -> None:
    """Start the server through which the JVM calls Python objects."""
    ensure_callback_server_started(spark.sparkContext._gateway)  # type: ignore[no-untyped-call]


def ignore_accumulator_errors(spark: SparkSession) -> None:
    """Keep the accumulator server from printing a trace when Java is killed."""
    server: Any = spark.sparkContext._accumulatorServer
    server.handle_error = lambda *_: None


# Plans


def parsed_plan(spark: SparkSession, sql: str) -> Any:
    """Return the logical plan of a SQL text by Spark's own parser; raises the parser's error."""
    return spark._jsparkSession.sessionState().sqlParser().parsePlan(sql)


def analyzed_plan(frame: DataFrame) -> Any:
    """Return the analysed logical plan of a DataFrame."""
    return frame._jdf.queryExecution().analyzed()


def _children(plan: Any) -> list[Any]:
    """Return the children of a plan; by position, which asks the JVM half as often as an iterator."""
    children = plan.children()
    return [children.apply(index) for index in range(children.size())]


def frame_of_plan(spark: SparkSession, plan: Any) -> DataFrame:
    """Return the DataFrame of a logical plan."""
    return DataFrame(classic_frame(spark, plan), spark)


def classic_frame(spark: SparkSession, plan: Any) -> Any:
    """Return the Java DataFrame of a logical plan."""
    dataset: Any = spark._jvm.org.apache.spark.sql.classic.Dataset  # type: ignore[union-attr]
    return dataset.ofRows(spark._jsparkSession, plan)


def condition_sql(frame: DataFrame) -> str:
    """Return the condition of a frame that ends with a filter, as SQL with plain column names."""
    return str(frame._jdf.queryExecution().analyzed().condition().sql())


def physical_frame(frame: DataFrame, *, streaming: bool) -> Any:
    """Return the Java DataFrame over the rows of a frame, which stays planned in its own session."""
    java = frame._jdf
    session = frame.sparkSession._jsparkSession
    return session.internalCreateDataFrame(java.queryExecution().toRdd(), java.schema(), streaming)


def release_checkpoint(frame: DataFrame) -> None:
    """Free the rows that a local checkpoint of this frame keeps."""
    frame._jdf.queryExecution().logical().rdd().unpersist(False)


def observation_ended(observation: Observation) -> bool:
    """Return whether Spark has reported the counts of an observation, or that there are none."""
    future: Any = observation._jo.future()  # type: ignore[union-attr]
    return bool(future.isCompleted())


def check_output_mode(spark: SparkSession, frame: DataFrame, mode: str) -> None:
    """Raise what Spark's own checker says against running a query in the output mode `append` or `complete`."""
    jvm: Any = spark._jvm
    modes = jvm.org.apache.spark.sql.streaming.OutputMode
    checker = jvm.org.apache.spark.sql.catalyst.analysis.UnsupportedOperationChecker
    checker.checkForStreaming(analyzed_plan(frame), {"append": modes.Append, "complete": modes.Complete}[mode]())


#: Operators of a streaming plan that handle each row on its own. All others count as operators with state.
_ROW_BY_ROW = frozenset(
    {
        "AppendColumns",
        "CTERelationDef",
        "CollectMetrics",
        "DeserializeToObject",
        "EventTimeWatermark",
        "Filter",
        "Generate",
        "MapElements",
        "MapInArrow",
        "MapInPandas",
        "MapPartitions",
        "MapPartitionsInR",
        "Project",
        "PythonMapInArrow",
        "RebalancePartitions",
        "Repartition",
        "RepartitionByExpression",
        "ResolvedHint",
        "Sample",
        "ScriptTransformation",
        "SerializeFromObject",
        "SubqueryAlias",
        "TypedFilter",
        "Union",
        "UnresolvedHint",
        "UpdateEventTimeWatermarkColumn",
        "View",
        "WithCTE",
    }
)


def is_stateless(frame: DataFrame) -> bool:
    """Return whether a streaming query keeps nothing from one micro-batch to the next.

    Aggregates, `dropDuplicates`, joins of two streams, `limit` and functions over groups keep state. What is joined to
    the stream without being one may have any operator; in subqueries Spark allows no streams.
    """
    pending = [analyzed_plan(frame)]
    while pending:
        plan = pending.pop()
        inputs = _children(plan)
        streams = [child for child in inputs if child.isStreaming()]
        if inputs:
            name = plan.nodeName()
            if not (name in _ROW_BY_ROW or (name == "Join" and len(streams) == 1)):
                return False
        pending += streams
    return True


# Schemas and values


def java_schema(spark: SparkSession, schema: DataType) -> Any:
    """Return a schema or type as a Java object."""
    return spark._jvm.org.apache.spark.sql.types.DataType.fromJson(schema.json())  # type: ignore[union-attr]


def type_sql(spark: SparkSession, kind: DataType) -> str:
    """Return a type as SQL writes it."""
    return str(java_schema(spark, kind).sql())


def schema_json_of_ddl(spark: SparkSession, ddl: str) -> str:
    """Return the JSON of a schema that is written as `name TYPE, ...`."""
    return str(spark._jvm.org.apache.spark.sql.types.StructType.fromDDL(ddl).json())  # type: ignore[union-attr]


def empty_frame(spark: SparkSession, schema: StructType) -> DataFrame:
    """Return a DataFrame without rows: a local relation, which costs no job and leaves the active session alone."""
    rows = spark._jvm.java.util.ArrayList()  # type: ignore[union-attr]
    return DataFrame(spark._jsparkSession.createDataFrame(rows, java_schema(spark, schema)), spark)


def literal_sql(spark: SparkSession, value: Any) -> str:
    """Return a Python value as a SQL literal."""
    companion = getattr(spark._jvm.org.apache.spark.sql.catalyst.expressions, "Literal$")  # type: ignore[union-attr]
    return str(getattr(companion, "MODULE$").apply(value).sql())


def elements(scala_seq: Any) -> Iterator[Any]:
    """Return the elements of a Scala sequence."""
    iterator = scala_seq.iterator()
    while iterator.hasNext():
        yield iterator.next()


@lru_cache(maxsize=1)
def _subquery_pattern(jvm: Any) -> Any:
    return jvm.org.apache.spark.sql.catalyst.trees.TreePattern.PLAN_EXPRESSION()


def subquery_pattern(spark: SparkSession) -> Any:
    """Return Spark's mark of plans with subqueries; looked up once, as finding a class by its dotted name is slow."""
    return _subquery_pattern(spark._jvm)


# Files and tables


def hadoop_conf(spark: SparkSession) -> Any:
    """Return a Hadoop configuration with the session's confs."""
    return spark._jsparkSession.sessionState().newHadoopConf()


def forget_delta_tables(spark: SparkSession) -> None:
    """Clear Delta's cache of tables by path, which lives as long as the process."""
    spark._jvm.org.apache.spark.sql.delta.DeltaLog.clearCache()  # type: ignore[union-attr]


# Streaming queries


class _QueryListener:
    """A Python object that Spark's listener bus calls, in a thread of its own."""

    def __init__(self, progressed: Callable[[str], None], terminated: Callable[[str], None]) -> None:
        self._progressed = progressed
        self._terminated = terminated

    def onQueryStarted(self, event: Any) -> None:
        """Do nothing."""

    def onQueryProgress(self, event: Any) -> None:
        """Pass the progress on as JSON: two calls of the JVM, where PySpark's own listener makes dozens."""
        self._progressed(event.progress().json())

    def onQueryIdle(self, event: Any) -> None:
        """Do nothing."""

    def onQueryTerminated(self, event: Any) -> None:
        """Pass on which run of a query has ended."""
        self._terminated(event.runId().toString())

    class Java:
        """The Java interface that this implements, for py4j."""

        implements = ("org.apache.spark.sql.streaming.PythonStreamingQueryListener",)


def add_query_listener(
    spark: SparkSession, progressed: Callable[[str], None], terminated: Callable[[str], None]
) -> Callable[[], None]:
    """Listen to the streaming queries of a session; return a function that ends it.

    `progressed` gets the JSON of each StreamingQueryProgress, `terminated` the run id of each query that has ended;
    of one query, in this order.
    """
    start_callbacks(spark)
    jvm: Any = spark._jvm
    wrapper = jvm.org.apache.spark.sql.streaming.PythonStreamingQueryListenerWrapper
    listener = wrapper(_QueryListener(progressed, terminated))
    streams = spark._jsparkSession.streams()
    streams.addListener(listener)
    return lambda: streams.removeListener(listener)


def ping(spark: SparkSession) -> None:
    """Ask the JVM for nothing; raises ConnectionError or Py4JError when it has ended."""
    spark._jsparkSession.hashCode()


def java_exception(query: StreamingQuery) -> Any:
    """Return the Java exception that ended a query."""
    return query._jsq.exception().get()


# Streaming sources written in Python


def streaming_source_frame(spark: SparkSession, source: Any, schema: StructType, visible: int) -> DataFrame:
    """Return the streaming DataFrame of a Python object that implements Spark's interface `Source`.

    `schema` has all columns; those from position `visible` on are hidden, as in `hide_columns`.
    """
    jvm: Any = spark._jvm
    sql = jvm.org.apache.spark.sql
    attributes = sql.catalyst.types.DataTypeUtils.toAttributes(java_schema(spark, schema))
    relations = sql.execution.streaming.runtime.StreamingExecutionRelation
    none = getattr(getattr(jvm.scala, "None$"), "MODULE$")
    relation = relations(source, attributes, none, getattr(relations, "apply$default$4")(), spark._jsparkSession)
    return _with_hidden(spark, relation, attributes, visible)


def hide_columns(spark: SparkSession, frame: DataFrame, visible: int) -> DataFrame:
    """Return a DataFrame with its columns from position `visible` on hidden: selectable by name, not part of `*`."""
    plan = analyzed_plan(frame)
    return _with_hidden(spark, plan, plan.output(), visible)


def _with_hidden(spark: SparkSession, plan: Any, attributes: Any, visible: int) -> DataFrame:
    project: Any = spark._jvm.org.apache.spark.sql.catalyst.plans.logical.Project  # type: ignore[union-attr]
    shown = project(attributes.take(visible), plan)
    # Spark marks the joined column that USING hides in the same way.
    shown.setTagValue(project.hiddenOutputTag(), attributes.drop(visible))
    return frame_of_plan(spark, shown)


def refers_to(frame: DataFrame, name: str) -> bool:
    """Return whether any node of a query's plan refers to a column whose name ends with `name`."""
    nodes = [analyzed_plan(frame)]
    while nodes:
        node = nodes.pop()
        if f"{name}#" in node.references().mkString(" "):
            return True
        nodes += _children(node)
    return False


class _BatchToStream:
    """A partial function of Scala over plan nodes: marks relations as streaming, as Spark requires of a source."""

    def applyOrElse(self, node: Any, default: Any) -> Any:
        """Return the node, with the mark if it is a relation."""
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
        """The Scala interface that this class implements, for py4j."""

        implements = ("scala.PartialFunction",)


def as_micro_batch(spark: SparkSession, frame: DataFrame) -> Any:
    """Return the Java DataFrame of a batch query over files, marked as the rows of a micro-batch."""
    return classic_frame(spark, analyzed_plan(frame).transform(_BatchToStream()))


def long_offset(spark: SparkSession, number: int) -> Any:
    """Return a number as an offset of a streaming source."""
    return spark._jvm.org.apache.spark.sql.execution.streaming.runtime.LongOffset(number)  # type: ignore[union-attr]


def serialized_offset(spark: SparkSession, text: str) -> Any:
    """Return an offset of a streaming source from its text in the checkpoint."""
    runtime: Any = spark._jvm.org.apache.spark.sql.execution.streaming.runtime  # type: ignore[union-attr]
    return runtime.SerializedOffset(text)


def unlimited_read(spark: SparkSession) -> Any:
    """Return the read limit of a streaming source that limits its batches itself."""
    streaming: Any = spark._jvm.org.apache.spark.sql.connector.read.streaming  # type: ignore[union-attr]
    return streaming.ReadLimit.allAvailable()
