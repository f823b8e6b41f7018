"""What a terminal shows of a run: a live table when it is one, plain lines when the output is piped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from livetables.errors import count
from livetables.events.facts import FlowProgress, UpdateProgress
from livetables.events.progress import FlowMetrics
from livetables.events.state import Update
from livetables.events.states import FlowState, Level, UpdateState

if TYPE_CHECKING:
    from types import TracebackType

    from livetables.events.events import Event
    from livetables.events.state import FlowSummary

_STYLES = {
    FlowState.RUNNING: "green",
    FlowState.COMPLETED: "green",
    FlowState.STARTING: "yellow",
    FlowState.QUEUED: "dim",
    FlowState.FAILED: "bold red",
    FlowState.SKIPPED: "yellow",
    FlowState.STOPPED: "cyan",
    FlowState.EXCLUDED: "dim",
}
_WHAT_NOW = {
    UpdateState.CREATED: "Starting Spark",
    UpdateState.WAITING_FOR_RESOURCES: "Starting Spark",
    UpdateState.INITIALIZING: "Reading the pipeline's files",
    UpdateState.SETTING_UP_TABLES: "Setting up tables",
    UpdateState.RUNNING: "Running",
    UpdateState.STOPPING: "Stopping after the current batches",
}

#: How often a running flow has a line in a log, in seconds.
_LINE_SECONDS = 10


class LiveView:
    """A subscriber that redraws a table; use it as a context manager around the run."""

    def __init__(self, console: Console, name: str, mode: str) -> None:
        self._console = console
        self._title = f"{name} · {mode}"
        self.update = Update()
        self._spinner = Spinner("dots", "Starting Spark")
        self._live = Live(get_renderable=self._view, console=console, refresh_per_second=4, transient=False)

    def __enter__(self) -> LiveView:
        """Start to draw."""
        self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Draw the last state, which stays on the screen."""
        self._live.__exit__(kind, error, trace)

    def __call__(self, event: Event) -> None:
        """Show an event."""
        self.update.apply(event)
        if event.level == Level.WARN:
            self._console.print(Text(event.message, style="yellow"))

    def _view(self) -> Group:
        state = self.update.state
        if state.final:
            head: Text | Spinner = Text(state, style="bold red" if state is UpdateState.FAILED else "bold green")
        else:
            self._spinner.update(text=Text(_WHAT_NOW[state]))
            head = self._spinner
        return Group(head, flow_table(self.update, self._title)) if self.update.flows else Group(head)


def flow_table(update: Update, title: str) -> Table:
    """Return a row per flow: state, rows in and out, rates, batch time, watermark, backlog, pass rate."""
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    table.add_column("flow", overflow="fold")
    for name in ("state", "rows in", "rows out", "rows/s", "batch", "watermark", "backlog", "passed"):
        table.add_column(name, justify="left" if name == "state" else "right", no_wrap=True)
    for flow in update.flows.values():
        table.add_row(*_cells(flow), style="dim" if flow.status is FlowState.EXCLUDED else None)
    return table


def _cells(flow: FlowSummary) -> list[str | Text]:
    ran = flow.batches > 0
    watermark = (flow.watermark or "")[11:19] if not (flow.watermark or "1970").startswith("1970") else ""
    return [
        flow.name,
        Text(flow.status, style=_STYLES[flow.status]),
        f"{flow.rows_in:,}" if ran else "",
        f"{flow.rows_out:,}" if ran else "",
        f"{flow.rows_per_second:,.0f}" if ran and flow.rows_per_second else "",
        f"{flow.batch_seconds:.1f} s" if ran and flow.batch_seconds else "",
        watermark,
        flow.backlog,
        "" if flow.pass_rate is None else f"{flow.pass_rate:.2%}",
    ]


class PlainLines:
    """A subscriber that prints a line for each thing worth a line, for logs and pipes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self.update = Update()
        self._shown_at: dict[str, float] = {}

    def __enter__(self) -> PlainLines:
        """Do nothing: lines need no frame."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Do nothing."""

    def __call__(self, event: Event) -> None:
        """Show an event."""
        self.update.apply(event)
        if event.event_type == UpdateProgress.event_type and event.error:
            return  # it is also raised, and then printed with its location and hint
        shown = event.event_type in (FlowProgress.event_type, UpdateProgress.event_type)
        if shown or event.level in (Level.WARN, Level.ERROR):
            line = self._line(event)
            if line:
                self._console.print(line, highlight=False, markup=False, soft_wrap=True)

    def _line(self, event: Event) -> str:
        head = f"{event.timestamp:%H:%M:%S} {event.level:5}"
        if event.event_type != FlowProgress.event_type:
            return f"{head} {event.message}"
        flow = self.update.flows[event.origin["flow_name"]]
        match event.fact:
            case FlowProgress(FlowState.COMPLETED | FlowState.STOPPED) if flow.batches:
                return f"{head} {event.message.removesuffix('.')}: {_counts(flow)}"
            case FlowProgress(FlowState.RUNNING, FlowMetrics() as metrics):
                return f"{head} {flow.name}: {_counts(flow)}" if self._is_news(event, flow, metrics) else ""
            case FlowProgress(FlowState.QUEUED) if event.level == Level.INFO:
                return ""
            case _:
                return f"{head} {event.message}"

    def _is_news(self, event: Event, flow: FlowSummary, metrics: FlowMetrics) -> bool:
        now = event.timestamp.timestamp()
        if not metrics.num_input_rows or now - self._shown_at.get(flow.name, 0) < _LINE_SECONDS:
            return False
        self._shown_at[flow.name] = now
        return True


def _counts(flow: FlowSummary) -> str:
    rows_in = f"{count(flow.rows_in, 'row')} in, " if flow.rows_in else ""  # a recomputation does not know it
    rate = "" if flow.pass_rate is None else f", {flow.pass_rate:.2%} passed"
    return f"{rows_in}{count(flow.rows_out, 'row')} out{rate}"
