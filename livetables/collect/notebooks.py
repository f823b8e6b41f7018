"""Turns a source file into the Python code that is executed: plain files, and notebooks as `.py` or `.ipynb`."""

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

from livetables.errors import DefinitionError, SourceLocation, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from livetables.collect.registry import Registry

_HEADER = "# Databricks notebook source"
_SEPARATOR = re.compile(r"# COMMAND -{10}\s*")
_MAGIC_COMMENT = re.compile(r"# MAGIC(?: (.*)|\s*)")
_MAGIC = re.compile(r"(?P<indent>\s*)(?P<mark>%%?|!)(?P<name>[\w-]*)\s*(?P<rest>.*)")
#: Cells in these languages say nothing to a pipeline.
_TEXT = frozenset({"md", "md-sandbox", "markdown", "html", "javascript", "js", "latex", "svg"})
#: Magics after which the text goes on in Python.
_PYTHON = frozenset({"python", "py", "time", "capture"})
#: Magics that give the rest of their cell to another language; `%%name` always does.
_LANGUAGES = frozenset({"sql", "scala", "r", "sh", "bash", "script", "fs"})
_SUFFIXES = ("", ".py", ".ipynb")


@dataclass(frozen=True)
class Code:
    """Python text to execute, with its lines at the numbers they have in `file`, which tracebacks name."""

    file: str
    text: str | bytes


@dataclass(frozen=True)
class Run:
    """A `%run` line: the notebook `target` is executed in the same namespace before the code goes on."""

    target: str
    location: SourceLocation


def parts(file: Path, registry: Registry) -> list[Code | Run]:
    """Return what is executed for a source file, in order; what is left out becomes a warning of `registry`.

    A cell of an `.ipynb` file is named `FILE cell K`, counted from 1 over all cells, and its lines are its own.
    Raises DefinitionError for a file that is no notebook, or one in another language.
    """
    data = file.read_bytes()
    if file.suffix == ".ipynb":
        return _jupyter(file, data, registry)
    try:
        lines = _lines(data.decode("utf-8-sig"))
    except UnicodeDecodeError:  # Python's own compiler knows about coding lines, and says what is wrong
        return [Code(str(file), data)]
    if lines[0].rstrip() != _HEADER:
        return [Code(str(file), data)]
    cells = _Cells(str(file), registry)
    start = 0
    for stop in [*(n for n, line in enumerate(lines) if _SEPARATOR.fullmatch(line)), len(lines)]:
        # The lines behind `# MAGIC` are a cell; what stands between them is Python whatever that cell is.
        cell = list(enumerate(lines[start:stop], start + 1))
        hidden = {number: match[1] or "" for number, line in cell if (match := _MAGIC_COMMENT.fullmatch(line))}
        first = next((line for line in hidden.values() if line.strip() and not line.startswith("#")), "")
        if _MAGIC.fullmatch(first):
            cells.add(list(hidden.items()))
            cell = [(number, line) for number, line in cell if number not in hidden]
        cells.add(cell)
        start = stop
    return cells.parts()


def included(run: Run, file: Path, map_path: Callable[[str], str]) -> Path:
    """Return the file that a `%run` line of `file` names; raises DefinitionError when there is none."""
    path = file.parent / map_path(run.target)
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
        f"%run {run.target} names no notebook; looked for {path}.py and {path}.ipynb.",
        location=run.location,
        hint=did_you_mean(path.name, known, otherwise),
    )


def _jupyter(file: Path, data: bytes, registry: Registry) -> list[Code | Run]:
    document = _document(file, data, registry)
    language = _language(document.get("metadata"))
    if not language.startswith(("python", "ipython")):
        raise DefinitionError(
            "NOT_SUPPORTED",
            f"The language of this notebook is {language}; here .ipynb notebooks run in Python alone.",
            location=registry.location(str(file), 0),
            hint="Write its statements to a .sql file." if language == "sql" else "Take it out of the pipeline.",
        )
    found: list[Code | Run] = []
    for number, cell in enumerate(document["cells"], 1):
        if isinstance(cell, dict) and cell.get("cell_type") == "code":
            cells = _Cells(f"{file} cell {number}", registry)
            source = cell.get("source", "")
            cells.add(list(enumerate(_lines(source if isinstance(source, str) else "".join(map(str, source))), 1)))
            found += cells.parts()
    return found


