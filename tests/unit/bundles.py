"""Asset bundles as text, for the tests of settings."""

from pathlib import Path
from textwrap import dedent

import pytest

from livetables.errors import Diagnostic, SettingsError
from livetables.settings import Settings, load_settings


def load(files: str | dict[str, str], said: str = "databricks.yml") -> Settings:
    """Write the files of a bundle into the current folder and load `--settings` of it."""
    for name, text in ({"databricks.yml": files} if isinstance(files, str) else files).items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(dedent(text))
    return load_settings(Path(said))


def diagnostic_of(files: str | dict[str, str], said: str = "databricks.yml") -> Diagnostic:
    """Return the problem of a bundle that must be refused."""
    with pytest.raises(SettingsError) as caught:
        load(files, said)
    return caught.value.diagnostic


def bundle(keys: str = "", rest: str = "") -> str:
    """Return the text of a bundle with one pipeline, more of its keys, and more of the bundle."""
    return (
        "bundle:\n  name: shop\nresources:\n  pipelines:\n    sales:\n      libraries: [{file: {path: src/a.py}}]\n"
        + "".join(f"      {line}\n" for line in dedent(keys).splitlines())
        + dedent(rest)
    )
