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
    """A token: what it is, its characters as they stand, and where they begin.

    A NAME stands in back-quotes. An END, which has no characters, comes after the last token.
    """

    kind: str
    text: str
    start: int

    @property
    def stop(self) -> int:
        """Where the characters end."""
        return self.start + len(self.text)

    @property
    def upper(self) -> str:
        """The characters in upper case; of what stands in quotes, nothing, so that it is no keyword."""
        return "" if self.kind in (STRING, NAME) else self.text.upper()


class UnfinishedError(Exception):
    """A quote or a comment does not end: what is wrong at `start`, and a way out."""

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
#: A line that ends a cell of a notebook, and with it a statement.
CELL_MARK = re.compile(r"^-- COMMAND -{10}[ \t]*$", re.MULTILINE)


def tokens(text: str, start: int = 0, stop: int | None = None) -> list[Token]:
    """Return the tokens of text[start:stop], the END last; raises UnfinishedError."""
    stop = len(text) if stop is None else stop
    found = list(_tokens(text, start, stop))
    return [*found, Token(END, "", stop)]


def _tokens(text: str, start: int, stop: int) -> Iterator[Token]:
    at = start
    while at < stop:
        match = _TOKEN.match(text, at, stop)
        assert match is not None  # any one character is a symbol
        kind, said = str(match.lastgroup), match[0]
        if said == "/*":
            at = _comment_end(text, at, stop)
            continue
        if kind == SYMBOL and said in "'\"`":
            if said == "`":
                raise UnfinishedError(at, "This name in back-quotes does not end.", "Add a back-quote.")
            hint = "Close it; a quote or a backslash inside of it is written twice."
            raise UnfinishedError(at, "This string does not end.", hint)
        if kind != "skip":
            yield Token(kind, said, at)
        at = match.end()


_COMMENT_MARK = re.compile(r"/\*|\*/")


def _comment_end(text: str, start: int, stop: int) -> int:
    """Return where a comment in brackets ends; they nest."""
    depth = 0
    for mark in _COMMENT_MARK.finditer(text, start, stop):
        depth += 1 if mark[0] == "/*" else -1
        if depth == 0:
            return mark.end()
    raise UnfinishedError(start, "This comment does not end.", "Close it with */; comments nest, so each /* needs one.")


def cells(text: str) -> list[tuple[int, int]]:
    """Return where the cells of a notebook begin and end; other files are one cell."""
    ends = [*(mark.start() for mark in CELL_MARK.finditer(text)), len(text)]
    return list(zip([0, *ends], ends, strict=False))


def statements(text: str, start: int = 0, stop: int | None = None) -> Iterator[list[Token]]:
    """Return the tokens of each statement in a cell, with an END. Comments alone are no statement.

    Raises UnfinishedError, behind the statements that end before it.
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
    """Return where a string may have ended too early: a quote with a word right behind it, as in 'it's'."""
    for token, following in itertools.pairwise(statement):
        if token.kind == STRING and following.kind == WORD and token.stop == following.start:
            message = f"The string ends here, before '{following.text}'."
            return UnfinishedError(token.stop - 1, message, "A quote inside of a string is written twice.")
    return None


_ESCAPES = {"0": "\0", "b": "\b", "n": "\n", "r": "\r", "t": "\t", "Z": "\x1a", "%": "\\%", "_": "\\_"}
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-3][0-7]{2}|.)", re.DOTALL)


def string_value(token: Token) -> str:
    """Return what a string means: its escapes resolved, as Spark does by default."""
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
    """Return the name that a token stands for."""
    return token.text[1:-1].replace("``", "`") if token.kind == NAME else token.text
