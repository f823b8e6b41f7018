"""The commands that load a pipeline: `run`, `check`, `graph`, `plan`."""

from __future__ import annotations

import signal
import threading
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from livetables.cli.options import AsJson, Debug, PipelineOptions, SelectionOptions, command
from livetables.cli.output import ERR, OUT, print_json, print_line, print_warnings, relative, working
from livetables.errors import GraphError, SettingsError, UpdateFailed, count

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import SparkSession

    from livetables.errors import Diagnostic
    from livetables.events.state import Update
    from livetables.graph.graph import ResolvedDataset
    from livetables.pipeline import Pipeline
    from livetables.plan.steps import Selection
    from livetables.settings import Settings

#: How long after a second Ctrl-C Java is ended, when it does not answer.
_PATIENCE_SECONDS = 5.0


@command
def run(
    pipeline: PipelineOptions,
    selection: SelectionOptions,
    continuous: Annotated[bool, typer.Option("--continuous", help="Run until stopped.")] = False,
    triggered: Annotated[bool, typer.Option("--triggered", help="Process the available data, then end.")] = False,
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
    settings = pipeline.load()
    mode = True if continuous or for_ else False if triggered else None
    with opened(with_mode(settings, continuous=mode), debug=debug) as loaded:
        _run(loaded, selection.load(), for_seconds)


def _run(pipeline: Pipeline, selection: Selection, for_seconds: float | None) -> None:
    from livetables.events.states import UpdateState
    from livetables.show.console import LiveView, PlainLines

    mode = "continuous" if pipeline.settings.continuous else "triggered"
    view = LiveView(OUT, pipeline.settings.name, mode) if OUT.is_terminal else PlainLines(OUT)
    with view, _stop_on_signals(pipeline) as stop:
        state = pipeline.run(selection, for_seconds=for_seconds, stop=stop, on_event=view)
    if state.state is UpdateState.FAILED:
        for error in state.errors[:-1] if OUT.is_terminal else ():
            print_line(error, style="red", to=ERR)
        raise _update_failed(state, pipeline.settings.storage)


def _update_failed(update: Update, storage: Path) -> UpdateFailed:
    from livetables.events.states import FlowState

    failed = [flow.name for flow in update.flows.values() if flow.status is FlowState.FAILED]
    where = f" in {count(len(failed), 'flow')}: {', '.join(failed)}" if failed else ""
    return UpdateFailed(
        "UPDATE_FAILED",
        f"The update failed{where}.",
        hint="See `livetables events` for details.",
        left_behind=f"What has committed stays in {relative(storage)}; the next `livetables run` continues from there.",
    )


@contextmanager
def _stop_on_signals(pipeline: Pipeline) -> Iterator[threading.Event]:
    """Yield an event that the first Ctrl-C sets, to stop the update cleanly; the second Ctrl-C stops it at once.

    The second one also ends a Java that does not answer.
    """
    from livetables.spark.session import end_java

    stop, end_later = threading.Event(), threading.Timer(_PATIENCE_SECONDS, end_java)
    end_later.daemon = True

    def handle(number: int, _frame: Any) -> None:
        if stop.is_set():
            signal.signal(number, signal.SIG_DFL)
            end_later.start()
            raise KeyboardInterrupt
        stop.set()

    _start_spark(pipeline)  # it installs signal handlers of its own: ours must come after them
    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    except Exception as error:
        if end_later.ident is not None:  # errors after the end of Java are not the user's concern
            raise KeyboardInterrupt from error
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _start_spark(pipeline: Pipeline) -> SparkSession:
    """Start the session of a pipeline, which otherwise starts at its first use."""
    return pipeline.spark


@command
def check(pipeline: PipelineOptions, as_json: AsJson = False, debug: Debug = False) -> None:
    """Find everything that is wrong with the pipeline; nothing is written."""
    with opened(pipeline.load(), debug=debug, dry=True) as loaded:
        error: GraphError | None = None
        datasets: tuple[ResolvedDataset, ...] = ()
        try:
            with working("Checking", quiet=as_json):
                datasets = tuple(loaded.graph.datasets.values())
        except GraphError as caught:
            error = caught
        diagnostics = error.diagnostics if error else ()
        if as_json:
            print_json(
                {
                    "ok": not error,
                    "problems": [_as_data(diagnostic, error) for diagnostic in diagnostics],
                    "warnings": [_as_data(warning) for warning in loaded.warnings],
                    "datasets": [dataset.name for dataset in datasets],
                }
            )
        else:
            print_warnings(loaded.warnings)
            for diagnostic in diagnostics:
                print_line(str(diagnostic), to=ERR)
            flows = count(sum(len(dataset.flows) for dataset in datasets), "flow")
            found = f"No errors: {count(len(datasets), 'dataset')}, {flows}."
            if error:
                found = f"Found {count(len(diagnostics), 'error')}."
            OUT.print(found, style="red" if error else "green", highlight=False)
        if error:
            raise typer.Exit(1)


def _as_data(diagnostic: Diagnostic, error: GraphError | None = None) -> dict[str, Any]:
    """Return a diagnostic as plain data, with the state that the error it is part of leaves behind."""
    location = diagnostic.location
    return {
        "code": diagnostic.code,
        "message": diagnostic.message,
        "hint": diagnostic.hint,
        "left_behind": error.left_behind if error else diagnostic.left_behind,
        "file": location.file if location else None,
        "line": location.line if location else None,
        "column": location.column if location else None,
    }


@command
def graph(
    pipeline: PipelineOptions,
    as_json: AsJson = False,
    svg: Annotated[Path | None, typer.Option("--svg", help="Write the picture to this file.")] = None,
    debug: Debug = False,
) -> None:
    """Show the datasets and what each reads."""
    from livetables.show.tree import graph_tree

    with opened(pipeline.load(), debug=debug, dry=True) as loaded:
        with working("Reading the pipeline", quiet=as_json):
            resolved = loaded.graph
        if svg:
            svg.write_text(resolved.to_svg(), encoding="utf-8")
        if as_json:
            print_json(resolved.to_dict())
        elif svg:
            OUT.print(f"Wrote {svg}.", highlight=False)
        else:
            OUT.print(graph_tree(resolved))


@command
def plan(pipeline: PipelineOptions, selection: SelectionOptions, as_json: AsJson = False, debug: Debug = False) -> None:
    """Show what `run` would do and why, without doing it."""
    from livetables.plan.describe import step_document, step_text

    with opened(pipeline.load(), debug=debug, dry=True) as loaded:
        with working("Planning", quiet=as_json):
            steps = loaded.plan(selection.load())
        if as_json:
            print_json([step_document(step) for step in steps])
            return
        for step in steps:
            print_line(step_text(step))


@contextmanager
def opened(settings: Settings, *, debug: bool, dry: bool = False) -> Iterator[Pipeline]:
    """Open a pipeline; a dry one writes no file into its storage, only into a temporary folder."""
    import tempfile

    from livetables.pipeline import Pipeline

    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="livetables-"))) if dry else None
        yield stack.enter_context(Pipeline(settings, quick=dry, debug=debug, scratch=scratch))
