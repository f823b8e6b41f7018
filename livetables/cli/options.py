"""What the options of the command line are called, and what settings they give."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from livetables.errors import SettingsError

if TYPE_CHECKING:
    from livetables.plan.steps import Selection
    from livetables.settings import Settings

Paths = Annotated[
    list[Path] | None, typer.Argument(help="Source files or folders, in place of --settings.", show_default=False)
]
SettingsFile = Annotated[
    Path | None, typer.Option("--settings", help="Settings file.", show_default="pipeline_settings.json")
]
StorageFolder = Annotated[
    str | None,
    typer.Option("--storage", help="Folder for tables, checkpoints and events.", show_default=".livetables/NAME"),
]
Overrides = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override configuration.", show_default=False)
]
Parameters = Annotated[
    list[str] | None,
    typer.Option("--parameter", metavar="NAME=VALUE", help="What :NAME is in SQL files.", show_default=False),
]
ExternalTables = Annotated[
    list[str] | None,
    typer.Option("--table", metavar="NAME=PATH", help="Table outside the pipeline.", show_default=False),
]
PathMap = Annotated[
    list[str] | None,
    typer.Option("--path-map", metavar="FROM=TO", help="Where a path prefix lies here.", show_default=False),
]
Master = Annotated[str | None, typer.Option("--master", help="Spark master.", show_default="local[*]")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show full traces and Spark's own output.")]
Refresh = Annotated[str | None, typer.Option("--refresh", metavar="A,B", help="Only these tables.")]
FullRefresh = Annotated[str | None, typer.Option("--full-refresh", metavar="A,B", help="These tables from the start.")]
FullRefreshAll = Annotated[bool, typer.Option("--full-refresh-all", help="All tables from the start.")]
ResetCheckpoints = Annotated[
    str | None, typer.Option("--reset-checkpoints", metavar="A,B", help="Keep rows, read the sources again.")
]


def settings_of(
    paths: list[Path] | None,
    file: Path | None,
    storage: str | None,
    overrides: list[str] | None,
    tables: list[str] | None,
    path_map: list[str] | None,
    master: str | None,
    *,
    parameters: list[str] | None = None,
    with_secrets: bool = True,
) -> Settings:
    """Return the settings that the options of a command name; raises SettingsError."""
    from livetables.settings import load_settings

    if paths and file:
        raise SettingsError("WRONG_OPTION", "Give --settings or source files, not both.", hint="Leave one out.")
    return load_settings(
        file,
        paths=tuple(paths or ()),
        overrides=_pairs(overrides, "--set"),
        parameters=_pairs(parameters, "--parameter"),
        storage=str(Path(storage).absolute()) if storage else None,
        tables=_pairs(tables, "--table"),
        path_map=_pairs(path_map, "--path-map"),
        master=master,
        with_secrets=with_secrets,
    )


def stored_settings(file: Path | None, storage: str | None, master: str | None = None) -> Settings:
    """Return the settings of a command that only looks at what is stored: a storage folder is enough."""
    from livetables.settings import DEFAULT_FILE, Settings

    if storage and file is None and not Path(DEFAULT_FILE).is_file():
        return Settings("stored", Path.cwd(), (), Path(storage).absolute(), master=master or "local[*]")
    return settings_of(None, file, storage, None, None, None, master, with_secrets=False)


def _pairs(given: list[str] | None, option: str) -> dict[str, str]:
    pairs = {}
    for entry in given or []:
        key, equals, value = entry.partition("=")
        if not equals or not key:
            msg = f"{option} was given '{entry}', which is not KEY=VALUE."
            raise SettingsError("WRONG_OPTION", msg, hint=f"Write it as {option} key=value.")
        pairs[key] = value
    return pairs


def selection_of(
    refresh: str | None, full_refresh: str | None, full_refresh_all: bool, reset_checkpoints: str | None
) -> Selection:
    """Return the tables that a command is about."""
    from livetables.plan.steps import Selection

    def names(text: str | None) -> tuple[str, ...]:
        return tuple(name.strip() for name in (text or "").split(",") if name.strip())

    return Selection(names(refresh), names(full_refresh), full_refresh_all, names(reset_checkpoints))
