"""Finds the source files that the settings of a pipeline, or its caller, name."""

from __future__ import annotations

import glob
import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from livetables.errors import SettingsError
from livetables.settings.paths import map_path, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from livetables.errors import SourceLocation
    from livetables.settings.model import Library

_SOURCES: tuple[Literal[".py"], Literal[".sql"], Literal[".ipynb"]] = (".py", ".sql", ".ipynb")


def source_files(
    paths: tuple[Path, ...],
    libraries: list[Library],
    base: Path,
    path_map: dict[str, str],
    location: Callable[..., SourceLocation | None],
) -> tuple[Path, ...]:
    """Return the source files of `paths` and `libraries`, each once; relative paths of libraries start at `base`.

    Raises SettingsError for an entry that names no file, and when there is no file at all.
    """
    found: dict[Path, None] = {}
    for path in paths:
        found.update(dict.fromkeys(_in_folder_or_file(path.absolute(), str(path), None)))
    for number, library in enumerate(libraries):
        for kind, name, pattern in _patterns(library):
            # The folder of the settings file takes the place of the workspace folder `root_path`.
            local = Path(os.path.normpath(base / map_path(pattern, path_map, base)))
            found.update(dict.fromkeys(_in_folder_or_file(local, pattern, location("libraries", number, kind, name))))
    if not found:
        hint = 'Add "libraries": [{"glob": {"include": "pipelines/**"}}].'
        raise SettingsError(
            "NO_SOURCE_FILES", "The pipeline has no source files.", location=location("libraries"), hint=hint
        )
    return tuple(found)


def _patterns(library: Library) -> Iterator[tuple[str, str, str]]:
    if library.glob:
        yield "glob", "include", library.glob.include
    if library.file:
        yield "file", "path", library.file.path
    if library.notebook:
        yield "notebook", "path", library.notebook.path


def _hidden(file: Path) -> bool:
    return any(part.startswith(".") for part in file.parts)


def _in_folder_or_file(path: Path, given: str, location: SourceLocation | None) -> list[Path]:
    folder = path.parent if path.name == "**" else path
    if folder.is_dir():
        return sorted(
            file
            for file in folder.rglob("*")
            if file.suffix in _SOURCES and file.name != "__init__.py" and not _hidden(file.relative_to(folder))
        )
    # Paths of notebooks have no extension.
    candidates = [path, *(path.with_name(path.name + suffix) for suffix in _SOURCES)]
    for candidate in candidates:
        if candidate.is_file():
            return [candidate]
    msg = f"'{given}' names no source file or folder; looked for {shown(path)}."
    hint = "Check the path; relative paths start at the folder of the settings file."
    if glob.has_magic(given.removesuffix("/**")):
        hint = "A glob names one file, or a folder followed by /**."
    raise SettingsError("SOURCE_NOT_FOUND", msg, location=location, hint=hint)
