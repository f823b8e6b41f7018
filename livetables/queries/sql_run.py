"""Runs query texts with what Spark's SQL does not have: datasets of the pipeline, the platform's own sources, `:`.

While Spark analyses the text, each dataset or source in it is the name of a temporary view. A JSON path on a string,
`details:flow_progress.metrics`, becomes get_json_object; a path on a VARIANT stays.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import count, pairwise
from typing import TYPE_CHECKING, Any

from pyspark.errors import AnalysisException, ParseException, PySparkException

from livetables.errors import DefinitionError
from livetables.model import is_live, name_parts, quoted
from livetables.queries.reads import TableFrame
from livetables.queries.sql_relations import relations
from livetables.queries.sql_sources import sources
from livetables.spark.jvm import literal_sql
from livetables.sql.cursor import SqlError
from livetables.sql.edits import Edited
from livetables.sql.hidden_columns import METADATA, alias_of, hidden_in_stars, mentions
from livetables.sql.json_paths import json_paths
from livetables.sql.lexer import UnfinishedError, name_value, tokens
from livetables.sql.variables import Literal, with_parameters

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from pyspark.sql import DataFrame, SparkSession

    from livetables.queries.reads import Reader
    from livetables.queries.sql_relations import Relation
    from livetables.queries.sql_sources import SqlSource
    from livetables.sql.lexer import Token

#: Temporary views belong to the session, which flows share: only one text at a time may have views there.
_views = threading.RLock()
#: Spark's error condition for get_json_object on something other than a string.
_MISMATCH = "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE"
_POSITION = re.compile(r"\(line (\d+), pos (\d+)\)")


def run(
    session: SparkSession, text: str, reader: Reader, execute: Callable[[str], DataFrame], args: Any = None
) -> DataFrame:
    """Return the result of a query text that `execute` passes to Spark, with its inputs provided by `reader`.

    `args` are the values of `:name`, by name, or of `?`, in order: Spark with Delta does not fill them in.
    Raises DefinitionError for a source with wrong arguments.
    """
    try:
        return SqlRun(session, _with_args(session, Edited(text), args), reader, execute).result()
    except UnfinishedError:
        return execute(text)  # Spark reports what is wrong with it
    except SqlError as error:
        raise DefinitionError(error.code, error.message, hint=error.hint) from error


def _with_args(session: SparkSession, text: Edited, args: Any) -> Edited:
    if not args:
        return text

    def literal(value: Any) -> Literal:
        return Literal(literal_sql(session, value))

    if isinstance(args, Mapping):
        values = {name: value if isinstance(value, str) else literal(value) for name, value in args.items()}
        return with_parameters(text, values)
    marks = [token for token in tokens(text.text) if token.text == "?"]
    return text.replaced((mark.start, mark.stop, literal(value)) for mark, value in zip(marks, args, strict=False))


@dataclass(frozen=True, eq=False)
class _Read:
    """Something that a text reads: a table by its name, or a source."""

    relation: Relation
    source: SqlSource | None

    @property
    def streaming(self) -> bool:
        """Whether the text reads it as a stream."""
        return self.relation.streaming or (self.source is not None and self.source.streaming)

    @property
    def key(self) -> Hashable:
        """The same value for all reads of one table in the same way."""
        if self.source is not None:
            return self.relation.start
        name = tuple(part.lower() for part in name_parts(self.relation.name))
        name = name[1:] if is_live(self.relation.name) else name
        return name, self.streaming, frozenset(self.relation.options.items())

    def open(self, reader: Reader, *, streaming: bool) -> TableFrame | None:
        """Return the DataFrame; None when Spark itself should look the name up."""
        if self.source is not None:
            return TableFrame(self.source.open(streaming))
        return reader.read(self.relation.name, streaming=streaming, options=self.relation.options)


@dataclass(frozen=True)
class _Opened:
    """A read, its table (None when Spark looks it up), and whether it is read as a stream."""

    read: _Read
    table: TableFrame | None
    streaming: bool

    @property
    def frame(self) -> DataFrame | None:
        """The DataFrame; None when Spark looks the name up."""
        return None if self.table is None else self.table.frame


def _any_streams(opened: Iterable[_Opened], reads: Iterable[_Read]) -> bool:
    frames = [item.frame for item in opened]
    return any(read.streaming for read in reads) or any(frame is not None and frame.isStreaming for frame in frames)


def _opens_anywhere(_origin: int) -> AbstractContextManager[None]:
    return nullcontext()


def _not_warned(_name: str, _origin: int, _recomputed: bool) -> None:
    """Do nothing: only a SQL file has somewhere to warn about."""


@dataclass
class SqlRun:
    """One query text on its way to Spark: `text` is what it has become so far.

    `streams` is what the result must be: True for a stream, False for a batch, None for either. With True, a text
    that reads no stream reads its first source as one; `warn` is then called with the source's name, its position in
    the file, and whether it is recomputed instead. Each relation is opened inside `opening(position in the file)`.
    """

    session: SparkSession
    text: Edited
    reader: Reader
    execute: Callable[[str], DataFrame]
    streams: bool | None = None
    warn: Callable[[str, int, bool], None] = _not_warned
    opening: Callable[[int], AbstractContextManager[None]] = _opens_anywhere
    #: Whether a query that should stream is recomputed by each update, as its source is written in complete mode.
    recomputed: bool = False

    def result(self) -> DataFrame:
        """Return the DataFrame of the text; raises SqlError, LivetablesError or what Spark raises."""
        opened = self._opened(self._reads())
        with _views:
            views: dict[str, DataFrame] = {}
            try:
                self._name(opened, views)
                return self._analysed()
            finally:
                for view in views:
                    self.session.catalog.dropTempView(view)

    def _reads(self) -> list[_Read]:
        """Return what the text reads, in order; afterwards, sources have names in the text."""
        in_text = sources(self.session, self.text.text, tokens(self.text.text), self._value)
        self.text = self.text.replaced((source.start, source.stop, f"`{source.name}`") for source in in_text)
        by_start = {source.start: source for source in in_text}
        names = relations(self.session, self.text.text)
        return [_Read(name, by_start.get(self.text.before(name.start))) for name in names]

    def _value(self, expression: str) -> Any:
        """Return the value of an expression without columns."""
        return self.execute(f"SELECT {expression}").first()[0]  # type: ignore[index] # it has one row

    def _opened(self, reads: list[_Read]) -> list[_Opened]:
        """Open all reads; if the result must be a stream and no read is one, open the first source as a stream."""
        opened: dict[_Read, _Opened] = {}
        tables: dict[Hashable, TableFrame | None] = {}  # a table that is read twice is one frame
        # Sources last: how the first one is read depends on whether any table is a stream.
        for read in sorted(reads, key=lambda read: read.source is not None):
            streaming = read.streaming and self.streams is not False
            first_source = read.source is not None and read is reads[0]
            if self.streams and first_source and not _any_streams(opened.values(), reads):
                streaming = self._stream_first(read, complete_mode=False)
            if read.key not in tables:
                tables[read.key] = self._open(read, streaming=streaming)
            opened[read] = _Opened(read, tables[read.key], streaming)
        if self.streams and reads and reads[0].source is None and not _any_streams(opened.values(), reads):
            first, table = reads[0], opened[reads[0]].table
            if self._stream_first(first, complete_mode=table is not None and table.complete_mode):
                opened[first] = _Opened(first, self._open(first, streaming=True), streaming=True)
        return [opened[read] for read in reads]

    def _stream_first(self, first: _Read, *, complete_mode: bool) -> bool:
        """Return whether the first relation can be read as a stream; warn in either case."""
        self.recomputed = complete_mode
        self.warn(first.relation.name, self.text.origin(first.relation.start), complete_mode)
        return not complete_mode

    def _open(self, read: _Read, *, streaming: bool) -> TableFrame | None:
        with self.opening(self.text.origin(read.relation.start)):
            return read.open(self.reader, streaming=streaming)

    def _name(self, opened: list[_Opened], views: dict[str, DataFrame]) -> None:
        """Replace each opened relation in the text by a temporary view, named by the last part of its name."""
        edits: set[tuple[int, int, str]] = set()
        in_text = tokens(self.text.text)
        owners: set[str] = set()
        with_metadata = mentions(in_text, METADATA)
        made: dict[int, tuple[str, bool]] = {}  # by frame: its view, and whether the view has _metadata
        for item in opened:
            relation, frame = item.read.relation, item.frame
            if frame is None:
                if item.streaming and not relation.streaming:  # a table that only Spark knows
                    edits.add((relation.start, relation.start, "STREAM "))
                continue
            if id(frame) not in made:
                shown = _with_metadata(frame) if with_metadata else None  # a view has no hidden columns
                view = _free(name_parts(relation.name)[-1], views)
                views[view] = frame if shown is None else shown
                views[view].createOrReplaceTempView(quoted(view))
                made[id(frame)] = view, shown is not None
            view, shows = made[id(frame)]
            if shows:
                owners |= {view.lower(), alias_of(in_text, relation.stop) or view.lower()}
            edits |= {(relation.start, relation.stop, quoted(view)), *self._prefixes(relation, opened)}
        if owners:
            edits |= set(hidden_in_stars(in_text, METADATA, owners))
        self.text = self.text.replaced(sorted(edits))

    def _prefixes(self, relation: Relation, opened: list[_Opened]) -> Iterator[tuple[int, int, str]]:
        """Return the edits that remove the qualifiers of a table from its columns: `LIVE.a.id` becomes `a.id`."""
        parts = [part.lower() for part in name_parts(relation.name)]
        if len(parts) == 1:
            return
        starts = {item.read.relation.start for item in opened}
        in_text = tokens(self.text.text)
        length = 2 * len(parts) - 1
        for index, token in enumerate(in_text):
            words = in_text[index : index + length + 1]
            names = [name_value(word).lower() for word in words[0:length:2]]
            dots = {word.text for word in words[1 : length + 1 : 2]}
            if names == parts and dots == {"."} and token.start not in starts:
                yield token.start, words[length - 1].start, ""

    def _analysed(self) -> DataFrame:
        """Return the text's DataFrame from Spark. JSON paths are tried on strings first; those on a VARIANT stay."""
        named, kept = self.text, set[int]()
        in_text = tokens(named.text)
        paths = json_paths(in_text) if in_text[0].upper != "SET" else []  # SET url = jdbc:...
        while True:
            edits = [
                edit for path in paths for edit in (*(() if path.start in kept else path.on_string()), *path.named())
            ]
            self.text = named.replaced(sorted(edits)) if edits else named
            try:
                return self.execute(self.text.text)
            except AnalysisException as error:
                at = position(error, self.text.text) if error.getCondition() == _MISMATCH else None
                start = None if at is None else self.text.before(at)
                if start is None or start in kept or all(path.start != start for path in paths):
                    raise
                kept.add(start)


