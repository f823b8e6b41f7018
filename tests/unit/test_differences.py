"""docs/differences.md is written from the code and the tests: names are called, and rules are shown by tests."""

import pytest

from dev.docs.base import DocumentError
from dev.docs.differences import DOCUMENT, GOAL, document, supported_share
from dev.docs.names import NAMES, Missing, Name, Silent
from dev.docs.probe import probe
from dev.docs.rules import Rule, read_rules

#: The supported share that was reached, in percent: it must not fall below this.
REACHED = 97.1


def test_the_document_is_what_the_code_says():
    """When this fails, `make docs` writes the document: read what has changed."""
    assert document() == DOCUMENT.read_text()


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
        ({"temporary": False}, "accepted without a warning"),
        ({"comment": Missing("x")}, "not missing any more"),
        ({"cluster_by_auto": Silent(True, why="nothing reads it")}, "not silent any more"),
    ],
)
def test_what_is_said_of_a_parameter_must_be_so(optional, says):
    """A misspelt one, one that changes nothing, and one that has got better since: the document is not written."""
    with pytest.raises(DocumentError, match=says):
        probe([Name("table", optional=optional, decorates=True)])


@pytest.mark.parametrize("status", ["supported", "refused", "warned", "no effect"])
def test_a_rule_is_claimed_only_with_a_test(status):
    """Without one, a rule may differ or not be shown."""
    with pytest.raises(DocumentError, match="no test shows it"):
        Rule("Rows stay", status)
    assert Rule("Rows stay", "differs").tests == Rule("Rows stay", "not shown").tests == ()


def test_a_status_is_one_of_the_document():
    """A misspelt one is named."""
    with pytest.raises(DocumentError, match="the status 'diffres' is none of"):
        Rule("Rows stay", "diffres", tests=("tests/unit/test_plan.py::test_rows_stay",))


def test_the_key_of_a_rule_is_spelled_right(tmp_path):
    """A key that no rule has is named with its file."""
    (tmp_path / "flows.toml").write_text('[[rules]]\nrule = "Rows stay"\nnotes = "x"\n')
    with pytest.raises(DocumentError, match=r"flows.toml: .*'notes'"):
        read_rules(tmp_path)
