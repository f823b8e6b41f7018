"""The base of the parsers: a position in the tokens of a statement, with lookahead and errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from livetables.errors import nearest
from livetables.sql.lexer import END, NAME, NUMBER, STRING, WORD, Token, name_value, string_value
from livetables.sql.statements import DottedName, SqlText

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    #: A clause: the field of the statement, the usage text, the parser of what follows its keywords.
    Clause: TypeAlias = tuple[str, str, Callable[[], Any]]


class SqlError(Exception):
    """A statement has an error at position `start`; `message` and `hint` are for the user."""

    def __init__(self, start: int, message: str, hint: str | None = None, code: str = "SQL_SYNTAX") -> None:
        super().__init__(message)
        self.start, self.message, self.hint, self.code = start, message, hint, code


#: Keywords that begin a query.
QUERY = ("SELECT", "WITH", "FROM", "VALUES", "TABLE", "(", "MAP", "REDUCE")
_OPENING, _CLOSING = frozenset("(["), frozenset(")]")


class Cursor:
    """A position between the tokens of a text. Methods that consume tokens move it; they raise SqlError."""

    def __init__(self, text: str, tokens: Sequence[Token], at: int = 0) -> None:
        self._text = text
        self._tokens = tokens
        self.at = at
        #: Usage of the construct that is being parsed: the fallback hint.
        self.form = ""

    @property
    def next(self) -> Token:
        """The next token."""
        return self._tokens[self.at]

    def sees(self, *words: str) -> bool:
        """Return whether these keywords or symbols come next."""
        coming = self._tokens[self.at : self.at + len(words)]
        return len(coming) == len(words) and all(a.upper == b for a, b in zip(coming, words, strict=True))

    def took(self, *words: str) -> bool:
        """Consume these keywords or symbols if they come next; return whether they did."""
        if not self.sees(*words):
            return False
        self.at += len(words)
        return True

    def take(self, *words: str, why: str = "") -> None:
        """Consume these keywords or symbols; `why` completes the error message."""
        for word in words:
            if not self.took(word):
                raise self.expected(word if word.isalpha() else f"'{word}'", why=why)

    def took_one(self, phrases: Collection[str]) -> str | None:
        """Consume and return the longest phrase that comes next; None without one, SqlError for an incomplete one."""
        for phrase in sorted(phrases, key=len, reverse=True):
            if self.took(*phrase.split()):
                return phrase
        length = max(map(self._begun, phrases))
        if not length:
            return None
        begun = [phrase for phrase in phrases if self._begun(phrase) == length]
        self.form = any_of(begun)
        self.at += length
        last = self._tokens[self.at - 1].upper
        raise self.expected(*dict.fromkeys(phrase.split()[length] for phrase in begun), why=f"after {last}")

    def take_one(self, *phrases: str) -> str:
        """Consume one of these phrases, and return it."""
        phrase = self.took_one(phrases)
        if phrase is None:
            raise self.expected(*phrases)
        return phrase

    def _begun(self, phrase: str) -> int:
        """Return the number of words of a phrase that come next."""
        words = phrase.split()
        return next(length for length in range(len(words), -1, -1) if self.sees(*words[:length]))

    def expected(self, *what: str, why: str = "", near: Iterable[str] = ()) -> SqlError:
        """Return the error of a next token that is none of `what`; `near` are other keywords to suggest."""
        token = self.next
        keywords = [words for words in (*what, *near) if words.isupper()]
        close = nearest(token.text, keywords) if token.kind == WORD else None
        hint = f"Did you mean {close}?" if close else f"Write {self.form}." if self.form else None
        start = token.start
        found = token.text if token.kind == STRING else f"'{token.text}'"
        if token.kind == END:
            found = "the end of the statement"
            start = self._tokens[self.at - 1].stop if self.at else start
        return SqlError(start, f"Expected {any_of(what)}{why and ' ' + why}, found {found}.", hint)

    def close(self, opening: Token, what: str) -> None:
        """Consume the closing bracket after the last of `what`."""
        if self.next.kind == END:
            raise SqlError(opening.start, "This bracket is not closed.", "Add ')'.")
        if not self.took(")"):
            raise self.expected("','", "')'", why=f"after {what}")

    def clauses(self, owner: str, known: Mapping[str, Clause], *ends: str) -> tuple[dict[str, Any], dict[str, int]]:
        """Consume clauses in any order up to one of `ends`; return their values and positions by field."""
        values: dict[str, Any] = {}
        positions: dict[str, int] = {}
        while self.next.kind != END and not any(self.sees(end) for end in ends):
            start, form = self.next.start, self.form
            phrase = None if self._lacks_as() else self.took_one(known)
            if phrase is None:
                raise self._no_clause(owner, [*known, *ends])
            name, self.form, take = known[phrase]
            if name in values:
                raise SqlError(start, f"{owner} has two {phrase} clauses.", "Leave one out.")
            values[name], positions[name], self.form = take(), start, form
        return values, positions

    def _lacks_as(self) -> bool:
        """Return whether a query comes next; WITH may also begin WITH ROW FILTER."""
        if self.next.upper != "WITH":
            return self.next.upper in QUERY
        following = self._tokens[self.at + 2].upper if self.at + 2 < len(self._tokens) else ""
        return following in ("AS", "(")

    def _no_clause(self, owner: str, known: Sequence[str]) -> SqlError:
        token = self.next
        if token.upper == "CONSTRAINT":
            hint = "Put it in brackets behind the name: name (CONSTRAINT ... EXPECT (...))."
            return SqlError(token.start, "A CONSTRAINT can't stand here.", hint)
        if "AS" in known and self._lacks_as():
            return SqlError(token.start, f"Expected AS before the query, found '{token.text}'.", "Write AS before it.")
        if token.text == ")":
            return SqlError(token.start, "This bracket closes nothing.", "Leave it out.")
        before = self._tokens[self.at - 1]
        if before.kind == STRING and before.stop == token.start:
            message = f"The string ends here, before '{token.text}'."
            return SqlError(before.stop - 1, message, "A quote inside of a string is written twice.")
        close = close_phrase(token, known)
        hint = f"Did you mean {close}?" if close else f"Its clauses are {', '.join(known)}."
        return SqlError(token.start, f"{owner} has no clause that begins with '{token.text}'.", hint)

    def span(self, first: int, last: int) -> SqlText:
        """Return the text of the tokens [first, last)."""
        start, stop = self._tokens[first].start, self._tokens[last - 1].stop
        return SqlText(self._text[start:stop], start)

    def rest(self, what: str) -> SqlText:
        """Consume all tokens up to the end."""
        if self.next.kind == END:
            raise self.expected(what)
        first = self.at
        while self.next.kind != END:
            self.at += 1
        return self.span(first, self.at)

    def name(self, what: str) -> DottedName:
        """Consume a dotted name; a prefix LIVE is removed."""
        start = self.next.start
        parts = [self.identifier(what)]
        while self.took("."):
            parts.append(self.identifier(what))
        if self.sees("-") and self._tokens[self.at - 1].stop == self.next.start:
            raise SqlError(
                self.next.start,
                "A name has no '-' in it, unless it stands in back-quotes.",
                f"Put back-quotes around {what}.",
            )
        if parts[0].upper() == "LIVE" and len(parts) > 1:
            parts = parts[1:]
        return DottedName(tuple(parts), start)

    def identifier(self, what: str) -> str:
        """Consume one part of a name."""
        token = self.next
        if token.kind not in (WORD, NAME) or token.upper == "AS" or not name_value(token):
            raise self.expected(what)
        self.at += 1
        return name_value(token)

    def names(self, what: str, *, empty: bool = False) -> tuple[str, ...]:
        """Consume names in brackets."""
        opening = self.next
        self.take("(", why=f"before {what}")
        names = []
        if not (empty and self.sees(")")):
            names.append(".".join(self.name(what).parts))
            while self.took(","):
                names.append(".".join(self.name(what).parts))
        self.close(opening, "a name")
        return tuple(names)

    def string(self, what: str) -> str:
        """Consume a string, and return its value."""
        if self.next.kind != STRING:
            raise self.expected(f"{what} in quotes")
        value = string_value(self.next)
        self.at += 1
        return value

    def properties(self) -> dict[str, str]:
        """Consume keys and values in brackets."""
        opening = self.next
        self.take("(", why="before the properties")
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
                raise SqlError(at, f"The property '{key}' is given twice.", "Leave one out.")
            properties[key] = self.literal(key)
            if not self.took(","):
                break
        self.close(opening, "a property")
        return properties

    def literal(self, key: str) -> str:
        """Consume a string, a number or a boolean, the value of `key`."""
        token = self.next
        sign = ""
        if token.text == "-":
            self.at += 1
            sign, token = "-", self.next
        if token.kind == STRING and not sign:
            value = string_value(token)
        elif token.kind == NUMBER or (token.upper in ("TRUE", "FALSE") and not sign):
            value = sign + (token.text.lower() if token.kind == WORD else token.text)
        else:
            raise self.expected(f"the value of '{key}'")
        self.at += 1
        return value

    def inside(self, what: str) -> SqlText:
        """Consume brackets, and return the text inside them."""
        opening = self.next
        self.take("(", why=f"before {what}")
        first, depth = self.at, 1
        while self.next.kind != END:
            depth += self.sees("(") - self.sees(")")
            if depth == 0:
                break
            self.at += 1
        self.close(opening, what)
        if first == self.at - 1:
            self.at = first
            raise self.expected(what)
        return self.span(first, self.at - 1)

    def until(self, *ends: tuple[str, ...]) -> SqlText:
        """Consume at least one token, up to one of these keywords outside brackets, or the end."""
        first, depth = self.at, 0
        while self.next.kind != END:
            token = self.next
            if depth == 0 and self.at > first and any(self.sees(*words) for words in ends):
                break
            depth += (token.upper in _OPENING) - (token.upper in _CLOSING)
            self.at += 1
        if first == self.at:
            raise self.expected("an expression")
        return self.span(first, self.at)


def any_of(words: Sequence[str]) -> str:
    """Return `A`, `A or B`, `A, B or C`."""
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def close_phrase(token: Token, phrases: Iterable[str]) -> str | None:
    """Return the first phrase whose first word is nearest to a token, or None when none is close."""
    firsts: dict[str, str] = {}
    for phrase in phrases:
        firsts.setdefault(phrase.split()[0], phrase)
    close = nearest(token.text, firsts) if token.kind == WORD else None
    return None if close is None else firsts[close]


def options_at(text: str, tokens: Sequence[Token], index: int) -> tuple[dict[str, str], int]:
    """Return the options in the brackets that tokens[index] opens, and the index of the closing one."""
    parser = Cursor(text, tokens, index)
    return parser.properties(), parser.at - 1
