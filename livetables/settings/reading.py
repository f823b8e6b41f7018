"""Reads settings files as JSON or YAML; the strings of YAML know their file and line."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import yaml

from livetables.errors import SettingsError, SourceLocation
from livetables.settings.paths import shown

if TYPE_CHECKING:
    from pathlib import Path

_OTHER_FILES = ("databricks.yml", "databricks.yaml", "spark-pipeline.yml", "spark-pipeline.yaml")
# Settings are shared as notebooks too: a first line `-- Databricks notebook source`, notes behind values.
_STRING_OR_COMMENT = re.compile(r'("(?:\\.|[^"\\\n])*")|(?:--|//|#)[^\n]*')
_NOTEBOOK_LINES = re.compile(r"\A(?:[ \t]*(?:(?:--(?!-)|//)[^\n]*)?\n)+")


class LocatedText(str):
    """A string of a YAML file that knows its file and line."""

    __slots__ = ("file", "line")

    file: Path
    line: int

    @classmethod
    def at(cls, value: str, file: Path, line: int) -> LocatedText:
        """Return `value` with its location."""
        text = cls(value)
        text.file, text.line = file, line
        return text

    @property
    def location(self) -> SourceLocation:
        """The location, as messages show it."""
        return SourceLocation(shown(self.file), self.line)


class _Loader(yaml.SafeLoader):
    """YAML's safe loader, with locations; as on the platform, dates, `yes`, `no`, `on` and `off` are text."""

    file: Path

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        for key, _value in node.value:
            if isinstance(key, yaml.ScalarNode) and not key.tag.endswith(":merge"):
                key.tag = "tag:yaml.org,2002:str"  # all keys of settings are names, also `5` and `true`
        return super().construct_mapping(node, deep)

    def text(self, node: yaml.ScalarNode) -> LocatedText:
        return LocatedText.at(str(self.construct_scalar(node)), self.file, node.start_mark.line + 1)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag.rsplit(":")[-1] not in ("timestamp", "bool")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_constructor("tag:yaml.org,2002:str", _Loader.text)
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), "tTfF")


def read_settings(file: Path) -> tuple[dict[str, Any], bool]:
    """Return the document of a settings file, and whether it is YAML: its content decides, not its name."""
    text = text_of(file)
    plain = _STRING_OR_COMMENT.sub(lambda match: match[1] or "", text)
    yaml_ = plain.lstrip()[:1] not in ("", "{", "[")
    document = _yaml(file, text) if yaml_ else _json(file, plain)
    if not isinstance(document, dict):
        code, msg = "SETTINGS_NOT_JSON", f"The settings are a JSON {_kind(document)}, not an object."
        hint = 'Start with {"name": ...}.'
        if yaml_:
            code, msg = "SETTINGS_NOT_YAML", f"The settings are a YAML {_kind(document)}, not a mapping."
            hint = "Start with a line such as `name: ...`."
        raise SettingsError(code, msg, location=SourceLocation(shown(file)), hint=hint)
    return document, yaml_


def read_yaml(file: Path) -> Any:
    """Return the document of a YAML file: its strings are LocatedText, an empty file is None."""
    return _yaml(file, text_of(file))


def location_in(document: Any, keys: tuple[str | int, ...], default: SourceLocation | None) -> SourceLocation | None:
    """Return the location of the value below `keys`, or of the last key that exists and has one, else `default`."""
    location = default
    for key in keys:
        if isinstance(document, dict):
            stored = next((name for name in document if name == key), None)
            location = stored.location if isinstance(stored, LocatedText) else location
            document = document.get(key)
        elif isinstance(document, list) and isinstance(key, int) and key < len(document):
            document = document[key]
        else:
            return location
    return document.location if isinstance(document, LocatedText) else location


def mapping(document: dict[str, Any], key: str) -> dict[str, Any]:
    """Return the mapping below `key`, or an empty one; raises SettingsError when the value is something else."""
    value = document.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        msg = f"The value of '{key}' is {json.dumps(value, default=str)}: it must be a mapping."
        raise SettingsError("WRONG_VALUE", msg, location=location_in(document, (key,), None))
    return value


def text_of(file: Path) -> str:
    """Return the text of a settings file; raises SettingsError when it can't be read."""
    location = SourceLocation(shown(file))
    try:
        return file.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        others = [name for name in _OTHER_FILES if (file.parent / name).is_file()]
        hint = f"Name another file with --settings, or run in the folder that holds {file.name}."
        if others:
            hint = f"{others[0]} is there: run with --settings {shown(file.parent / others[0])}."
        raise SettingsError("SETTINGS_NOT_FOUND", "There is no such file.", location=location, hint=hint) from error
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError("SETTINGS_UNREADABLE", f"The file can't be read: {error}", location=location) from error


def _json(file: Path, text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        msg = f"The settings are not valid JSON: {error.msg} (column {error.colno})."
        hint = "Look at that line and the one before it: a comma, a quote or a bracket is missing or superfluous."
        raise SettingsError(
            "SETTINGS_NOT_JSON", msg, location=SourceLocation(shown(file), error.lineno), hint=hint
        ) from error


def _yaml(file: Path, text: str) -> Any:
    try:
        # Blank lines in their place keep the line numbers of the rest.
        loader = _Loader(_NOTEBOOK_LINES.sub(lambda match: "\n" * match[0].count("\n"), text))
        loader.file = file
        return loader.get_single_data()
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or " ".join(str(error).split())
        msg = f"The file is not valid YAML: {problem}" + (f" (column {mark.column + 1})." if mark else ".")
        location = SourceLocation(shown(file), mark.line + 1 if mark else 0)
        raise SettingsError("SETTINGS_NOT_YAML", msg, location=location) from error


def _kind(value: Any) -> str:
    return "text" if isinstance(value, str) else type(value).__name__
