"""Collects errors and warnings about the user's files while a pipeline is loaded and resolved."""

from __future__ import annotations

import os
import traceback
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from livetables.errors import Diagnostic, SourceLocation
from livetables.notebook.python_io import way_to_file
from livetables.queries.locations import calling_location, location_in, location_of
from livetables.spark.messages import code_of, first_sentence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from livetables.sql.script import Script


class Reporter:
    """Collects diagnostics, each once, and finds the locations that they are about."""

    def __init__(self, root: Path, map_path: Callable[[str], str] = str) -> None:
        """Name files relative to `root`; `map_path` maps paths of the platform, for hints."""
        self.root = root
        self._map_path = map_path
        self._errors: list[Diagnostic] = []
        self._warnings: list[Diagnostic] = []
        self._scripts: dict[str, Script] = {}

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """The errors so far, in the order of their discovery."""
        return tuple(self._errors)

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """The warnings so far, in the order of their discovery."""
        return tuple(self._warnings)

    def error(self, diagnostic: Diagnostic) -> None:
        """Add an error."""
        if diagnostic not in self._errors:
            self._errors.append(diagnostic)

    def warn(self, *diagnostics: Diagnostic) -> None:
        """Add warnings."""
        for diagnostic in diagnostics:
            if diagnostic not in self._warnings:
                self._warnings.append(diagnostic)

    def add_script(self, script: Script) -> None:
        """Add a SQL file, whose lines `with_excerpt` shows."""
        self._scripts[script.file] = script

    def with_excerpt(self, diagnostic: Diagnostic) -> Diagnostic:
        """Return a diagnostic about a SQL file with the line of the file; any other one as it is."""
        location = diagnostic.location
        if location is None or not location.column or location.file not in self._scripts:
            return diagnostic
        return replace(diagnostic, excerpt=self._scripts[location.file].excerpt(location))

    def location(self, file: str, line: int) -> SourceLocation:
        """Return the location of a line; `line` 0 is the whole file."""
        return location_in(self.root, file, line)

    def caller(self) -> SourceLocation:
        """Return the location in the user's files that is executing."""
        return calling_location(self.root)

    def of_exception(self, error: BaseException, file: Path | None = None) -> Diagnostic:
        """Return an exception of user code as a diagnostic at its last line in the user's files, such as `file`."""
        hint = way_to_file(error, self._map_path)
        location = location_of(error) or self._last_line(error, file)
        return Diagnostic(code_of(error), first_sentence(error), location, hint)

    def _last_line(self, error: BaseException, file: Path | None) -> SourceLocation:
        package = str(Path(__file__).parents[1]) + os.sep
        frames = list(self._user_frames(traceback.extract_tb(error.__traceback__), file))
        outside = [frame for frame in frames if not frame.filename.startswith(package)] or frames
        if not outside:
            return self.location(str(file or ""), 0)
        return self.location(outside[-1].filename, outside[-1].lineno or 0)

    def _user_frames(
        self, frames: Iterable[traceback.FrameSummary], file: Path | None
    ) -> Iterable[traceback.FrameSummary]:
        root = str(self.root)
        for frame in frames:
            in_file = file is not None and (frame.filename == str(file) or frame.filename.startswith(f"{file} cell "))
            if in_file or (frame.filename.startswith(root) and "site-packages" not in frame.filename):
                yield frame
