"""docs/differences.md says what is so: it is written from the code, and what it claims is tried or tested."""

import pytest

from dev.docs._differences_rule import Rule
from dev.docs.differences import GOAL, _check_rule, document, supported_share, up_to_date
from dev.docs.names import NAMES, Missing, Name, Silent
from dev.docs.probe import ProbeError, probe

#: How far it has come, in percent: it must not fall behind this.
REACHED = 97.1


def test_the_document_is_what_the_code_says():
    """When this fails, `make docs` writes the document anew: read what has changed."""
    assert up_to_date(document())


def test_no_name_or_parameter_is_lost_again():
    """The share of supported ones only grows."""
    assert supported_share(probe(NAMES)) >= REACHED


def test_the_goal_is_reached():
    """Nearly all names and parameters of the platform are supported."""
    assert supported_share(probe(NAMES)) >= GOAL


@pytest.mark.parametrize(
    ("optional", "says"),
    [
        ({"commet": "x"}, "sample of table is wrong"),
        ({"temporary": False}, "taken in silence"),
        ({"comment": Missing("x")}, "not missing any more"),
        ({"cluster_by_auto": Silent(True, why="nothing reads it")}, "not silent any more"),
    ],
)
def test_what_is_said_of_a_parameter_must_be_so(optional, says):
    """A misspelt one, one that changes nothing, and one that has got better since: the document is not written."""
    with pytest.raises(ProbeError, match=says):
        probe([Name("table", optional=optional, decorates=True)])


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        (Rule("Rows stay", "supported"), "no test shows it"),
        (Rule("Rows stay", "supported", ("tests/unit/test_plan.py::test_nothing",)), "There is no test"),
        (Rule("Rows stay", "differs", ("tests/unit/nowhere.py::test_nothing",)), "There is no test"),
    ],
)
def test_a_rule_is_claimed_only_with_a_test_that_exists(rule, says):
    """Without one, a rule may differ or not be shown."""
    with pytest.raises(ProbeError, match=says):
        _check_rule(rule)
