"""A streaming source written in Python: Spark asks it for the newest offset and for the rows of a batch.

Spark's own file source lists and compares all files in each micro-batch, and rewrites the list of all files every ten
batches. Here an offset is a number in the ledger (docs/decisions/0010). Spark calls the source from its own threads
through py4j, as it does for `foreachBatch`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from livetables.autoloader.spark_frames import micro_batch
from livetables.spark.jvm import java_schema, long_offset, refers_to, serialized_offset, unlimited_read

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType

    from livetables.autoloader.batches import Batches

#: How long a run that ends after all files waits for files that are still being written.
_PATIENCE_SECONDS = 5.0


class FileSource:
    """The source of one stream. `raised` keeps its last exception, of which Spark passes on only the text.

    `opening` is called when Spark first needs the files.
    """

    def __init__(self, spark: SparkSession, name: str, columns: StructType, opening: Callable[[], Batches]) -> None:
        self._spark = spark
        self._name = name
        self._columns = columns
        self._opening = opening
        self._batches: Batches | None = None
        #: Whether the query reads `_metadata`, which costs time per record.
        self._metadata = True
        #: The last file of a run that ends after all files.
        self._bound: int | None = None
        self.raised: Exception | None = None

    def queried(self, frame: DataFrame) -> None:
        """Take the query that is about to start; a source serves only one query."""
        self._metadata = refers_to(frame, "_metadata")

    def written(self, progress: Mapping[str, Any]) -> None:
        """Record Spark's progress report of a batch: its last offset and the observed row counts."""
        for source in progress["sources"]:
            if self._batches is not None and source["description"] == self._name and source["endOffset"] is not None:
                self._batches.written(int(source["endOffset"]), progress.get("observedMetrics", {}))

    def failed(self, file: str, message: str) -> None:
        """Record the file at which the query failed, and the reason."""
        if self._batches is not None:
            self._batches.failed(file, message)

    def close(self) -> None:
        """Close the ledger; call it after the query has ended and its last progress was recorded."""
        if self._batches is not None:
            self._batches.close()
            self._batches = None

    # The methods below implement Spark's interfaces and have their names.

    def schema(self) -> Any:
        """Return the columns of the source."""
        return java_schema(self._spark, self._columns)

    def getDefaultReadLimit(self) -> Any:
        """Return no limit: the ledger limits the batches."""
        return unlimited_read(self._spark)

    def prepareForTriggerAvailableNow(self) -> None:
        """List the files once; this run ends after the last of them."""
        self._bound = self._recording(lambda: self._opened().discover_all(_PATIENCE_SECONDS))

    def latestOffset(self, start: Any, limit: Any) -> Any:
        """Return the offset with which the next batch ends; `start` itself when there is no new file."""
        del limit
        after = None if start is None else _number(start)
        end = self._recording(lambda: self._opened().end_after(after, self._bound))
        return start if end is None else long_offset(self._spark, end)

    def reportLatestOffset(self) -> None:
        """Return no offset: progress reports show none."""
        return

    def getBatch(self, start: Any, end: Any) -> Any:
        """Return the rows of the files of a batch."""
        after = _number(start.get()) if start.isDefined() else None
        frame = self._recording(lambda: self._opened().rows(after, _number(end), metadata=self._metadata))
        return micro_batch(self._spark, frame, in_own_session=self._opened().ambiguous)

    def commit(self, end: Any) -> None:
        """Record that all batches up to an offset are written."""
        upto = _number(end)
        self._recording(lambda: self._opened().committed(upto))

    def getOffset(self) -> Any:
        """Raise: Spark calls `latestOffset` instead."""
        raise NotImplementedError

    def initialOffset(self) -> None:
        """Return no offset: there is none before the first file."""
        return

    def deserializeOffset(self, text: str) -> Any:
        """Return an offset from its text in the checkpoint."""
        return serialized_offset(self._spark, text)

    def stop(self) -> None:
        """Do nothing: `close` ends the source, after the last progress was recorded."""

    def hashCode(self) -> int:
        """Return a hash that stays the same."""
        return id(self) & 0x7FFFFFFF

    def equals(self, other: Any) -> bool:
        """Whether the other object is this one."""
        return other is self

    def toString(self) -> str:
        """Return the name that progress reports show."""
        return self._name

    class Java:
        """The interfaces of Spark that this class implements, for py4j."""

        implements = (
            "org.apache.spark.sql.execution.streaming.Source",
            "org.apache.spark.sql.connector.read.streaming.SupportsTriggerAvailableNow",
        )

    def _opened(self) -> Batches:
        if self._batches is None:
            self._batches = self._opening()
        return self._batches

    def _recording(self, work: Callable[[], Any]) -> Any:
        try:
            return work()
        except Exception as error:
            self.raised = error
            raise


def _number(offset: Any) -> int:
    return int(offset.json())
