"""What a user reads when something is wrong."""

import pytest

from livetables.errors import (
    DatasetNotFoundError,
    DefinitionError,
    Diagnostic,
    GraphError,
    LivetablesError,
    SettingsError,
    SourceLocation,
    StorageBusy,
    UnreachableError,
    count,
    did_you_mean,
    nearest,
)


@pytest.mark.parametrize(
    ("diagnostic", "text"),
    [
        (Diagnostic("CODE", "It fails."), "error[CODE]\n  It fails."),
        (
            Diagnostic("CODE", "It fails.\nTwice.", SourceLocation("a.py", 3), "Repair it."),
            "error[CODE] a.py:3\n  It fails.\n  Twice.\n  Hint: Repair it.",
        ),
        (Diagnostic("CODE", "It fails.", SourceLocation("a.json")), "error[CODE] a.json\n  It fails."),
    ],
)
def test_a_problem_is_a_code_a_place_a_sentence_and_a_hint(diagnostic, text):
    """Terminals and editors link file:line."""
    assert str(diagnostic) == text


@pytest.mark.parametrize(
    ("name", "close"),
    [("ordres", "Orders"), ("ORDERS", "Orders"), ("custmers", "customers"), ("xyz", None), ("", None)],
)
def test_the_nearest_name_is_found_whatever_its_case(name, close):
    """And nothing is suggested when nothing is close."""
    assert nearest(name, ["Orders", "customers"]) == close


@pytest.mark.parametrize(("name", "hint"), [("ordres", "Did you mean 'Orders'?"), ("xyz", "There is Orders.")])
def test_a_hint_always_says_something(name, hint):
    """The nearest name, or else what there is."""
    assert did_you_mean(name, ["Orders"], "There is Orders.") == hint


@pytest.mark.parametrize(("number", "text"), [(0, "0 errors"), (1, "1 error"), (2, "2 errors"), (1234, "1,234 errors")])
def test_numbers_have_their_noun(number, text):
    """In singular and plural."""
    assert count(number, "error") == text


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [
        (SettingsError, ValueError),
        (DefinitionError, RuntimeError),
        (DatasetNotFoundError, LookupError),
        (UnreachableError, ConnectionError),
    ],
)
def test_an_error_is_also_the_builtin_that_users_catch(kind, builtin):
    """User code around a read can say `except LookupError`."""
    with pytest.raises(builtin) as caught:
        raise kind("CODE", "It fails.")
    assert (isinstance(caught.value, LivetablesError), caught.value.code) == (True, "CODE")


def test_a_graph_error_shows_every_problem():
    """One run of check shows everything to repair; the state that all of them leave behind is given once."""
    error = GraphError([Diagnostic("A", "One."), Diagnostic("B", "Two.")])
    state = "State: Nothing was run; tables and checkpoints are unchanged."
    assert f"error[A]\n  One.\nerror[B]\n  Two.\n{state}" == str(error)


def test_an_error_says_what_state_it_leaves_behind():
    """That of its class, unless the code that raises it knows more."""
    assert "error[CODE]\n  It fails.\n  Hint: Repair it.\n  State: Nothing was started." == str(
        SettingsError("CODE", "It fails.", hint="Repair it.")
    )
    assert "Half is done." == SettingsError("CODE", "It fails.", left_behind="Half is done.").left_behind
    assert LivetablesError("CODE", "It fails.").left_behind is None


def test_an_error_has_the_parts_of_its_text():
    """User code decides by them."""
    error = StorageBusy("CODE", "It fails.", location=SourceLocation("a.py", 3), hint="Repair it.")
    assert ("CODE", "It fails.", SourceLocation("a.py", 3), "Repair it.") == (
        error.code,
        error.message,
        error.location,
        error.hint,
    )
