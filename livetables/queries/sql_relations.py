"""What tables a SQL text names, by Spark's own parser."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from livetables.spark.jvm import classes, elements, parsed_plan, subquery_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pyspark.sql import SparkSession


@dataclass(frozen=True)
class Relation:
    """A table name in a SQL text: its characters [start, stop), its name, whether and how it is read as a stream."""

    start: int
    stop: int
    name: str
    streaming: bool
    options: Mapping[str, str] = field(default_factory=dict)


_NAME = r"(?:`(?:[^`]|``)+`|[\w$]+)"
_HEAD = re.compile(rf"\s*(?:STREAM\b\s*\(?\s*)?(?P<name>{_NAME}(?:\s*\.\s*{_NAME})*)", re.IGNORECASE)


def relations(session: SparkSession, sql: str) -> list[Relation]:
    """Return the table names that Spark's own parser finds in a query, without names of its CTEs.

    Raises the parser's error when the text is not SQL.
    """
    plan = parsed_plan(session, sql)
    found: dict[int, Relation] = {}
    for node, ctes in _walk(plan, frozenset(), subquery_pattern(session)):
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
        found[match.start("name")] = Relation(
            match.start("name"), match.end("name"), name, node.isStreaming(), _texts(node.options())
        )
    return [found[start] for start in sorted(found)]


def changes_something(session: SparkSession, sql: str) -> bool:
    """Tell whether a statement does more than to read; raises the parser's error when the text is not SQL."""
    plan = parsed_plan(session, sql)
    if plan.getClass().getSimpleName().startswith(("Show", "Describe", "Explain")):
        return False
    jvm = classes(session)
    package = "org.apache.spark.sql.catalyst.plans.logical"
    changing = (jvm.java.lang.Class.forName(f"{package}.{kind}") for kind in ("Command", "ParsedStatement"))
    return any(kind.isInstance(plan) for kind in changing)


def _walk(node: Any, ctes: frozenset[str], subquery: Any) -> Iterator[tuple[Any, frozenset[str]]]:
    kind = node.getClass().getSimpleName()
    yield node, ctes
    if kind == "UnresolvedWith":
        relations_ = list(elements(node.cteRelations()))
        for index, relation in enumerate(relations_):
            # A CTE sees the ones before it, not itself.
            before = {str(earlier._1()).lower() for earlier in relations_[:index]}  # noqa: SLF001
            yield from _walk(relation._2(), ctes | before, subquery)  # noqa: SLF001
        ctes = ctes | {str(relation._1()).lower() for relation in relations_}  # noqa: SLF001
    for child in elements(node.children()):
        yield from _walk(child, ctes, subquery)
    if node.containsPattern(subquery):
        for expression in elements(node.expressions()):
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
    for child in elements(expression.children()):
        yield from _plans_in(child, subquery)


def _texts(java_map: Any) -> dict[str, str]:
    """Return a map of options. To go through a Java map as Python does costs an exception of Java's at its end."""
    if java_map.isEmpty():
        return {}
    texts = java_map.asCaseSensitiveMap()
    return {key: texts.get(key) for key in texts.keySet().toArray()}
