"""Progress on stderr: a bar on a terminal, a line every few seconds elsewhere."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console

    from loadgen.pacing import Clock

LINE_SECONDS = 5.0


@contextmanager
def progress(console: Console, clock: Clock, total: int | None) -> Iterator[Callable[[int], None]]:
    """Yield a function that is told, as often as you like, how many rows have been sent so far.

    Args:
        console: where to show it.
        clock: decides when a line is due.
        total: rows of the whole run, None when unknown.
    """
    if not console.is_terminal:
        yield _lines(console, clock, total)
        return
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("rows"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda sent: bar.update(task, completed=sent)


def _lines(console: Console, clock: Clock, total: int | None) -> Callable[[int], None]:
    began = shown = clock.now()
    before = 0

    def update(sent: int) -> None:
        nonlocal shown, before
        now = clock.now()
        if now - shown >= LINE_SECONDS:
            of_total = f" of {total:,}" if total is not None else ""
            rate = (sent - before) / (now - shown)
            console.print(f"{now - began:.0f} s: {sent:,}{of_total} rows, {rate:,.0f} rows/s", soft_wrap=True)
            shown, before = now, sent

    return update
