"""Writes the tables of docs/auto-loader.md: every option, mode and format of Auto Loader, with the test that shows it.

    python -m dev.docs.auto_loader [--check]

What an option does comes from `livetables.autoloader.options`, the rest of the text from docs/auto-loader.toml, and
the tests from their marker `shows` (`dev.docs.evidence`). Each table is between two comments in the document; the
text around them is written by hand.
"""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING, Annotated

import typer

from dev.docs.base import ROOT, DocumentError, read_toml
from dev.docs.evidence import check_names, tests_of
from dev.docs.markdown import shown_by, table, write
from livetables.autoloader.options import FORMATS, MODES, OPTIONS, Option, full_name

if TYPE_CHECKING:
    from collections.abc import Iterable

DOCUMENT, TEXTS = ROOT / "docs" / "auto-loader.md", ROOT / "docs" / "auto-loader.toml"
#: An option's effect, in the words of the document.
_EFFECTS = {"works": "works", "none": "no effect", "said": "warned"}

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit code 1 when it would change.")] = False,
) -> None:
    """Write the tables of docs/auto-loader.md."""
    write(DOCUMENT, lambda: document(DOCUMENT.read_text()), check=check)


def document(text: str) -> str:
    """Return the document with tables that are up to date; raises DocumentError."""
    about = texts()
    check_names("options", [*OPTIONS, *about["reader_options"]])
    check_names("effects", _EFFECTS.values())
    for kind in ("modes", "formats", "ways"):
        check_names(kind, about[kind])
    tables = {
        "options": options_table(OPTIONS),
        "modes": _table(MODES, "modes", ("`cloudFiles.schemaEvolutionMode`", "what happens at a new column")),
        "formats": _table(FORMATS, "formats", ("`cloudFiles.format`", "columns without a schema of your own")),
        "ways": _table(about["ways"], "ways", ("reading", "is")),
    }
    for name, made in tables.items():
        location = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end of {name} -->)", re.DOTALL)
        text, found = location.subn(lambda match, made=made: f"{match[1]}\n{made}\n\n{match[2]}", text)
        if found != 1:
            raise DocumentError(f"{DOCUMENT} needs the comments <!-- {name} --> and <!-- end of {name} --> once.")
    return text


def texts() -> dict[str, dict[str, str]]:
    """Return what docs/auto-loader.toml says: kind -> name -> text."""
    return read_toml(TEXTS)


def options_table(options: dict[str, Option]) -> str:
    """Return a row per option; neighbours that are the same in all but their names share one."""
    rows = []
    for option, names in groupby(options, key=lambda name: options[name]):
        mine = list(names)
        own = [test for name in mine for test in tests_of("options", name)]
        tests = dict.fromkeys([*own, *tests_of("effects", _EFFECTS[option.effect])])
        shown = ", ".join(f"`{full_name(name)}{'*' if name.endswith('.') else ''}`" for name in mine)
        rows.append((shown, option.about, _EFFECTS[option.effect], _shown_by(shown, tests)))
    for name, about in texts()["reader_options"].items():
        rows.append((_code(name), about, "works", _shown_by(name, tests_of("options", name))))
    return table(("option", "what it does", "here", "shown by"), rows)


def _table(names: Iterable[str], kind: str, head: tuple[str, str]) -> str:
    about = texts()[kind]
    rows = [(_code(name), about[name], _shown_by(name, tests_of(kind, name))) for name in names]
    return table((*head, "shown by"), rows)


def _code(name: str) -> str:
    """Return a name as code, and a description as it is."""
    return f"`{name}`" if name.isidentifier() else name


def _shown_by(what: str, tests: Iterable[str]) -> str:
    found = list(tests)
    if not found:
        raise DocumentError(f"No test shows {what}.")
    return shown_by(found)


if __name__ == "__main__":
    app()
