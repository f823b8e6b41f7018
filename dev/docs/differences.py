"""Writes docs/differences.md: what of the platform runs here, by trying it, and what is known to differ.

    python -m dev.docs.differences [--check]

The text around the tables is docs/differences/template.md. The tables of names come from calling each name
(`_differences_probe`), those of rules from `_differences_rules`, whose tests must exist. No Spark session is needed.
"""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dev.docs._differences_rule import DIFFERS, NO_EFFECT, NOT_SHOWN, Rule
from dev.docs._differences_rules import RULES
from dev.docs.markdown import ROOT, has_test, table
from dev.docs.names import NAMES, SPARKS_OWN
from dev.docs.probe import REFUSED, SILENT, SUPPORTED, WARNED, Found, ProbeError, probe

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

TEMPLATE, DOCUMENT = Path("docs/differences/template.md"), Path("docs/differences.md")
#: What of names and parameters should be supported, in percent.
GOAL = 95
_STATUSES = (SUPPORTED, WARNED, REFUSED, SILENT, DIFFERS, NO_EFFECT, NOT_SHOWN)
_UNVERIFIED = " (unverified on the platform)"

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit code 1 when it would change.")] = False,
) -> None:
    """Write docs/differences.md."""
    try:
        text = document()
    except ProbeError as error:
        print(error)
        raise typer.Exit(1) from error
    if not check:
        (ROOT / DOCUMENT).write_text(text)
    elif not up_to_date(text):
        print(f"{DOCUMENT} is not what the code says: write it with `make docs`.")
        raise typer.Exit(1)


def up_to_date(text: str) -> bool:
    """Tell whether the document on disk is this one."""
    file = ROOT / DOCUMENT
    return file.exists() and file.read_text() == text


def document() -> str:
    """Return the document; raises ProbeError when a sample or a rule is wrong."""
    found = probe(NAMES)
    parts = {
        "counts": _summary(found),
        "names": _names_table(found),
        "sparks-own": _names_table([one for one in probe(SPARKS_OWN) if one.parameter in one.name.optional]),
        "rules": "\n\n".join(f"### {heading}\n\n{_rules_table(rules)}" for heading, rules in RULES.items()),
    }
    text = (ROOT / TEMPLATE).read_text()
    for name, part in parts.items():
        marker = f"<!-- {name} -->"
        if text.count(marker) != 1:
            raise ProbeError(f"{TEMPLATE} needs the line {marker} once.")
        text = text.replace(marker, part)
    return text


def supported_share(found: Iterable[Found]) -> float:
    """Return how many percent of names and parameters are supported, rounded down to a tenth."""
    statuses = Counter(one.status for one in found)
    return statuses[SUPPORTED] * 1000 // statuses.total() / 10


def _summary(found: list[Found]) -> str:
    rules = [rule for group in RULES.values() for rule in group]
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
    return table(("name", "parameters", "here", "what is said"), rows)


def _rules_table(rules: Iterable[Rule]) -> str:
    rows = []
    for rule in rules:
        _check_rule(rule)
        here = f"{rule.status}: {rule.note}" if rule.note else rule.status
        text = rule.rule + (_UNVERIFIED if rule.unverified else "")
        rows.append((text, here, "<br>".join(f"`{test}`" for test in rule.tests)))
    return table(("on the platform", "here", "shown by"), rows)


def _check_rule(rule: Rule) -> None:
    if not rule.tests and rule.status not in (DIFFERS, NOT_SHOWN):
        raise ProbeError(f"'{rule.rule}' is called {rule.status}, and no test shows it.")
    for test in rule.tests:
        if not has_test(test):
            raise ProbeError(f"There is no test {test}, which should show: {rule.rule}.")


if __name__ == "__main__":
    app()
