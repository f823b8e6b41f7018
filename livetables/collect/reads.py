"""How a query function reads: by name, through whichever reader is active while the function is evaluated."""

from __future__ import annotations

import re
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from pyspark.sql import SparkSession

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pyspark.sql import DataFrame


class Reader(Protocol):
    """Gives a query the DataFrames of the names that it reads; resolution and execution each have one."""

    def read(self, name: str, *, streaming: bool, options: Mapping[str, str]) -> DataFrame | None:
        """Return the DataFrame of a name, or None when the session itself should look it up."""

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
    token = current.set(reader)
    try:
        yield
    finally:
        current.reset(token)


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


@dataclass(frozen=True)
class Relation:
    """A table name in a SQL text: its characters [start, stop), its name, whether it is read as a stream."""

    start: int
    stop: int
    name: str
    streaming: bool


_NAME = r"(?:`(?:[^`]|``)+`|[\w$]+)"
_HEAD = re.compile(rf"\s*(?:STREAM\b\s*\(?\s*)?(?P<name>{_NAME}(?:\s*\.\s*{_NAME})*)", re.IGNORECASE)


def relations(session: SparkSession, sql: str) -> list[Relation]:
    """Return the table names that Spark's own parser finds in a query, without names of its CTEs.

    Raises the parser's error when the text is not SQL.
    """
    plan = session._jsparkSession.sessionState().sqlParser().parsePlan(sql)  # noqa: SLF001
    found: dict[int, Relation] = {}
    subquery = session._jvm.org.apache.spark.sql.catalyst.trees.TreePattern.PLAN_EXPRESSION()  # type: ignore[union-attr] # noqa: SLF001
    for node, ctes in _walk(plan, frozenset(), subquery):
        if node.getClass().getSimpleName() != "UnresolvedRelation":
            continue
        origin = node.origin()
        if origin.startIndex().isEmpty():
            continue
        begin = origin.startIndex().get()
        match = _HEAD.match(sql, begin)
        if match is None:
            continue
        name = re.sub(r"\s*\.\s*", ".", match["name"])
        if name.strip("`").lower() in ctes:
            continue
        found[match.start("name")] = Relation(match.start("name"), match.end("name"), name, node.isStreaming())
    return [found[start] for start in sorted(found)]


def changes_something(session: SparkSession, sql: str) -> bool:
    """Tell whether a statement does more than to read; raises the parser's error when the text is not SQL."""
    plan = session._jsparkSession.sessionState().sqlParser().parsePlan(sql)  # noqa: SLF001
    if plan.getClass().getSimpleName().startswith(("Show", "Describe", "Explain")):
        return False
    jvm: Any = session._jvm  # noqa: SLF001
    package = "org.apache.spark.sql.catalyst.plans.logical"
    changing = (jvm.java.lang.Class.forName(f"{package}.{kind}") for kind in ("Command", "ParsedStatement"))
    return any(kind.isInstance(plan) for kind in changing)


def _walk(node: Any, ctes: frozenset[str], subquery: Any) -> Iterator[tuple[Any, frozenset[str]]]:
    kind = node.getClass().getSimpleName()
    yield node, ctes
    if kind == "UnresolvedWith":
        relations_ = list(_seq(node.cteRelations()))
        for index, relation in enumerate(relations_):
            # A CTE sees the ones before it, not itself.
            before = {str(earlier._1()).lower() for earlier in relations_[:index]}  # noqa: SLF001
            yield from _walk(relation._2(), ctes | before, subquery)  # noqa: SLF001
        ctes = ctes | {str(relation._1()).lower() for relation in relations_}  # noqa: SLF001
    for child in _seq(node.children()):
        yield from _walk(child, ctes, subquery)
    if node.containsPattern(subquery):
        for expression in _seq(node.expressions()):
            for plan in _plans_in(expression, subquery):
                yield from _walk(plan, ctes, subquery)


def _plans_in(expression: Any, subquery: Any) -> Iterator[Any]:
    if not expression.containsPattern(subquery):
        return
    try:
        plan = expression.plan()
    except Exception:  # noqa: BLE001 (py4j: the expression has no such method, so it is no subquery)
        plan = None
    if plan is not None:
        yield plan
    for child in _seq(expression.children()):
        yield from _plans_in(child, subquery)


def _seq(scala_seq: Any) -> Iterator[Any]:
    iterator = scala_seq.iterator()
    while iterator.hasNext():
        yield iterator.next()


def run_sql(session: SparkSession, sql: str, original: Callable[..., DataFrame], *args: Any, **kwargs: Any) -> Any:
    """Run a query text with the names of datasets replaced by what the active reader gives for them."""
    reader = current.get()
    if reader is None:
        return original(session, sql, *args, **kwargs)
    views: dict[tuple[str, bool], str] = {}
    pieces: list[str] = []
    position = 0
    for relation in relations(session, sql):
        frame = reader.read(relation.name, streaming=relation.streaming, options={})
        if frame is None:
            continue
        # The view has the dataset's own last name, so that `x.column` in the text still resolves.
        name = relation.name.split(".")[-1].strip("`")
        taken = {view for key, view in views.items() if key != (name.lower(), relation.streaming)}
        view = f"{name}__stream" if name in taken else name
        views[name.lower(), relation.streaming] = view
        frame.createOrReplaceTempView(f"`{view}`")
        pieces += [sql[position : relation.start], f"`{view}`"]
        position = relation.stop
    try:
        return original(session, "".join([*pieces, sql[position:]]), *args, **kwargs)
    finally:
        for view in views.values():
            session.catalog.dropTempView(view)
