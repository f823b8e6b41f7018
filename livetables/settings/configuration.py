"""Merges the configuration of all layers, and replaces references to secrets by their values."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from livetables.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from livetables.errors import SourceLocation
    from livetables.settings.secrets import SecretStore

_START = "{{secrets/"
_REFERENCE = re.compile(r"\{\{secrets/(?P<scope>[^/{}]+)/(?P<key>[^/{}]+)\}\}")


@dataclass(frozen=True)
class ConfigLayer:
    """Configuration values from one source, such as a file; messages write `where` before a key of it."""

    where: str
    values: Mapping[str, str | float]
    location: Callable[[str], SourceLocation | None]


def configuration(layers: Iterable[ConfigLayer], secrets: SecretStore | None) -> dict[str, str]:
    """Return the configuration: the last layer wins. Without `secrets`, keys that refer to one are left out."""
    last = {key: layer for layer in layers for key in layer.values}
    texts = {key: _as_text(layer.values[key]) for key, layer in last.items()}
    if secrets is None:
        return {key: text for key, text in texts.items() if _START not in text}
    return {
        key: _secret(text, f"{last[key].where}{key}", last[key].location(key), secrets) if _START in text else text
        for key, text in texts.items()
    }


def _secret(text: str, key: str, location: SourceLocation | None, secrets: SecretStore) -> str:
    match = _REFERENCE.fullmatch(text)
    if match is None:
        msg = f"The value of '{key}' has a reference to a secret in it: it must be {{{{secrets/SCOPE/KEY}}}} alone."
        hint = "Make the whole value a secret, and refer to that one."
        raise SettingsError("WRONG_VALUE", msg, location=location, hint=hint)
    value = secrets.find(**match.groupdict())
    if value is None:
        msg = f"'{key}' refers to the secret '{match['key']}' in the scope '{match['scope']}', which is not there."
        raise SettingsError("SECRET_NOT_FOUND", msg, location=location, hint=secrets.way_in(**match.groupdict()))
    return value


def _as_text(value: str | float) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
