"""How `benchmarks.autoloader_kills` counts lines and names the phases of kills, on data with deliberate faults."""

import pytest

from benchmarks.autoloader_kills import Account, Marks, account, phase

NONE = Marks(-1, -1, -1)


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        ([(1, "a", 1), (2, "b", 1)], Account(2, missing=0, twice=0, wrong=0)),
        ([(1, "a", 1)], Account(2, missing=1, twice=0, wrong=0)),
        ([(1, "a", 2), (2, "b", 1)], Account(2, missing=0, twice=1, wrong=0)),
        ([(1, "a", 1), (2, "x", 1)], Account(2, missing=1, twice=0, wrong=1)),
        ([(1, "a", 1), (2, "b", 1), (3, "c", 1)], Account(2, missing=0, twice=0, wrong=1)),
        ([(1, "a", 1), (2, "b", 1), (None, None, 2)], Account(2, missing=0, twice=0, wrong=2)),
    ],
)
def test_a_line_that_is_missing_altered_or_there_twice_is_counted(stored, expected):
    """The account balances only when each line is stored exactly once."""
    found = account({1: "a", 2: "b"}, stored)
    assert (expected, expected == Account(2, 0, 0, 0)) == (found, found.balances)


@pytest.mark.parametrize(
    ("before", "after", "running", "expected"),
    [
        (NONE, NONE, False, "before the first batch"),
        (NONE, NONE, True, "before the first batch"),
        (Marks(4, 4, 4), Marks(4, 4, 4), True, "before the first batch"),
        (Marks(5, 4, 4), Marks(5, 4, 4), False, "before the first batch"),
        (NONE, Marks(0, -1, -1), True, "in a batch"),
        (Marks(5, 4, 4), Marks(5, 4, 4), True, "in a batch that came again"),
        (Marks(5, 4, 4), Marks(5, 5, 4), True, "in a batch that came again"),
        (Marks(4, 4, 4), Marks(7, 6, 6), True, "in a batch"),
        (Marks(4, 4, 4), Marks(7, 7, 6), True, "in a batch, after its rows were stored"),
        (Marks(5, 4, 4), Marks(5, 5, 5), True, "between batches"),
        (Marks(4, 4, 4), Marks(7, 7, 7), True, "between batches"),
    ],
)
def test_the_moment_of_a_kill_is_told_by_the_checkpoint_and_the_table(before, after, running, expected):
    """The printed phases show which moments the trial has covered."""
    assert expected == phase(before, after, running=running)
