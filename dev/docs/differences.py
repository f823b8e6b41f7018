"""Writes docs/differences.md: which names and rules of the platform work here, and which differ.

    python -m dev.docs.differences [--check]

The text around the tables is docs/differences/template.md. The tables of names come from calling each name
(`dev.docs.probe`). The tables of rules come from docs/differences/*.toml, and from the marker `shows` of the tests
(`dev.docs.evidence`). No Spark session is needed.
"""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING, Annotated

import typer

from dev.docs.base import ROOT, DocumentError
from dev.docs.markdown import shown_by, table, write
from dev.docs.names import NAMES, SPARKS_OWN
from dev.docs.probe import REFUSED, SILENT, SUPPORTED, WARNED, Found, probe
from dev.docs.rules import DIFFERS, NO_EFFECT, NOT_SHOWN, Rule, read_rules

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FOLDER, DOCUMENT = ROOT / "docs" / "differences", ROOT / "docs" / "differences.md"
#: How many percent of names and parameters should be supported.
GOAL = 95
_STATUSES = (SUPPORTED, WARNED, REFUSED, SILENT, DIFFERS, NO_EFFECT, NOT_SHOWN)
_UNVERIFIED = " (unverified on the platform)"

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit code 1 when it would change.")] = False,
) -> None:
    """Write docs/differences.md."""
    write(DOCUMENT, document, check=check)


def document() -> str:
    """Return the document; raises DocumentError when a sample, a rule or a marker is wrong."""
    found = probe(NAMES)
    sections = read_rules(FOLDER)
    parts = {
        "counts": _summary(found, [rule for rules in sections.values() for rule in rules]),
        "names": _names_table(found),
        "sparks-own": _names_table([one for one in probe(SPARKS_OWN) if one.parameter in one.name.optional]),
        **{f"rules: {name}": _rules_table(rules) for name, rules in sections.items()},
    }
    text = (FOLDER / "template.md").read_text()
    for name, part in parts.items():
        marker = f"<!-- {name} -->"
        if text.count(marker) != 1:
            raise DocumentError(f"{FOLDER / 'template.md'} needs the line {marker} once.")
        text = text.replace(marker, part)
    return text


def supported_share(found: Iterable[Found]) -> float:
    """Return how many percent of names and parameters are supported, rounded down to a tenth."""
    statuses = Counter(one.status for one in found)
    return statuses[SUPPORTED] * 1000 // statuses.total() / 10


def _summary(found: list[Found], rules: list[Rule]) -> str:
    names = Counter(one.status for one in found)
    behaviour = Counter(rule.status for rule in rules)
    first = f"Of {len(found)} names and parameters, {_counted(names)}: **{supported_share(found)} % are supported**"
    return f"{first}; the goal is {GOAL} %.\n\nOf {len(rules)} rules of behaviour, {_counted(behaviour)}."


def _counted(statuses: Mapping[str, int]) -> str:
    return ", ".join(f"{statuses[status]} {status}" for status in _STATUSES if status in statuses)


def _names_table(found: Iterable[Found]) -> str:
    """Return a row per name and outcome: parameters with the same outcome, in the same words, share one."""
    rows = []
    for name, mine in groupby(found, key=lambda one: one.name):
        label = f"`{name.name}`" + (f" of `{name.modules[0]}`" if len(name.modules) == 1 else "")
        outcomes: dict[tuple[str, str], list[str]] = {}
        for one in mine:
            outcomes.setdefault((one.status, one.words), []).append(one.parameter)
        for (status, words), parameters in outcomes.items():
            shown = ", ".join(f"`{parameter}`" for parameter in parameters if parameter)
            if name.same_as:
                shown = f"those of `{name.same_as}`"
            rows.append((label, shown or "none", status, words))
    return table(("name", "parameters", "here", "message"), rows)


def _rules_table(rules: Iterable[Rule]) -> str:
    rows = []
    for rule in rules:
        here = f"{rule.status}: {rule.note}" if rule.note else rule.status
        text = rule.rule + (_UNVERIFIED if rule.unverified else "")
        rows.append((text, here, shown_by(rule.tests)))
    return table(("on the platform", "here", "shown by"), rows)


if __name__ == "__main__":
    app()
