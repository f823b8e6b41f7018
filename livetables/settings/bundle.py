"""Asset bundles: merges the YAML files of a bundle for one target."""

from __future__ import annotations

import glob
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from livetables.errors import Diagnostic, SettingsError, SourceLocation, did_you_mean
from livetables.settings.model import SILENT
from livetables.settings.paths import shown
from livetables.settings.reading import LocatedText, location_in, mapping, read_yaml
from livetables.settings.references import References

if TYPE_CHECKING:
    from collections.abc import Iterator

    from livetables.settings.model import PipelineFile

_ROOT_FILES = ("databricks.yml", "databricks.yaml", "bundle.yml", "bundle.yaml")
_OF_TARGETS = ("bundle", "workspace", "resources", "presets")
_NEEDED_OF_CLUSTERS = ("label", "spark_conf")


def is_bundle(document: dict[str, Any]) -> bool:
    """Return whether a YAML document is the root file of an asset bundle, or a file that one includes."""
    return not {"bundle", "resources", "targets"}.isdisjoint(document)


@dataclass(frozen=True)
class Bundle:
    """The merged files of a bundle, with the overrides of its target applied.

    `own` are the keys of the pipelines that the named file defines.
    """

    file: Path
    root: Path
    target: str
    document: dict[str, Any]
    own: tuple[str, ...]
    references: References

    def pipeline(self, key: str | None) -> dict[str, Any]:
        """Return the settings of the pipeline `key`, or of the only one; its paths start at the bundle's root.

        Raises SettingsError when there is no such pipeline, or several and no key.
        """
        key = self._chosen(key)
        entry = mapping(mapping(mapping(self.document, "resources"), "pipelines"), key)
        entry = {"name": key, **{name: value for name, value in entry.items() if value is not None}}
        if isinstance(entry.get("clusters"), list):
            entry["clusters"] = _merged_by_label(entry["clusters"])
        entry = self._resolved(entry)
        if isinstance(entry.get("configuration"), dict):  # the platform's command line does the same
            entry["configuration"] = {name: _as_text(value) for name, value in entry["configuration"].items()}
        if "root_path" in entry:
            entry["root_path"] = self._from_root(entry["root_path"])
        if isinstance(entry.get("libraries"), list):
            entry["libraries"] = [found for library in entry["libraries"] for found in self._located(library)]
        return entry

    def deployed(self, pipeline: PipelineFile) -> tuple[PipelineFile, tuple[Diagnostic, ...]]:
        """Return the pipeline as the target's mode and presets change it, with warnings about that."""
        presets, target = mapping(self.document, "presets"), mapping(mapping(self.document, "targets"), self.target)
        in_development = target.get("mode") == "development"
        by_mode = in_development if target.get("mode") in ("development", "production") else None
        marked = presets.get("pipelines_development", by_mode)
        if marked or (marked is False and pipeline.development is None):
            pipeline = pipeline.model_copy(update={"development": marked})
        pauses = presets.get("trigger_pause_status", "PAUSED" if in_development else None) == "PAUSED"
        if not (pauses and pipeline.continuous):
            return pipeline, ()
        msg = (
            f"'continuous' has no effect here: the target '{self.target}' pauses pipelines, as on the platform, so an "
            "update processes the data that is available, then ends. --continuous runs it continuously all the same."
        )
        warning = Diagnostic("SETTING_WITHOUT_EFFECT", msg, SourceLocation(shown(self.file)))
        return pipeline.model_copy(update={"continuous": False}), (warning,)

    def _chosen(self, key: str | None) -> str:
        keys, name = ", ".join(self.own), shown(self.file)
        if key is None and len(self.own) == 1:
            return self.own[0]
        if not self.own:
            hint = "Add resources.pipelines.NAME. Pipelines that Python code defines are not read."
            raise SettingsError(
                "PIPELINE_NOT_FOUND", "It defines no pipeline.", location=SourceLocation(name), hint=hint
            )
        if key is None:
            msg = f"It defines {len(self.own)} pipelines: {keys}."
            hint = f"Name one of them: --settings {name}#{self.own[0]}."
            raise SettingsError("SEVERAL_PIPELINES", msg, location=SourceLocation(name), hint=hint)
        if key not in self.own:
            hint = did_you_mean(key, self.own, f"It defines {keys}.")
            msg = f"It defines no pipeline '{key}'."
            raise SettingsError("PIPELINE_NOT_FOUND", msg, location=SourceLocation(name), hint=hint)
        return key

    def _resolved(self, entry: dict[str, Any]) -> dict[str, Any]:
        resolved = {}
        for name, value in entry.items():
            try:
                resolved[name] = self.references.resolve(value, name)
            except SettingsError as error:
                # A reference that only a workspace resolves, such as a policy, must not stop the pipeline here.
                if name == "clusters" and isinstance(value, list):
                    resolved[name] = [self._needed(part, f"{name}.{n}") for n, part in enumerate(value)]
                elif name not in SILENT:
                    error.locate(SourceLocation(shown(self.file)))
                    raise
        return resolved

    def _needed(self, cluster: Any, key: str) -> Any:
        if not isinstance(cluster, dict):
            return self.references.resolve(cluster, key)
        needed = {name: cluster[name] for name in _NEEDED_OF_CLUSTERS if name in cluster}
        return cluster | self.references.resolve(needed, key)

    def _located(self, library: Any) -> list[Any]:
        """Return an entry of `libraries` with its path from the root; a path with wildcards gives one per file."""
        if not isinstance(library, dict):
            return [library]
        for kind, name in (("glob", "include"), ("file", "path"), ("notebook", "path")):
            if isinstance(library.get(kind), dict) and name in library[kind]:
                path = self._from_root(library[kind][name])
                library = {**library, kind: {**library[kind], name: path}}
                if kind != "glob" and isinstance(path, str) and glob.has_magic(path):
                    return [{kind: {name: match}} for match in _matches(path, self.root)] or [library]
        return [library]

    def _from_root(self, path: Any) -> Any:
        """Return a path, which is relative to its YAML file, relative to the bundle's root."""
        if not isinstance(path, LocatedText) or path.startswith(("/", "~")) or re.match(r"^[a-z][a-z0-9+.-]*:", path):
            return path
        return LocatedText.at(os.path.relpath(path.file.parent / path, self.root), path.file, path.line)


