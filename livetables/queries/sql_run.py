"""Runs query texts with what Spark's SQL does not have: datasets of the pipeline, the platform's own sources, `:`.

What stands in the text for a dataset or a source becomes the name of a temporary view for as long as Spark analyses
it. A JSON path behind a string, `details:flow_progress.metrics`, becomes get_json_object; behind a VARIANT it stays.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count, pairwise
from typing import TYPE_CHECKING, Any

from pyspark.errors import AnalysisException, ParseException, PySparkException

from livetables.errors import DefinitionError
from livetables.model import is_live, name_parts, quoted
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

    from pyspark.sql import DataFrame, SparkSession

    from livetables.queries.reads import Reader
    from livetables.queries.sql_queries import SqlQuery
    from livetables.queries.sql_relations import Relation
    from livetables.queries.sql_sources import Source
    from livetables.sql.lexer import Token

#: Temporary views belong to the session, which flows share: one text at a time has its views there.
_views = threading.RLock()
#: What Spark says of get_json_object on something that is no string.
_MISMATCH = "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE"
_POSITION = re.compile(r"\(line (\d+), pos (\d+)\)")


def run(
    session: SparkSession, text: str, reader: Reader, execute: Callable[[str], DataFrame], args: Any = None
) -> DataFrame:
    """Return the result of a query text, which `execute` hands to Spark, with what it reads given by `reader`.

    `args` are the values of `:name`, by name, or of `?`, in order: Spark itself does not fill them in beside Delta.
    Raises DefinitionError for a source that is not given what it needs.
    """
    try:
        return Run(session, _with_args(session, Edited(text), args), reader, execute).result()
    except UnfinishedError:
        return execute(text)  # Spark says what is wrong with it
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
    source: Source | None

    @property
    def streams(self) -> bool:
        """Whether the text says that it is read as a stream."""
        return self.relation.streaming or (self.source is not None and self.source.streaming)

    @property
    def key(self) -> Hashable:
        """What is the same for reads of one table in the same way."""
        if self.source is not None:
            return self.relation.start
        name = tuple(part.lower() for part in name_parts(self.relation.name))
        name = name[1:] if is_live(self.relation.name) else name
        return name, self.streams, frozenset(self.relation.options.items())

    def open(self, reader: Reader, *, streams: bool) -> DataFrame | None:
        if self.source is not None:
            return self.source.open(streams)
        return reader.read(self.relation.name, streaming=streams, options=self.relation.options)


@dataclass(frozen=True)
class _Opened:
    """What was read, its DataFrame (None when Spark finds it), and whether it is read as a stream."""

    read: _Read
    frame: DataFrame | None
    streams: bool


def _any_streams(opened: Iterable[_Opened], found: Iterable[_Read]) -> bool:
    frames = (one.frame for one in opened)
    return any(read.streams for read in found) or any(frame is not None and frame.isStreaming for frame in frames)


@dataclass
class Run:
    """One text on its way to Spark: `text` is what it has become so far."""

    session: SparkSession
    text: Edited
    reader: Reader
    execute: Callable[[str], DataFrame]
    query: SqlQuery | None = None
    #: Whether a query that should stream is computed anew each time, as its source is rewritten each time.
    recomputed: bool = False

    def result(self) -> DataFrame:
        """Return what the text gives; raises SqlError, LivetablesError or what Spark raises."""
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
        """Return what the text reads, in its order; from here on, sources have names in it."""
        found = sources(self.session, self.text.text, tokens(self.text.text), self._value)
        self.text = self.text.replaced((source.start, source.stop, f"`{source.name}`") for source in found)
        by_start = {source.start: source for source in found}
        names = relations(self.session, self.text.text)
        return [_Read(name, by_start.get(self.text.before(name.start))) for name in names]

    def _value(self, expression: str) -> Any:
        """Return the value of an expression without columns."""
        return self.execute(f"SELECT {expression}").first()[0]  # type: ignore[index] # it has one row

    def _opened(self, found: list[_Read]) -> list[_Opened]:
        """Open all that is read; what is to stream and does not reads its first source as a stream."""
        wanted = None if self.query is None else self.query.streams
        opened: dict[_Read, _Opened] = {}
        frames: dict[Hashable, DataFrame | None] = {}  # a table that is read twice is one frame
        for read in sorted(found, key=lambda read: read.source is not None):  # only then is known how sources are read
            streams = read.streams and wanted is not False
            if wanted and read.source is not None and read is found[0] and not _any_streams(opened.values(), found):
                streams = self._stream_first(read)
            if read.key not in frames:
                frames[read.key] = self._open(read, streams=streams)
            opened[read] = _Opened(read, frames[read.key], streams)
        if wanted and found and found[0].source is None and not _any_streams(opened.values(), found):
            first = found[0]
            if self._stream_first(first):
                opened[first] = _Opened(first, self._open(first, streams=True), streams=True)
        return [opened[read] for read in found]

    def _stream_first(self, first: _Read) -> bool:
        """Tell whether the first source can be read as a stream; warn in either case."""
        assert self.query is not None
        self.recomputed = first.source is None and self.reader.complete_mode(first.relation.name)
        self.query.warn_of_batch(
            first.relation.name, self.text.origin(first.relation.start), recomputed=self.recomputed
        )
        return not self.recomputed

    def _open(self, read: _Read, *, streams: bool) -> DataFrame | None:
        if self.query is None:
            return read.open(self.reader, streams=streams)
        with self.query.reading(self.text.origin(read.relation.start)):
            return read.open(self.reader, streams=streams)

    def _name(self, opened: list[_Opened], views: dict[str, DataFrame]) -> None:
        """Put temporary views in the place of what was opened, under the last part of its name."""
        edits: set[tuple[int, int, str]] = set()
        found = tokens(self.text.text)
        owners: set[str] = set()
        with_metadata = mentions(found, METADATA)
        made: dict[int, tuple[str, bool]] = {}  # by frame: its view, and whether that shows _metadata
        for one in opened:
            relation, frame = one.read.relation, one.frame
            if frame is None:
                if one.streams and not relation.streaming:  # a table that only Spark knows
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
                owners |= {view.lower(), alias_of(found, relation.stop) or view.lower()}
            edits |= {(relation.start, relation.stop, quoted(view)), *self._prefixes(relation, opened)}
        if owners:
            edits |= set(hidden_in_stars(found, METADATA, owners))
        self.text = self.text.replaced(sorted(edits))

    def _prefixes(self, relation: Relation, opened: list[_Opened]) -> Iterator[tuple[int, int, str]]:
        """Take what stands before the last part of a table's name off its columns: `LIVE.a.id` becomes `a.id`."""
        parts = [part.lower() for part in name_parts(relation.name)]
        if len(parts) == 1:
            return
        named = {one.read.relation.start for one in opened}
        found = tokens(self.text.text)
        length = 2 * len(parts) - 1
        for index, token in enumerate(found):
            words = found[index : index + length + 1]
            names = [name_value(word).lower() for word in words[0:length:2]]
            dots = {word.text for word in words[1 : length + 1 : 2]}
            if names == parts and dots == {"."} and token.start not in named:
                yield token.start, words[length - 1].start, ""

    def _analysed(self) -> DataFrame:
        """Let Spark analyse the text. JSON paths are tried on strings first; those on a VARIANT stay as they are."""
        named, kept = self.text, set[int]()
        found = tokens(named.text)
        paths = json_paths(found) if found[0].upper != "SET" else []  # SET url = jdbc:...
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


