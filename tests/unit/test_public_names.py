"""The public names: which they are, and what importing them costs."""

import subprocess
import sys

import pytest

import livetables as lt

PUBLIC = {
    "Diagnostic",
    "Event",
    "FlowSummary",
    "Graph",
    "Pipeline",
    "Plan",
    "RunningUpdate",
    "Settings",
    "SourceLocation",
    "StoredTable",
    "Update",
    "errors",
    "load_settings",
    "read_events",
}


def test_the_public_names_are_these():
    """A name that is added or removed here is a promise made or broken: say so in the changelog."""
    assert set(lt.__all__) == PUBLIC
    assert set(dir(lt)) == {*PUBLIC, "__version__"}


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_every_public_name_is_there_and_documented(name):
    """Also those that are imported late."""
    assert getattr(lt, name).__doc__


def test_an_unknown_name_is_an_error():
    """As of any module."""
    with pytest.raises(AttributeError, match="no attribute 'Pipelin'"):
        _ = lt.Pipelin


def test_the_import_loads_no_spark():
    """`import livetables`, settings, errors and events are for programs that start at once."""
    program = (
        "import sys, livetables as lt; lt.load_settings, lt.errors, lt.read_events; print('pyspark' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
