"""Converts a source file into the Python code that is executed: plain files, and notebooks as `.py` or `.ipynb`."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import tokenize
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from livetables.errors import DefinitionError, Diagnostic, SourceLocation, did_you_mean
from livetables.queries.locations import location_in

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_HEADER = "# Databricks notebook source"
_SEPARATOR = re.compile(r"# COMMAND -{10}\s*")
_MAGIC_COMMENT = re.compile(r"# MAGIC(?: (.*)|\s*)")
_MAGIC = re.compile(r"(?P<indent>\s*)(?P<mark>%%?|!)(?P<name>[\w-]*)\s*(?P<rest>.*)")
#: Languages of cells without code.
_TEXT = frozenset({"md", "md-sandbox", "markdown", "html", "javascript", "js", "latex", "svg"})
#: Magics that are followed by Python code.
_PYTHON = frozenset({"python", "py", "time", "capture"})
#: Magics whose cell is in another language; that of `%%name` always is.
_LANGUAGES = frozenset({"sql", "scala", "r", "sh", "bash", "script", "fs"})
_SUFFIXES = ("", ".py", ".ipynb")


@dataclass(frozen=True)
class Code:
    """Python text to execute. Its lines have the same numbers as in `file`, which is the name in tracebacks."""

    file: str
    text: str | bytes


@dataclass(frozen=True)
class Include:
    """A `%run` line: the notebook `target` is executed in the same namespace before the next code."""

    target: str
    location: SourceLocation


@dataclass(frozen=True)
class Notebook:
    """The parts of a source file in the order of execution, and warnings of lines that are not executed."""

    parts: tuple[Code | Include, ...]
    warnings: tuple[Diagnostic, ...] = ()


def read_notebook(file: Path, root: Path) -> Notebook:
    """Return the parts of a source file; its locations are relative to `root`.

    A cell of an `.ipynb` file is named `FILE cell K`, counted from 1 over all cells, and its lines start at 1.
    Raises DefinitionError for a file that is no notebook, or one in another language.
    """
    data = file.read_bytes()
    if file.suffix == ".ipynb":
        return _jupyter(file, data, root)
    try:
        lines = _lines(data.decode("utf-8-sig"))
    except UnicodeDecodeError:  # Python's compiler reads coding lines, and reports what is wrong
        return Notebook((Code(str(file), data),))
    if lines[0].rstrip() != _HEADER:
        return Notebook((Code(str(file), data),))
    cells = _Cells(str(file), root)
    start = 0
    for stop in [*(n for n, line in enumerate(lines) if _SEPARATOR.fullmatch(line)), len(lines)]:
        # The lines after `# MAGIC` are a cell; lines between them are Python, whatever the language of that cell.
        cell = list(enumerate(lines[start:stop], start + 1))
        hidden = {number: match[1] or "" for number, line in cell if (match := _MAGIC_COMMENT.fullmatch(line))}
        first = next((line for line in hidden.values() if line.strip() and not line.startswith("#")), "")
        if _MAGIC.fullmatch(first):
            cells.add(list(hidden.items()))
            cell = [(number, line) for number, line in cell if number not in hidden]
        cells.add(cell)
        start = stop
    return Notebook(tuple(cells.parts()), tuple(cells.warnings))


def included(include: Include, file: Path, map_path: Callable[[str], str]) -> Path:
    """Return the file that a `%run` line of `file` names; raises DefinitionError when there is none."""
    path = file.parent / map_path(include.target)
    for suffix in _SUFFIXES:
        candidate = path.with_name(path.name + suffix)
        if candidate.is_file():
            return Path(os.path.normpath(candidate))
    known = sorted({near.stem for near in path.parent.glob("*") if near.suffix in _SUFFIXES[1:]})
    otherwise = (
        f"The path starts at the folder of {file.name}; an absolute one goes through path_map of livetables.yml."
    )
    raise DefinitionError(
        "RUN_NOT_FOUND",
        f"%run {include.target} names no notebook; looked for {path}.py and {path}.ipynb.",
        location=include.location,
        hint=did_you_mean(path.name, known, otherwise),
    )


def _jupyter(file: Path, data: bytes, root: Path) -> Notebook:
    document = _document(file, data, root)
    language = _language(document.get("metadata"))
    if not language.startswith(("python", "ipython")):
        raise DefinitionError(
            "NOT_SUPPORTED",
            f"The language of this notebook is {language}; here .ipynb notebooks run in Python alone.",
            location=location_in(root, str(file), 0),
            hint="Write its statements to a .sql file." if language == "sql" else "Take it out of the pipeline.",
        )
    parts: list[Code | Include] = []
    warnings: list[Diagnostic] = []
    for number, cell in enumerate(document["cells"], 1):
        if isinstance(cell, dict) and cell.get("cell_type") == "code":
            cells = _Cells(f"{file} cell {number}", root)
            source = cell.get("source", "")
            cells.add(list(enumerate(_lines(source if isinstance(source, str) else "".join(map(str, source))), 1)))
            parts += cells.parts()
            warnings += cells.warnings
    return Notebook(tuple(parts), tuple(warnings))


def _document(file: Path, data: bytes, root: Path) -> dict[str, Any]:
    """Return the JSON document of a Jupyter notebook; raises DefinitionError when it is none."""
    line = 0
    try:
        document = json.loads(data)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        line, why = getattr(error, "lineno", 0), getattr(error, "msg", str(error))
    else:
        if isinstance(document, dict) and isinstance(document.get("cells"), list):
            return document
        why = "it has no list of cells"
    location = location_in(root, str(file), line)
    hint = "Save it again in Jupyter, VS Code or Databricks, as a notebook of format 4."
    raise DefinitionError("SYNTAX_ERROR", f"The file is not a notebook: {why}.", location=location, hint=hint)


def _language(metadata: Any) -> str:
    """Return the language of a Jupyter notebook in lower case; Python when its metadata has none."""
    keys = (
        ("application/vnd.databricks.v1+notebook", "language"),
        ("language_info", "name"),
        ("kernelspec", "language"),
    )
    for above, key in keys:
        entry = metadata.get(above) if isinstance(metadata, dict) else None
        if isinstance(entry, dict) and entry.get(key):
            return str(entry[key]).lower()
    return "python"


def _lines(text: str) -> list[str]:
    # Not splitlines: it also splits where Python's compiler does not, so line numbers would differ.
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


@dataclass
class _Cells:
    """Collects the Python lines and the `%run` lines of cells with common line numbers."""

    file: str
    root: Path
    warnings: list[Diagnostic] = field(default_factory=list)
    _python: dict[int, str] = field(default_factory=dict)
    _runs: dict[int, str] = field(default_factory=dict)

    def parts(self) -> list[Code | Include]:
        """Return the code before each `%run`, that `%run`, and the code after the last one."""
        parts: list[Code | Include] = []
        last = max(self._python, default=0)
        start = 1
        for line in [*sorted(self._runs), last + 1]:
            numbers = [number for number in range(start, line) if self._python.get(number, "").strip()]
            if numbers:
                text = "\n".join(self._python.get(number, "") if number >= start else "" for number in range(1, line))
                parts.append(Code(self.file, text + "\n"))
            if line in self._runs:
                parts.append(Include(self._runs[line], self._location(line)))
            start = line + 1
        return parts

    def add(self, cell: Sequence[tuple[int, str]]) -> None:
        """Add the numbered lines of one cell."""
        done: list[str] = []
        for number, line in cell:
            magic = _MAGIC.fullmatch(line)
            if magic is None or _unfinished(done):
                python: str | None = line
            else:
                python = self._magic(number, magic)
            if python is None:
                return
            self._python[number] = python
            done.append(python)

    def _magic(self, number: int, magic: re.Match[str]) -> str | None:
        """Return the Python line that replaces a magic one, or None when the rest of the cell is not Python."""
        indent, mark, name, rest = magic.groups()
        name = "!" if mark == "!" else name.lower()
        # A block needs a statement; elsewhere the line is empty, as `from __future__` must come first.
        instead = f"{indent}pass" if indent else ""
        if name in _TEXT:
            return None
        if name in _PYTHON:
            return f"{indent}{rest}" if mark == "%" and rest else instead
        if name == "run" and mark == "%" and not indent and (words := _words(rest)):
            self._runs[number] = words[0]
            if words[1:]:
                self._warn(number, f"%run {words[0]} runs without its arguments.", "Set them in the configuration.")
            return instead
        if name == "sql":
            message = "The %sql cell is not run: the platform leaves such cells out of a pipeline, too."
            self._warn(number, message, "Write its statements to a .sql file of the pipeline.", "NOT_SUPPORTED")
            return None
        if name in _LANGUAGES or mark == "%%":
            self._warn(number, f"The {mark}{name} cell is not run.")
            return None
        installs = re.match(r"(%|!\s*)(pip|conda|uv)\b", magic[0].strip())
        hint = "Install the packages it names beside livetables." if installs else None
        self._warn(number, f"{magic[0].strip()} is not run.", hint)
        return instead

    def _warn(self, number: int, message: str, hint: str | None = None, code: str = "NOTEBOOK_MAGIC") -> None:
        self.warnings.append(Diagnostic(code, message, self._location(number), hint))

    def _location(self, number: int) -> SourceLocation:
        return location_in(self.root, self.file, number)


def _words(rest: str) -> list[str]:
    try:
        return shlex.split(rest, comments=True)
    except ValueError:  # a quote is open
        return rest.split()


def _unfinished(lines: Sequence[str]) -> bool:
    """Return whether a string, a bracket or a line is still open after `lines`: then `%` is an operator or text."""
    text = "\n".join(lines) + "\n"
    try:
        for _ in tokenize.generate_tokens(io.StringIO(text).readline):
            pass
    except tokenize.TokenError:
        return True
    except SyntaxError:  # the compiler reports it
        return False
    return False