def streams(found: Sequence[Token]) -> Iterator[tuple[int, int, str]]:
    """Return the edits that take STREAM away."""
    for before, token in pairwise(found):
        if token.upper == "STREAM" and before.upper in ("FROM", "JOIN", ","):
            yield token.start, token.stop, ""


def _free(name: str, taken: Iterable[str]) -> str:
    """Return a name that is not taken: this one, or with a number."""
    used = {one.lower() for one in taken}
    numbered = (f"{name}__{number}" for number in count(2))
    return name if name.lower() not in used else next(other for other in numbered if other.lower() not in used)


def _with_metadata(frame: DataFrame) -> DataFrame | None:
    """Return a frame with its hidden column `_metadata` shown; None when it has none."""
    try:
        return frame.select("*", METADATA)
    except AnalysisException:
        return None


def position(error: PySparkException, text: str) -> int | None:
    """Return the character of a text that an error of Spark's speaks of."""
    if isinstance(error, ParseException):
        match = _POSITION.search(str(error))
        if match is None:
            return None
        lines = text.split("\n")[: int(match[1]) - 1]
        return min(sum(len(line) + 1 for line in lines) + int(match[2]), len(text))
    contexts = error.getQueryContext() if isinstance(error, AnalysisException) else []
    return next((context.startIndex() for context in contexts if not context.objectType()), None)
