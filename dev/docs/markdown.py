"""Tables of Markdown, and the documents that contain them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from dev.docs.base import DocumentError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Return a table of Markdown."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def shown_by(tests: Iterable[str]) -> str:
    """Return the cell that names tests."""
    return "<br>".join(f"`{test}`" for test in tests)


def write(file: Path, made: Callable[[], str], *, check: bool) -> None:
    """Write a document, or with `check` compare it; exit code 1 when it is wrong or out of date."""
    try:
        text = made()
    except DocumentError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    if not check:
        file.write_text(text)
    elif file.read_text() != text:
        typer.echo(f"{file} is out of date: write it with `make docs`.", err=True)
        raise typer.Exit(1)
