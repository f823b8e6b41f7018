"""The keys of the settings files, and the settings of a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from livetables.errors import Diagnostic, SettingsError
from livetables.model import Namespace
from livetables.settings.secrets import SecretStore

if TYPE_CHECKING:
    from pathlib import Path

DEFAULT_FILE = "pipeline_settings.json"
LOCAL_FILE = "livetables.yml"
#: Configuration of flows: retries after a failure, and the interval between two micro-batches.
RETRIES, INTERVAL = "pipelines.maxFlowRetryAttempts", "pipelines.trigger.interval"
#: Configuration of updates: retries after a failure, and whether tables that left the code are removed.
UPDATE_RETRIES, DROP_INACTIVE = "pipelines.numUpdateRetryAttempts", "pipelines.dropInactiveTables"


class Strict(BaseModel):
    """A mapping with known keys only; values are not converted, so a number is no text."""

    model_config = ConfigDict(extra="forbid", strict=True)


class _Path(Strict):
    path: str = Field(min_length=1)


class _Glob(Strict):
    include: str = Field(min_length=1)


class Library(Strict):
    """One entry of `libraries`; exactly one of its keys is given."""

    notebook: _Path | None = None
    file: _Path | None = None
    glob: _Glob | None = None
    jar: str | None = None
    whl: str | None = None
    maven: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _one_key(self) -> Library:
        if len(self.model_fields_set) != 1:
            msg = f"it must have exactly one of the keys {', '.join(Library.model_fields)}"
            raise ValueError(msg)
        return self


class Cluster(BaseModel):
    """One entry of `clusters`; its other keys describe machines, and are accepted and ignored."""

    model_config = ConfigDict(extra="allow", strict=True)

    label: Literal["default", "updates", "maintenance"] = "default"
    spark_conf: dict[str, str | int | float | bool] | None = None
    spark_env_vars: Any = None
    init_scripts: Any = None


def _upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


class PipelineFile(Strict):
    """The keys of a Databricks pipeline's settings; those that only the platform uses are accepted and ignored."""

    id: str | None = None
    name: str = "pipeline"
    storage: str | None = None
    catalog: str | None = None
    schema_: str | None = Field(default=None, alias="schema")
    target: str | None = None
    continuous: bool = False
    development: bool | None = None
    edition: Annotated[Literal["CORE", "PRO", "ADVANCED"], BeforeValidator(_upper)] = "ADVANCED"
    channel: str = "CURRENT"
    photon: bool = False
    serverless: bool = False
    clusters: list[Cluster] = []
    libraries: list[Library] = []
    configuration: dict[str, str] = {}
    root_path: str | None = None
    parameters: dict[str, str] = {}
    notifications: list[Any] = []
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
    # Only in the output of the platform's pages and command line.
    pipeline_type: str | None = None
    data_sampling: bool | None = None
    # Keys that only a pipeline of an asset bundle has.
    permissions: Any = None
    lifecycle: Any = None


#: Keys about provisioning and administration: accepted and ignored, without a warning.
SILENT = frozenset(
    {
        "id",
        "edition",
        "channel",
        "photon",
        "serverless",
        "deployment",
        "tags",
        "budget_policy_id",
        "usage_policy_id",
        "serverless_compute_id",
        "parent_path",
        "dry_run",
        "allow_duplicate_names",
        "pipeline_type",
        "data_sampling",
        "permissions",
        "lifecycle",
    }
)


class _GlobLibrary(Strict):
    glob: _Glob


class SparkSpec(Strict):
    """`spark-pipeline.yml`, the file of Spark's own `spark-pipelines`."""

    name: str = "pipeline"
    storage: str | None = None
    catalog: str | None = None
    database: str | None = None
    schema_: str | None = Field(default=None, alias="schema")
    configuration: dict[str, str] = {}
    libraries: list[_GlobLibrary] = []


class LocalFile(Strict):
    """`livetables.yml`: choices for this machine, so that the settings file stays what the platform reads."""

    storage: str | None = None
    master: str | None = None
    secrets: str | None = None
    functions: Annotated[list[str], BeforeValidator(_listed)] = []
    path_map: dict[str, str] = {}
    tables: dict[str, str] = {}
    #: Whether a failing cast is an error; without the key it gives NULL, as in the platform's pipelines.
    ansi: bool | None = None
    configuration: dict[str, str] = {}


@dataclass(frozen=True)
class Settings:
    """The settings of a run, merged from the settings file, livetables.yml and the caller; the later one wins.

    >>> import livetables as lt
    >>> settings = lt.load_settings("pipeline_settings.json", storage="out")
    >>> settings.name, settings.continuous
    ('rooms', False)
    """

    name: str
    root: Path
    files: tuple[Path, ...]
    storage: Path
    namespace: Namespace = field(default_factory=Namespace)
    configuration: dict[str, str] = field(default_factory=dict)
    #: The values of `:name` in SQL files.
    parameters: dict[str, str] = field(default_factory=dict)
    continuous: bool = False
    #: None when the settings do not have the key.
    development: bool | None = None
    master: str = "local[*]"
    tables: dict[str, str] = field(default_factory=dict)
    path_map: dict[str, str] = field(default_factory=dict)
    #: SQL files with the functions of the platform's catalog.
    functions: tuple[Path, ...] = ()
    secrets: SecretStore = field(default_factory=SecretStore)
    warnings: tuple[Diagnostic, ...] = ()
    document: dict[str, Any] = field(default_factory=dict)

    @property
    def spark_conf(self) -> dict[str, str]:
        """The part of the configuration that Spark itself reads."""
        return {key: value for key, value in self.configuration.items() if key.startswith("spark.")}

    def configured(self, key: str, default: str) -> str:
        """Return a configuration value; keys under `pipelines.` decide how the pipeline runs."""
        return self.configuration.get(key, default)

    def integer(self, key: str, default: int) -> int:
        """Return a whole number of 0 or more from the configuration; raises SettingsError for another value."""
        value = self.configuration.get(key, str(default))
        if not value.isdigit():
            msg = f"The value of '{key}' is '{value}', which is not a whole number."
            raise SettingsError("WRONG_VALUE", msg, hint=f"The default is {default}.")
        return int(value)

    def switch(self, key: str) -> bool:
        """Return a boolean from the configuration, by default false; raises SettingsError for another value."""
        value = self.configuration.get(key, "false")
        if value.lower() not in ("true", "false"):
            msg = f"The value of '{key}' is '{value}', which is neither true nor false."
            raise SettingsError("WRONG_VALUE", msg, hint="The default is false.")
        return value.lower() == "true"
