"""Parses the list after the name of a table or view: columns, constraints and keys, in any order."""

from __future__ import annotations

import itertools
from typing import Any

from livetables.errors import nearest
from livetables.sql.cursor import Cursor, SqlError
from livetables.sql.lexer import END, STRING, Token, string_value
from livetables.sql.statements import VIEW, ColumnDefinition, Constraint, KeyConstraint, SqlText

_ACTIONS = {"DROP ROW": "drop", "FAIL UPDATE": "fail"}


class ColumnParser(Cursor):
    """Parses columns and constraints."""

    def column_list(self, kind: str, *, published: bool) -> dict[str, Any]:
        """Consume the list of a table or view, in brackets; return its fields of CreateDataset."""
        opening, form = self.next, self.form
        self.take("(")
        columns: list[ColumnDefinition] = []
        constraints: list[Constraint] = []
        keys: list[KeyConstraint] = []
        while True:
            self.form = "(column TYPE, ..., CONSTRAINT name EXPECT (condition), ...)"
            if self.sees("CONSTRAINT"):
                constraint = self._constraint()
                if isinstance(constraint, Constraint):
                    constraints.append(constraint)
                else:
                    keys.append(constraint)
            elif self.sees("PRIMARY", "KEY") or self.sees("FOREIGN", "KEY"):
                keys.append(self._key(self.at))
            else:
                columns.append(self._column())
            if not self.took(","):
                break
        self.close(opening, "an entry of the list")
        self.form = form
        if kind == VIEW:
            _check_view(columns, constraints, published=published)
        untyped = [column for column in columns if not column.typed]
        if untyped and len(untyped) < len(columns):
            message = f"The column '{untyped[0].name}' has no type, and other columns have one."
            raise SqlError(untyped[0].text.start, message, "Give all columns a type, or none.")
        return {"columns": tuple(columns), "constraints": tuple(constraints), "keys": tuple(keys)}

    def _constraint(self) -> Constraint | KeyConstraint:
        first, start = self.at, self.next.start
        self.form = "CONSTRAINT name EXPECT (condition) [ON VIOLATION DROP ROW]"
        self.take("CONSTRAINT")
        if self.sees("EXPECT"):
            raise SqlError(self.next.start, "The CONSTRAINT has no name.", "Write CONSTRAINT name EXPECT (condition).")
        name = self.identifier("the name of the constraint")
        if self.take_one("EXPECT", "PRIMARY KEY", "FOREIGN KEY") != "EXPECT":
            return self._key(first)
        if not self.sees("("):
            message = f"The condition of the constraint '{name}' stands in no brackets."
            raise SqlError(self.next.start, message, "Write EXPECT (condition).")
        predicate = self.inside("the condition")
        action = "warn"
        if self.next.upper in ("ON", "DROP", "FAIL"):
            self.take_one("ON VIOLATION")
            action = _ACTIONS[self.take_one(*_ACTIONS)]
        return Constraint(name, predicate, action, start)

    def _key(self, first: int) -> KeyConstraint:
        self._entry()
        return KeyConstraint(self.span(first, self.at))

    def _column(self) -> ColumnDefinition:
        start, name = self.next.start, self.identifier("the name of a column")
        first = self.at
        words = self._entry()
        text = self.span(first, self.at) if words else SqlText("", self.next.start)
        for at, word in enumerate(words):
            if word.upper == "EXPECT":
                if at > 1 and words[at - 2].upper == "CONSTRAINT":
                    raise SqlError(words[at - 2].start, "Expected ',' before CONSTRAINT.", "Add ','.")
                message = f"Expected CONSTRAINT, found '{name}'."
                hint = "Did you mean CONSTRAINT?" if nearest(name, ["CONSTRAINT"]) else f"Write {self.form}."
                raise SqlError(start, message, hint)
            if word.upper == "MASK":
                message = f"MASK of the column '{name}' does not run here yet."
                raise SqlError(word.start, message, "See docs/differences.md for what runs.", "NOT_SUPPORTED")
        comment = next(
            (
                string_value(string)
                for word, string in itertools.pairwise(words)
                if word.upper == "COMMENT" and string.kind == STRING
            ),
            None,
        )
        typed = bool(words) and words[0].upper not in ("COMMENT", "NOT", "GENERATED")
        if words and not typed and (comment is None or words[2:]):  # more than COMMENT and its string
            raise SqlError(text.start, f"The column '{name}' has no type.", f"Write {name} TYPE {text.text}.")
        return ColumnDefinition(name, text, typed, comment)

    def _entry(self) -> list[Token]:
        """Consume tokens up to the next comma or closing bracket; return those outside inner brackets."""
        outside: list[Token] = []
        closing: list[str] = []
        while self.next.kind != END and (closing or self.next.upper not in (",", ")")):
            token, before = self.next, self._tokens[self.at - 1].upper
            if not closing:
                outside.append(token)
            elif token.upper == closing[-1]:
                closing.pop()
            if token.upper in ("(", "[") or (token.upper == "<" and before in ("ARRAY", "MAP", "STRUCT")):
                closing.append({"(": ")", "[": "]", "<": ">"}[token.upper])
            self.at += 1
        return outside


def _check_view(columns: list[ColumnDefinition], constraints: list[Constraint], *, published: bool) -> None:
    """Raise SqlError for constraints and types, which only the list of a table can have."""
    if constraints and published:
        hint = "Write CREATE TEMPORARY VIEW, or put it on a table: a published view has no constraints."
        raise SqlError(constraints[0].start, "A view can't have a CONSTRAINT.", hint)
    for column in columns:
        if column.typed:
            message = f"The column '{column.name}' of a view can't have a type."
            raise SqlError(column.text.start, message, "Leave the type out, and cast in the query.")
