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


@pytest.mark.parametrize(
    ("call", "hint"),
    [
        (lambda pipeline: lt.load_settings(path_maps={}), "Did you mean 'path_map'?"),
        (lambda pipeline: lt.Pipeline(pipeline.settings, debugs=True), "Did you mean 'debug'?"),
        (lambda pipeline: pipeline.run(for_second=3), "Did you mean 'for_seconds'?"),
        (lambda pipeline: pipeline.run(full_refesh=["a"]), "Did you mean 'full_refresh'?"),
        (lambda pipeline: pipeline.plan(refreshs=["a"]), "Did you mean 'refresh'?"),
        (lambda pipeline: pipeline.start(continous=True), "Did you mean 'continuous'?"),
        (lambda pipeline: lt.read_events("out", afters=3), "Did you mean 'after'?"),
        (lambda pipeline: pipeline.plan(refresh="silver"), 'Write refresh=["silver"].'),
    ],
)
def test_a_misspelt_keyword_is_an_error_that_names_the_nearest(call, hint, tmp_path):
    """In every function of the public API; and a text where a list of names belongs is no list of letters."""
    pipeline = lt.Pipeline(lt.Settings("p", tmp_path, (), tmp_path / "storage"))
    with pytest.raises(lt.errors.SettingsError) as caught:
        call(pipeline)
    assert caught.value.hint == hint
