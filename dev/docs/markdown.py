"""What documents that are written from the code have in common: tables, and tests that they name."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT = Path(__file__).parent.parent.parent


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Return a table of Markdown."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def has_test(test: str) -> bool:
    """Tell whether there is a test `tests/x.py::name`, or `tests/x.py::Class::name`."""
    file, _, name = test.partition("::")
    return name in _tests_in(file)


@cache
def _tests_in(file: str) -> frozenset[str]:
    """Return the names of a file's functions and methods; none of a file that is not there."""
    path = ROOT / file
    return frozenset(_names(ast.parse(path.read_text()).body if path.is_file() else []))


def _names(nodes: Iterable[ast.stmt], within: str = "") -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.FunctionDef):
            yield within + node.name
        elif isinstance(node, ast.ClassDef):
            yield from _names(node.body, f"{within}{node.name}::")
