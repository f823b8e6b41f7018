"""Secrets on this machine: from environment variables, or from the file that livetables.yml names."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import yaml

from livetables.errors import SettingsError, SourceLocation
from livetables.redaction import SecretValues

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class SecretStore:
    """The secrets of one pipeline; each value it returns is redacted on the screen and in the event log."""

    file: Path | None = None
    hidden: SecretValues = field(default_factory=SecretValues, repr=False, compare=False)

    def find(self, scope: str, key: str) -> str | None:
        """Return a secret or None; an environment variable wins over the file."""
        value = os.environ.get(_variable(scope, key))
        if value is None:
            value = self.stored.get(scope, {}).get(key)
        return None if value is None else self.hidden.add(value)

    @cached_property
    def stored(self) -> dict[str, dict[str, str]]:
        """The secrets of the file, by scope and key; raises SettingsError when it can't be used."""
        if self.file is None:
            return {}
        line, why = 0, "it is not of the form `scope: {key: value}`"
        try:
            # The base loader makes texts only: 007 and 2026-01-01 stay as they are written.
            document: Any = yaml.BaseLoader(self.file.read_text(encoding="utf-8")).get_single_data() or {}
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "it is not UTF-8 text"
        except yaml.YAMLError as error:  # its message quotes the file
            mark = getattr(error, "problem_mark", None)
            line, why = (mark.line + 1 if mark else 0), "it is not valid YAML"
        else:
            if _is_nested(document):
                return document  # type: ignore[no-any-return]
        hint = "Write it as `scope: {key: value}`, or correct `secrets` in livetables.yml."
        raise SettingsError(
            "SECRETS_UNREADABLE",
            f"The file of secrets can't be used: {why}.",
            location=SourceLocation(str(self.file), line),
            hint=hint,
        )

    def way_in(self, scope: str, key: str) -> str:
        """Return a hint on how to define a secret."""
        return f"Set {_variable(scope, key)}, or {self.way_into_file(f'{scope}: {{{key}: ...}}')}"

    def way_into_file(self, entry: str) -> str:
        """Return the part of a hint on how to add an entry to the file."""
        if self.file is None:
            return f"name a YAML file with `{entry}` as `secrets` in livetables.yml."
        return f"write `{entry}` in {self.file}."


def _variable(scope: str, key: str) -> str:
    return "_".join(["LIVETABLES_SECRET", *(re.sub(r"[^A-Z0-9]", "_", name.upper()) for name in (scope, key))])


def _is_nested(document: Any) -> bool:
    """Return whether a document is of the form `scope: {key: value}`."""
    return isinstance(document, dict) and all(
        isinstance(keys, dict) and all(isinstance(value, str) for value in keys.values()) for keys in document.values()
    )
