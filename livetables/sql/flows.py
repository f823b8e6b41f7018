"""Reads what fills a table: queries that are inserted, and AUTO CDC with its clauses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from livetables.errors import nearest
from livetables.sql.cursor import QUERY, Cursor, SqlError
from livetables.sql.lexer import END, NUMBER
from livetables.sql.statements import Cdc, ColumnChoice, CreateFlow, Insert, Text

if TYPE_CHECKING:
    from collections.abc import Callable

#: What begins a clause behind AUTO CDC ... FROM, and so ends an expression before it.
_CDC_CLAUSES = (
    ("KEYS",), ("IGNORE", "NULL", "UPDATES"), ("WHERE",), ("APPLY", "AS"), ("SEQUENCE", "BY"),
    ("SYSTEM", "SEQUENCE", "BY"), ("COLUMNS", "TO", "UPDATE"), ("COLUMNS",), ("STORED", "AS"), ("TRACK", "HISTORY"),
)  # fmt: skip


class FlowParser(Cursor):
    """Reads the flows of tables."""

    def flow(self, start: int) -> CreateFlow:
        """Take what follows CREATE FLOW."""
        name = self.name("the name of the flow")
        comment = self.string("the comment") if self.took("COMMENT") else None
        self.take("AS", why="and INSERT INTO or AUTO CDC INTO")
        if self.took("AUTO", "CDC") or self.took("APPLY", "CHANGES"):
            once = self.took("ONCE")
            self.take("INTO")
            target = self.name("the target")
            return CreateFlow(name, target, self.cdc(once=once), start, comment)
        self.take("INSERT", why="INTO or AUTO CDC INTO")
        once = self.took("ONCE")
        self.took("INTO")
        once = self.took("ONCE") or once
        target = self.name("the target")
        return CreateFlow(name, target, self._insert(once=once), start, comment)

    def inline_flow(self) -> Insert | Cdc:
        """Take what follows FLOW in CREATE STREAMING TABLE."""
        if self.took("AUTO", "CDC") or self.took("APPLY", "CHANGES"):
            return self.cdc(once=self.took("ONCE"))
        if self.sees("REPLACE"):
            return self._insert()
        self.take("INSERT", why="or AUTO CDC or REPLACE")
        return self._insert(once=self.took("ONCE"))

    def _insert(self, *, once: bool = False) -> Insert:
        told: dict[str, Any] = {"once": once}
        while not (self.next.upper in QUERY or self.next.kind == END):
            if self.took("BY", "NAME"):
                continue
            if self.took("REPLACE", "USING"):
                told["replace_using"] = self.names("the keys")
                self.take("SEQUENCE", "BY", why="after REPLACE USING")
                told["sequence"] = self.until(("BY", "NAME"), *((word,) for word in QUERY if word != "("))
            elif self.took("REPLACE", "WHERE"):
                told["replace_where"] = self.until(("BY", "NAME"), *((word,) for word in QUERY if word != "("))
            else:
                raise self.expected("a query", "to insert")
        return Insert(self.rest("a query"), **told)

    def cdc(self, *, once: bool = False) -> Cdc:
        """Take FROM and what follows it."""
        self.take("FROM", why="and the source")
        told: dict[str, Any] = {"source": self._source(), "once": once}
        places: dict[str, int] = {}
        while self.next.kind != END:
            at = self.next.start
            clause, value = self._cdc_clause()
            if clause in places:
                raise SqlError(at, f"The flow has two {clause.replace('_', ' ')} clauses.", "Leave one out.")
            told[clause], places[clause] = value, at
            if clause == "ignore_null_updates" and self.took("ON"):
                told["ignored"] = self._choice("the columns that NULL leaves alone")
        if "keys" not in told:
            raise self.expected("KEYS", "(...), the columns that identify a row")
        if "sequence" not in told:
            raise self.expected("SEQUENCE BY", "and what orders the events of a key")
        _check(told, places)
        return Cdc(**told)

    def _source(self) -> Text:
        """Take a name, `STREAM name`, `STREAM(...)` or a query in brackets."""
        first = self.at
        streams = self.took("STREAM")
        if self.sees("("):
            self.inside("the source")
        else:
            self.name("the source")
            if streams and self.sees("("):  # a function, such as read_files
                self.inside("the arguments")
        return self.span(first, self.at)

    def _cdc_clause(self) -> tuple[str, Any]:
        takes: dict[tuple[str, ...], tuple[str, Callable[[], Any]]] = {
            ("KEYS",): ("keys", lambda: self.names("the keys")),
            ("IGNORE", "NULL", "UPDATES"): ("ignore_null_updates", lambda: True),
            ("WHERE",): ("where", self._expression),
            ("APPLY", "AS", "DELETE", "WHEN"): ("deletes", self._expression),
            ("APPLY", "AS", "TRUNCATE", "WHEN"): ("truncates", self._expression),
            ("SEQUENCE", "BY"): ("sequence", self._expression),
            ("SYSTEM", "SEQUENCE", "BY"): ("system_sequence", self._expression),
            ("COLUMNS", "TO", "UPDATE"): ("columns_to_update", self._expression),
            ("COLUMNS",): ("columns", lambda: self._choice("the columns")),
            ("STORED", "AS"): ("stored_as", self._stored_as),
            ("TRACK", "HISTORY", "ON"): ("tracked", lambda: self._choice("the columns whose history is kept")),
        }
        for words, (clause, take) in takes.items():
            if self.took(*words):
                return clause, take()
        if self.took("APPLY", "AS"):
            raise self.expected("DELETE WHEN or TRUNCATE WHEN")
        if self.took("TRACK", "HISTORY"):
            raise self.expected("ON", "after TRACK HISTORY")
        token = self.next
        known = [" ".join(words) for words in takes]
        close = next((words for words in known if nearest(token.text, [words.split()[0]])), None)
        hint = f"Did you mean {close}?" if close else f"The clauses are {', '.join(known)}."
        raise SqlError(token.start, f"AUTO CDC has no clause that begins with '{token.text}'.", hint)

    def _stored_as(self) -> str:
        if self.took("BITEMPORAL"):
            return "bitemporal"
        self.take("SCD", why="TYPE 1 or SCD TYPE 2")
        self.take("TYPE", why="1 or 2")
        token = self.next
        if token.kind != NUMBER or token.text not in ("1", "2"):
            raise self.expected("1 or 2")
        self.at += 1
        return token.text

    def _choice(self, what: str) -> ColumnChoice:
        if self.took("*"):
            self.take("EXCEPT", why="after *")
            return ColumnChoice(self.names(what), but=True)
        if self.sees("("):
            return ColumnChoice(self.names(what))
        names = [self.identifier(what)]
        while self.took(","):
            names.append(self.identifier(what))
        return ColumnChoice(tuple(names))

    def _expression(self) -> Text:
        return self.until(*_CDC_CLAUSES)


def _check(told: dict[str, Any], places: dict[str, int]) -> None:
    """Refuse clauses that do not go together."""
    history = told.get("stored_as", "1") == "2"
    if "tracked" in places and not history:
        message = "TRACK HISTORY needs a table that keeps history."
        raise SqlError(places["tracked"], message, "Add STORED AS SCD TYPE 2, or leave TRACK HISTORY out.")
    if "truncates" in places and history:
        message = "APPLY AS TRUNCATE can't empty a table that keeps history."
        raise SqlError(places["truncates"], message, "Leave it out, or write STORED AS SCD TYPE 1.")
    if "columns_to_update" in places and "ignore_null_updates" in places:
        message = "COLUMNS TO UPDATE and IGNORE NULL UPDATES both say what an event leaves alone."
        raise SqlError(places["columns_to_update"], message, "Leave one of them out.")
