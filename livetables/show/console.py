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
from livetables.events.state import UpdateState

if TYPE_CHECKING:
    from types import TracebackType

    from livetables.events.events import Event
    from livetables.events.state import FlowState

_STYLES = {
    "RUNNING": "green",
    "COMPLETED": "green",
    "STARTING": "yellow",
    "QUEUED": "dim",
    "FAILED": "bold red",
    "SKIPPED": "yellow",
    "STOPPED": "cyan",
    "EXCLUDED": "dim",
}
_WHAT_NOW = {
    "CREATED": "Starting Spark",
    "WAITING_FOR_RESOURCES": "Starting Spark",
    "INITIALIZING": "Reading the pipeline's files",
    "SETTING_UP_TABLES": "Setting up tables",
    "RUNNING": "Running",
    "STOPPING": "Stopping after the current batches",
}

#: A log is read by people: how often a running flow has a line, in seconds.
_LINE_SECONDS = 10


class LiveView:
    """A subscriber that redraws a table; use it as a context manager around the run."""

    def __init__(self, console: Console, name: str, mode: str) -> None:
        self._console = console
        self._title = f"{name} · {mode}"
        self.state = UpdateState()
        self._spinner = Spinner("dots", "Starting Spark")
        self._live = Live(get_renderable=self._view, console=console, refresh_per_second=4, transient=False)

    def __enter__(self) -> LiveView:
        """Start to draw."""
        self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Draw the last state and leave it standing."""
        self._live.__exit__(kind, error, trace)

    def __call__(self, event: Event) -> None:
        """Take an event."""
        self.state.apply(event)
        if event.level == "WARN":
            self._console.print(Text(event.message, style="yellow"))

    def _view(self) -> Group:
        state = self.state.state
        done = state in ("COMPLETED", "FAILED", "CANCELED")
        style = "bold red" if state == "FAILED" else "bold green"
        if not done:
            self._spinner.update(text=Text(_WHAT_NOW.get(state, state.capitalize().replace("_", " "))))
        head = Text(state, style=style) if done else self._spinner
        return Group(head, flow_table(self.state, self._title)) if self.state.flows else Group(head)


def flow_table(state: UpdateState, title: str) -> Table:
    """Return a row per flow: state, rows in and out, rates, batch time, watermark, backlog, pass rate."""
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    table.add_column("flow", overflow="fold")
    for name in ("state", "rows in", "rows out", "rows/s", "batch", "watermark", "backlog", "passed"):
        table.add_column(name, justify="left" if name == "state" else "right", no_wrap=True)
    for flow in state.flows.values():
        table.add_row(*_cells(flow), style="dim" if flow.status == "EXCLUDED" else None)
    return table


def _cells(flow: FlowState) -> list[str | Text]:
    ran = flow.batches > 0
    watermark = (flow.watermark or "")[11:19] if not (flow.watermark or "1970").startswith("1970") else ""
    return [
        flow.name,
        Text(flow.status, style=_STYLES.get(flow.status, "")),
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
        self.state = UpdateState()
        self._said_at: dict[str, float] = {}

    def __enter__(self) -> PlainLines:
        """Do nothing: lines need no frame."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Do nothing."""

    def __call__(self, event: Event) -> None:
        """Take an event."""
        self.state.apply(event)
        if event.event_type == "update_progress" and event.error:
            return  # it is also raised, and then printed with its place and hint
        if event.event_type in ("flow_progress", "update_progress") or event.level in ("WARN", "ERROR"):
            line = self._line(event)
            if line:
                self._console.print(line, highlight=False, markup=False, soft_wrap=True)

    def _line(self, event: Event) -> str:
        head = f"{event.timestamp:%H:%M:%S} {event.level:5}"
        status = event.details.get("status")
        if event.event_type != "flow_progress" or status == "FAILED":
            return f"{head} {event.message}"
        flow = self.state.flows[event.origin["flow_name"]]
        if status in ("COMPLETED", "STOPPED") and flow.batches:
            return f"{head} {event.message.removesuffix('.')}: {_counts(flow)}"
        if status == "RUNNING" and "metrics" in event.details:
            return f"{head} {flow.name}: {_counts(flow)}" if self._is_news(event, flow) else ""
        return f"{head} {event.message}" if status != "QUEUED" or event.level != "INFO" else ""

    def _is_news(self, event: Event, flow: FlowState) -> bool:
        now = event.timestamp.timestamp()
        rows = event.details["metrics"].get("num_input_rows", 0)
        if not rows or now - self._said_at.get(flow.name, 0) < _LINE_SECONDS:
            return False
        self._said_at[flow.name] = now
        return True


def _counts(flow: FlowState) -> str:
    rows_in = f"{count(flow.rows_in, 'row')} in, " if flow.rows_in else ""  # a recomputation does not know it
    rate = "" if flow.pass_rate is None else f", {flow.pass_rate:.2%} passed"
    return f"{rows_in}{count(flow.rows_out, 'row')} out{rate}"
