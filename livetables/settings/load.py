"""Puts the settings of a run together: settings file, `livetables.yml`, options of the command line."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from livetables.errors import SettingsError, SourceLocation
from livetables.model import Namespace
from livetables.settings.configuration import ConfigLayer, configuration
from livetables.settings.dialects import Found, find_pipeline
from livetables.settings.durations import seconds
from livetables.settings.model import (
    DEFAULT_FILE,
    DROP_INACTIVE,
    INTERVAL,
    LOCAL_FILE,
    RETRIES,
    UPDATE_RETRIES,
    LocalFile,
    PipelineFile,
    Settings,
)
from livetables.settings.paths import folder_name, local_storage, shown
from livetables.settings.reading import place_in, read_yaml
from livetables.settings.secrets import SecretStore
from livetables.settings.source_files import source_files
from livetables.settings.validation import validated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def load_settings(
    file: Path | None = None,
    *,
    paths: tuple[Path, ...] = (),
    overrides: dict[str, str] | None = None,
    parameters: dict[str, str] | None = None,
    with_secrets: bool = True,
    **local: Any,
) -> Settings:
    """Read the settings file (or take source `paths` in its place), then livetables.yml, then the overrides.

    `file` may be FILE#KEY for one of several pipelines in an asset bundle. Without secrets, configuration that refers
    to one is left out. `local` may hold storage, master, tables, path_map. Raises SettingsError with the key, the file
    and a hint.
    """
    if paths:
        found = Found(PipelineFile(name=paths[0].stem or "pipeline"), Path.cwd())
    else:
        found = find_pipeline(file or Path(DEFAULT_FILE))
    parsed, base = found.parsed, found.base
    here, location = _local_file(base)
    secrets = SecretStore(_named("secrets", here.secrets, base, location) if here.secrets else None)
    given = {key: value for key, value in local.items() if value}
    root, path_map = _root_and_paths(parsed, base, {**here.path_map, **given.pop("path_map", {})})
    storage = given.get("storage") or here.storage
    if not storage and parsed.storage:
        storage = local_storage(parsed.storage, path_map, base)
    settings = Settings(
        name=parsed.name,
        root=root,
        files=source_files(paths, parsed.libraries, base, path_map, found.location),
        storage=(base / (storage or f".livetables/{folder_name(parsed.name)}")).absolute(),
        namespace=Namespace(parsed.catalog, parsed.schema_ or parsed.target or "default"),
        configuration=configuration(
            [
                *_of_clusters(found),
                ConfigLayer("configuration.", parsed.configuration, lambda key: found.location("configuration", key)),
                ConfigLayer("", _ansi(here), lambda _: location("ansi")),
                ConfigLayer("configuration.", here.configuration, lambda key: location("configuration", key)),
                ConfigLayer("--set ", overrides or {}, lambda _: None),
            ],
            secrets if with_secrets else None,
        ),
        parameters={**parsed.parameters, **(parameters or {})},
        continuous=parsed.continuous,
        development=parsed.development,
        master=given.get("master") or here.master or "local[*]",
        tables={**here.tables, **given.get("tables", {})},
        path_map=path_map,
        functions=tuple(_named("functions", name, base, location) for name in here.functions),
        secrets=secrets,
        warnings=found.warnings,
        document=found.document,
    )
    _check_configuration(settings, found)
    return settings


def with_mode(settings: Settings, *, continuous: bool | None) -> Settings:
    """Return the settings with the mode that the command line asks for, if it does."""
    return settings if continuous is None else replace(settings, continuous=continuous)


def _root_and_paths(parsed: PipelineFile, base: Path, path_map: dict[str, str]) -> tuple[Path, dict[str, str]]:
    """Return the folder that imports start at, and the path map, whose relative targets start there too."""
    root = Path(os.path.normpath(base / parsed.root_path)) if parsed.root_path else base
    if root.is_dir():
        if root != base:
            path_map = {prefix: to if "://" in to else str(base / to) for prefix, to in path_map.items()}
        return root, path_map
    # A workspace folder: the folder of the settings file stands for it.
    return base, {str(parsed.root_path): str(base), **path_map}


def _check_configuration(settings: Settings, found: Found) -> None:
    """Read what the runtime reads later, so that a wrong value is found before anything starts."""
    checks: dict[str, Callable[[str], object]] = {
        RETRIES: lambda key: settings.integer(key, 2),
        UPDATE_RETRIES: lambda key: settings.integer(key, 5),
        DROP_INACTIVE: settings.switch,
        INTERVAL: lambda key: seconds(settings.configured(key, "0s"), key),
    }
    for key, check in checks.items():
        try:
            check(key)
        except SettingsError as error:
            location = found.location("configuration", key)
            if location and settings.configuration[key] == found.parsed.configuration.get(key):
                error.locate(location)
            raise


def _local_file(base: Path) -> tuple[LocalFile, Callable[..., SourceLocation | None]]:
    """Return livetables.yml, and what tells the place of a key in it."""
    file = base / LOCAL_FILE
    if not file.is_file():
        return LocalFile(), lambda *_: None
    document = read_yaml(file) or {}

    def location(*keys: str) -> SourceLocation:
        return place_in(document, keys, None) or SourceLocation(shown(file))

    return validated(LocalFile, document, SourceLocation(shown(file))), location


def _ansi(here: LocalFile) -> dict[str, str]:
    return {} if here.ansi is None else {"spark.sql.ansi.enabled": str(here.ansi).lower()}


#: Keys of livetables.yml that name files, and how such a file is written.
_FILES = {"secrets": "as YAML, {scope: {key: value}}", "functions": "as SQL, CREATE FUNCTION ..."}


def _named(key: str, name: str, base: Path, location: Callable[..., SourceLocation | None]) -> Path:
    """Return a file that a key of livetables.yml names; SettingsError when it is not there."""
    file = Path(os.path.normpath(base / Path(name).expanduser()))
    if not file.is_file():
        msg = f"'{key}' names {shown(file)}, which does not exist."
        hint = f"Write it {_FILES[key]}, or leave '{key}' out."
        raise SettingsError("SETTINGS_NOT_FOUND", msg, location=location(key), hint=hint)
    return file


def _of_clusters(found: Found) -> Iterator[ConfigLayer]:
    for label in ("default", "updates"):  # what is said of updates wins
        for number, cluster in enumerate(found.parsed.clusters):
            if cluster.label == label:
                keys = ("clusters", number, "spark_conf")
                yield ConfigLayer(
                    f"clusters.{number}.spark_conf.", cluster.spark_conf or {}, partial(found.location, *keys)
                )
