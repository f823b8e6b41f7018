"""Parses the statements of DLT SQL: the clauses that only pipelines have, in any order. Spark parses the rest.

The grammar is that of the platform's SQL language reference for pipelines, with the older forms: LIVE TABLE,
STREAMING LIVE TABLE, INCREMENTAL LIVE TABLE, LIVE VIEW, APPLY CHANGES INTO.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from livetables.sql.columns import ColumnParser
from livetables.sql.cursor import QUERY, Cursor, SqlError, any_of, close_phrase
from livetables.sql.flows import FlowParser
from livetables.sql.lexer import END, NAME, NUMBER, Token, name_value
from livetables.sql.statements import (
    MATERIALIZED_VIEW,
    STREAMING_TABLE,
    TABLE,
    VIEW,
    CreateDataset,
    CreateFlow,
    CreateFunction,
    DottedName,
    RowFilterClause,
    SetConf,
    SqlText,
    Use,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from livetables.sql.cursor import Clause
    from livetables.sql.statements import Statement

_KINDS = {
    "STREAMING TABLE": STREAMING_TABLE,
    "STREAMING LIVE TABLE": STREAMING_TABLE,
    "INCREMENTAL LIVE TABLE": STREAMING_TABLE,
    "MATERIALIZED VIEW": MATERIALIZED_VIEW,
    "LIVE TABLE": MATERIALIZED_VIEW,
    "TABLE": TABLE,
    "VIEW": VIEW,
    "LIVE VIEW": VIEW,
    "STREAMING LIVE VIEW": VIEW,
    "INCREMENTAL LIVE VIEW": VIEW,
}
_STATEMENTS = ("CREATE", "APPLY CHANGES INTO", "AUTO CDC INTO", "SET", "USE")
#: Keywords of other statements of Spark, with the hint for each.
_OTHERS = dict.fromkeys(
    (
        "ALTER",
        "ANALYZE",
        "COPY",
        "DECLARE",
        "DELETE",
        "DESCRIBE",
        "DROP",
        "EXECUTE",
        "EXPLAIN",
        "GRANT",
        "OPTIMIZE",
        "REFRESH",
        "RESTORE",
        "REVOKE",
        "SHOW",
        "TRUNCATE",
        "UPDATE",
        "VACUUM",
    ),
    f"A statement begins with {any_of(_STATEMENTS)}.",
) | {
    "INSERT": "Write CREATE FLOW name AS INSERT INTO table BY NAME query.",
    "MERGE": "Write AUTO CDC INTO table FROM STREAM(source) KEYS (column, ...) SEQUENCE BY expression.",
}
#: Keywords that can only begin a statement; inside another one, a `;` is missing.
_BEGINNINGS = (
    ("CREATE", "OR", "REFRESH"),
    ("CREATE", "OR", "REPLACE"),
    *(("CREATE", word) for word in ("FLOW", "LIVE", "MATERIALIZED", "PRIVATE", "STREAMING", "TEMPORARY", "VIEW")),
    ("APPLY", "CHANGES", "INTO"),
    ("AUTO", "CDC", "INTO"),
)


def parse(text: str, tokens: Sequence[Token]) -> Statement:
    """Return the statement of the tokens of a text; raises SqlError."""
    return _Parser(text, tokens).statement()


class _Parser(FlowParser, ColumnParser):
    # Statements

    def statement(self) -> Statement:
        self._must_be_one()
        start = self.next.start
        begin = self.took_one(_STATEMENTS)
        if begin == "CREATE":
            return self._create(start)
        if begin == "SET":
            return self._set(start)
        if begin == "USE":
            return self._use(start)
        if begin is not None:
            self.form = f"{begin} table FROM STREAM(source)"
            target = self.name("the table")
            return CreateFlow(DottedName((target.last,), target.start), target, self.cdc(), start)
        raise self._unknown()

    def _must_be_one(self) -> None:
        """Raise SqlError for a statement that contains the next one."""
        for at in range(self.at + 1, len(self._tokens)):
            here = Cursor(self._text, self._tokens, at)
            if self._tokens[at - 1].upper not in ("AS", "FLOW") and any(here.sees(*words) for words in _BEGINNINGS):
                message = f"Expected ';' before the next statement, found '{here.next.text}'."
                raise SqlError(here.next.start, message, "End the statement before it with ';'.")

    def _unknown(self) -> SqlError:
        token = self.next
        if token.upper in QUERY:
            hint = "A query alone defines nothing: write CREATE OR REFRESH MATERIALIZED VIEW name AS in front of it."
            return SqlError(token.start, "A pipeline's file has a query that belongs to no dataset.", hint)
        if token.upper in _OTHERS:
            return SqlError(token.start, f"{token.upper} is no statement of a pipeline.", _OTHERS[token.upper])
        close = close_phrase(token, _STATEMENTS)
        hint = f"Did you mean {close}?" if close else f"A statement begins with {any_of(_STATEMENTS)}."
        return SqlError(token.start, f"A statement can't begin with '{token.text}'.", hint)

    def _create(self, start: int) -> Statement:
        replaces = self.took_one(("OR REFRESH", "OR REPLACE"))
        if self.took("FUNCTION") or self.took("TEMPORARY", "FUNCTION") or self.took("TEMP", "FUNCTION"):
            self.form = "CREATE FUNCTION name(parameter TYPE, ...) RETURNS TYPE RETURN expression"
            self.took("IF", "NOT", "EXISTS")
            return CreateFunction(self.name("the name of the function"), self.rest("its parameters in brackets"), start)
        if self.sees("FLOW") and replaces:
            raise SqlError(self.next.start, f"A FLOW can't be created with {replaces}.", "Write CREATE FLOW.")
        if self.took("FLOW"):
            return self.flow(start)
        private = self.took("TEMPORARY") or self.took("TEMP") or self.took("PRIVATE")
        self.form = "CREATE OR REFRESH STREAMING TABLE name AS query"
        phrase = self.took_one(_KINDS)
        if phrase is None:
            near = (*_KINDS, *(() if private else ("TEMPORARY", "PRIVATE")), *(() if replaces else ("OR REFRESH",)))
            raise self.expected("STREAMING TABLE", "MATERIALIZED VIEW", "VIEW", "FLOW", "FUNCTION", near=near)
        return self._dataset(_KINDS[phrase], start, live="LIVE" in phrase, private=private)

    def _dataset(self, kind: str, start: int, *, live: bool, private: bool) -> CreateDataset:
        self.form = f"{' '.join(token.upper for token in self._tokens[: self.at])} name AS query"
        exists = self.took("IF", "NOT", "EXISTS")
        name = self.name(f"the name of the {kind}")
        listed = self.column_list(kind, published=not (live or private)) if self.sees("(") else {}
        ends = ("AS", "FLOW") if kind == STREAMING_TABLE else ("AS",)
        values, positions = self.clauses(f"A {kind}", self._clauses(kind), *ends)
        _check(positions)
        if self.took("AS"):
            values["query"] = self.rest("a query")
        elif self.took("FLOW"):
            values["flow"] = self.inline_flow()
        elif kind in (MATERIALIZED_VIEW, VIEW):
            raise self.expected("AS", why="and a query")
        return CreateDataset(kind, name, start, live=live, private=private, if_not_exists=exists, **listed, **values)

    def _clauses(self, kind: str) -> dict[str, Clause]:
        known: dict[str, Clause] = {
            "COMMENT": ("comment", "COMMENT 'text'", lambda: self.string("the comment")),
            "TBLPROPERTIES": ("properties", "TBLPROPERTIES ('key' = 'value', ...)", self.properties),
        }
        if kind == VIEW:
            return known
        columns = "(column, ...)"
        known |= {
            "PARTITIONED BY": ("partitioned_by", f"PARTITIONED BY {columns}", lambda: self.names("the columns")),
            "CLUSTER BY": ("cluster_by", f"CLUSTER BY {columns}", lambda: self.names("the columns")),
            "CLUSTER BY AUTO": ("cluster_by_auto", "", lambda: True),
            "LOCATION": ("location", "LOCATION 'path'", lambda: self.string("the path")),
            "USING": ("using", "USING DELTA", self._format),
            "WITH ROW FILTER": ("row_filter", f"WITH ROW FILTER function ON {columns}", self._row_filter),
            "SCHEDULE": ("schedule", "SCHEDULE EVERY 1 HOUR or SCHEDULE CRON '...'", self._schedule),
            "TRIGGER ON UPDATE": ("schedule", "TRIGGER ON UPDATE AT MOST EVERY INTERVAL 1 HOUR", self._trigger),
        }
        if kind == MATERIALIZED_VIEW:
            known["REFRESH POLICY"] = ("refresh_policy", "", self._refresh_policy)
        return known

    def _format(self) -> str:
        start, name = self.next.start, self.name("the format").last
        if name.lower() != "delta":
            message = f"All tables of a pipeline are Delta tables, and this one is to be stored as {name}."
            raise SqlError(start, message, "Leave USING out.")
        return name

    def _row_filter(self) -> RowFilterClause:
        function = self.name("the function")
        self.take("ON")
        return RowFilterClause(function, self.names("the columns", empty=True))

    def _refresh_policy(self) -> str:
        policies = ("AUTO", "INCREMENTAL", "INCREMENTAL STRICT", "FULL")
        self.form = f"REFRESH POLICY {any_of(policies)}"
        return self.take_one(*policies).lower().replace(" ", "_")

    def _schedule(self) -> SqlText:
        first = self.at - 1  # SCHEDULE
        self.took("REFRESH")
        if self.take_one("EVERY", "CRON") == "EVERY":
            self._period()
        else:
            self.string("the times")
            if self.took("AT", "TIME", "ZONE"):
                self.string("the time zone")
        return self.span(first, self.at)

    def _trigger(self) -> SqlText:
        first = self.at - 3  # TRIGGER ON UPDATE
        if self.took("AT", "MOST", "EVERY"):
            self.took("INTERVAL")
            self._period()
        return self.span(first, self.at)

    def _period(self) -> None:
        if self.next.kind != NUMBER:
            raise self.expected("a number")
        self.at += 1
        self.identifier("HOURS, DAYS or WEEKS")

    # SET and USE

    def _set(self, start: int) -> SetConf:
        self.form = "SET key = value"
        if self.took("TIME", "ZONE"):
            self.form = "SET TIME ZONE 'name'"
            zone = self.string("the time zone")
            self._end()
            return SetConf("spark.sql.session.timeZone", zone, start)
        first = self.at
        while self.next.kind != END and not self.sees("="):
            if self.at > first and self._tokens[self.at - 1].stop < self.next.start:
                raise self.expected("'='")
            self.at += 1
        if first == self.at:
            raise self.expected("a key")
        key = "".join(name_value(token) for token in self._tokens[first : self.at])
        if not self.took("="):
            return SetConf(key, None, start)
        if self.next.kind == NAME and self._tokens[self.at + 1].kind == END:
            return SetConf(key, name_value(self.next), start)
        value = self.rest(f"a value for '{key}'")
        for before, token in itertools.pairwise(self._tokens[first : self.at]):
            if token.upper in ("SET", "USE") and "\n" in self._text[before.stop : token.start]:
                message = f"Expected ';' before the next statement, found '{token.text}'."
                raise SqlError(token.start, message, "End the statement before it with ';'.")
        return SetConf(key, value.text, start)

    def _use(self, start: int) -> Use:
        self.form = "USE CATALOG name or USE SCHEMA name"
        if self.took("CATALOG"):
            use = Use(self.identifier("the catalog"), None, start)
        else:
            if not self.took("SCHEMA"):
                self.took("DATABASE")
            parts = self.name("the schema").parts
            use = Use(parts[0] if len(parts) > 1 else None, parts[-1], start)
        self._end()
        return use

    def _end(self) -> None:
        if self.next.kind != END:
            raise self.expected("the end of the statement")


def _check(positions: dict[str, int]) -> None:
    """Raise SqlError for clauses that exclude each other."""
    layouts = sorted(
        positions[name] for name in ("partitioned_by", "cluster_by", "cluster_by_auto") if name in positions
    )
    if len(layouts) > 1:
        message = "A table has only one of PARTITIONED BY, CLUSTER BY and CLUSTER BY AUTO."
        raise SqlError(layouts[1], message, "Leave one out.")
