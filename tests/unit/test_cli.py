"""The command line without Spark: groups of options, what a failed update leaves behind, traces of --debug."""

import json
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from livetables.cli.app import app
from livetables.cli.options import AsJson, PipelineOptions, command
from livetables.errors import Diagnostic, GraphError, SettingsError, SourceLocation, UpdateFailed
from livetables.events.state import FlowSummary, Update
from livetables.events.states import FlowState, UpdateState
from livetables.settings import Settings


@dataclass(frozen=True)
class Paint:
    """A group of options."""

    colour: Annotated[str, typer.Option("--colour")] = "red"
    thick: Annotated[bool, typer.Option("--thick")] = False


def invoke(function, *words):
    """Run a function as the only command of a program."""
    program = typer.Typer()
    program.command()(function)
    return CliRunner().invoke(program, words)


def test_a_group_of_options_is_one_value_for_the_command():
    """The options stand in the help in the order of the function's parameters, `--debug` at the end."""

    @command
    def draw(name: Annotated[str, typer.Argument()], paint: Paint, as_json: AsJson = False) -> None:
        typer.echo(f"{name} {paint} {as_json}")

    assert "box Paint(colour='blue', thick=True) False\n" == invoke(draw, "box", "--colour", "blue", "--thick").output
    text = invoke(draw, "--help").output
    positions = [text.index(option) for option in ("--colour", "--thick", "--json", "--debug")]
    assert sorted(positions) == positions


@pytest.mark.parametrize(("words", "code", "traced"), [([], 1, False), (["--debug"], 1, True)])
def test_debug_prints_the_trace_of_an_error(words, code, traced):
    """Otherwise the error goes on to the program, which prints its text."""

    @command
    def fail() -> None:
        raise ValueError("it fails")

    result = invoke(fail, *words)
    assert (code, traced, not traced) == (
        result.exit_code,
        "Traceback" in result.stderr,
        isinstance(result.exception, ValueError),
    )


@pytest.mark.parametrize("words", [["--path-map", "x"], ["a.py", "--settings", "b.json"]])
def test_options_that_can_not_be_used_start_nothing(words):
    """The exit code is 2."""
    error = CliRunner().invoke(app, ["check", *words]).exception
    assert isinstance(error, SettingsError)
    assert ("WRONG_OPTION", 2, "Nothing was started.") == (error.code, error.exit_code, error.left_behind)


class FakePipeline:
    """A pipeline without Spark; `error` is what its graph raises, `state` how its update ends."""

    spark, warnings = None, ()

    def __init__(self, folder):
        self.settings = Settings("p", folder, (), folder)
        self.storage = SimpleNamespace(root=folder)
        self.error = self.state = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    @property
    def graph(self):
        """Fail as a pipeline with errors does."""
        raise self.error

    def run(self, *_, **__):
        """Return the final state of an update."""
        return self.state


@pytest.fixture
def pipeline(tmp_path, monkeypatch):
    """The pipeline that the commands open."""
    fake = FakePipeline(tmp_path)
    monkeypatch.setattr("livetables.pipeline.Pipeline", lambda *_, **__: fake)
    monkeypatch.setattr(PipelineOptions, "load", lambda _: fake.settings)
    return fake


def test_a_failed_update_says_what_it_leaves_behind(pipeline, tmp_path, monkeypatch):
    """And which flows failed; the exit code is 1."""
    monkeypatch.chdir(tmp_path.parent)
    states = {"a": FlowState.FAILED, "b": FlowState.SKIPPED}
    flows = {name: FlowSummary(name, name, state) for name, state in states.items()}
    pipeline.state = Update(state=UpdateState.FAILED, flows=flows, errors=["Flow a failed.", "The update is FAILED."])
    error = CliRunner().invoke(app, ["run"]).exception
    assert isinstance(error, UpdateFailed)
    state = f"What has committed stays in {tmp_path.name}; the next `livetables run` continues from there."
    assert ("The update failed in 1 flow: a.", state, 1) == (error.message, error.left_behind, error.exit_code)


def test_check_says_of_each_problem_what_it_leaves_behind(pipeline):
    """In its JSON, which is for programs."""
    pipeline.error = GraphError([Diagnostic("CODE", "It fails.", SourceLocation("a.py", 3), "Repair it.")])
    result = CliRunner().invoke(app, ["check", "--json"])
    assert 1 == result.exit_code
    assert {
        "ok": False,
        "problems": [
            {
                "code": "CODE",
                "message": "It fails.",
                "hint": "Repair it.",
                "left_behind": "Nothing was run; tables and checkpoints are unchanged.",
                "file": "a.py",
                "line": 3,
                "column": 0,
            }
        ],
        "warnings": [],
        "datasets": [],
    } == json.loads(result.stdout)
