"""Splits SQL texts into tokens and statements, as Spark's own lexer reads them, without understanding them."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

WORD, NAME, STRING, NUMBER, SYMBOL, END = "word", "name", "string", "number", "symbol", "end"


@dataclass(frozen=True)
class Token:
    """A token: its kind, its text as written, and its position. A NAME is in back-quotes; an END has no text."""

    kind: str
    text: str
    start: int

    @property
    def stop(self) -> int:
        """The position after the last character."""
        return self.start + len(self.text)

    @property
    def upper(self) -> str:
        """The text in upper case; empty for quoted tokens, which are never keywords."""
        return "" if self.kind in (STRING, NAME) else self.text.upper()


class UnfinishedError(Exception):
    """A quote or a comment that starts at `start` does not end; `message` and `hint` are for the user."""

    def __init__(self, start: int, message: str, hint: str) -> None:
        super().__init__(message)
        self.start, self.message, self.hint = start, message, hint


_STRING = r"""'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*\""""
_RAW = r"""[rR](?:'[^']*'|"[^"]*")"""
_TOKEN = re.compile(
    rf"""(?P<skip>\s+|--[^\n]*|/\*)
    |(?P<string>{_RAW}|{_STRING})
    |(?P<name>`(?:[^`]|``)*`)
    |(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?:[LSYDFlsydf]|BD|bd)?(?![\w]))
    |(?P<word>[^\W\d]\w*|\d\w*)
    |(?P<symbol>\$\{{[^}}\n]*\}}|=>|->|<=>|<=|>=|<>|!=|==|\|\||::|:|.)""",
    re.VERBOSE | re.DOTALL,
)
#: A line that ends a cell of a notebook, and a statement in it.
CELL_MARK = re.compile(r"^-- COMMAND -{10}[ \t]*$", re.MULTILINE)


def tokens(text: str, start: int = 0, stop: int | None = None) -> list[Token]:
    """Return the tokens of text[start:stop], with an END; raises UnfinishedError."""
    stop = len(text) if stop is None else stop
    return [*_tokens(text, start, stop), Token(END, "", stop)]


def _tokens(text: str, start: int, stop: int) -> Iterator[Token]:
    at = start
    while at < stop:
        match = _TOKEN.match(text, at, stop)
        assert match is not None  # any one character is a symbol
        kind, part = str(match.lastgroup), match[0]
        if part == "/*":
            at = _comment_end(text, at, stop)
            continue
        if kind == SYMBOL and part in "'\"`":
            if part == "`":
                raise UnfinishedError(at, "This name in back-quotes does not end.", "Add a back-quote.")
            hint = "Close it; a quote or a backslash inside of it is written twice."
            raise UnfinishedError(at, "This string does not end.", hint)
        if kind != "skip":
            yield Token(kind, part, at)
        at = match.end()


_COMMENT_MARK = re.compile(r"/\*|\*/")


def _comment_end(text: str, start: int, stop: int) -> int:
    """Return the position after a comment in brackets; such comments nest."""
    depth = 0
    for mark in _COMMENT_MARK.finditer(text, start, stop):
        depth += 1 if mark[0] == "/*" else -1
        if depth == 0:
            return mark.end()
    raise UnfinishedError(start, "This comment does not end.", "Close it with */; comments nest, so each /* needs one.")


def cells(text: str) -> list[tuple[int, int]]:
    """Return the ranges [start, stop) of the cells of a notebook; any other file is one cell."""
    ends = [*(mark.start() for mark in CELL_MARK.finditer(text)), len(text)]
    return list(zip([0, *ends], ends, strict=False))


def statements(text: str, start: int = 0, stop: int | None = None) -> Iterator[list[Token]]:
    """Yield the tokens of each statement in a cell, with an END. Comments alone are no statement.

    Raises UnfinishedError after the statements before it.
    """
    stop = len(text) if stop is None else stop
    statement: list[Token] = []
    try:
        for token in _tokens(text, start, stop):
            if token.text != ";":
                statement.append(token)
            elif statement:
                yield [*statement, Token(END, "", token.start)]
                statement = []
    except UnfinishedError as error:
        raise _earlier(statement) or error from None
    if statement:
        yield [*statement, Token(END, "", stop)]


def _earlier(statement: list[Token]) -> UnfinishedError | None:
    """Return the error of a string that ends too early: a quote directly before a word, as in 'it's'."""
    for token, following in itertools.pairwise(statement):
        if token.kind == STRING and following.kind == WORD and token.stop == following.start:
            message = f"The string ends here, before '{following.text}'."
            return UnfinishedError(token.stop - 1, message, "A quote inside of a string is written twice.")
    return None


_ESCAPES = {"0": "\0", "b": "\b", "n": "\n", "r": "\r", "t": "\t", "Z": "\x1a", "%": "\\%", "_": "\\_"}
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-3][0-7]{2}|.)", re.DOTALL)


def string_value(token: Token) -> str:
    """Return the value of a string, with escapes as Spark resolves them by default."""
    if token.text[0] in "rR":
        return token.text[2:-1]
    quote = token.text[0]
    return _ESCAPE.sub(_unescaped, token.text[1:-1].replace(quote * 2, quote))


def _unescaped(match: re.Match[str]) -> str:
    code = match[1]
    if len(code) == 1:
        return _ESCAPES.get(code, code)
    return chr(int(code[1:], 16)) if code[0] in "uU" else chr(int(code, 8))


def name_value(token: Token) -> str:
    """Return the name of a token, without back-quotes."""
    return token.text[1:-1].replace("``", "`") if token.kind == NAME else token.text
