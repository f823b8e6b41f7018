"""The queries of SQL files: they know where in their file each error lies."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from livetables.errors import DefinitionError, LivetablesError
from livetables.queries import reads
from livetables.queries.locations import SQL_LOCATION, sql_location
from livetables.queries.sql_run import Run, position, streams
from livetables.sql.cursor import SqlError
from livetables.sql.lexer import tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyspark.sql import DataFrame

    from livetables.errors import SourceLocation
    from livetables.sql.edits import Edited
    from livetables.sql.script import Script


@dataclass
class SqlQuery:
    """A query of a SQL file; called, it gives the query's DataFrame.

    With `streams` true, what does not stream is made to: its first source is read as a stream, with a warning. With
    `streams` false, nothing streams. `columns` are names and comments that the columns get, by their order.
    """

    text: Edited
    script: Script
    warn: Callable[[str, str, SourceLocation, str | None], None]
    streams: bool | None = None
    columns: tuple[tuple[str, str | None], ...] = ()

    def __call__(self) -> DataFrame:
        """Return the DataFrame; raises LivetablesError, or what Spark raises."""
        session = SparkSession.builder.getOrCreate()  # in a thread of its own, a flow has no active one
        reader = reads.current.get()
        assert reader is not None
        text = self.text.replaced(streams(tokens(self.text.text))) if self.streams is False else self.text
        run = Run(session, text, reader, self._execute(session), self)
        try:
            frame = run.result()
            if self.streams and not (frame.isStreaming or run.recomputed):
                raise self._batch()
            return self._named(frame)
        except SqlError as error:
            location = self.script.location(text.origin(error.start))
            raise DefinitionError(error.code, error.message, location=location, hint=error.hint) from error
        except PySparkException as error:
            at = position(error, run.text.text)
            if at is not None:
                self._locate(error, run.text.origin(at))
            raise

    def warn_of_batch(self, name: str, origin: int, *, recomputed: bool) -> None:
        """Say that what is no stream, at a character of the file, is read as one, or that it can't be."""
        location = self.script.location(origin)
        if recomputed:
            message = f"{name} is rewritten by each of its batches, so what reads it is recomputed as a whole."
            hint = "Write CREATE OR REFRESH MATERIALIZED VIEW: the platform takes no other table here."
            self.warn("RECOMPUTED_TABLE", message, location, hint)
        else:
            message = f"{name} is read as a stream, as a streaming table needs one."
            hint = "Put STREAM in front of it: the platform reads it as a stream only then."
            self.warn("STREAM_MISSING", message, location, hint)

    def _execute(self, session: SparkSession) -> Callable[[str], DataFrame]:
        def execute(text: str) -> DataFrame:
            with reads.reading_with(None):
                return session.sql(text)

        return execute

    def _batch(self) -> DefinitionError:
        return DefinitionError(
            "BATCH_IN_STREAMING_TABLE",
            "A streaming table needs a stream, and nothing in its query is one.",
            location=self.script.location(self.text.origin(0)),
            hint="Write FROM STREAM(name), or make it a MATERIALIZED VIEW.",
        )

    @contextmanager
    def reading(self, origin: int) -> Iterator[None]:
        """While something is opened, it is this character of the file that reads it."""
        location = sql_location.set(self.script.location(origin))
        try:
            yield
        except LivetablesError as error:
            error.locate(self.script.location(origin))
            raise
        except PySparkException as error:
            self._locate(error, origin)
            raise
        finally:
            sql_location.reset(location)

    def _locate(self, error: PySparkException, origin: int) -> None:
        """Note on an exception of Spark's which character of the file it is about, unless that is known."""
        vars(error).setdefault(SQL_LOCATION, self.script.location(origin))

    def _named(self, frame: DataFrame) -> DataFrame:
        if not self.columns:
            return frame
        if len(self.columns) != len(frame.columns):
            message = f"The list has {len(self.columns)} columns, and the query has {len(frame.columns)}."
            hint = f"The columns of the query are {', '.join(frame.columns)}."
            raise DefinitionError(
                "INVALID_SCHEMA", message, location=self.script.location(self.text.origin(0)), hint=hint
            )
        frame = frame.toDF(*(name for name, _ in self.columns))
        for name, comment in self.columns:
            if comment is not None:
                frame = frame.withMetadata(name, {"comment": comment})
        return frame
