"""Puts the settings of a run together: settings file, `livetables.yml`, options of the command line."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from livetables.errors import Place, SettingsError
from livetables.model import Namespace
from livetables.settings.dialects import Found, find_pipeline
from livetables.settings.durations import seconds
from livetables.settings.model import DEFAULT_FILE, INTERVAL, LOCAL_FILE, RETRIES, LocalFile, PipelineFile, Settings
from livetables.settings.paths import folder_name, local_storage, shown
from livetables.settings.reading import place_in, read_yaml
from livetables.settings.sources import source_files
from livetables.settings.validation import validated


def load_settings(
    file: Path | None = None,
    *,
    paths: tuple[Path, ...] = (),
    overrides: dict[str, str] | None = None,
    **local: Any,
) -> Settings:
    """Read the settings file (or take source `paths` in its place), then livetables.yml, then the overrides.

    `file` may be FILE#KEY for one of several pipelines in an asset bundle. `local` may hold storage, master, tables,
    path_map. Raises SettingsError with the key, the file and a hint.
    """
    if paths:
        found = Found(PipelineFile(name=paths[0].stem or "pipeline"), Path.cwd())
    else:
        found = find_pipeline(file or Path(DEFAULT_FILE))
    parsed, base = found.parsed, found.base
    here, secrets = _local_file(base)
    given = {key: value for key, value in local.items() if value}
    root, path_map = _root_and_paths(parsed, base, {**here.path_map, **given.pop("path_map", {})})
    storage = given.get("storage") or here.storage
    if not storage and parsed.storage:
        storage = local_storage(parsed.storage, path_map, base)
    settings = Settings(
        name=parsed.name,
        root=root,
        files=source_files(paths, parsed.libraries, base, path_map, found.place),
        storage=(base / (storage or f".livetables/{folder_name(parsed.name)}")).absolute(),
        namespace=Namespace(parsed.catalog, parsed.schema_ or parsed.target or "default"),
        configuration={
            **_cluster_conf(parsed),
            **parsed.configuration,
            **here.configuration,
            **(overrides or {}),
        },
        continuous=parsed.continuous,
        development=parsed.development,
        master=given.get("master") or here.master or "local[*]",
        tables={**here.tables, **given.get("tables", {})},
        path_map=path_map,
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
    for key in (RETRIES, INTERVAL):
        try:
            if key == RETRIES:
                settings.integer(key, 2)
            else:
                seconds(settings.configured(key, "0s"), key)
        except SettingsError as error:
            place = found.place("configuration", key)
            if place and settings.configuration[key] == found.parsed.configuration.get(key):
                error.locate(place)
            raise


def _local_file(base: Path) -> tuple[LocalFile, Path | None]:
    file = base / LOCAL_FILE
    if not file.is_file():
        return LocalFile(), None
    place = Place(shown(file))
    document = read_yaml(file) or {}
    here = validated(LocalFile, document, place)
    if here.secrets is None:
        return here, None
    secrets = Path(os.path.normpath(base / Path(here.secrets).expanduser()))
    if not secrets.is_file():
        msg = f"'secrets' names {shown(secrets)}, which does not exist."
        hint = "Write it as YAML, {scope: {key: value}}, or leave 'secrets' out."
        place = place_in(document, ("secrets",), place) or place
        raise SettingsError("SETTINGS_NOT_FOUND", msg, place=place, hint=hint)
    return here, secrets


def _cluster_conf(parsed: PipelineFile) -> dict[str, str]:
    merged: dict[str, str] = {}
    for label in ("default", "updates"):  # what is said of updates wins
        for cluster in parsed.clusters:
            if cluster.label == label:
                merged.update({key: _written(value) for key, value in (cluster.spark_conf or {}).items()})
    return merged


def _written(value: str | float) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
