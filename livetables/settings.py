"""Pipeline settings: the Databricks JSON as it is, and the choices that only matter here (`livetables.yml`)."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from livetables.errors import Place, SettingsError, did_you_mean
from livetables.model import Namespace

DEFAULT_FILE = "pipeline_settings.json"
LOCAL_FILE = "livetables.yml"
#: Configuration that decides how flows run: tries after a failure, and seconds from batch to batch.
RETRIES, INTERVAL = "pipelines.maxFlowRetryAttempts", "pipelines.trigger.interval"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Path(_Strict):
    path: str


class _Glob(_Strict):
    include: str


class Library(_Strict):
    """One entry of `libraries`; exactly one of its keys is given."""

    notebook: _Path | None = None
    file: _Path | None = None
    glob: _Glob | None = None
    jar: str | None = None
    whl: str | None = None
    maven: dict[str, Any] | None = None


class PipelineFile(_Strict):
    """The keys of a Databricks pipeline's settings; what the platform alone uses is accepted and left alone."""

    id: str | None = None
    name: str = "pipeline"
    storage: str | None = None
    catalog: str | None = None
    schema_: str | None = Field(None, alias="schema")
    target: str | None = None
    continuous: bool = False
    development: bool = False
    edition: str = "ADVANCED"
    channel: str = "CURRENT"
    photon: bool = False
    serverless: bool = False
    clusters: list[dict[str, Any]] = []
    libraries: list[Library] = []
    configuration: dict[str, str] = {}
    root_path: str | None = None
    parameters: dict[str, str] = {}
    notifications: list[dict[str, Any]] = []
    environment: dict[str, Any] | None = None
    event_log: dict[str, Any] | None = None
    restart_window: dict[str, Any] | None = None
    filters: dict[str, Any] | None = None
    trigger: dict[str, Any] | None = None
    deployment: dict[str, Any] | None = None
    tags: dict[str, str] | None = None
    budget_policy_id: str | None = None
    usage_policy_id: str | None = None
    serverless_compute_id: str | None = None
    parent_path: str | None = None
    run_as: dict[str, Any] | None = None
    dry_run: bool | None = None
    allow_duplicate_names: bool | None = None
    gateway_definition: dict[str, Any] | None = None
    ingestion_definition: dict[str, Any] | None = None


class LocalFile(_Strict):
    """`livetables.yml`: choices for this machine, so that the settings file stays what the platform reads."""

    storage: str | None = None
    master: str | None = None
    path_map: dict[str, str] = {}
    tables: dict[str, str] = {}
    configuration: dict[str, str] = {}


@dataclass(frozen=True)
class Settings:
    """Everything that decides a run, from all places, with what was said later winning."""

    name: str
    root: Path
    files: tuple[Path, ...]
    storage: Path
    namespace: Namespace = field(default_factory=Namespace)
    configuration: dict[str, str] = field(default_factory=dict)
    continuous: bool = False
    development: bool = False
    master: str = "local[*]"
    tables: dict[str, str] = field(default_factory=dict)
    path_map: dict[str, str] = field(default_factory=dict)
    document: dict[str, Any] = field(default_factory=dict)

    @property
    def spark_conf(self) -> dict[str, str]:
        """The part of the configuration that Spark itself reads."""
        return {key: value for key, value in self.configuration.items() if key.startswith("spark.")}

    def configured(self, key: str, default: str) -> str:
        """Return a configuration value; keys under `pipelines.` set how the pipeline runs."""
        return self.configuration.get(key, default)

    def integer(self, key: str, default: int) -> int:
        """Return a whole number of 0 or more from the configuration."""
        value = self.configuration.get(key, str(default))
        if not value.isdigit():
            msg = f"The value of '{key}' is '{value}', which is not a whole number."
            raise SettingsError("WRONG_VALUE", msg, hint=f"The default is {default}.")
        return int(value)


