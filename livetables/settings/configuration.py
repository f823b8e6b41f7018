"""Puts the configuration of a run together: what all places say of it, with secrets where they refer to one."""

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
    """The values that one place gives; messages name a key of it with `where` in front."""

    where: str
    values: Mapping[str, str | float]
    location: Callable[[str], SourceLocation | None]


def configuration(said: Iterable[ConfigLayer], secrets: SecretStore | None) -> dict[str, str]:
    """Return the value of each key, that of the last place; without `secrets`, no key that refers to one."""
    last = {key: one for one in said for key in one.values}
    texts = {key: _written(one.values[key]) for key, one in last.items()}
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


def _written(value: str | float) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
