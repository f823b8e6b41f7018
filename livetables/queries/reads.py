"""How a query function reads: by name, through whichever reader is active while the function is evaluated."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol

from pyspark.sql import DataFrame, SparkSession

from livetables.errors import DefinitionError
from livetables.queries.locations import sql_location

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from livetables.model import Flow


class Reader(Protocol):
    """Gives a query the DataFrames of the names that it reads; resolution and execution each have one."""

    def read(self, name: str, *, streaming: bool, options: Mapping[str, str]) -> DataFrame | None:
        """Return the DataFrame of a name, or None when the session itself should look it up."""

    def complete_mode(self, name: str) -> bool:
        """Tell whether a name is a table of the pipeline that is written in complete mode."""

    def load(self, source: str, options: Mapping[str, str], schema: Any, path: str) -> DataFrame:
        """Return the stream of a source that Spark does not have itself, such as `cloudFiles`."""

    def prepare(self, source: str, options: Mapping[str, str], *, streaming: bool) -> None:
        """Check a source before Spark opens it, so that an unreachable server is named at once."""

    def map_path(self, path: str) -> str:
        """Return where a path such as `dbfs:/x` lies here."""


current: ContextVar[Reader | None] = ContextVar("reader", default=None)


@contextmanager
def reading_with(reader: Reader | None) -> Iterator[None]:
    """Make `reader` the one that reads go through; with None, the session's own methods are themselves."""
    token, location = current.set(reader), sql_location.set(None)
    try:
        yield
    finally:
        current.reset(token)
        sql_location.reset(location)


def evaluate(flow: Flow, reader: Reader) -> DataFrame:
    """Call the query function of a flow with its reads going through `reader`."""
    with reading_with(reader):
        frame = flow.query()
    if not isinstance(frame, DataFrame):
        raise DefinitionError(
            "NOT_A_DATAFRAME",
            f"The query function of '{flow.name}' returned {type(frame).__name__}, not a DataFrame.",
            location=flow.location,
            hint="Add `return` in front of the DataFrame." if frame is None else "Return a Spark DataFrame.",
        )
    return frame


def read(name: str, *, streaming: bool, options: Mapping[str, str] | None = None) -> DataFrame:
    """Read a name through the active reader; without one, through the session."""
    reader = current.get()
    found = reader.read(name, streaming=streaming, options=options or {}) if reader else None
    if found is not None:
        return found
    session = SparkSession.getActiveSession()
    if session is None:
        msg = f"There is no Spark session to read '{name}' with."
        raise RuntimeError(msg)
    with reading_with(None):
        source: Any = session.readStream if streaming else session.read
        frame: DataFrame = source.options(**(options or {})).table(name)
        return frame
