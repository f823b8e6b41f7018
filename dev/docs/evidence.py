"""Which tests show what: the marker `shows` of the tests, read from their text, so that no test is imported.

    @pytest.mark.shows("A view is not stored", options=["maxFileAge"])

Strings alone are rules of docs/differences/*.toml. Keywords name rows of docs/auto-loader.md: `options`, `modes`,
`formats` and `ways`, and `effects` for all options with that effect.
"""

from __future__ import annotations

import ast
import difflib
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from dev.docs.base import ROOT, DocumentError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from pathlib import Path

RULES = "rules"
KINDS = (RULES, "options", "modes", "formats", "ways", "effects")


@dataclass(frozen=True)
class Claim:
    """A test's claim that it shows something.

    Attributes:
        kind: one of KINDS.
        name: the rule, or the name of the option, mode, format, way or effect.
        test: `tests/x.py::name`, or `tests/x.py::Class::name`.
    """

    kind: str
    name: str
    test: str


@cache
def claims() -> tuple[Claim, ...]:
    """Return the claims of all tests, by file and line; raises DocumentError."""
    return tuple(claim for path in sorted((ROOT / "tests").rglob("test_*.py")) for claim in claims_of(path))


def claims_of(path: Path) -> list[Claim]:
    """Return the claims of one file's tests; raises DocumentError."""
    text = path.read_text()
    if "mark.shows(" not in text:
        return []
    file = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.as_posix()
    return list(_claims(ast.parse(text).body, file))


def tests_of(kind: str, name: str) -> tuple[str, ...]:
    """Return the tests that show something, by file and line."""
    return tuple(claim.test for claim in claims() if (claim.kind, claim.name) == (kind, name))


def check_names(kind: str, names: Collection[str]) -> None:
    """Raise DocumentError for a claim of a name that does not exist."""
    for claim in claims():
        if claim.kind == kind and claim.name not in names:
            near = difflib.get_close_matches(claim.name, names, n=1)
            hint = f" Did you mean: {near[0]}" if near else ""
            raise DocumentError(f"{claim.test} shows '{claim.name}', which is none of the {kind}.{hint}")


def _claims(nodes: Iterable[ast.stmt], within: str) -> Iterator[Claim]:
    for node in nodes:
        if isinstance(node, ast.ClassDef):
            yield from _claims(node.body, f"{within}::{node.name}")
        elif isinstance(node, ast.FunctionDef):
            for decorator in node.decorator_list:
                if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.shows":
                    yield from _of_marker(decorator, f"{within}::{node.name}")


def _of_marker(call: ast.Call, test: str) -> Iterator[Claim]:
    try:
        given = {RULES: [ast.literal_eval(argument) for argument in call.args]}
        given |= {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords}
    except ValueError as error:
        raise DocumentError(f"{test}: the marker `shows` takes strings and lists of strings only.") from error
    for kind, names in given.items():
        if kind not in KINDS or not isinstance(names, list):
            raise DocumentError(f"{test}: the marker `shows` takes rules, and lists as {', '.join(KINDS[1:])}.")
        yield from (Claim(kind, name, test) for name in names)