def load_settings(
    file: Path | None = None,
    *,
    paths: tuple[Path, ...] = (),
    overrides: dict[str, str] | None = None,
    **local: Any,
) -> Settings:
    """Read the settings file (or take source `paths` in its place), then livetables.yml, then the overrides.

    `local` may hold storage, master, tables, path_map. Raises SettingsError with the key, the file and a hint.
    """
    if paths:
        root = Path.cwd()
        document, parsed, place = {}, PipelineFile.model_validate({"name": paths[0].stem or "pipeline"}), None
    else:
        file = (file or Path(DEFAULT_FILE)).absolute()
        root, place = file.parent, Place(_shown(file))
        document = _json(file)
        parsed = _validated(PipelineFile, document, place)
    here = _local_file(root)
    given = {key: value for key, value in local.items() if value}
    path_map = {**here.path_map, **given.pop("path_map", {})}
    if parsed.root_path:
        path_map.setdefault(parsed.root_path, str(root))
    storage = given.get("storage") or here.storage or _mapped_storage(parsed.storage, path_map)
    settings = Settings(
        name=parsed.name,
        root=root,
        files=tuple(_source_files(paths, parsed, root, path_map, place)),
        storage=(root / (storage or f".livetables/{_folder_name(parsed.name)}")).absolute(),
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
        document=document,
    )
    _check_configuration(settings, place)
    return settings


def _check_configuration(settings: Settings, place: Place | None) -> None:
    """Read what the runtime reads later, so that a wrong value is found before anything starts."""
    try:
        settings.integer(RETRIES, 2)
        seconds(settings.configured(INTERVAL, "0s"), INTERVAL)
    except SettingsError as error:
        if place:
            error.locate(place)
        raise


def with_mode(settings: Settings, *, continuous: bool | None) -> Settings:
    """Return the settings with the mode that the command line asks for, if it does."""
    return settings if continuous is None else replace(settings, continuous=continuous)


_DURATION = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$", re.IGNORECASE)
_UNITS = {
    "": 1.0, "ms": 0.001, "millisecond": 0.001, "s": 1.0, "sec": 1.0, "second": 1.0, "m": 60.0, "min": 60.0,
    "minute": 60.0, "h": 3600.0, "hour": 3600.0, "d": 86400.0, "day": 86400.0,
}  # fmt: skip


def seconds(text: str, what: str) -> float:
    """Return a duration such as `90s`, `2 minutes`, `6 hour` in seconds; SettingsError names `what`."""
    match = _DURATION.match(text)
    unit = match[2].lower() if match else ""
    scale = _UNITS.get(unit, _UNITS.get(unit.removesuffix("s")))
    if match is None or scale is None:
        msg = f"{what} is '{text}', which is not a duration."
        raise SettingsError("WRONG_VALUE", msg, hint="Write it as 90s, 2m, 500ms or '10 seconds'.")
    return float(match[1]) * scale


def map_path(path: str, path_map: dict[str, str], root: Path) -> str:
    """Return where `path` lies here: the longest prefix of whole folders is replaced; all else stays as it is."""
    for prefix in sorted(path_map, key=len, reverse=True):
        rest = path.removeprefix(prefix)
        if path.startswith(prefix) and (not rest or prefix.endswith("/") or rest.startswith("/")):
            target = path_map[prefix]
            base = target if "://" in target else str((root / target).absolute())
            return base + ("/" if rest and not rest.startswith("/") else "") + rest
    return path


def _shown(file: Path) -> str:
    return str(file.relative_to(Path.cwd())) if file.is_relative_to(Path.cwd()) else str(file)


def _json(file: Path) -> dict[str, Any]:
    place = Place(_shown(file))
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        hint = f"Name another file with --settings, or run in the folder that holds {DEFAULT_FILE}."
        raise SettingsError("SETTINGS_NOT_FOUND", "There is no such file.", place=place, hint=hint) from error
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError("SETTINGS_UNREADABLE", f"The file can't be read: {error}", place=place) from error
    except json.JSONDecodeError as error:
        line = Place(_shown(file), error.lineno)
        msg = f"The settings are not valid JSON: {error.msg} (column {error.colno})."
        hint = "Look at that line and the one before it: a comma, a quote or a bracket is missing or too many."
        raise SettingsError("SETTINGS_NOT_JSON", msg, place=line, hint=hint) from error
    if not isinstance(document, dict):
        msg = f"The settings are a JSON {type(document).__name__}, not an object."
        raise SettingsError("SETTINGS_NOT_JSON", msg, place=place, hint='Start with {"name": ...}.')
    return document


