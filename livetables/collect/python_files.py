"""Executes the Python files of a pipeline with the globals of a notebook, and collects what they define."""

from __future__ import annotations
import __future__

from typing import TYPE_CHECKING, Any

from livetables.collect import binding, notebooks
from livetables.collect import registry as registries
from livetables.errors import DefinitionError, LivetablesError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from livetables.collect.registry import Registry
    from livetables.model import Definitions

_FUTURES = sum(getattr(__future__, name).compiler_flag for name in __future__.all_feature_names)


def collect(
    files: Iterable[Path], registry: Registry, names: Mapping[str, Any], map_path: Callable[[str], str] = str
) -> Definitions:
    """Execute each file by itself and return what they define. Call it inside `binding.bound`.

    `names` are the globals of every file, such as `spark`; `map_path` maps the absolute paths of `%run`. An error in a
    file becomes a diagnostic with its line; the other files are still executed, so that all errors are reported
    together.
    """
    binding.provide(names)
    sources = _SourceFiles(tuple(files), registry, names, map_path)
    token = registries.current.set(registry)
    try:
        for file in sources.files:
            try:
                sources.names_of(file)
            except LivetablesError as error:
                registry.reporter.error(error.diagnostic)
    finally:
        registries.current.reset(token)
    return registry.freeze()


class _SourceFiles:
    """The source files of a pipeline, each executed by itself and once, also when others `%run` it."""

    def __init__(
        self, files: tuple[Path, ...], registry: Registry, names: Mapping[str, Any], map_path: Callable[[str], str]
    ) -> None:
        self.files = files
        self._reporter = registry.reporter
        self._names = names
        self._map_path = map_path
        self._done: dict[Path, dict[str, Any] | LivetablesError] = {}

    def names_of(self, file: Path, includers: tuple[Path, ...] = ()) -> dict[str, Any]:
        """Return the globals of a source file, which is executed once; raises the LivetablesError of that time."""
        if file not in self._done:
            # Not in sys.modules, so that Spark pickles the file's functions by value: workers can't import the file.
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

        Raises LivetablesError with a location, whatever the code raises.
        """
        file, reporter, flags = files[-1], self._reporter, 0
        try:
            notebook = notebooks.read_notebook(file, reporter.root)
            reporter.warn(*notebook.warnings)
            for part in notebook.parts:
                if isinstance(part, notebooks.Include):
                    self._include(part, files, namespace)
                    continue
                # The `from __future__` lines of the file count, not those of this module; in a notebook, also for
                # later cells.
                code = compile(part.text, part.file, "exec", flags=flags, dont_inherit=True)
                flags |= code.co_flags & _FUTURES
                exec(code, namespace)  # noqa: S102 (the user's code)
        except LivetablesError as error:
            location = reporter.of_exception(error, file).location
            if location is not None:
                error.locate(location)
            raise
        except SyntaxError as error:
            location = reporter.location(error.filename or str(file), error.lineno or 0)
            raise DefinitionError("SYNTAX_ERROR", f"{error.msg}.", location=location) from error
        except (Exception, SystemExit) as error:
            diagnostic = reporter.of_exception(error, file)
            raise DefinitionError(
                diagnostic.code, diagnostic.message, location=diagnostic.location, hint=diagnostic.hint
            ) from error

    def _include(self, include: notebooks.Include, files: tuple[Path, ...], namespace: dict[str, Any]) -> None:
        """Execute a `%run` line of the last of `files`."""
        target = notebooks.included(include, files[-1], self._map_path)
        if any(target.samefile(file) for file in files):
            names = " -> ".join(file.name for file in (*files, target))
            message, hint = f"Notebooks %run each other: {names}.", "Move what they share to a third notebook."
            raise DefinitionError("RUN_CYCLE", message, location=include.location, hint=hint)
        source = next((file for file in self.files if target.samefile(file)), None)
        if source is None:
            self._execute((*files, target), namespace)
        else:  # executed again, it would define its datasets twice
            names_of_it = self.names_of(source, files)
            namespace.update({name: value for name, value in names_of_it.items() if not name.startswith("__")})
