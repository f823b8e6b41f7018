"""`dbutils.secrets`: local secrets by the platform's names."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from livetables.notebook.utility import Utility

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from livetables.errors import SourceLocation
    from livetables.settings import SecretStore


class SecretMetadata(NamedTuple):
    """The public part of a secret."""

    key: str


class SecretScope(NamedTuple):
    """A named group of secrets."""

    name: str

    def getName(self) -> str:
        """Return the name of the scope."""
        return self.name


class Secrets(Utility):
    """Returns the secrets of a store."""

    def __init__(self, store: SecretStore, caller: Callable[[], SourceLocation | None]) -> None:
        super().__init__("dbutils.secrets", caller)
        self._store = store

    def get(self, scope: str, key: str) -> str:
        """Return the value of a secret; raises LivetablesError for an unknown one."""
        value = self._store.find(scope, key)
        if value is None:
            message = f"There is no secret '{key}' in the scope '{scope}'."
            raise self._error("SECRET_NOT_FOUND", message, self._store.way_in(scope, key))
        return value

    def getBytes(self, scope: str, key: str) -> bytes:
        """Return the value of a secret as UTF-8 bytes."""
        return self.get(scope, key).encode()

    def list(self, scope: str) -> Sequence[SecretMetadata]:
        """Return the keys of a scope in the secrets file."""
        if scope not in self._store.stored:
            hint = self._store.way_into_file(f"{scope}: {{key: ...}}")
            raise self._error("SECRET_NOT_FOUND", f"There is no scope '{scope}'.", hint[0].upper() + hint[1:])
        return [SecretMetadata(key) for key in self._store.stored[scope]]

    def listScopes(self) -> Sequence[SecretScope]:
        """Return the scopes in the secrets file."""
        return [SecretScope(scope) for scope in self._store.stored]