def _local_file(root: Path) -> LocalFile:
    file = root / LOCAL_FILE
    if not file.is_file():
        return LocalFile()
    place = Place(_shown(file))
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    except (OSError, yaml.YAMLError) as error:
        msg = f"The file is not valid YAML: {' '.join(str(error).split())}"
        raise SettingsError("SETTINGS_NOT_YAML", msg, place=place) from error
    local: LocalFile = _validated(LocalFile, document, place)
    return local


def _validated(model: type[Any], document: Any, place: Place) -> Any:
    try:
        return model.model_validate(document)
    except ValidationError as error:
        # A misspelt key makes the right one missing: the misspelling is what to show.
        first = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
        *above, last = [str(part) for part in first["loc"]] or ["settings"]
        key = ".".join([*above, last])
        if first["type"] == "extra_forbidden":
            known = _known_keys(model, above)
            hint = did_you_mean(last, known, f"Known keys: {', '.join(sorted(known))}.")
            msg = f"Unknown key '{key}'."
            raise SettingsError("UNKNOWN_KEY", msg, place=place, hint=hint) from error
        msg = f"The value of '{key}' is {json.dumps(first.get('input'), default=str)}: {_plain(first['msg'])}."
        raise SettingsError("WRONG_VALUE", msg, place=place) from error


def _known_keys(model: type[BaseModel], above: list[str]) -> list[str]:
    by_name: dict[str, type[BaseModel]] = {"glob": _Glob, "file": _Path, "notebook": _Path}
    nested = by_name.get(above[-1], Library) if above[:1] == ["libraries"] else model
    return [info.alias or name for name, info in nested.model_fields.items()]


def _plain(message: str) -> str:
    return message.replace("Input should be", "it must be").lower()


def _cluster_conf(parsed: PipelineFile) -> dict[str, str]:
    merged: dict[str, str] = {}
    for cluster in parsed.clusters:
        if cluster.get("label", "default") in ("default", "updates"):
            merged.update({str(k): str(v) for k, v in (cluster.get("spark_conf") or {}).items()})
    return merged


def _mapped_storage(storage: str | None, path_map: dict[str, str]) -> str | None:
    # A platform path that nothing maps has no place on this machine: the default folder is used.
    mapped = map_path(storage, path_map, Path.cwd()) if storage else None
    return None if mapped is None or re.match(r"^[a-z0-9]+:/", mapped) else mapped


def _folder_name(name: str) -> str:
    return re.sub(r"[^\w.-]+", "_", name) or "pipeline"


def _source_files(
    paths: tuple[Path, ...], parsed: PipelineFile, root: Path, path_map: dict[str, str], place: Place | None,
) -> list[Path]:  # fmt: skip
    found: dict[Path, None] = {}
    for path in paths:
        found.update(dict.fromkeys(_in_folder_or_file(path.absolute(), str(path), None)))
    for library in parsed.libraries:
        for pattern in _patterns(library):
            # The folder of the settings file stands for the workspace folder `root_path`.
            local = Path(root / map_path(pattern, path_map, root))
            found.update(dict.fromkeys(_in_folder_or_file(local, pattern, place)))
    if not found:
        hint = 'Add "libraries": [{"glob": {"include": "pipelines/**"}}].'
        raise SettingsError("NO_SOURCE_FILES", "The pipeline has no source files.", place=place, hint=hint)
    return list(found)


def _patterns(library: Library) -> list[str]:
    if library.glob:
        return [library.glob.include]
    return [entry.path for entry in (library.file, library.notebook) if entry]


def _hidden(file: Path) -> bool:
    return any(part.startswith(".") for part in file.parts)


_SOURCES: tuple[Literal[".py"], Literal[".sql"]] = (".py", ".sql")


def _in_folder_or_file(path: Path, said: str, place: Place | None) -> list[Path]:
    folder = path.parent if path.name == "**" else path
    if folder.is_dir():
        return sorted(
            file
            for file in folder.rglob("*")
            if file.suffix in _SOURCES and file.name != "__init__.py" and not _hidden(file.relative_to(folder))
        )
    # Notebook paths leave the extension out.
    candidates = [path, *(path.with_name(path.name + suffix) for suffix in _SOURCES)]
    for candidate in candidates:
        if candidate.is_file():
            return [candidate]
    msg = f"'{said}' names no source file or folder; looked for {_shown(path)}."
    hint = "Check the path; relative paths start at the folder of the settings file."
    raise SettingsError("SOURCE_NOT_FOUND", msg, place=place, hint=hint)
