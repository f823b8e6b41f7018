"""The commands that read or remove what is stored: `events`, `tables`, `files`, `query`, `reset`."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Annotated

import typer

from livetables.cli.options import AsJson, Debug, Master, StorageOptions, command
from livetables.cli.output import OUT, print_json, print_line, print_warnings, relative, working
from livetables.cli.pipelines import opened
from livetables.errors import SettingsError

#: Files per flow that `files` prints, unless --limit or --json is given.
_SHOWN_FILES = 50


@command
def events(
    stored: StorageOptions,
    as_json: AsJson = False,
    last: Annotated[int, typer.Option("--last", help="Show this many, 0 for all.")] = 0,
) -> None:
    """Show the event log."""
    from livetables.events.reading import read_events

    found = list(read_events(stored.load().storage))[-last:]
    if as_json:
        print_json([event.row() for event in found])
        return
    for event in found:
        print_line(f"{event.timestamp:%Y-%m-%d %H:%M:%S} {event.level:5} {event.event_type:18} {event.message}")
    if not found:
        OUT.print("No events yet: the pipeline has not run with this storage folder.")


@command
def tables(stored: StorageOptions, as_json: AsJson = False) -> None:
    """List the stored tables with rows, size and version."""
    from livetables.events.reading import defined_tables
    from livetables.show.tables import tables_table
    from livetables.storage.stored import stored_tables

    folder = stored.load().storage
    defined = defined_tables(folder)
    listed = [
        {**entry, "inactive": defined is not None and entry["name"] not in defined} for entry in stored_tables(folder)
    ]
    if as_json:
        print_json(listed)
    elif listed:
        OUT.print(tables_table(listed))
    else:
        OUT.print("No tables yet: the pipeline has not run with this storage folder.")


@dataclass(frozen=True)
class FileOptions:
    """Which files of Auto Loader are shown, or the schemas in place of files."""

    flow: Annotated[str | None, typer.Option("--flow", metavar="NAME", help="Only this flow.")] = None
    state: Annotated[
        str | None, typer.Option("--state", metavar="STATE", help="Only failed, pending, read or skipped files.")
    ] = None
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="Only those found since 30m, 1h, 2d ago or a time.")
    ] = None
    limit: Annotated[
        int | None, typer.Option("--limit", min=0, help="This many per flow, 0 for all.", show_default="50; --json: 0")
    ] = None
    schemas: Annotated[bool, typer.Option("--schemas", help="Show the inferred schemas in place of files.")] = False


@command
def files(stored: StorageOptions, as_json: AsJson = False, *, shown: FileOptions) -> None:
    """Show the files that Auto Loader has found, failed ones first, also while the pipeline runs; times are in UTC."""
    from livetables.show import files as view

    if shown.schemas and (shown.flow or shown.state or shown.since or shown.limit is not None):
        message = "--schemas shows no files, so --flow, --state, --since and --limit have no meaning beside it."
        raise SettingsError("WRONG_OPTION", message, hint="Leave them out.")
    limit = shown.limit if shown.limit is not None else 0 if as_json else _SHOWN_FILES
    wanted = view.file_filter(shown.flow, shown.state, shown.since, limit, time.time())
    folder = stored.load().storage
    sources = [] if shown.schemas else view.sources_of(folder, wanted)
    if as_json:
        print_json(view.schemas_document(folder) if shown.schemas else view.document(sources))
        return
    lines = list(view.schemas_lines(folder) if shown.schemas else view.lines(sources))
    none = (
        "No schemas yet: Auto Loader has inferred none"
        if shown.schemas
        else "No files yet: no flow has read with Auto Loader"
    )
    for line in lines or [f"{none} with this storage folder."]:
        print_line(line)


@command
def query(
    sql: Annotated[str, typer.Argument(help="Any SQL over the pipeline's tables.")],
    stored: StorageOptions,
    master: Master = None,
    as_json: AsJson = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV with a header and nothing else.")] = False,
    debug: Debug = False,
) -> None:
    """Run SQL over the stored tables and the event log (`event_log`), also while the pipeline runs."""
    from livetables.show.rows import frame_rows, rows_csv, rows_table

    if as_json and csv:
        raise SettingsError("WRONG_OPTION", "--json and --csv exclude each other.", hint="Give one.")
    with opened(stored.load(master), debug=debug, dry=True) as pipeline:
        with working("Asking Spark", quiet=as_json or csv):
            columns, rows = frame_rows(pipeline.query(sql))
        print_warnings(warning for warning in pipeline.warnings if warning not in pipeline.settings.warnings)
        if as_json:
            print_json([dict(zip(columns, row, strict=True)) for row in rows])
        elif csv:
            typer.echo(rows_csv(columns, rows), nl=False)
        else:
            OUT.print(rows_table(columns, rows))


@command
def reset(stored: StorageOptions, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """Remove all tables, checkpoints and events of the pipeline."""
    from livetables.storage.layout import Storage

    folder = stored.load().storage
    storage = Storage(folder)
    if not storage.exists():
        OUT.print(f"Nothing to remove: {relative(folder)} holds no pipeline.", highlight=False)
        return
    if not yes and not typer.confirm(f"Remove all tables, checkpoints and events in {relative(folder)}?"):
        raise typer.Exit(1)
    with storage.locked():
        storage.remove()
    OUT.print(f"Removed all tables, checkpoints and events in {relative(folder)}.", highlight=False)
