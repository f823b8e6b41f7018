"""The tables that a SQL text reads, found by Spark's own parser."""

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
    """A table name in a SQL text: its range [start, stop), whether it is read as a stream, its options."""

    start: int
    stop: int
    name: str
    streaming: bool
    options: Mapping[str, str] = field(default_factory=dict)


_NAME = r"(?:`(?:[^`]|``)+`|[\w$]+)"
_HEAD = re.compile(rf"\s*(?:STREAM\b\s*\(?\s*)?(?P<name>{_NAME}(?:\s*\.\s*{_NAME})*)", re.IGNORECASE)


def relations(session: SparkSession, sql: str) -> list[Relation]:
    """Return the table names in a query, by position, without the names of its CTEs.

    Raises the parser's error when the text is not SQL.
    """
    plan = parsed_plan(session, sql)
    by_start: dict[int, Relation] = {}
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
        by_start[match.start("name")] = Relation(
            match.start("name"), match.end("name"), name, node.isStreaming(), _texts(node.options())
        )
    return [by_start[start] for start in sorted(by_start)]


def is_query(session: SparkSession, sql: str) -> bool:
    """Return whether a statement only reads; raises the parser's error when the text is not SQL."""
    plan = parsed_plan(session, sql)
    if plan.getClass().getSimpleName().startswith(("Show", "Describe", "Explain")):
        return True
    jvm = classes(session)
    package = "org.apache.spark.sql.catalyst.plans.logical"
    commands = (jvm.java.lang.Class.forName(f"{package}.{kind}") for kind in ("Command", "ParsedStatement"))
    return not any(kind.isInstance(plan) for kind in commands)


def _walk(node: Any, ctes: frozenset[str], subquery: Any) -> Iterator[tuple[Any, frozenset[str]]]:
    kind = node.getClass().getSimpleName()
    yield node, ctes
    if kind == "UnresolvedWith":
        for cte in elements(node.cteRelations()):  # pairs: name, plan
            yield from _walk(cte.productElement(1), ctes, subquery)
            ctes = ctes | {str(cte.productElement(0)).lower()}  # a CTE sees the ones before it, not itself
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
    """Return the options of a relation.

    Iterating over a Java map as in Python would be slow: each iteration ends with an exception of Java.
    """
    if java_map.isEmpty():
        return {}
    texts = java_map.asCaseSensitiveMap()
    return {key: texts.get(key) for key in texts.keySet().toArray()}