def _document(file: Path, data: bytes, registry: Registry) -> dict[str, Any]:
    line = 0
    try:
        document = json.loads(data)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        line, why = getattr(error, "lineno", 0), getattr(error, "msg", str(error))
    else:
        if isinstance(document, dict) and isinstance(document.get("cells"), list):
            return document
        why = "it has no list of cells"
    location = registry.location(str(file), line)
    hint = "Save it again in Jupyter, VS Code or Databricks, as a notebook of format 4."
    raise DefinitionError("SYNTAX_ERROR", f"The file is not a notebook: {why}.", location=location, hint=hint)


def _language(metadata: Any) -> str:
    given = metadata if isinstance(metadata, dict) else {}
    locations = (
        ("application/vnd.databricks.v1+notebook", "language"),
        ("language_info", "name"),
        ("kernelspec", "language"),
    )
    for above, key in locations:
        entry = given.get(above)
        if isinstance(entry, dict) and entry.get(key):
            return str(entry[key]).lower()
    return "python"


def _lines(text: str) -> list[str]:
    # Not splitlines: it also splits where Python's compiler does not, and the numbers would drift.
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


@dataclass
class _Cells:
    """Gathers the Python lines of cells that share one numbering, and the `%run` lines between them."""

    file: str
    registry: Registry
    _python: dict[int, str] = field(default_factory=dict)
    _runs: dict[int, str] = field(default_factory=dict)

    def parts(self) -> list[Code | Run]:
        """Return the code up to each `%run`, that `%run`, and the code after the last one."""
        found: list[Code | Run] = []
        last = max(self._python, default=0)
        start = 1
        for line in [*sorted(self._runs), last + 1]:
            numbers = [number for number in range(start, line) if self._python.get(number, "").strip()]
            if numbers:
                text = "\n".join(self._python.get(number, "") if number >= start else "" for number in range(1, line))
                found.append(Code(self.file, text + "\n"))
            if line in self._runs:
                found.append(Run(self._runs[line], self.registry.location(self.file, line)))
            start = line + 1
        return found

    def add(self, cell: Sequence[tuple[int, str]]) -> None:
        """Take the numbered lines of one cell."""
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
        """Return the Python line that stands for a magic one, or None when the rest of the cell is not Python."""
        indent, mark, name, rest = magic.groups()
        name = "!" if mark == "!" else name.lower()
        # A block needs a line; an empty one elsewhere lets `from __future__` come first.
        instead = f"{indent}pass" if indent else ""
        if name in _TEXT:
            return None
        if name in _PYTHON:
            return f"{indent}{rest}" if mark == "%" and rest else instead
        if name == "run" and mark == "%" and not indent and (words := _words(rest)):
            self._runs[number] = words[0]
            if words[1:]:
                self._say(number, f"%run {words[0]} runs without its arguments.", "Set them in the configuration.")
            return instead
        if name == "sql":
            message = "The %sql cell is not run: the platform leaves such cells out of a pipeline, too."
            self._say(number, message, "Write its statements to a .sql file of the pipeline.", "NOT_SUPPORTED")
            return None
        if name in _LANGUAGES or mark == "%%":
            self._say(number, f"The {mark}{name} cell is not run.")
            return None
        installs = re.match(r"(%|!\s*)(pip|conda|uv)\b", magic[0].strip())
        hint = "Install the packages it names beside livetables." if installs else None
        self._say(number, f"{magic[0].strip()} is not run.", hint)
        return instead

    def _say(self, number: int, message: str, hint: str | None = None, code: str = "NOTEBOOK_MAGIC") -> None:
        self.registry.warn(code, message, self.registry.location(self.file, number), hint)


def _words(rest: str) -> list[str]:
    try:
        return shlex.split(rest, comments=True)
    except ValueError:  # a quote is open
        return rest.split()


def _unfinished(lines: Sequence[str]) -> bool:
    """Tell whether a string, a bracket or a line is still open after `lines`: then `%` is an operator or text."""
    text = "\n".join(lines) + "\n"
    try:
        for _ in tokenize.generate_tokens(io.StringIO(text).readline):
            pass
    except tokenize.TokenError:
        return True
    except SyntaxError:  # the compiler says it better
        return False
    return False
