"""The command line: `livetables run | check | graph | plan | events | tables | files | query | reset | doctor`."""

from __future__ import annotations

import signal
import sys
import threading
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from livetables.cli.options import (
    AsJson,
    Debug,
    ExternalTables,
    FullRefresh,
    FullRefreshAll,
    Master,
    Overrides,
    Parameters,
    PathMap,
    Paths,
    Refresh,
    ResetCheckpoints,
    SettingsFile,
    StorageFolder,
    selection_of,
    settings_of,
    stored_settings,
)
from livetables.errors import Diagnostic, GraphError, SettingsError, count
from livetables.redaction import redacted_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from livetables.pipeline import Pipeline
    from livetables.plan.steps import Selection
    from livetables.settings import Settings

app = typer.Typer(
    help="Run Delta Live Tables pipelines on this machine, unchanged.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_out, _err = Console(), Console(stderr=True)
#: Whether the command that runs was given --debug: who ends the program must know it after the command has failed.
debugging = False
#: How long a second Ctrl-C waits before it ends Java.
_PATIENCE_SECONDS = 5.0


@app.command()
def run(
    paths: Paths = None,
    settings: SettingsFile = None,
    storage: StorageFolder = None,
    set_: Overrides = None,
    parameter: Parameters = None,
    table: ExternalTables = None,
    path_map: PathMap = None,
    master: Master = None,
    refresh: Refresh = None,
    full_refresh: FullRefresh = None,
    full_refresh_all: FullRefreshAll = False,
    reset_checkpoints: ResetCheckpoints = None,
    continuous: Annotated[bool, typer.Option("--continuous", help="Run until stopped.")] = False,
    triggered: Annotated[bool, typer.Option("--triggered", help="Take what is there, then end.")] = False,
    for_: Annotated[str | None, typer.Option("--for", metavar="DURATION", help="Stop after 90s, 2m...")] = None,
    debug: Debug = False,
) -> None:
    """Run the pipeline: continuously or once, as its settings say."""
    from livetables.settings import seconds, with_mode

    if for_ and triggered:
        raise SettingsError("WRONG_OPTION", "--for needs continuous mode.", hint="Leave --triggered out.")
    if continuous and triggered:
        raise SettingsError("WRONG_OPTION", "--continuous and --triggered exclude each other.", hint="Give one.")
    for_seconds = seconds(for_, "--for") if for_ else None
    loaded = settings_of(paths, settings, storage, set_, table, path_map, master, parameters=parameter)
    mode = True if continuous or for_ else False if triggered else None
    with _pipeline(with_mode(loaded, continuous=mode), debug=debug) as pipeline:
        _run(pipeline, selection_of(refresh, full_refresh, full_refresh_all, reset_checkpoints), for_seconds)


def _run(pipeline: Pipeline, selection: Selection, for_seconds: float | None) -> None:
    from livetables.show.console import LiveView, PlainLines

    mode = "continuous" if pipeline.settings.continuous else "triggered"
    view = LiveView(_out, pipeline.settings.name, mode) if _out.is_terminal else PlainLines(_out)
    with view, _stop_on_signals(pipeline) as stop:
        state = pipeline.run(selection, for_seconds=for_seconds, stop=stop, listeners=[view])
    if state.state == "FAILED":
        for error in state.errors[:-1] if _out.is_terminal else ():
            _err.print(error, style="red", markup=False, highlight=False, soft_wrap=True)
        _err.print(
            f"What has committed stays in {_relative(pipeline.settings.storage)}; the next `livetables run` goes on "
            "from there. See `livetables events` for details.",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
        raise typer.Exit(1)


@contextmanager
def _stop_on_signals(pipeline: Pipeline) -> Iterator[threading.Event]:
    """Let the first Ctrl-C stop the update cleanly and the second one at once, also when Java does not answer."""
    from livetables.spark.session import end_java

    stop, hurry = threading.Event(), threading.Timer(_PATIENCE_SECONDS, end_java)
    hurry.daemon = True

    def handle(number: int, _frame: Any) -> None:
        if stop.is_set():
            signal.signal(number, signal.SIG_DFL)
            hurry.start()
            raise KeyboardInterrupt
        stop.set()

    pipeline.spark  # noqa: B018 (Spark installs handlers of its own when it starts: ours come after)
    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    except Exception as error:
        if hurry.ident is not None:  # what does not work without Java is not the user's concern
            raise KeyboardInterrupt from error
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@app.command()
def check(
    paths: Paths = None,
    settings: SettingsFile = None,
    storage: StorageFolder = None,
    set_: Overrides = None,
    parameter: Parameters = None,
    table: ExternalTables = None,
    path_map: PathMap = None,
    master: Master = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Find everything that is wrong with the pipeline; nothing is written."""
    loaded = settings_of(paths, settings, storage, set_, table, path_map, master, parameters=parameter)
    with _pipeline(loaded, debug=debug, dry=True) as pipeline:
        diagnostics: tuple[Diagnostic, ...] = ()
        try:
            with _working("Checking", quiet=as_json):
                graph = pipeline.graph
        except GraphError as error:
            diagnostics = error.diagnostics
        if as_json:
            datasets = [] if diagnostics else [d.name for d in graph.datasets.values()]
            _json(
                {
                    "ok": not diagnostics,
                    "problems": [_problem(p) for p in diagnostics],
                    "warnings": [_problem(p) for p in pipeline.warnings],
                    "datasets": datasets,
                }
            )
        else:
            _warn(pipeline.warnings)
            for diagnostic in diagnostics:
                _err.print(str(diagnostic), markup=False, highlight=False, soft_wrap=True)
            flows = 0 if diagnostics else sum(len(d.flows) for d in graph.datasets.values())
            said = (
                f"Found {count(len(diagnostics), 'error')}."
                if diagnostics
                else (f"No errors: {count(len(graph.datasets), 'dataset')}, {count(flows, 'flow')}.")
            )
            _out.print(said, style="red" if diagnostics else "green", highlight=False)
        if diagnostics:
            raise typer.Exit(1)


@app.command()
def graph(
    paths: Paths = None,
    settings: SettingsFile = None,
    storage: StorageFolder = None,
    set_: Overrides = None,
    parameter: Parameters = None,
    table: ExternalTables = None,
    path_map: PathMap = None,
    master: Master = None,
    as_json: AsJson = False,
    svg: Annotated[Path | None, typer.Option("--svg", help="Write the picture to this file.")] = None,
    debug: Debug = False,
) -> None:
    """Show the datasets and what each reads."""
    from livetables.show.draw import graph_document, graph_svg, graph_tree

    loaded = settings_of(paths, settings, storage, set_, table, path_map, master, parameters=parameter)
    with _pipeline(loaded, debug=debug, dry=True) as pipeline:
        with _working("Reading the pipeline", quiet=as_json):
            resolved = pipeline.graph
        if svg:
            svg.write_text(graph_svg(resolved), encoding="utf-8")
        if as_json:
            _json(graph_document(resolved))
        elif svg:
            _out.print(f"Wrote {svg}.", highlight=False)
        else:
            _out.print(graph_tree(resolved))


@app.command()
def plan(
    paths: Paths = None,
    settings: SettingsFile = None,
    storage: StorageFolder = None,
    set_: Overrides = None,
    parameter: Parameters = None,
    table: ExternalTables = None,
    path_map: PathMap = None,
    master: Master = None,
    refresh: Refresh = None,
    full_refresh: FullRefresh = None,
    full_refresh_all: FullRefreshAll = False,
    reset_checkpoints: ResetCheckpoints = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Show what `run` would do and why, without doing it."""
    from dataclasses import asdict

    loaded = settings_of(paths, settings, storage, set_, table, path_map, master, parameters=parameter)
    with _pipeline(loaded, debug=debug, dry=True) as pipeline:
        with _working("Planning", quiet=as_json):
            steps = pipeline.plan(selection_of(refresh, full_refresh, full_refresh_all, reset_checkpoints))
        if as_json:
            _json([{"step": type(step).__name__.lower(), **asdict(step)} for step in steps])
            return
        for step in steps:
            how = f" ({step.how})" if hasattr(step, "how") else ""
            flow = f", flow {step.flow}" if hasattr(step, "flow") else ""
            _out.print(
                f"{type(step).__name__:8} {step.dataset}{flow}{how}: {step.reason}",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )


@app.command()
def events(
    settings: SettingsFile = None,
    storage: StorageFolder = None,
    as_json: AsJson = False,
    last: Annotated[int, typer.Option("--last", help="Show this many, 0 for all.")] = 0,
    debug: Debug = False,
) -> None:
    """Show the event log."""
    from livetables.events.log import read_events

    _remember(debug)
    rows = read_events(stored_settings(settings, storage).storage / "system" / "events")
    rows = rows[-last:] if last else rows
    if as_json:
        _json(rows)
        return
    for row in rows:
        time = row["timestamp"].strftime("%Y-%m-%d %H:%M:%S")
        _out.print(
            f"{time} {row['level']:5} {row['event_type']:18} {row['message']}",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
    if not rows:
        _out.print("No events yet: the pipeline has not run with this storage folder.")


@app.command()
def tables(
    settings: SettingsFile = None, storage: StorageFolder = None, as_json: AsJson = False, debug: Debug = False
) -> None:
    """List the stored tables with rows, size and version."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from livetables.events.log import defined_tables
    from livetables.storage.stored import stored_tables

    _remember(debug)
    folder = stored_settings(settings, storage).storage
    defined = defined_tables(folder / "system" / "events")
    found = [
        {**entry, "inactive": defined is not None and entry["name"] not in defined} for entry in stored_tables(folder)
    ]
    if as_json:
        _json(found)
        return
    table = Table(box=SIMPLE_HEAD)
    for name in ("table", "rows", "size", "files", "version"):
        table.add_column(name, justify="left" if name == "table" else "right")
    for entry in found:
        marks = [mark for mark in ("private", "inactive") if entry[mark]]
        name = f"{entry['name']} ({', '.join(marks)})" if marks else entry["name"]
        table.add_row(
            name, f"{entry['rows']:,}", f"{entry['bytes'] / 1e6:,.1f} MB", f"{entry['files']:,}", str(entry["version"])
        )
    _out.print(table if found else "No tables yet: the pipeline has not run with this storage folder.")


@app.command()
def files(
    settings: SettingsFile = None,
    storage: StorageFolder = None,
    as_json: AsJson = False,
    flow: Annotated[str | None, typer.Option("--flow", metavar="NAME", help="Only this flow.")] = None,
    state: Annotated[
        str | None, typer.Option("--state", metavar="STATE", help="Only failed, pending, read or skipped files.")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="Only those found since 30m, 1h, 2d ago or a time.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", min=0, help="This many per flow, 0 for all.", show_default="50; --json: 0")
    ] = None,
    schemas: Annotated[bool, typer.Option("--schemas", help="Show the inferred schemas in place of files.")] = False,
    debug: Debug = False,
) -> None:
    """Show the files that Auto Loader has found, failed ones first, also while the pipeline runs; times are in UTC."""
    import time

    from livetables.show import files as seen

    _remember(debug)
    if schemas and (flow or state or since or limit is not None):
        said = "--schemas shows no files, so --flow, --state, --since and --limit have no meaning beside it."
        raise SettingsError("WRONG_OPTION", said, hint="Leave them out.")
    asked = seen.wanted(flow, state, since, (0 if as_json else 50) if limit is None else limit, time.time())
    folder = stored_settings(settings, storage).storage
    sources = [] if schemas else seen.sources_of(folder, asked)
    if as_json:
        _json(seen.schemas_document(folder) if schemas else seen.document(sources))
        return
    lines = list(seen.schemas_lines(folder) if schemas else seen.lines(sources))
    none = (
        "No schemas yet: Auto Loader has inferred none"
        if schemas
        else "No files yet: no flow has read with Auto Loader"
    )
    for line in lines or [f"{none} with this storage folder."]:
        _out.print(line, markup=False, highlight=False, soft_wrap=True)


@app.command()
def query(
    sql: Annotated[str, typer.Argument(help="Any SQL over the pipeline's tables.")],
    settings: SettingsFile = None,
    storage: StorageFolder = None,
    master: Master = None,
    as_json: AsJson = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV with a header and nothing else.")] = False,
    debug: Debug = False,
) -> None:
    """Run SQL over the stored tables and the event log (`event_log`), also while the pipeline runs."""
    from livetables.show.rows import frame_rows, rows_csv, rows_table

    if as_json and csv:
        raise SettingsError("WRONG_OPTION", "--json and --csv exclude each other.", hint="Give one.")
    with _pipeline(stored_settings(settings, storage, master), debug=debug, dry=True) as pipeline:
        with _working("Asking Spark", quiet=as_json or csv):
            columns, rows = frame_rows(pipeline.query(sql))
        _warn(found for found in pipeline.warnings if found not in pipeline.settings.warnings)
        if as_json:
            _json([dict(zip(columns, row, strict=True)) for row in rows])
        elif csv:
            typer.echo(rows_csv(columns, rows), nl=False)
        else:
            _out.print(rows_table(columns, rows))


@app.command()
def reset(
    settings: SettingsFile = None,
    storage: StorageFolder = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    debug: Debug = False,
) -> None:
    """Remove all tables, checkpoints and events of the pipeline."""
    from livetables.storage.layout import Storage

    _remember(debug)
    folder = stored_settings(settings, storage).storage
    stored = Storage(folder)
    if not stored.exists():
        _out.print(f"Nothing to remove: {_relative(folder)} holds no pipeline.", highlight=False)
        return
    if not yes and not typer.confirm(f"Remove all tables, checkpoints and events in {_relative(folder)}?"):
        raise typer.Exit(1)
    with stored.locked():
        stored.remove()
    _out.print(f"Removed all tables, checkpoints and events in {_relative(folder)}.", highlight=False)


@app.command()
def doctor(debug: Debug = False) -> None:
    """Check what this machine needs to run pipelines: Python, packages, Java, jars."""
    from livetables.show.doctor import checks

    _remember(debug)
    good = True
    for name, ok, text in checks():
        good = good and ok
        _out.print(
            f"{'ok  ' if ok else 'FAIL'} {name}: {text}",
            style=None if ok else "red",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
    if not good:
        raise typer.Exit(1)


@contextmanager
def _pipeline(settings: Settings, *, debug: bool, dry: bool = False) -> Iterator[Pipeline]:
    """Open a pipeline; a dry one leaves no file in the pipeline's storage, only in a folder that goes away."""
    import tempfile

    from livetables.pipeline import Pipeline

    _remember(debug)
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="livetables-"))) if dry else None
        yield stack.enter_context(Pipeline(settings, quick=dry, debug=debug, scratch=scratch))


def _warn(warnings: Iterable[Diagnostic]) -> None:
    for warning in warnings:
        _err.print(f"warning[{warning.code}] {warning.one_line}", style="yellow", markup=False)


@contextmanager
def _working(text: str, *, quiet: bool) -> Iterator[None]:
    if quiet or not _err.is_terminal:
        yield
        return
    with _err.status(text):
        yield


def _remember(debug: bool) -> None:
    global debugging  # noqa: PLW0603
    debugging = debug


def _json(document: Any) -> None:
    from livetables.show.rows import to_json

    sys.stdout.write(to_json(redacted_in(document)) + "\n")


def _problem(diagnostic: Diagnostic) -> dict[str, Any]:
    location = diagnostic.location
    return {
        "code": diagnostic.code,
        "message": diagnostic.message,
        "hint": diagnostic.hint,
        "file": location.file if location else None,
        "line": location.line if location else None,
        "column": location.column if location else None,
    }


def _relative(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
