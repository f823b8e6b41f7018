"""Parses the flows of a table: inserted queries, and AUTO CDC with its clauses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from livetables.sql.cursor import QUERY, Cursor, SqlError, close_phrase
from livetables.sql.lexer import END, SYMBOL, WORD
from livetables.sql.statements import Cdc, ColumnChoice, CreateFlow, Insert, SqlText

if TYPE_CHECKING:
    from livetables.sql.cursor import Clause

_FLOW = "CREATE FLOW name AS INSERT INTO table BY NAME query"
_CDC = "AUTO CDC INTO table FROM STREAM(source) KEYS (column, ...) SEQUENCE BY expression"
#: Keywords between the operands of an expression.
_OPERATORS = frozenset(
    {
        "AND",
        "BETWEEN",
        "CASE",
        "COLLATE",
        "DISTINCT",
        "DIV",
        "ELSE",
        "END",
        "ESCAPE",
        "FROM",
        "ILIKE",
        "IN",
        "IS",
        "LIKE",
        "NOT",
        "OR",
        "REGEXP",
        "RLIKE",
        "THEN",
        "WHEN",
    }
)
_NOT_HERE = "See docs/differences.md for what runs."


class FlowParser(Cursor):
    """Parses the flows of tables."""

    def flow(self, start: int) -> CreateFlow:
        """Consume what follows CREATE FLOW."""
        self.form = _FLOW
        name = self.name("the name of the flow")
        comment = self.string("the comment") if self.took("COMMENT") else None
        self.take("AS")
        inserts = self._inserts("INSERT", "AUTO CDC")
        once = self.took("ONCE")
        if inserts:
            self.took("INTO")
            once = self.took("ONCE") or once
        else:
            self.form = f"CREATE FLOW name AS {_CDC}"
            self.take("INTO")
        target = self.name("the table")
        return CreateFlow(name, target, self._insert(once=once) if inserts else self.cdc(once=once), start, comment)

    def inline_flow(self) -> Insert | Cdc:
        """Consume what follows FLOW in CREATE STREAMING TABLE."""
        self.form = "FLOW INSERT BY NAME query"
        if self.sees("REPLACE"):
            return self._insert()
        inserts = self._inserts("INSERT", "AUTO CDC", "REPLACE")
        once = self.took("ONCE")
        if self.sees("INTO"):
            message = "The flow of a table has no INTO, as it fills the table that it stands in."
            raise SqlError(self.next.start, message, "Leave INTO and the name out.")
        return self._insert(once=once) if inserts else self.cdc(once=once)

    def _inserts(self, *kinds: str) -> bool:
        """Consume INSERT or AUTO CDC; return whether it is INSERT."""
        return not self.took("APPLY", "CHANGES") and self.take_one(*kinds) == "INSERT"

    def _insert(self, *, once: bool = False) -> Insert:
        ends = (("BY", "NAME"), ("REPLACE", "USING"), ("REPLACE", "WHERE"), *((word,) for word in QUERY if word != "("))
        values: dict[str, Any] = {"once": once}
        while not (self.next.upper in QUERY or self.next.kind == END):
            start = self.next.start
            phrase = self.took_one(("BY NAME", "REPLACE USING", "REPLACE WHERE"))
            if phrase is None:
                raise self.expected("a query")
            if phrase != "BY NAME" and ("replace_using" in values or "replace_where" in values):
                raise SqlError(start, "A flow replaces rows in one way only.", f"Leave {phrase} out.")
            if phrase == "REPLACE WHERE":
                values["replace_where"] = self.until(*ends)
            elif phrase == "REPLACE USING":
                self.form = "REPLACE USING (column, ...) SEQUENCE BY column"
                values["replace_using"] = self.names("the keys")
                self.take_one("SEQUENCE BY")
                values["sequence"] = self.until(*ends)
        self.form = _FLOW
        return Insert(self.rest("a query"), **values)

    def cdc(self, *, once: bool = False) -> Cdc:
        """Consume FROM and what follows it."""
        self.form = _CDC
        self.take("FROM", why="and the source")
        source = self._source()
        values, positions = self.clauses("AUTO CDC", self._cdc_clauses())
        if "keys" not in values:
            raise self.expected("KEYS", why="(...), the columns that identify a row")
        if "sequence" not in values:
            raise self.expected("SEQUENCE BY", why="and what orders the events of a key")
        _check(values, positions)
        if "ignored" in values:
            values["ignore_null_updates"] = True
        return Cdc(source, once=once, **values)

    def _source(self) -> SqlText:
        """Consume a name, `STREAM name`, `STREAM(...)` or a query in brackets."""
        first = self.at
        streams = self.took("STREAM")
        if self.sees("("):
            self.inside("the source")
        else:
            self.name("the source")
            if streams and self.sees("("):  # a function, such as read_files
                self.inside("the arguments")
        if self.took("WITH"):
            self.inside("the options")
        return self.span(first, self.at)

    def _cdc_clauses(self) -> dict[str, Clause]:
        choice = "(column, ...) or {} * EXCEPT (column, ...)"
        return {
            "KEYS": ("keys", "KEYS (column, ...)", lambda: self.names("the keys")),
            "IGNORE NULL UPDATES": ("ignored", "IGNORE NULL UPDATES", self._ignored),
            "WHERE": ("where", "WHERE condition", self._expression),
            "APPLY AS DELETE WHEN": ("deletes", "APPLY AS DELETE WHEN condition", self._expression),
            "APPLY AS TRUNCATE WHEN": ("truncates", "APPLY AS TRUNCATE WHEN condition", self._expression),
            "SEQUENCE BY": ("sequence", "SEQUENCE BY expression", self._expression),
            "SYSTEM SEQUENCE BY": ("system_sequence", "", self._second_time),
            "COLUMNS TO UPDATE": ("columns_to_update", "COLUMNS TO UPDATE column", self._expression),
            "COLUMNS": ("columns", f"COLUMNS {choice.format('COLUMNS')}", self._choice),
            "STORED AS": ("stored_as", "STORED AS SCD TYPE 1 or STORED AS SCD TYPE 2", self._stored_as),
            "TRACK HISTORY ON": ("tracked", f"TRACK HISTORY ON {choice.format('TRACK HISTORY ON')}", self._choice),
        }

    def _ignored(self) -> ColumnChoice | None:
        if not self.took("ON"):
            return None
        self.form = "IGNORE NULL UPDATES ON (column, ...)"
        return self._choice()

    def _second_time(self) -> str:
        at = self._tokens[self.at - 1].start
        raise SqlError(
            at, "STORED AS BITEMPORAL, with SYSTEM SEQUENCE BY, does not run here yet.", _NOT_HERE, "NOT_SUPPORTED"
        )

    def _stored_as(self) -> str:
        if self.took("BITEMPORAL"):
            self._second_time()
        return self.take_one("SCD TYPE 1", "SCD TYPE 2")[-1]

    def _choice(self) -> ColumnChoice:
        if self.took("*"):
            self.take("EXCEPT", why="after *")
            return ColumnChoice(self.names("the columns"), but=True)
        if self.sees("("):
            return ColumnChoice(self.names("the columns"))
        names = [self.identifier("a column")]
        while self.took(","):
            names.append(self.identifier("a column"))
        return ColumnChoice(tuple(names))

    def _expression(self) -> SqlText:
        """Consume an expression up to the next clause. A word after an operand is a misspelt clause: SqlError."""
        known = list(self._cdc_clauses())
        first = self.at
        text = self.until(*(tuple(phrase.split()) for phrase in known))
        depth = 0
        for before, token in zip(self._tokens[first : self.at - 1], self._tokens[first + 1 : self.at], strict=True):
            depth += (before.text == "(") - (before.text == ")")
            operand = before.upper not in _OPERATORS if before.kind != SYMBOL else before.text in (")", "]")
            if depth == 0 and token.kind == WORD and operand and token.upper not in _OPERATORS:
                close = close_phrase(token, known)
                if close:
                    message = f"AUTO CDC has no clause that begins with '{token.text}'."
                    raise SqlError(token.start, message, f"Did you mean {close}?")
        return text


def _check(values: dict[str, Any], positions: dict[str, int]) -> None:
    """Raise SqlError for clauses that exclude each other."""
    history = values.get("stored_as", "1") == "2"
    if "tracked" in positions and not history:
        message = "TRACK HISTORY needs a table that keeps history."
        raise SqlError(positions["tracked"], message, "Add STORED AS SCD TYPE 2, or leave TRACK HISTORY out.")
    if "truncates" in positions and history:
        message = "APPLY AS TRUNCATE can't empty a table that keeps history."
        raise SqlError(positions["truncates"], message, "Leave it out, or write STORED AS SCD TYPE 1.")
    if "columns_to_update" in positions and "ignored" in positions:
        message = "COLUMNS TO UPDATE and IGNORE NULL UPDATES both say what an event leaves alone."
        raise SqlError(positions["columns_to_update"], message, "Leave one of them out.")
