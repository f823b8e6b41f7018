"""Settings that have no effect on this machine: each gives a warning, or an error where nothing could run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from livetables.errors import Diagnostic, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from livetables.errors import SourceLocation
    from livetables.settings.model import PipelineFile

#: What happens instead of each key.
_INSTEAD = {
    "notifications": "no messages are sent; `livetables events` shows what happened",
    "restart_window": "an update in continuous mode runs until it is stopped",
    "event_log": "the events are in the storage folder; `livetables events` shows them",
    "filters": "every source file is loaded",
    "trigger": "an update starts when you start it",
    "run_as": "an update runs as the user who starts it",
}


def refuse_unsupported(parsed: PipelineFile, location: Callable[..., SourceLocation | None]) -> None:
    """Raise SettingsError for a kind of pipeline that can't run here, and for keys that exclude each other."""
    for key in ("ingestion_definition", "gateway_definition"):
        if getattr(parsed, key) is not None:
            msg = f"'{key}' makes this a managed ingestion pipeline: it has no source files, and does not run here."
            hint = "Run the pipelines that read its tables, and name the tables with --table NAME=PATH."
            raise SettingsError("NOT_SUPPORTED", msg, location=location(key), hint=hint)
    if parsed.target and parsed.schema_:
        msg = "'schema' and 'target' both name the schema."
        hint = "Keep 'schema': 'target' is its old name."
        raise SettingsError("SETTINGS_CONFLICT", msg, location=location("target"), hint=hint)


def unsupported_warnings(
    parsed: PipelineFile, location: Callable[..., SourceLocation | None]
) -> tuple[Diagnostic, ...]:
    """Return a warning for each key whose effect a user would miss here."""
    without_effect = [*_top_level(parsed), *_of_libraries(parsed), *_of_clusters(parsed)]
    warnings = [
        Diagnostic(
            "SETTING_WITHOUT_EFFECT", f"'{'.'.join(map(str, key))}' has no effect here: {instead}.", location(*key)
        )
        for key, instead in without_effect
    ]
    return (
        *warnings,
        *(Diagnostic("SETTINGS_CONFLICT", msg, location(key)) for key, msg in _refused_elsewhere(parsed)),
    )


_WithoutEffect = tuple[tuple[str | int, ...], str]


def _top_level(parsed: PipelineFile) -> Iterator[_WithoutEffect]:
    for key, instead in _INSTEAD.items():
        if getattr(parsed, key) and not (key == "trigger" and set(parsed.trigger or ()) == {"manual"}):
            yield (key,), instead
    dependencies = (parsed.environment or {}).get("dependencies")
    if dependencies:
        named = ", ".join(map(str, dependencies)) if isinstance(dependencies, list) else str(dependencies)
        yield ("environment", "dependencies"), f"install beside livetables what it names ({named})"


def _of_libraries(parsed: PipelineFile) -> Iterator[_WithoutEffect]:
    for number, library in enumerate(parsed.libraries):
        if library.whl:
            yield ("libraries", number, "whl"), f"install {library.whl} beside livetables"
        if library.jar:
            yield ("libraries", number, "jar"), "give Spark the jar by 'spark.jars' in 'configuration'"
        if library.maven:
            yield ("libraries", number, "maven"), "give Spark the package by 'spark.jars.packages' in 'configuration'"


def _of_clusters(parsed: PipelineFile) -> Iterator[_WithoutEffect]:
    for number, cluster in enumerate(parsed.clusters):
        if cluster.label == "maintenance":  # this machine has no maintenance cluster
            continue
        if cluster.init_scripts:
            yield ("clusters", number, "init_scripts"), "run by hand what this machine needs of them"
        if cluster.spark_env_vars:
            yield ("clusters", number, "spark_env_vars"), "set the variables where you start livetables"


def _refused_elsewhere(parsed: PipelineFile) -> Iterator[tuple[str, str]]:
    if parsed.catalog and parsed.storage:
        yield "storage", "Databricks refuses 'storage' beside 'catalog'; here both are read."
    if any(entry.glob for entry in parsed.libraries) and any(e.file or e.notebook for e in parsed.libraries):
        yield "libraries", "Databricks refuses 'glob' beside 'file' or 'notebook' in 'libraries'; here all are read."
