"""Loads the settings of a run: settings file, `livetables.yml`, and what the caller gives."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from livetables.errors import SettingsError, SourceLocation
from livetables.keywords import known_keywords
from livetables.model import Namespace
from livetables.settings.configuration import ConfigLayer, configuration
from livetables.settings.dialects import ParsedFile, read_pipeline
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
from livetables.settings.reading import location_in, read_yaml
from livetables.settings.secrets import SecretStore
from livetables.settings.source_files import source_files
from livetables.settings.validation import validated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping


@known_keywords
def load_settings(
    file: str | Path | None = None,
    *,
    paths: Iterable[str | Path] = (),
    root: str | Path | None = None,
    storage: str | Path | None = None,
    overrides: Mapping[str, str] | None = None,
    parameters: Mapping[str, str] | None = None,
    tables: Mapping[str, str | Path] | None = None,
    path_map: Mapping[str, str | Path] | None = None,
    master: str | None = None,
    with_secrets: bool = True,
) -> Settings:
    """Load the settings of a pipeline from its settings file, then livetables.yml beside it, then the keywords.

    >>> import livetables as lt
    >>> lt.load_settings(path_maps={"/Volumes/": "data/"})
    Traceback (most recent call last):
    ...
    livetables.errors.UnknownKeywordError: error[UNKNOWN_PARAMETER]
      load_settings() has no keyword 'path_maps'.
      Hint: Did you mean 'path_map'?
      State: Nothing was started.

    Args:
        file: Settings file, or FILE#KEY for one pipeline of an asset bundle. Default: pipeline_settings.json.
        paths: Source files and folders, in place of a settings file.
        root: Folder that imports start at. Default: `root_path` of the file, or the file's own folder.
        storage: Folder for tables, checkpoints and events. Default: .livetables/NAME.
        overrides: Values of `configuration`.
        parameters: Values of `:name` in SQL files.
        tables: Tables outside the pipeline: name and path.
        path_map: Path prefixes of the platform and what replaces them here.
        master: Master of Spark. Default: local[*].
        with_secrets: Whether configuration that refers to a secret is resolved; otherwise it is left out.

    Raises:
        SettingsError: A value can't be used or a keyword is unknown; it has the key, the file and a hint.
    """
    files = tuple(Path(path) for path in paths)
    parsed = read_pipeline(Path(file or DEFAULT_FILE)) if not files else _of_files(files)
    given = _Given(root, storage, overrides or {}, parameters or {}, _texts(tables), _texts(path_map), master)
    settings = _merged(parsed, files, given, with_secrets=with_secrets)
    _check_configuration(settings, parsed)
    return settings


def _texts(paths: Mapping[str, str | Path] | None) -> dict[str, str]:
    return {name: str(path) for name, path in (paths or {}).items()}


def with_mode(settings: Settings, *, continuous: bool | None) -> Settings:
    """Return the settings in continuous or triggered mode; None keeps the mode that they have."""
    return settings if continuous is None else replace(settings, continuous=continuous)


@dataclass(frozen=True)
class _Given:
    """The keywords of `load_settings` that win over the files."""

    root: str | Path | None
    storage: str | Path | None
    overrides: Mapping[str, str]
    parameters: Mapping[str, str]
    tables: Mapping[str, str]
    path_map: Mapping[str, str]
    master: str | None


@dataclass(frozen=True)
class _LocalChoices:
    """The content of livetables.yml in the folder `base`."""

    base: Path
    values: LocalFile = field(default_factory=LocalFile)
    document: dict[str, Any] | None = None

    def location(self, *keys: str) -> SourceLocation | None:
        """Return the location of a key, or of the file; None when there is no file."""
        if self.document is None:
            return None
        return location_in(self.document, keys, None) or SourceLocation(shown(self.base / LOCAL_FILE))

    def file(self, key: str, name: str) -> Path:
        """Return the file `name` that a key names; raises SettingsError when it does not exist."""
        file = Path(os.path.normpath(self.base / Path(name).expanduser()))
        if not file.is_file():
            message = f"'{key}' names {shown(file)}, which does not exist."
            hint = f"Write it {_FORMATS[key]}, or leave '{key}' out."
            raise SettingsError("SETTINGS_NOT_FOUND", message, location=self.location(key), hint=hint)
        return file


#: Keys of livetables.yml that name files, and the format of such a file.
_FORMATS = {"secrets": "as YAML, {scope: {key: value}}", "functions": "as SQL, CREATE FUNCTION ..."}


def _of_files(files: tuple[Path, ...]) -> ParsedFile:
    return ParsedFile(PipelineFile(name=files[0].stem or "pipeline"), Path.cwd())


def _local_choices(base: Path) -> _LocalChoices:
    """Read livetables.yml in the folder `base`, if there is one."""
    file = base / LOCAL_FILE
    if not file.is_file():
        return _LocalChoices(base)
    document = read_yaml(file) or {}
    return _LocalChoices(base, validated(LocalFile, document, SourceLocation(shown(file))), document)


def _merged(parsed: ParsedFile, files: tuple[Path, ...], given: _Given, *, with_secrets: bool) -> Settings:
    """Return the settings from all sources; the keywords win over livetables.yml, which wins over the settings file."""
    pipeline, base, choices = parsed.pipeline, parsed.base, _local_choices(parsed.base)
    local = choices.values
    secrets = SecretStore(choices.file("secrets", local.secrets) if local.secrets else None)
    root, path_map = _root_and_paths(parsed, {**local.path_map, **given.path_map}, given.root)
    storage = given.storage or local.storage
    if not storage and pipeline.storage:
        storage = local_storage(pipeline.storage, path_map, base)
    layers = _layers(parsed, choices, given)
    return Settings(
        name=pipeline.name,
        root=root,
        files=source_files(files, pipeline.libraries, base, path_map, parsed.location),
        storage=(base / (storage or f".livetables/{folder_name(pipeline.name)}")).absolute(),
        namespace=Namespace(pipeline.catalog, pipeline.schema_ or pipeline.target or "default"),
        configuration=configuration(layers, secrets if with_secrets else None),
        parameters={**pipeline.parameters, **given.parameters},
        continuous=pipeline.continuous,
        development=pipeline.development,
        master=given.master or local.master or "local[*]",
        tables={**local.tables, **given.tables},
        path_map=path_map,
        functions=tuple(choices.file("functions", name) for name in local.functions),
        secrets=secrets,
        warnings=parsed.warnings,
        document=parsed.document,
    )


def _root_and_paths(
    parsed: ParsedFile, path_map: dict[str, str], given: str | Path | None
) -> tuple[Path, dict[str, str]]:
    """Return the folder that imports start at, and the path map.

    Relative targets of the path map start at a `given` root, otherwise at the folder of the settings file.
    """
    base, root_path = parsed.base, parsed.pipeline.root_path
    root = Path(os.path.normpath(base / (given or root_path or "")))
    if given and not root.is_dir():
        raise SettingsError("WRONG_VALUE", f"The value of 'root' is '{given}', which is not a folder.")
    if root.is_dir():
        start = root if given else base
        if root != base:
            path_map = {prefix: to if "://" in to else str(start / to) for prefix, to in path_map.items()}
        return root, path_map
    # `root_path` is a workspace folder: the folder of the settings file takes its place.
    return base, {str(root_path): str(base), **path_map}


def _layers(parsed: ParsedFile, choices: _LocalChoices, given: _Given) -> Iterator[ConfigLayer]:
    """Yield the layers of the configuration, the weakest first."""
    local = choices.values
    ansi = {} if local.ansi is None else {"spark.sql.ansi.enabled": str(local.ansi).lower()}
    yield from _cluster_layers(parsed)
    yield ConfigLayer("configuration.", parsed.pipeline.configuration, partial(parsed.location, "configuration"))
    yield ConfigLayer("", ansi, lambda _: choices.location("ansi"))
    yield ConfigLayer("configuration.", local.configuration, partial(choices.location, "configuration"))
    yield ConfigLayer("--set ", given.overrides, lambda _: None)


def _cluster_layers(parsed: ParsedFile) -> Iterator[ConfigLayer]:
    for label in ("default", "updates"):  # those of updates win
        for number, cluster in enumerate(parsed.pipeline.clusters):
            if cluster.label == label:
                keys = ("clusters", number, "spark_conf")
                where = f"clusters.{number}.spark_conf."
                yield ConfigLayer(where, cluster.spark_conf or {}, partial(parsed.location, *keys))


def _check_configuration(settings: Settings, parsed: ParsedFile) -> None:
    """Read the values that the runtime reads later, so that a wrong one is found before anything starts."""
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
            location = parsed.location("configuration", key)
            if location and settings.configuration[key] == parsed.pipeline.configuration.get(key):
                error.locate(location)
            raise
