"""Reads of a query function: they go through the reader that is active while the function is evaluated."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from pyspark.sql import DataFrame, SparkSession

from livetables.errors import DefinitionError
from livetables.queries.locations import sql_location

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from livetables.autoloader.stream import FileSource
    from livetables.model import Flow


@dataclass(frozen=True)
class TableFrame:
    """The DataFrame of a name, and whether each batch of a stream rewrites that table (complete mode)."""

    frame: DataFrame
    complete_mode: bool = False


class Reader(Protocol):
    """Provides what one query reads. Resolution and execution each have an implementation."""

    def read(self, name: str, *, streaming: bool, options: Mapping[str, str]) -> TableFrame | None:
        """Return the DataFrame of a name, or None when the session itself should look it up."""

    def read_files(self, options: Mapping[str, str], schema: Any, path: str) -> DataFrame:
        """Return all files below a path as a batch, with Auto Loader's options (`read_files` in SQL)."""

    def stream_files(self, options: Mapping[str, str], schema: Any, path: str) -> DataFrame:
        """Return the files below a path as a stream of Auto Loader (`cloudFiles`)."""

    def prepare(self, source: str, options: Mapping[str, str]) -> None:
        """Check a source before Spark opens it; raises UnreachableError for a server that does not answer."""

    def map_path(self, path: str) -> str:
        """Return the local path of a path of the platform, such as `dbfs:/x`."""


class OutsideSources(Protocol):
    """Opens what is outside the pipeline. The readers of all flows share one."""

    def read(self, name: str, *, streaming: bool, options: Mapping[str, str]) -> TableFrame | None:
        """Return a table that the settings name, or None when the session itself should look the name up."""

    def read_files(self, options: Mapping[str, str], schema: Any, path: str) -> DataFrame:
        """Return all files below a path as a batch, with Auto Loader's options."""

    def stream_files(
        self, options: Mapping[str, str], schema: Any, path: str, ledger: Path | None = None
    ) -> tuple[DataFrame, FileSource]:
        """Return the files below a path as a stream, and its source; without a ledger it can only be analysed."""

    def prepare(self, source: str, options: Mapping[str, str]) -> None:
        """Check a source before Spark opens it; raises UnreachableError for a server that does not answer."""

    def map_path(self, path: str) -> str:
        """Return the local path of a path of the platform, such as `dbfs:/x`."""


current: ContextVar[Reader | None] = ContextVar("reader", default=None)


@contextmanager
def reading_with(reader: Reader | None) -> Iterator[None]:
    """Make `reader` the active one inside this context; with None, the session's own methods read."""
    token = current.set(reader)
    try:
        with sql_location(None):
            yield
    finally:
        current.reset(token)


def evaluate(flow: Flow, reader: Reader) -> DataFrame:
    """Return the DataFrame of a flow's query function, called with `reader` as the active reader.

    Raises DefinitionError when the function returns something else, and whatever the function raises.
    """
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


def read_active(name: str, *, streaming: bool, options: Mapping[str, str] | None = None) -> DataFrame | None:
    """Return what the active reader has for a name; None without one, or when it leaves the name to the session."""
    reader = current.get()
    table = reader.read(name, streaming=streaming, options=options or {}) if reader else None
    return None if table is None else table.frame


def read(name: str, *, streaming: bool) -> DataFrame:
    """Return the DataFrame of a name from the active reader, or else from the session."""
    frame = read_active(name, streaming=streaming)
    if frame is not None:
        return frame
    session = SparkSession.getActiveSession()
    if session is None:
        msg = f"There is no Spark session to read '{name}' with."
        raise RuntimeError(msg)
    with reading_with(None):
        table: DataFrame = (session.readStream if streaming else session.read).table(name)
        return table
