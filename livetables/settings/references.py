"""Resolves references in asset bundles, such as `${var.x}`, `${bundle.target}` and `${workspace.file_path}`."""

from __future__ import annotations

import getpass
import json
import os
import re
from typing import TYPE_CHECKING, Any

from livetables.errors import SettingsError, SourceLocation, did_you_mean
from livetables.settings.paths import shown
from livetables.settings.reading import LocatedText, mapping

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_REFERENCE = re.compile(r"\$\{([A-Za-z][\w-]*(?:\.[A-Za-z_][\w-]*|\[\d+\])*)\}")
# Bundles from before workspace paths began with /Workspace; the platform's command line drops it too.
_OLD_PREFIX = re.compile(r"/Workspace/?(?=\$\{workspace\.\w+_path\})")
_MISSING = object()


class References:
    """The values of one bundle's references, for one of its targets."""

    def __init__(self, document: dict[str, Any], variables: dict[str, Any], target: str, root: Path) -> None:
        """Take the bundle's document, the values that the target gives `variables`, the target's name and the root."""
        self._document, self._declared = document, mapping(document, "variables")
        self._of_target = variables
        self._overrides = _variable_overrides(root / ".databricks" / "bundle" / target / "variable-overrides.json")
        self._known: dict[str, Callable[[], str]] = {
            "bundle.target": lambda: target,
            "bundle.environment": lambda: target,
            "workspace.file_path": lambda: str(root),
            "workspace.root_path": lambda: str(root),
            "workspace.current_user.userName": getpass.getuser,
            "workspace.current_user.short_name": lambda: re.sub(r"\W", "_", getpass.getuser()),
        }

    def resolve(self, value: Any, key: str, within: tuple[str, ...] = ()) -> Any:
        """Return `value`, which stands at `key`, with its references replaced; `within` are the references around it.

        Raises SettingsError for a reference without a value, with the key and the line.
        """
        if isinstance(value, dict):
            return {name: self.resolve(entry, f"{key}.{name}", within) for name, entry in value.items()}
        if isinstance(value, list):
            return [self.resolve(entry, f"{key}.{number}", within) for number, entry in enumerate(value)]
        if not isinstance(value, str):
            return value
        text = _OLD_PREFIX.sub("", value)
        whole = _REFERENCE.fullmatch(text)
        if whole:  # only a whole value can become something else than text
            found = self._value(whole[1], value, key, within)
            return _at(found, value) if isinstance(found, str) else found
        return _at(_REFERENCE.sub(lambda match: _as_text(self._value(match[1], value, key, within)), text), value)

    def _value(self, path: str, value: str, key: str, within: tuple[str, ...]) -> Any:
        found = _MISSING if path in within else self._look_up(path)
        if found is _MISSING:
            msg = f"'${{{path}}}' in '{key}' has no value."
            hint = "It leads back to itself." if path in within else self._hint(path)
            location = value.location if isinstance(value, LocatedText) else None
            raise SettingsError("UNRESOLVED_REFERENCE", msg, location=location, hint=hint)
        kind, _, name = path.partition(".")
        return self.resolve(found, f"variables.{name}" if kind == "var" else path, (*within, path))

    def _look_up(self, path: str) -> Any:
        if path in self._known:
            try:
                return self._known[path]()
            except (KeyError, OSError):  # a user without a name, as in some containers
                return _MISSING
        name, *rest = re.findall(r"[^.\[\]]+", path)
        if name != "var":
            return _below(self._document, [name, *rest])
        return _below(self._variable(rest[0]), rest[1:]) if rest else _MISSING

    def _variable(self, name: str) -> Any:
        """Return a variable's value from the first source that has one, in the platform's order."""
        if name not in self._declared:
            return _MISSING
        if f"BUNDLE_VAR_{name}" in os.environ:
            return os.environ[f"BUNDLE_VAR_{name}"]
        for values in (self._overrides, self._of_target):
            if values.get(name) is not None:
                return values[name]
        return _below(self._declared[name], ["default"])

    def _hint(self, path: str) -> str:
        kind, _, name = path.partition(".")
        name = re.split(r"[.\[]", name)[0]
        if kind == "var" and name in self._declared:
            if _below(self._declared[name], ["lookup"]) is not _MISSING:
                return f"Its value is looked up in a workspace; here set the environment variable BUNDLE_VAR_{name}."
            return f"Set the environment variable BUNDLE_VAR_{name}, or give the variable a default."
        known = [*(f"var.{name}" for name in self._declared), "bundle.name", *self._known]
        return did_you_mean(path, known, f"Known are {', '.join(known)}, and the keys of the bundle's files.")


def _below(value: Any, path: list[str]) -> Any:
    """Return the value at a path of keys and list indexes, or _MISSING."""
    for part in path:
        if isinstance(value, dict) and part in value:
            value = value[part]
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return _MISSING
    return _MISSING if value is None else value


def _at(text: str, source: str) -> str:
    """Return `text` with the location of the text that it comes from."""
    return LocatedText.at(text, source.file, source.line) if isinstance(source, LocatedText) else text


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _variable_overrides(file: Path) -> dict[str, Any]:
    """Return the variable values that the platform's command line keeps for a target, beside the bundle."""
    try:
        values = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    except (OSError, ValueError) as error:
        msg = f"The values of variables can't be read: {error}"
        raise SettingsError("SETTINGS_NOT_JSON", msg, location=SourceLocation(shown(file))) from error
    return values if isinstance(values, dict) else {}
