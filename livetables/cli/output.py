"""Where commands write: results to stdout, everything else to stderr."""

from __future__ import annotations

import sys
import traceback
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from typer.exceptions import TyperException

from livetables.errors import UpdateFailed
from livetables.redaction import redacted, redacted_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from livetables.errors import Diagnostic

OUT, ERR = Console(), Console(stderr=True)


def print_line(text: str, *, style: str | None = None, to: Console = OUT) -> None:
    """Print a text as it is: without markup, colours for numbers, and breaks at the width of the terminal."""
    to.print(text, style=style, markup=False, highlight=False, soft_wrap=True)


def print_warnings(warnings: Iterable[Diagnostic]) -> None:
    """Print a line for each warning on stderr."""
    for warning in warnings:
        ERR.print(f"warning[{warning.code}] {warning.one_line}", style="yellow", markup=False)


def print_json(document: Any) -> None:
    """Print one JSON document, without secrets."""
    from livetables.show.rows import to_json

    sys.stdout.write(to_json(redacted_in(document)) + "\n")


@contextmanager
def working(text: str, *, quiet: bool) -> Iterator[None]:
    """Show a spinner with a text during the block, when stderr is a terminal and the command is not `quiet`."""
    if quiet or not ERR.is_terminal:
        yield
        return
    with ERR.status(text):
        yield


@contextmanager
def trace_of_errors(*, shown: bool) -> Iterator[None]:
    """With `shown`, which is --debug, print the whole trace of an error without secrets, and end with exit code 1."""
    try:
        yield
    except (typer.Exit, typer.Abort, TyperException, UpdateFailed):  # none of them is about the code that raises it
        raise
    except Exception as error:
        if not shown:
            raise
        sys.stderr.write(redacted("".join(traceback.format_exception(error))))
        raise typer.Exit(1) from error


def relative(path: Path) -> str:
    """Return a path relative to the current folder when it lies below it."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
