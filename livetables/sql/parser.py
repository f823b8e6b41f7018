"""Reads the statements of DLT SQL: the clauses that only pipelines have, in any order. The rest is Spark's.

The grammar is that of the platform's SQL language reference for pipelines, with the older forms: LIVE TABLE,
STREAMING LIVE TABLE, INCREMENTAL LIVE TABLE, LIVE VIEW, APPLY CHANGES INTO.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from livetables.errors import nearest
from livetables.sql.cursor import QUERY, SqlError
from livetables.sql.flows import FlowParser
from livetables.sql.lexer import END, STRING, SYMBOL, WORD, Token, name_value, string_value
from livetables.sql.statements import (
    MATERIALIZED_VIEW,
    STREAMING_TABLE,
    TABLE,
    VIEW,
    Column,
    Constraint,
    CreateDataset,
    CreateFlow,
    CreateFunction,
    KeyConstraint,
    RowFilter,
    SetConf,
    Text,
    Use,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from livetables.sql.statements import Statement

_ACTIONS = {("DROP", "ROW"): "drop", ("FAIL", "UPDATE"): "fail"}


def parse(text: str, tokens: Sequence[Token]) -> Statement:
    """Return the statement that `tokens` of `text` are; raises SqlError."""
    return _Parser(text, tokens).statement()


class _Parser(FlowParser):
    # Statements

    def statement(self) -> Statement:
        start = self.next.start
        if self.sees("CREATE"):
            return self._create()
        if self.took("APPLY", "CHANGES", "INTO") or self.took("AUTO", "CDC", "INTO"):
            target = self.name("the target")
            return CreateFlow(target, target, self.cdc(), start)
        if self.took("SET"):
            return self._set(start)
        if self.took("USE"):
            return self._use(start)
        return self._unknown()

    def _unknown(self) -> Statement:
        token = self.next
        known = ("CREATE", "APPLY", "AUTO", "SET", "USE")
        close = nearest(token.text, known) if token.kind == WORD else None
        if token.upper in QUERY:
            hint = "A query alone defines nothing: write CREATE OR REFRESH MATERIALIZED VIEW name AS in front of it."
            raise SqlError(token.start, "A pipeline's file has a query that belongs to no dataset.", hint)
        hint = f"Did you mean {close}?" if close else (
            "A pipeline's file has CREATE, APPLY CHANGES INTO, AUTO CDC INTO, SET and USE statements."
        )  # fmt: skip
        raise SqlError(token.start, f"A statement can't begin with '{token.text}'.", hint)

    def _create(self) -> Statement:
        start = self.next.start
        self.take("CREATE")
        replaces = self.took("OR", "REFRESH") or self.took("OR", "REPLACE")
        if self.sees("OR"):
            self.at += 1
            raise self.expected("REFRESH or REPLACE", "after CREATE OR")
        if self.took("FUNCTION") or self.took("TEMPORARY", "FUNCTION") or self.took("TEMP", "FUNCTION"):
            self.took("IF", "NOT", "EXISTS")
            return CreateFunction(self.name("the name of the function"), self.rest("its parameters in brackets"), start)
        if not replaces and self.took("FLOW"):
            return self.flow(start)
        private = self.took("TEMPORARY") or self.took("TEMP") or self.took("PRIVATE")
        streaming = self.took("STREAMING") or self.took("INCREMENTAL")
        live = self.took("LIVE")
        if self.took("TABLE"):
            kind = STREAMING_TABLE if streaming else MATERIALIZED_VIEW if live else TABLE
        elif not streaming and self.took("MATERIALIZED", "VIEW"):
            kind = MATERIALIZED_VIEW
        elif (live or not streaming) and self.took("VIEW"):
            kind = VIEW
        else:
            options = "TABLE or LIVE" if streaming and not live else "TABLE or VIEW" if live else (
                "STREAMING TABLE or MATERIALIZED VIEW or VIEW or FLOW or FUNCTION"
            )  # fmt: skip
            raise self.expected(options)
        return self._dataset(kind, start, live=live, private=private)

    def _dataset(self, kind: str, start: int, *, live: bool, private: bool) -> CreateDataset:
        exists = self.took("IF", "NOT", "EXISTS")
        name = self.name(f"the name of the {kind}")
        told: dict[str, Any] = {"live": live, "private": private, "if_not_exists": exists}
        if self.sees("("):
            told |= self._column_list()
            if kind == VIEW and not live and told["constraints"]:
                hint = "Put it on a table; of views, only CREATE TEMPORARY LIVE VIEW has constraints."
                raise SqlError(told["constraints"][0].start, "A view can't have a CONSTRAINT.", hint)
        while self.next.kind != END and not self.sees("AS") and not self.sees("FLOW"):
            at = self.next.start
            clause, value = self._clause(kind)
            if clause in told:
                what = clause.replace("_", " ")
                raise SqlError(at, f"'{name.last}' has two {what} clauses.", "Leave one out.")
            told[clause] = value
        if self.took("AS"):
            told["query"] = self.rest("a query")
        elif self.took("FLOW"):
            told["flow"] = self.inline_flow()
        elif kind in (MATERIALIZED_VIEW, VIEW):
            raise self.expected("AS", "and a query")
        return CreateDataset(kind, name, start, **told)

    def _clause(self, kind: str) -> tuple[str, Any]:
        takes: dict[tuple[str, ...], tuple[str, Callable[[], Any]]] = {
            ("PARTITIONED", "BY"): ("partitioned_by", lambda: self.names("the partition columns")),
            ("CLUSTER", "BY", "AUTO"): ("cluster_by_auto", lambda: True),
            ("CLUSTER", "BY"): ("cluster_by", lambda: self.names("the clustering columns")),
            ("COMMENT",): ("comment", lambda: self.string("the comment")),
            ("TBLPROPERTIES",): ("properties", self.properties),
            ("LOCATION",): ("location", lambda: self.string("the path")),
            ("USING",): ("using", lambda: self.name("a format").last),
            ("REFRESH", "POLICY"): ("refresh_policy", lambda: self.word("a policy")),
            ("WITH", "ROW", "FILTER"): ("row_filter", self._row_filter),
            ("ROW", "FILTER"): ("row_filter", self._row_filter),
            ("SCHEDULE",): ("schedule", self._schedule),
            ("TRIGGER", "ON"): ("schedule", self._schedule),
        }
        known = [" ".join(words) for words in takes]
        if kind == VIEW:
            known = ["COMMENT", "TBLPROPERTIES"]
        for words, (clause, take) in takes.items():
            if " ".join(words) in known and self.took(*words):
                return clause, take()
        raise self._no_clause(kind, [*known, "AS", "FLOW"])

    def _row_filter(self) -> RowFilter:
        function = self.name("the function of the row filter")
        self.take("ON")
        return RowFilter(function, self.names("the columns of the row filter", empty=True))

    def _schedule(self) -> Text:
        return self.until(("COMMENT",), ("TBLPROPERTIES",), ("AS",), ("PARTITIONED",), ("CLUSTER",), ("WITH",))

    def _no_clause(self, kind: str, known: list[str]) -> SqlError:
        token = self.next
        if token.upper in QUERY:
            return SqlError(token.start, f"Expected AS before the query, found '{token.text}'.", "Write AS before it.")
        if token.upper == "CONSTRAINT":
            hint = f"Put it in brackets behind the name of the {kind}: name (CONSTRAINT ... EXPECT (...))."
            return SqlError(token.start, "A CONSTRAINT can't stand here.", hint)
        close = next((words for words in known if nearest(token.text, [words.split()[0]])), None)
        hint = f"Did you mean {close}?" if close else f"The clauses are {', '.join(known)}."
        return SqlError(token.start, f"A {kind} has no clause that begins with '{token.text}'.", hint)

    # The list of columns and constraints

    def _column_list(self) -> dict[str, Any]:
        self.take("(")
        columns: list[Column] = []
        constraints: list[Constraint] = []
        keys: list[KeyConstraint] = []
        while True:
            if self.sees("CONSTRAINT"):
                found = self._constraint()
                (constraints if isinstance(found, Constraint) else keys).append(found)  # type: ignore[arg-type]
            elif self.sees("PRIMARY", "KEY") or self.sees("FOREIGN", "KEY"):
                keys.append(KeyConstraint(self._entry()))
            else:
                columns.append(self._column())
            if not self.took(","):
                break
        self.take(")", why="or ',' after an entry of the list")
        return {"columns": tuple(columns), "constraints": tuple(constraints), "keys": tuple(keys)}

    def _constraint(self) -> Constraint | KeyConstraint:
        first, start = self.at, self.next.start
        self.take("CONSTRAINT")
        if self.sees("EXPECT"):
            raise SqlError(self.next.start, "The CONSTRAINT has no name.", "Write CONSTRAINT name EXPECT (...).")
        name = self.identifier("the name of the constraint")
        if self.sees("PRIMARY", "KEY") or self.sees("FOREIGN", "KEY"):
            self._entry()
            return KeyConstraint(self.span(first, self.at))
        self.take("EXPECT", why="or PRIMARY KEY or FOREIGN KEY")
        if not self.sees("("):
            raise SqlError(self.next.start, f"The condition of constraint '{name}' stands in no brackets.",
                           "Write EXPECT (condition).")  # fmt: skip
        predicate = self.inside("the condition")
        action = "warn"
        if self.took("ON"):
            self.take("VIOLATION")
            for words, meant in _ACTIONS.items():
                if self.took(*words):
                    action = meant
                    break
            else:
                raise self.expected("DROP ROW or FAIL UPDATE")
        return Constraint(name, predicate, action, start)

    def _column(self) -> Column:
        name = self.identifier("the name of a column")
        first = self.at
        text = self._entry(empty=True)
        comment = None
        for index in range(first, self.at - 1):
            if self._tokens[index].upper == "COMMENT" and self._tokens[index + 1].kind == STRING:
                comment = string_value(self._tokens[index + 1])
        typed = first < self.at and self._tokens[first].upper not in ("COMMENT", "NOT", "MASK")
        return Column(name, text, typed, comment)

    def _entry(self, *, empty: bool = False) -> Text:
        """Take what stands up to the next comma or closing bracket outside of brackets, also of `<`."""
        first, depth = self.at, 0
        while self.next.kind != END:
            said = self.next.text if self.next.kind == SYMBOL else ""
            if depth == 0 and said in (",", ")"):
                break
            depth += (said in ("(", "<", "[")) - (said in (")", ">", "]"))
            self.at += 1
        if first == self.at and not empty:
            raise self.expected("an entry of the list")
        return self.span(first, self.at) if first < self.at else Text("", self.next.start)

    # SET and USE

    def _set(self, start: int) -> SetConf:
        first = self.at
        while self.next.kind != END and not self.sees("="):
            self.at += 1
        if first == self.at:
            raise self.expected("a key", "after SET")
        key = "".join(name_value(token) for token in self._tokens[first : self.at])
        if key.upper().startswith("TIMEZONE") and self._tokens[first].upper == "TIME":  # SET TIME ZONE 'UTC'
            return SetConf("spark.sql.session.timeZone", key[len("TIMEZONE") :].strip("'\""), start)
        if not self.took("="):
            return SetConf(key, None, start)
        if self.next.kind == END:
            raise self.expected("a value", f"for {key}")
        value, last = self.next, self._tokens[-1]
        only = value.kind == STRING and len(self._tokens) == self.at + 2
        return SetConf(key, string_value(value) if only else self._text[value.start : last.start].rstrip(), start)

    def _use(self, start: int) -> Use:
        if self.took("CATALOG"):
            use = Use(self.identifier("the catalog"), None, start)
        else:
            if not self.took("SCHEMA"):
                self.took("DATABASE")
            parts = self.name("the schema").parts
            use = Use(parts[0] if len(parts) > 1 else None, parts[-1], start)
        if self.next.kind != END:
            raise self.expected("the end of the statement")
        return use