def without_stream(in_text: Sequence[Token]) -> Iterator[tuple[int, int, str]]:
    """Return the edits that remove STREAM from a query, which then reads batches."""
    for before, token in pairwise(in_text):
        if token.upper == "STREAM" and before.upper in ("FROM", "JOIN", ","):
            yield token.start, token.stop, ""


def _free(name: str, taken: Iterable[str]) -> str:
    """Return a name that is not taken: the name itself, or the name with a number."""
    used = {other.lower() for other in taken}
    numbered = (f"{name}__{number}" for number in count(2))
    return name if name.lower() not in used else next(other for other in numbered if other.lower() not in used)


def _with_metadata(frame: DataFrame) -> DataFrame | None:
    """Return a frame with its hidden column `_metadata` as a visible one; None when it has none."""
    try:
        return frame.select("*", METADATA)
    except AnalysisException:
        return None


def position(error: PySparkException, text: str) -> int | None:
    """Return the position in a text that a Spark exception refers to; None when it has none."""
    if isinstance(error, ParseException):
        match = _POSITION.search(str(error))
        if match is None:
            return None
        lines = text.split("\n")[: int(match[1]) - 1]
        return min(sum(len(line) + 1 for line in lines) + int(match[2]), len(text))
    contexts = error.getQueryContext() if isinstance(error, AnalysisException) else []
    return next((context.startIndex() for context in contexts if not context.objectType()), None)
