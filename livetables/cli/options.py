"""The options that several commands share, in groups: each group is a frozen dataclass with an option per field."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, fields, is_dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from livetables.cli.output import trace_of_errors
from livetables.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

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


@dataclass(frozen=True)
class PipelineOptions:
    """The pipeline that a command opens, and what overrides its settings."""

    paths: Paths = None
    settings: SettingsFile = None
    storage: StorageFolder = None
    set_: Overrides = None
    parameter: Parameters = None
    table: ExternalTables = None
    path_map: PathMap = None
    master: Master = None

    def load(self, *, with_secrets: bool = True) -> Settings:
        """Return the settings; raises SettingsError when they can't be used."""
        from livetables.settings import load_settings

        if self.paths and self.settings:
            raise SettingsError("WRONG_OPTION", "Give --settings or source files, not both.", hint="Leave one out.")
        return load_settings(
            self.settings,
            paths=self.paths or (),
            overrides=_pairs(self.set_, "--set"),
            parameters=_pairs(self.parameter, "--parameter"),
            storage=Path(self.storage).absolute() if self.storage else None,
            tables=_pairs(self.table, "--table"),
            path_map=_pairs(self.path_map, "--path-map"),
            master=self.master,
            with_secrets=with_secrets,
        )


@dataclass(frozen=True)
class SelectionOptions:
    """The tables that an update refreshes, and how."""

    refresh: Refresh = None
    full_refresh: FullRefresh = None
    full_refresh_all: FullRefreshAll = False
    reset_checkpoints: ResetCheckpoints = None

    def load(self) -> Selection:
        """Return the selection of the update."""
        from livetables.plan.steps import Selection

        refresh, full_refresh, resets = map(_names, (self.refresh, self.full_refresh, self.reset_checkpoints))
        return Selection(refresh, full_refresh, self.full_refresh_all, resets)


@dataclass(frozen=True)
class StorageOptions:
    """The storage folder that a command reads, by itself or through the settings of its pipeline."""

    settings: SettingsFile = None
    storage: StorageFolder = None

    def load(self, master: str | None = None) -> Settings:
        """Return the settings of the pipeline without its secrets; a storage folder without settings is enough."""
        from livetables.settings import DEFAULT_FILE, Settings

        if self.storage and self.settings is None and not Path(DEFAULT_FILE).is_file():
            folder = Path(self.storage).absolute()
            return Settings("stored", Path.cwd(), (), folder, master=master or "local[*]")
        options = PipelineOptions(settings=self.settings, storage=self.storage, master=master)
        return options.load(with_secrets=False)


def command(function: Callable[..., None]) -> Callable[..., None]:
    """Return a function for Typer: each parameter that is a group of options becomes the options of the group.

    Every command has the option --debug, with which an error prints its whole trace; `function` gets it when it has a
    parameter `debug`.
    """
    hints = get_type_hints(function, include_extras=True)
    groups: dict[str, Any] = {name: kind for name, kind in hints.items() if is_dataclass(kind)}
    parameters: list[inspect.Parameter] = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name in groups:
            parameters += _options_of(groups[parameter.name])
        else:
            parameters.append(parameter.replace(annotation=hints[parameter.name], kind=parameter.KEYWORD_ONLY))
    if "debug" not in hints:
        parameters.append(inspect.Parameter("debug", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Debug))

    @wraps(function)
    def run(**values: Any) -> None:
        for name, group in groups.items():
            values[name] = group(**{option.name: values.pop(option.name) for option in fields(group)})
        debug = values["debug"] if "debug" in hints else values.pop("debug")
        with trace_of_errors(shown=debug):
            function(**values)

    vars(run)["__signature__"] = inspect.Signature(parameters)
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def _options_of(group: Any) -> list[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(
            option.name, inspect.Parameter.KEYWORD_ONLY, default=option.default, annotation=hints[option.name]
        )
        for option in fields(group)
    ]


def _pairs(given: list[str] | None, option: str) -> dict[str, str]:
    pairs = {}
    for entry in given or []:
        key, equals, value = entry.partition("=")
        if not equals or not key:
            message = f"{option} was given '{entry}', which is not KEY=VALUE."
            raise SettingsError("WRONG_OPTION", message, hint=f"Write it as {option} key=value.")
        pairs[key] = value
    return pairs


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in (text or "").split(",") if name.strip())
