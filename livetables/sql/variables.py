"""Fills in variables and parameters of a statement: `${key}`, `:name` and `IDENTIFIER(:name)`."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

from livetables.errors import did_you_mean
from livetables.model import name_parts, quoted
from livetables.sql.cursor import SqlError
from livetables.sql.json_paths import follows_operand, outside_of_types
from livetables.sql.lexer import WORD, Token, tokens

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from livetables.sql.edits import Edited

_VARIABLE = re.compile(r"\$\{([^}\n]*)\}")


def with_variables(text: Edited, variables: Mapping[str, str]) -> Edited:
    """Return a statement with each `${key}` replaced by its text, also inside quotes, but not in comments.

    Raises SqlError for a variable without a value.
    """
    return text.replaced(_variables(tokens(text.text), variables))


class Literal(str):
    """The value of a parameter that is SQL, not a string."""

    __slots__ = ()


def with_parameters(text: Edited, parameters: Mapping[str, str]) -> Edited:
    """Return a statement with each `:name` replaced by a string, and each IDENTIFIER(:name) by a name.

    Raises SqlError for a parameter without a value.
    """
    return text.replaced(_parameters(tokens(text.text), parameters))


def _variables(in_text: Sequence[Token], variables: Mapping[str, str]) -> Iterator[tuple[int, int, str]]:
    for token, following in itertools.pairwise(in_text):
        if token.text == "$" and following.text == "{":
            raise SqlError(token.start, "This variable does not end.", "Close it with }.", "UNKNOWN_VARIABLE")
        for match in _VARIABLE.finditer(token.text):
            key, at = match[1].strip(), token.start + match.start()
            if not key:
                raise SqlError(at, "This variable has no name.", "Write ${name}.", "UNKNOWN_VARIABLE")
            if key not in variables:
                hint = did_you_mean(key, variables, f"Add it to 'configuration' in the settings, or --set {key}=VALUE.")
                raise SqlError(at, f"The variable '{key}' has no value.", hint, "UNKNOWN_VARIABLE")
            yield at, token.start + match.end(), variables[key]


def _parameters(in_text: Sequence[Token], parameters: Mapping[str, str]) -> Iterator[tuple[int, int, str]]:
    colons = outside_of_types(in_text)
    for index in colons:
        name = in_text[index + 1]
        if name.kind != WORD or name.start != in_text[index].stop or follows_operand(in_text, index):
            continue
        if name.text not in parameters:
            hint = did_you_mean(
                name.text, parameters, f"Add it to 'parameters' in the settings, or --parameter {name.text}=VALUE."
            )
            raise SqlError(in_text[index].start, f"The parameter '{name.text}' has no value.", hint, "UNKNOWN_VARIABLE")
        value = parameters[name.text]
        if index > 1 and in_text[index - 2].upper == "IDENTIFIER" and in_text[index + 2].text == ")":
            yield in_text[index - 2].start, in_text[index + 2].stop, ".".join(map(quoted, name_parts(value)))
        else:
            yield in_text[index].start, name.stop, value if isinstance(value, Literal) else _string(value)


def _string(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
