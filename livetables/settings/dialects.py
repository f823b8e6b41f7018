"""Detects the kind of a settings file (Databricks JSON or YAML, asset bundle, Spark spec), and reads each as one."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from livetables.errors import Diagnostic, SettingsError, SourceLocation
from livetables.settings.bundle import is_bundle, open_bundle
from livetables.settings.model import Library, PipelineFile, SparkSpec
from livetables.settings.paths import shown
from livetables.settings.reading import location_in, read_settings
from livetables.settings.unsupported import refuse_unsupported, unsupported_warnings
from livetables.settings.validation import validated

if TYPE_CHECKING:
    from pydantic import BaseModel


@dataclass(frozen=True)
class ParsedFile:
    """The settings of one pipeline, whatever kind of file they come from; relative paths start at `base`."""

    pipeline: PipelineFile
    base: Path
    file: SourceLocation | None = None
    document: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[Diagnostic, ...] = ()

    def location(self, *keys: str | int) -> SourceLocation | None:
        """Return the location of a key: file and line in YAML, the file in JSON."""
        return location_in(self.document, keys, self.file)


def read_pipeline(file: Path) -> ParsedFile:
    """Read the settings of a pipeline from FILE, or from FILE#KEY for one of several in an asset bundle.

    Raises SettingsError with the location of what is wrong.
    """
    file, key = _file_and_key(file)
    document, is_yaml = read_settings(file)
    location = SourceLocation(shown(file))
    if is_yaml and is_bundle(document):
        bundle = open_bundle(file, document)
        entry = bundle.pipeline(key)
        pipeline, warnings = bundle.deployed(validated(PipelineFile, entry, location, strict=False))
        return _checked(ParsedFile(pipeline, bundle.root, location, entry, warnings))
    if key:
        message = f"The file holds one pipeline, and '#{key}' names one of several."
        raise SettingsError("WRONG_OPTION", message, location=location, hint=f"Write --settings {shown(file)}.")
    document = _unwrapped(document)
    if is_yaml and _is_spark_spec(document):
        spec = validated(SparkSpec, document, location)
        return ParsedFile(_as_pipeline(spec), file.parent, location, document)
    return _checked(ParsedFile(validated(PipelineFile, document, location), file.parent, location, document))


def _checked(parsed: ParsedFile) -> ParsedFile:
    """Refuse settings that can't run here, and add the warnings about those without effect."""
    refuse_unsupported(parsed.pipeline, parsed.location)
    warnings = unsupported_warnings(parsed.pipeline, parsed.location)
    return replace(parsed, warnings=(*warnings, *parsed.warnings))


def _file_and_key(given: Path) -> tuple[Path, str | None]:
    file = Path(os.path.normpath(given.absolute()))
    name, hash_, key = file.name.rpartition("#")
    if hash_ and name and not file.exists():
        return file.with_name(name), key or None
    return file, None


def _unwrapped(document: dict[str, Any]) -> dict[str, Any]:
    """Return the settings inside the output of `databricks pipelines get`, or of an exporting page."""
    for key in ("spec", "settings"):
        if isinstance(document.get(key), dict):
            return dict(document[key])
    return document


def _is_spark_spec(document: dict[str, Any]) -> bool:
    """Return whether YAML is a spec of Spark's own pipelines: it has no key that only Databricks knows."""
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
