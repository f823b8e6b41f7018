"""The project's Python files and their syntax trees."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
#: Folders with code of the platform, which runs on Databricks too.
PLATFORM = ("pipelines", "transformations", "sources", "expectations")
#: Folders whose code is only for this project's programs and tests.
PROGRAMS = ("livetables", "loadgen", "dev", "benchmarks", "tests")
#: Pipelines that are wrong on purpose.
GOLDEN = ROOT / "tests" / "unit" / "golden"

DIRECTIVE = re.compile("# (noqa|fmt)")


def python_files(*folders: str) -> list[str]:
    """Return the paths of the Python files below some folders, relative to the project."""
    found = (path for folder in folders for path in sorted((ROOT / folder).rglob("*.py")))
    return [path.relative_to(ROOT).as_posix() for path in found if not path.is_relative_to(GOLDEN)]


@cache
def text_of(file: str) -> str:
    """Return the text of a file."""
    return (ROOT / file).read_text()


@cache
def nodes_of(file: str) -> tuple[ast.AST, ...]:
    """Return all syntax nodes of a file."""
    return tuple(ast.walk(ast.parse(text_of(file))))


def directives(*folders: str) -> Iterator[str]:
    """Yield the comments to linter and formatter, from `# noqa` or `# fmt` on."""
    for file in python_files(*folders):
        if DIRECTIVE.search(text_of(file)):
            for token in tokenize.generate_tokens(io.StringIO(text_of(file)).readline):
                if token.type == tokenize.COMMENT and (found := DIRECTIVE.search(token.string)):
                    yield token.string[found.start() :]


def docstrings(*folders: str) -> Iterator[str]:
    """Yield the docstrings of modules, classes and functions, each as one line."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for file in python_files(*folders):
        for node in nodes_of(file):
            if isinstance(node, documented) and (text := ast.get_docstring(node)):
                yield " ".join(text.split())
