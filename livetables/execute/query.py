"""SQL over the stored tables of a pipeline and its event log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.errors import AnalysisException

from livetables.errors import DatasetNotFoundError, LivetablesError, did_you_mean
from livetables.events.log import has_events
from livetables.execute.reader import StoredReader
from livetables.execute.tables import Tables
from livetables.queries import reads
from livetables.queries.sql_relations import is_query

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyspark.sql import DataFrame, SparkSession

    from livetables.execute.sources import Sources
    from livetables.model import Namespace
    from livetables.storage.layout import Storage

_EVENT_LOG = "event_log"


def query_stored(
    spark: SparkSession,
    sql: str,
    storage: Storage,
    namespace: Namespace,
    sources: Sources,
    warn: Callable[[str, str], None],
) -> DataFrame:
    """Return the result of a SQL text over the stored tables and the event log (as `event_log`).

    Raises DatasetNotFoundError for an unknown name, LivetablesError for a statement that would change something.
    """
    if not is_query(spark, sql):
        hint = "Write a query: SELECT, WITH, VALUES, SHOW, DESCRIBE or EXPLAIN. Flows alone change tables."
        raise LivetablesError("NOT_A_QUERY", "This statement would change something.", hint=hint)
    tables = Tables(spark, storage, namespace)
    tables.create_schema()
    names = storage.table_names()
    for name in names:
        tables.register(name)
    if has_events(storage.events):
        tables.register_path(_EVENT_LOG, storage.events)
    filters = {name: predicate for name in names if (predicate := storage.row_filter_of(name))}
    spark.sql(f"USE `{namespace.schema}`")
    try:
        with reads.reading_with(StoredReader(spark, tables, filters, namespace, sources, warn)):
            return spark.sql(sql)
    except AnalysisException as error:
        if error.getCondition() != "TABLE_OR_VIEW_NOT_FOUND":
            raise
        name = (error.getMessageParameters() or {}).get("relationName", "").replace("`", "")
        known = [*names, _EVENT_LOG]
        hint = did_you_mean(name, known, f"The tables are {', '.join(known)}.")
        raise DatasetNotFoundError("DATASET_NOT_FOUND", f"There is no table '{name}'.", hint=hint) from error
