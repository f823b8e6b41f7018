"""Executes the Python files of a pipeline, with the facade bound and a notebook's globals at hand."""

from __future__ import annotations
import __future__

import os
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from livetables.collect import binding, notebooks
from livetables.collect import registry as registries
from livetables.errors import DefinitionError, Diagnostic, LivetablesError
from livetables.notebook.python_io import way_to_file
from livetables.queries.locations import SQL_LOCATION
from livetables.spark.messages import code_of, first_sentence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from livetables.collect.registry import Registry
    from livetables.model import Definitions

_FUTURES = sum(getattr(__future__, name).compiler_flag for name in __future__.all_feature_names)


def collect(
    files: Iterable[Path], registry: Registry, names: Mapping[str, Any], map_path: Callable[[str], str] = str
) -> Definitions:
    """Execute each file by itself and return what they define; the files must be bound (`binding.bound`).

    `names` are the globals every file gets, such as `spark`; `map_path` finds the absolute paths of `%run`. What a
    file does wrong becomes a problem with its line; the other files are still collected, so that all problems are
    reported together.
    """
    registry.map_path = map_path
    binding.give(names)
    sources = _Sources(tuple(files), registry, names)
    token = registries.current.set(registry)
    try:
        for file in sources.files:
            try:
                sources.names_of(file)
            except LivetablesError as error:
                if error.diagnostic not in registry.diagnostics:  # what an included file does wrong is said once
                    registry.diagnostics.append(error.diagnostic)
    finally:
        registries.current.reset(token)
    return registry.freeze()


class _Sources:
    """The source files of a pipeline, each executed by itself and once, also when others `%run` it."""

    def __init__(self, files: tuple[Path, ...], registry: Registry, names: Mapping[str, Any]) -> None:
        self.files = files
        self._registry = registry
        self._names = names
        self._done: dict[Path, dict[str, Any] | LivetablesError] = {}

    def names_of(self, file: Path, includers: tuple[Path, ...] = ()) -> dict[str, Any]:
        """Execute a source file, if that was not done yet, and return its globals; raises what it raised before."""
        if file not in self._done:
            # Never in sys.modules: then Spark pickles the file's functions by value, and workers need not import it.
            namespace = {"__name__": file.stem, "__file__": str(file), "__builtins__": __builtins__, **self._names}
            try:
                self._execute((*includers, file), namespace)
            except LivetablesError as error:
                self._done[file] = error
            else:
                self._done[file] = namespace
        done = self._done[file]
        if isinstance(done, LivetablesError):
            raise done
        return done

    def _execute(self, files: tuple[Path, ...], namespace: dict[str, Any]) -> None:
        """Execute the last of `files`, each of which was included by the one before it.

        Raises LivetablesError with the place, whatever the code raises.
        """
        file, registry, flags = files[-1], self._registry, 0
        try:
            for part in notebooks.parts(file, registry):
                if isinstance(part, notebooks.Run):
                    self._include(part, files, namespace)
                    continue
                # Only its own `from __future__` lines count, not those of this file; in a notebook, also for later
                # cells.
                code = compile(part.text, part.file, "exec", flags=flags, dont_inherit=True)
                flags |= code.co_flags & _FUTURES
                exec(code, namespace)  # noqa: S102 (the user's code)
        except LivetablesError as error:
            location = diagnostic_of(error, file, registry).location
            if location is not None:
                error.locate(location)
            raise
        except SyntaxError as error:
            location = registry.location(error.filename or str(file), error.lineno or 0)
            raise DefinitionError("SYNTAX_ERROR", f"{error.msg}.", location=location) from error
        except (Exception, SystemExit) as error:
            diagnostic = diagnostic_of(error, file, registry)
            raise DefinitionError(
                diagnostic.code, diagnostic.message, location=diagnostic.location, hint=diagnostic.hint
            ) from error

    def _include(self, run: notebooks.Run, files: tuple[Path, ...], namespace: dict[str, Any]) -> None:
        """Do a `%run` line of the last of `files`."""
        found = notebooks.included(run, files[-1], self._registry.map_path)
        if any(found.samefile(file) for file in files):
            names = " -> ".join(file.name for file in (*files, found))
            hint = "Move what they share to a third notebook."
            raise DefinitionError("RUN_CYCLE", f"Notebooks %run each other: {names}.", location=run.location, hint=hint)
        source = next((file for file in self.files if found.samefile(file)), None)
        if source is None:
            self._execute((*files, found), namespace)
        else:  # executed again, it would define its datasets twice
            names_of_it = self.names_of(source, files)
            namespace.update({name: value for name, value in names_of_it.items() if not name.startswith("__")})


def diagnostic_of(error: BaseException, file: Path | None, registry: Registry) -> Diagnostic:
    """Describe an exception of user code: its last line in the user's own files, and its own words."""
    in_sql = getattr(error, SQL_LOCATION, None)
    if in_sql is not None:
        hint = way_to_file(error, registry.map_path)
        return Diagnostic(code_of(error), first_sentence(error), in_sql, hint)
    root, package = str(registry.root), str(Path(__file__).parents[1]) + os.sep
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if (file is not None and (frame.filename == str(file) or frame.filename.startswith(f"{file} cell ")))
        or (frame.filename.startswith(root) and "site-packages" not in frame.filename)
    ]
    own = [frame for frame in frames if not frame.filename.startswith(package)] or frames
    location = (
        registry.location(own[-1].filename, own[-1].lineno or 0) if own else registry.location(str(file or ""), 0)
    )
    return Diagnostic(code_of(error), first_sentence(error), location, way_to_file(error, registry.map_path))
