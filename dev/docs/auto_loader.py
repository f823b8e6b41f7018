"""Writes the tables of docs/auto-loader.md: every option, mode and format of Auto Loader, with the test that shows it.

    python -m dev.docs.auto_loader [--check]

What an option does comes from `livetables.autoloader.options`; which test shows it, from `_auto_loader_tests`. Each
table stands between two comments in the document, and the rest of the document is written by hand.
"""

from __future__ import annotations

import re
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dev.docs._auto_loader_tests import FORMAT_TESTS, MODE_TESTS, NONE, OPTION_TESTS, READER_OPTIONS, SAID, WAYS
from dev.docs.markdown import ROOT, has_test, table
from livetables.autoloader.options import FORMATS, MODES, OPTIONS, Option, full_name

if TYPE_CHECKING:
    from collections.abc import Iterable

DOCUMENT = Path("docs/auto-loader.md")
_EFFECTS = {"works": "works", "none": "no effect", "said": "no effect, said aloud"}

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


class TableError(Exception):
    """A table of the document can't be written: a test is missing, or a place for it."""


@app.command()
def main(
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit code 1 when it would change.")] = False,
) -> None:
    """Write the tables of docs/auto-loader.md."""
    before = (ROOT / DOCUMENT).read_text()
    try:
        text = document(before)
    except TableError as error:
        print(error)
        raise typer.Exit(1) from error
    if not check:
        (ROOT / DOCUMENT).write_text(text)
    elif text != before:
        print(f"{DOCUMENT} is not what the code says: write it with `make docs`.")
        raise typer.Exit(1)


def document(text: str) -> str:
    """Return the document with tables that are up to date; raises TableError."""
    tables = {
        "options": options_table(OPTIONS),
        "modes": _modes_table(),
        "formats": _formats_table(),
        "ways": _ways_table(),
    }
    for name, made in tables.items():
        location = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end of {name} -->)", re.DOTALL)
        text, found = location.subn(lambda match, made=made: f"{match[1]}\n{made}\n\n{match[2]}", text)
        if found != 1:
            raise TableError(f"{DOCUMENT} needs the comments <!-- {name} --> and <!-- end of {name} --> once.")
    return text


def options_table(options: dict[str, Option]) -> str:
    """Return a row per option; neighbours that are the same in all but their names share one."""
    rows = []
    for option, names in groupby(options, key=lambda name: options[name]):
        mine = list(names)
        default = {"works": (), "none": NONE, "said": SAID}[option.effect]
        tests = {test: None for name in mine for test in OPTION_TESTS.get(name, default)}
        shown = ", ".join(f"`{full_name(name)}{'*' if name.endswith('.') else ''}`" for name in mine)
        rows.append((shown, option.about, _EFFECTS[option.effect], _shown_by(shown, tests)))
    rows += [(name, about, "works", _shown_by(name, tests)) for name, (about, tests) in READER_OPTIONS.items()]
    return table(("option", "what it does", "here", "shown by"), rows)


def _modes_table() -> str:
    return table(
        ("`cloudFiles.schemaEvolutionMode`", "what happens at a new column", "shown by"),
        [(f"`{mode}`", MODE_TESTS[mode][0], _shown_by(mode, MODE_TESTS[mode][1])) for mode in MODES],
    )


def _formats_table() -> str:
    return table(
        ("`cloudFiles.format`", "columns without a schema of your own", "shown by"),
        [(f"`{one}`", FORMAT_TESTS[one][0], _shown_by(one, FORMAT_TESTS[one][1])) for one in FORMATS],
    )


def _ways_table() -> str:
    rows = [(way, about, _shown_by(way, tests)) for way, (about, tests) in WAYS.items()]
    return table(("reading", "is", "shown by"), rows)


def _shown_by(what: str, tests: Iterable[str]) -> str:
    found = list(tests)
    if not found:
        raise TableError(f"No test shows {what}.")
    for test in found:
        if not has_test(test):
            raise TableError(f"There is no test {test}, which should show {what}.")
    return "<br>".join(f"`{test}`" for test in found)


if __name__ == "__main__":
    app()
