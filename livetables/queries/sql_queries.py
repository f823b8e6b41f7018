"""Queries of SQL files, whose errors have the position in the file."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from livetables.errors import DefinitionError, Diagnostic, LivetablesError
from livetables.queries import reads
from livetables.queries.locations import set_location, sql_location
from livetables.queries.sql_run import SqlRun, position, without_stream
from livetables.sql.cursor import SqlError
from livetables.sql.lexer import tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyspark.sql import DataFrame

    from livetables.sql.edits import Edited
    from livetables.sql.script import Script


@dataclass
class SqlQuery:
    """A query of a SQL file: a query function without arguments that returns a DataFrame.

    With `streams` True the result is a stream: if no read is one, the first source is read as a stream, with a
    warning. With False nothing streams; with None the query decides. `columns` are the names and comments of the
    result's columns, in order.
    """

    text: Edited
    script: Script
    warn: Callable[[Diagnostic], None]
    streams: bool | None = None
    columns: tuple[tuple[str, str | None], ...] = ()

    def __call__(self) -> DataFrame:
        """Return the DataFrame; raises LivetablesError, or what Spark raises."""
        session = SparkSession.builder.getOrCreate()  # the thread of a flow has no active session
        reader = reads.current.get()
        assert reader is not None
        text = self.text.replaced(without_stream(tokens(self.text.text))) if self.streams is False else self.text
        execute = self._execute(session)
        run = SqlRun(session, text, reader, execute, self.streams, self._warn_of_batch, self._opening)
        try:
            frame = run.result()
            if self.streams and not (frame.isStreaming or run.recomputed):
                raise self._no_stream()
            return self._named(frame)
        except SqlError as error:
            location = self.script.location(text.origin(error.start))
            raise DefinitionError(error.code, error.message, location=location, hint=error.hint) from error
        except PySparkException as error:
            at = position(error, run.text.text)
            if at is not None:
                set_location(error, self.script.location(run.text.origin(at)))
            raise

    def _warn_of_batch(self, name: str, origin: int, recomputed: bool) -> None:
        """Warn that a batch source, at a position of the file, is read as a stream, or that it can't be."""
        location = self.script.location(origin)
        if recomputed:
            message = f"{name} is rewritten by each of its batches, so what reads it is recomputed as a whole."
            hint = "Write CREATE OR REFRESH MATERIALIZED VIEW: the platform takes no other table here."
            self.warn(Diagnostic("RECOMPUTED_TABLE", message, location, hint))
        else:
            message = f"{name} is read as a stream, as a streaming table needs one."
            hint = "Put STREAM in front of it: the platform reads it as a stream only then."
            self.warn(Diagnostic("STREAM_MISSING", message, location, hint))

    def _execute(self, session: SparkSession) -> Callable[[str], DataFrame]:
        def execute(text: str) -> DataFrame:
            with reads.reading_with(None):
                return session.sql(text)

        return execute

    def _no_stream(self) -> DefinitionError:
        return DefinitionError(
            "BATCH_IN_STREAMING_TABLE",
            "A streaming table needs a stream, and nothing in its query is one.",
            location=self.script.location(self.text.origin(0)),
            hint="Write FROM STREAM(name), or make it a MATERIALIZED VIEW.",
        )

    @contextmanager
    def _opening(self, origin: int) -> Iterator[None]:
        """Give errors and warnings inside this context a position of the file, unless they have one."""
        location = self.script.location(origin)
        try:
            with sql_location(location):
                yield
        except LivetablesError as error:
            error.locate(location)
            raise
        except PySparkException as error:
            set_location(error, location)
            raise

    def _named(self, frame: DataFrame) -> DataFrame:
        """Return a frame with the names and comments of `columns`; raises DefinitionError for another number."""
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
