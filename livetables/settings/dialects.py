"""Finds out what kind of file the settings are, and reads each kind as one."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from livetables.errors import Diagnostic, SettingsError, SourceLocation
from livetables.settings.bundle import is_bundle, open_bundle
from livetables.settings.model import Library, PipelineFile, SparkSpec
from livetables.settings.paths import shown
from livetables.settings.reading import place_in, read_settings
from livetables.settings.unsupported import refuse_unsupported, said_aloud
from livetables.settings.validation import validated

if TYPE_CHECKING:
    from pydantic import BaseModel


@dataclass(frozen=True)
class Found:
    """The settings of one pipeline, whatever kind of file they come from."""

    parsed: PipelineFile
    base: Path
    file: SourceLocation | None = None
    document: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[Diagnostic, ...] = ()

    def location(self, *keys: str | int) -> SourceLocation | None:
        """Return where a key stands: file and line in YAML, the file in JSON."""
        return place_in(self.document, keys, self.file)


def find_pipeline(said: Path) -> Found:
    """Read the pipeline that `--settings` names: FILE, or FILE#KEY for one of several in an asset bundle."""
    file, key = _file_and_key(said)
    document, is_yaml = read_settings(file)
    location = SourceLocation(shown(file))
    if is_yaml and is_bundle(document):
        bundle = open_bundle(file, document)
        entry = bundle.pipeline(key)
        parsed, warnings = bundle.deployed(validated(PipelineFile, entry, location, strict=False))
        return _of_databricks(Found(parsed, bundle.root, location, entry, warnings))
    if key:
        msg = f"The file holds one pipeline, and '#{key}' names one of several."
        raise SettingsError("WRONG_OPTION", msg, location=location, hint=f"Write --settings {shown(file)}.")
    document = _unwrapped(document)
    if is_yaml and _is_spark_spec(document):
        spec = validated(SparkSpec, document, location)
        return Found(_as_pipeline(spec), file.parent, location, document)
    return _of_databricks(Found(validated(PipelineFile, document, location), file.parent, location, document))


def _of_databricks(found: Found) -> Found:
    refuse_unsupported(found.parsed, found.location)
    return replace(found, warnings=(*said_aloud(found.parsed, found.location), *found.warnings))


def _file_and_key(said: Path) -> tuple[Path, str | None]:
    file = Path(os.path.normpath(said.absolute()))
    name, hash_, key = file.name.rpartition("#")
    if hash_ and name and not file.exists():
        return file.with_name(name), key or None
    return file, None


def _unwrapped(document: dict[str, Any]) -> dict[str, Any]:
    """Take the settings out of what `databricks pipelines get`, or a page that exports them, puts around them."""
    for key in ("spec", "settings"):
        if isinstance(document.get(key), dict):
            return dict(document[key])
    return document


def _is_spark_spec(document: dict[str, Any]) -> bool:
    """Tell whether YAML is a spec of Spark's own pipelines: nothing in it is known to Databricks alone."""
    libraries = document.get("libraries")
    entries = [entry for entry in libraries if isinstance(entry, dict)] if isinstance(libraries, list) else []
    used = {key for entry in entries for key in entry}
    databricks_only = _keys(PipelineFile) - _keys(SparkSpec)
    return databricks_only.isdisjoint(document) and used.isdisjoint(_keys(Library) - {"glob"})


def _keys(model: type[BaseModel]) -> set[str]:
    return {info.alias or name for name, info in model.model_fields.items()}


def _as_pipeline(spec: SparkSpec) -> PipelineFile:
    return PipelineFile(
        name=spec.name,
        storage=spec.storage,
        catalog=spec.catalog,
        schema=spec.database or spec.schema_,
        configuration=spec.configuration,
        libraries=[Library.model_validate(library.model_dump()) for library in spec.libraries],
    )
