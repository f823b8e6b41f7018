"""Walks over the tokens of a statement: looks ahead, takes what is expected, says what was found in its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from livetables.errors import nearest
from livetables.sql.lexer import END, NAME, NUMBER, STRING, SYMBOL, WORD, Token, name_value, string_value
from livetables.sql.statements import Name, Text

if TYPE_CHECKING:
    from collections.abc import Sequence


class SqlError(Exception):
    """A statement is not one: what was expected at `start`, and a way out."""

    def __init__(self, start: int, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.start, self.message, self.hint = start, message, hint


#: How a query begins.
QUERY = ("SELECT", "WITH", "FROM", "VALUES", "TABLE", "(", "MAP", "REDUCE")
_OPENING, _CLOSING = frozenset("(["), frozenset(")]")


class Cursor:
    """A place between the tokens of a text; every `take` moves it, and raises SqlError where it can't."""

    def __init__(self, text: str, tokens: Sequence[Token], at: int = 0) -> None:
        self._text = text
        self._tokens = tokens
        self.at = at

    @property
    def next(self) -> Token:
        """Return the token that comes next."""
        return self._tokens[self.at]

    def sees(self, *words: str) -> bool:
        """Tell whether these keywords or symbols come next."""
        coming = self._tokens[self.at : self.at + len(words)]
        return len(coming) == len(words) and all(a.upper == b for a, b in zip(coming, words, strict=True))

    def took(self, *words: str) -> bool:
        """Take these keywords or symbols if they come next; tell whether they did."""
        if not self.sees(*words):
            return False
        self.at += len(words)
        return True

    def take(self, *words: str, why: str = "") -> None:
        """Take these keywords or symbols; `why` completes the sentence where they are missing."""
        for word in words:
            if not self.took(word):
                raise self.expected(word, why)

    def expected(self, what: str, why: str = "") -> SqlError:
        """Return the error of finding something else than `what`."""
        token = self.next
        found = "the end of the statement" if token.kind == END else f"'{token.text}'"
        keywords = [word for word in what.split(" or ") if word.isupper()]
        close = nearest(token.text, keywords) if token.kind == WORD else None
        hint = f"Did you mean {close}?" if close else None
        return SqlError(token.start, f"Expected {what}{why and ' ' + why}, found {found}.", hint)

    def span(self, first: int, last: int) -> Text:
        """Return the text of the tokens [first, last)."""
        start, stop = self._tokens[first].start, self._tokens[last - 1].stop
        return Text(self._text[start:stop], start)

    def rest(self, what: str) -> Text:
        """Take all that is left."""
        if self.next.kind == END:
            raise self.expected(what)
        first = self.at
        while self.next.kind != END:
            self.at += 1
        return self.span(first, self.at)

    def name(self, what: str) -> Name:
        """Take a dotted name; LIVE in front of it goes."""
        start = self.next.start
        parts = [self.identifier(what)]
        while self.took("."):
            parts.append(self.identifier(what))
        if parts[0].upper() == "LIVE" and len(parts) > 1:
            parts = parts[1:]
        return Name(tuple(parts), start)

    def identifier(self, what: str) -> str:
        """Take one part of a name."""
        token = self.next
        if token.kind not in (WORD, NAME):
            raise self.expected(what)
        self.at += 1
        return name_value(token)

    def names(self, what: str, *, empty: bool = False) -> tuple[str, ...]:
        """Take names in brackets."""
        self.take("(", why=f"and {what}")
        names = []
        if not (empty and self.sees(")")):
            names.append(".".join(self.name(what).parts))
            while self.took(","):
                names.append(".".join(self.name(what).parts))
        self.take(")", why="or ','")
        return tuple(names)

    def string(self, what: str) -> str:
        """Take a string and return what it means."""
        if self.next.kind != STRING:
            raise self.expected(f"{what} in quotes")
        value = string_value(self.next)
        self.at += 1
        return value

    def word(self, what: str) -> str:
        """Take a word and return it in lower case."""
        token = self.next
        if token.kind != WORD:
            raise self.expected(what)
        self.at += 1
        return token.text.lower()

    def properties(self) -> dict[str, str]:
        """Take keys and values in brackets."""
        self.take("(", why="and the properties")
        properties: dict[str, str] = {}
        while True:
            at = self.next.start
            key = string_value(self.next) if self.next.kind == STRING else ""
            if key:
                self.at += 1
            else:
                key = ".".join(self.name("the key of a property").parts)
            self.took("=")
            if key in properties:
                raise SqlError(at, f"Property '{key}' is given twice.", "Leave one out.")
            properties[key] = self.literal(key)
            if not self.took(","):
                break
        self.take(")", why="or ',' after a property")
        return properties

    def literal(self, key: str) -> str:
        """Take a string, a number or a boolean, the value of `key`."""
        token = self.next
        sign = ""
        if token.text == "-":
            self.at += 1
            sign, token = "-", self.next
        if token.kind == STRING and not sign:
            value = string_value(token)
        elif token.kind == NUMBER or (token.upper in ("TRUE", "FALSE") and not sign):
            value = sign + token.text.lower()
        else:
            raise self.expected(f"the value of '{key}'")
        self.at += 1
        return value

    def inside(self, what: str) -> Text:
        """Take what stands in brackets; without them."""
        opening = self.next
        self.take("(")
        first, depth = self.at, 1
        while self.next.kind != END:
            text = self.next.text if self.next.kind == SYMBOL else ""
            depth += (text == "(") - (text == ")")
            if depth == 0:
                break
            self.at += 1
        else:
            raise SqlError(opening.start, "This bracket is not closed.", "Add ')'.")
        if first == self.at:
            raise self.expected(what)
        inside = self.span(first, self.at)
        self.take(")")
        return inside

    def until(self, *ends: tuple[str, ...]) -> Text:
        """Take what stands before one of these keywords outside of brackets, or the end; at least one token."""
        first, depth = self.at, 0
        while self.next.kind != END:
            token = self.next
            if depth == 0 and self.at > first and any(self.sees(*words) for words in ends):
                break
            if token.kind == SYMBOL:
                depth += (token.text in _OPENING) - (token.text in _CLOSING)
            self.at += 1
        if first == self.at:
            raise self.expected("an expression")
        return self.span(first, self.at)


def options_at(text: str, tokens: Sequence[Token], index: int) -> tuple[dict[str, str], int]:
    """Return the options in the brackets that tokens[index] opens, and the index of the closing one."""
    parser = Cursor(text, tokens, index)
    return parser.properties(), parser.at - 1