def open_bundle(file: Path, document: dict[str, Any]) -> Bundle:
    """Return the bundle of which `file` is the root or a part, for the target that the environment names."""
    root_file = file if "bundle" in document else _root_file(file.parent) or file
    parts = {root_file: document if root_file == file else _part(root_file)}
    for path in _included(root_file, parts[root_file]):
        parts[path] = document if path == file else _part(path)
    parts.setdefault(file, document)
    whole: dict[str, Any] = {}
    for part in parts.values():
        whole = merged(whole, part)
    target = _target(whole, root_file)
    overrides = mapping(mapping(whole, "targets"), target)
    variables = {name: _assigned(value) for name, value in mapping(overrides, "variables").items()}
    whole = merged(whole, {key: value for key, value in overrides.items() if key in _OF_TARGETS})
    # An included file is asked only for the pipelines that it defines itself.
    of_this_file = whole if root_file == file else merged(document, mapping(mapping(document, "targets"), target))
    own = tuple(str(key) for key in mapping(mapping(of_this_file, "resources"), "pipelines"))
    references = References(whole, variables, target, root_file.parent)
    return Bundle(file, root_file.parent, target, whole, own, references)


def merged(below: Any, above: Any) -> Any:
    """Return `above` merged over `below`: mappings by key, lists appended, other values replaced."""
    if above is None:
        return below
    if isinstance(below, dict) and isinstance(above, dict):
        return {**below, **{key: merged(below.get(key), value) for key, value in above.items()}}
    if isinstance(below, list) and isinstance(above, list):
        return [*below, *above]
    return above


def _matches(pattern: str, folder: Path) -> list[str]:
    return sorted(glob.glob(pattern, root_dir=folder, recursive=True))  # noqa: PTH207 (Path.glob: relative ones only)


def _root_file(folder: Path) -> Path | None:
    candidates = (above / name for above in (folder, *folder.parents) for name in _ROOT_FILES)
    return next((file for file in candidates if file.is_file()), None)


def _part(file: Path) -> dict[str, Any]:
    document = read_yaml(file)
    if document is not None and not isinstance(document, dict):
        msg = "A file of a bundle must be a YAML mapping."
        raise SettingsError("SETTINGS_NOT_YAML", msg, location=SourceLocation(shown(file)))
    return document or {}


def _included(root_file: Path, document: dict[str, Any]) -> Iterator[Path]:
    patterns = document.get("include") or ()
    if not isinstance(patterns, list | tuple):
        msg = f"The value of 'include' is {json.dumps(patterns)}: it must be a list of files."
        raise SettingsError(
            "WRONG_VALUE", msg, location=location_in(document, ("include",), SourceLocation(shown(root_file)))
        )
    for pattern in patterns:
        found = _matches(str(pattern), root_file.parent)
        if not found and not glob.has_magic(str(pattern)):
            msg = f"'include' names {pattern}, which does not exist."
            location = pattern.location if isinstance(pattern, LocatedText) else SourceLocation(shown(root_file))
            raise SettingsError("SETTINGS_NOT_FOUND", msg, location=location)
        for name in found:
            file = Path(os.path.normpath(root_file.parent / name))
            if file != root_file and file.is_file():
                yield file


def _target(document: dict[str, Any], root_file: Path) -> str:
    targets = mapping(document, "targets")
    wanted = os.environ.get("DATABRICKS_BUNDLE_TARGET")
    if wanted and wanted not in (targets or {"default": None}):
        hint = did_you_mean(wanted, targets, f"Its targets are {', '.join(targets)}." if targets else "It has none.")
        msg = f"The bundle has no target '{wanted}', which DATABRICKS_BUNDLE_TARGET names."
        raise SettingsError("TARGET_NOT_FOUND", msg, location=SourceLocation(shown(root_file)), hint=hint)
    by_default = (name for name in targets if mapping(targets, name).get("default") is True)
    # On the platform, a bundle without targets has one of this name.
    return str(wanted or next(by_default, None) or next(iter(targets), "default"))


def _assigned(value: Any) -> Any:
    """Return the value that a target gives a variable, directly or as the default of a new definition."""
    if (
        isinstance(value, dict)
        and value.keys() & {"default", "lookup"}
        and value.keys() <= {"default", "lookup", "type", "description"}
    ):
        return value.get("default")
    return value


def _merged_by_label(clusters: list[Any]) -> list[Any]:
    by_label: dict[Any, Any] = {}
    for number, cluster in enumerate(clusters):
        label = cluster.get("label") or "default" if isinstance(cluster, dict) else number
        label = label if isinstance(label, str) else number
        by_label[label] = merged(by_label.get(label), cluster)
    return list(by_label.values())


def _as_text(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value
