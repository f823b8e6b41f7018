"""The rules of the platform's behaviour, from docs/differences/*.toml, each with the tests that show it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dev.docs.base import DocumentError, read_toml
from dev.docs.evidence import RULES, check_names, tests_of
from dev.docs.probe import REFUSED, SUPPORTED, WARNED

if TYPE_CHECKING:
    from pathlib import Path

DIFFERS, NO_EFFECT, NOT_SHOWN = "differs", "no effect", "not shown"
_STATUSES = (SUPPORTED, WARNED, REFUSED, DIFFERS, NO_EFFECT, NOT_SHOWN)
#: What may be said without a test that shows it.
_WITHOUT_TEST = (DIFFERS, NOT_SHOWN)


@dataclass(frozen=True)
class Rule:
    """A rule of the platform, and what is true of it here.

    Attributes:
        rule: what the platform does.
        status: one of _STATUSES.
        note: what happens here instead, or a detail.
        unverified: whether the rule is what people who know the platform say, and was not tried there.
        tests: the tests that show the status.
    """

    rule: str
    status: str = SUPPORTED
    note: str = ""
    unverified: bool = False
    tests: tuple[str, ...] = field(default=(), kw_only=True)

    def __post_init__(self) -> None:
        """Raise DocumentError for an unknown status, and for a claim without a test."""
        if self.status not in _STATUSES:
            raise DocumentError(f"'{self.rule}': the status '{self.status}' is none of {', '.join(_STATUSES)}.")
        if not self.tests and self.status not in _WITHOUT_TEST:
            raise DocumentError(f"'{self.rule}' is called {self.status}, and no test shows it.")


def read_rules(folder: Path) -> dict[str, tuple[Rule, ...]]:
    """Return the rules of each section, which is the name of a file without `.toml`; raises DocumentError."""
    sections = {path.stem: tuple(_rules(path)) for path in sorted(folder.glob("*.toml"))}
    check_names(RULES, [rule.rule for rules in sections.values() for rule in rules])
    return sections


def _rules(path: Path) -> list[Rule]:
    try:
        return [Rule(**rule, tests=tests_of(RULES, rule["rule"])) for rule in read_toml(path)["rules"]]
    except (KeyError, TypeError) as error:
        raise DocumentError(f"{path}: {error}") from error
