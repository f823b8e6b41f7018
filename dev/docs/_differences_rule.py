"""A rule of the platform's behaviour, and the words for what becomes of it here."""

from __future__ import annotations

from dataclasses import dataclass

from dev.docs.probe import REFUSED, SUPPORTED, WARNED

DIFFERS, NO_EFFECT, NOT_SHOWN = "differs", "no effect", "not shown"


@dataclass(frozen=True)
class Rule:
    """One rule: what the platform does, whether that is so here, how it is not, and the tests that show it.

    `unverified`: nobody has looked on the platform; the rule is what people who know it say.
    """

    rule: str
    status: str
    tests: tuple[str, ...] = ()
    note: str = ""
    unverified: bool = False


def supported(rule: str, *tests: str, note: str = "", unverified: bool = False) -> Rule:
    """Return a rule that holds here too."""
    return Rule(rule, SUPPORTED, tests, note, unverified)


def differs(rule: str, note: str, *tests: str, unverified: bool = False) -> Rule:
    """Return a rule in whose place another one holds here."""
    return Rule(rule, DIFFERS, tests, note, unverified)


def refused(rule: str, *tests: str, note: str = "", unverified: bool = False) -> Rule:
    """Return a rule of something that is an error here."""
    return Rule(rule, REFUSED, tests, note, unverified)


def warned(rule: str, note: str, *tests: str) -> Rule:
    """Return a rule of something that has no effect here, which is said aloud."""
    return Rule(rule, WARNED, tests, note)


def no_effect(rule: str, note: str, *tests: str) -> Rule:
    """Return a rule of something that has no effect here, and that nobody misses."""
    return Rule(rule, NO_EFFECT, tests, note)


def not_shown(rule: str, note: str = "") -> Rule:
    """Return a rule that should hold here, and that no test shows."""
    return Rule(rule, NOT_SHOWN, (), note)
