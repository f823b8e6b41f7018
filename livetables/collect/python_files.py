"""Executes the Python files of a pipeline, with the facade bound and `spark` at hand."""

from __future__ import annotations

import os
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from livetables.collect import registry as registries
from livetables.errors import LivetablesError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from livetables.collect.registry import Registry
    from livetables.model import Definitions


def collect(files: Iterable[Path], registry: Registry, names: Mapping[str, Any]) -> Definitions:
    """Execute each file by itself and return what they define; the files must be bound (`binding.bound`).

    `names` are the globals every file gets, such as `spark`. What a file does wrong becomes a problem with its
    line; the other files are still collected, so that all problems are reported together.
    """
    token = registries.current.set(registry)
    try:
        for file in files:
            _execute(file, registry, names)
    finally:
        registries.current.reset(token)
    return registry.freeze()


def _execute(file: Path, registry: Registry, names: Mapping[str, Any]) -> None:
    # Never in sys.modules: then Spark pickles the file's functions by value, and workers need not import it.
    namespace = {"__name__": file.stem, "__file__": str(file), "__builtins__": __builtins__, **names}
    try:
        exec(compile(file.read_bytes(), str(file), "exec"), namespace)  # noqa: S102 (the user's code)
    except LivetablesError as error:
        registry.problems.append(error.problem)
    except SyntaxError as error:
        place = registry.place(error.filename or str(file), error.lineno or 0)
        registry.problems.append(Problem("SYNTAX_ERROR", f"{error.msg}.", place))
    except (Exception, SystemExit) as error:  # noqa: BLE001 (a user's file may raise anything; all is reported)
        registry.problems.append(problem_of(error, file, registry))


def problem_of(error: BaseException, file: Path | None, registry: Registry) -> Problem:
    """Describe an exception of user code: its last line in the user's own files, and its own words."""
    root, package = str(registry.root), str(Path(__file__).parents[1]) + os.sep
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if (file is not None and frame.filename == str(file))
        or (frame.filename.startswith(root) and "site-packages" not in frame.filename)
    ]
    own = [frame for frame in frames if not frame.filename.startswith(package)] or frames
    place = registry.place(own[-1].filename, own[-1].lineno or 0) if own else registry.place(str(file or ""), 0)
    return Problem(code_of(error), first_sentence(error), place)


def code_of(error: BaseException) -> str:
    """Return Spark's own error condition where the error has one, else PYTHON_ERROR."""
    condition = getattr(error, "getCondition", None)
    return str(condition() or "SPARK_ERROR") if callable(condition) else "PYTHON_ERROR"


def first_sentence(error: BaseException) -> str:
    """Return what an error says without its class of JVM frames and plan listings."""
    text = str(error).split("\n\nJVM stacktrace")[0].split("\n\tat ")[0].strip()
    text = text.split(";\n'")[0].split(";\n")[0]
    lines = [line for line in text.splitlines() if line.strip()]
    shown, kind = " ".join(lines[:3]), type(error).__name__
    if not shown or callable(getattr(error, "getCondition", None)):
        return shown or kind
    return f"{kind}: {shown}"
