"""`dbutils.secrets`: from the environment, or from a file that is named in livetables.yml."""

from __future__ import annotations

import os
import re
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakSet

import yaml

from livetables.collect.utility import Utility
from livetables.errors import LivetablesError, Place

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

#: What stands in a text in the place of a secret, as on the platform.
REDACTED = "[REDACTED]"
_stores: WeakSet[Secrets] = WeakSet()


class SecretMetadata(NamedTuple):
    """What may be told of a secret."""

    key: str


class SecretScope(NamedTuple):
    """A group of secrets."""

    name: str

    def getName(self) -> str:  # noqa: N802 (the platform's name)
        """Return the name of the scope."""
        return self.name


class Secrets(Utility):
    """Gives secrets, and remembers which, so that `redacted` can keep them off the screen."""

    def __init__(self, file: Path | None, caller: Callable[[], Place | None]) -> None:
        super().__init__("dbutils.secrets", caller)
        self._file = file
        self._given: set[str] = set()
        _stores.add(self)

    def get(self, scope: str, key: str) -> str:
        """Return a secret: an environment variable wins over the file."""
        variable = f"LIVETABLES_SECRET_{_upper(scope)}_{_upper(key)}"
        value = os.environ.get(variable)
        if value is None:
            value = self._stored.get(scope, {}).get(key)
        if value is None:
            message = f"There is no secret '{key}' in the scope '{scope}'."
            raise self._error(
                "SECRET_NOT_FOUND", message, f"Set {variable}, or {self._in_file(f'{scope}: {{{key}: ...}}')}"
            )
        self._given.add(value)
        return value

    def getBytes(self, scope: str, key: str) -> bytes:  # noqa: N802 (the platform's name)
        """Return a secret as UTF-8 bytes."""
        return self.get(scope, key).encode()

    def list(self, scope: str) -> Sequence[SecretMetadata]:
        """Return the keys that the file has for a scope."""
        if scope not in self._stored:
            hint = self._in_file(f"{scope}: {{key: ...}}")
            raise self._error("SECRET_NOT_FOUND", f"There is no scope '{scope}'.", hint[0].upper() + hint[1:])
        return [SecretMetadata(key) for key in self._stored[scope]]

    def listScopes(self) -> Sequence[SecretScope]:  # noqa: N802 (the platform's name)
        """Return the scopes that the file has."""
        return [SecretScope(scope) for scope in self._stored]

    def _in_file(self, entry: str) -> str:
        if self._file is None:
            return f"name a YAML file with `{entry}` as `secrets` in livetables.yml."
        return f"write `{entry}` in {self._file}."

    @cached_property
    def _stored(self) -> dict[str, dict[str, str]]:
        if self._file is None:
            return {}
        line, why = 0, "it is not of the form `scope: {key: value}`"
        try:
            # The base loader leaves 007 and 2026-01-01 the texts they are.
            document: Any = yaml.load(self._file.read_text(encoding="utf-8"), yaml.BaseLoader) or {}  # noqa: S506
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "it is not UTF-8 text"
        except yaml.YAMLError as error:  # its own words quote the file
            mark = getattr(error, "problem_mark", None)
            line, why = (mark.line + 1 if mark else 0), "it is not valid YAML"
        else:
            if _is_nested(document):
                return document  # type: ignore[no-any-return]
        hint = "Write it as `scope: {key: value}`, or correct `secrets` in livetables.yml."
        raise LivetablesError(
            "SECRETS_UNREADABLE",
            f"The file of secrets can't be used: {why}.",
            place=Place(str(self._file), line),
            hint=hint,
        )


def redacted(text: str) -> str:
    """Return a text without the values of the secrets that the pipelines of this process were given."""
    values = {value for store in _stores for value in store._given if value}  # noqa: SLF001 (kept from users)
    for value in sorted(values, key=len, reverse=True):
        text = text.replace(value, REDACTED).replace(repr(value)[1:-1], REDACTED)
    return text


def _upper(name: str) -> str:
    return re.sub(r"[^A-Z0-9]", "_", name.upper())


def _is_nested(document: Any) -> bool:
    return isinstance(document, dict) and all(
        isinstance(keys, dict) and all(isinstance(value, str) for value in keys.values()) for keys in document.values()
    )
