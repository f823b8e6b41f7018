"""The value of a secret is in no text that is shown or stored, whatever way it takes."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from livetables.__main__ import main
from livetables.cli.output import print_json
from livetables.collect import python_files
from livetables.collect.binding import bound
from livetables.collect.registry import Registry
from livetables.errors import DefinitionError, Diagnostic, SourceLocation
from livetables.events.events import EventBus, error_of
from livetables.events.facts import CreateUpdate, FlowProgress, UpdateProgress
from livetables.events.hooks import HookRunner
from livetables.events.log import EventLogWriter
from livetables.events.reading import read_events
from livetables.events.state import Update
from livetables.events.states import FlowState, Level, UpdateCause, UpdateState
from livetables.model import EventHook
from livetables.notebook.dbutils import DbUtils, notebook_names
from livetables.redaction import redacted
from livetables.settings import Settings
from livetables.spark.failures import describe
from livetables.storage.layout import Storage
from tests.unit.builders import FakeTime
from tests.unit.test_failures import raised_in_the_jvm

WORD = 'hunter"2\nżółw'
SETTINGS = Settings("p", Path(), (), Path())


@pytest.fixture
def give(monkeypatch):
    """Return a function that lets `dbutils` give a secret; it stays one until the test has ended."""
    given = []

    def give(value):
        monkeypatch.setenv("LIVETABLES_SECRET_KAFKA_PASSWORD", value)
        given.append(DbUtils(str))
        return given[-1].secrets.get("kafka", "password")

    return give


@pytest.fixture
def secret(give):
    """Return a secret that a file was given."""
    return give(WORD)


@pytest.fixture
def bus():
    """Return a bus whose events are kept in its attribute `events`."""
    bus = EventBus(FakeTime().clock, "sales", "u-1")
    bus.events = []
    bus.subscribers.append(bus.events.append)
    return bus


@pytest.mark.parametrize("written", [str, repr, json.dumps, lambda text: json.dumps(text, ensure_ascii=False)])
def test_a_secret_is_found_however_it_is_written(secret, written):
    """Errors quote values as Python does; Spark and Kafka quote them as JSON does."""
    assert redacted(f"sasl {written(secret)}!").replace('"', "").replace("'", "") == "sasl [REDACTED]!"


def test_what_is_redacted_twice_is_as_after_once(give):
    """A message passes several ways out, and a secret may be part of the word that replaces it."""
    secrets = [give(value) for value in ("RED", "hunter", "hunter2", "")]
    assert redacted(redacted(f"{secrets} {{}}")) == "['[REDACTED]', '[REDACTED]', '[REDACTED]', ''] {}"


def test_a_secret_is_one_as_long_as_its_pipeline_is_there(give):
    """The next pipeline of the process has its own."""
    dbutils = DbUtils(str)
    dbutils.secrets._store.hidden.add("only for now")
    assert redacted("only for now") == "[REDACTED]"
    del dbutils
    assert redacted("only for now") == "only for now"


def test_a_problem_shows_no_secret(secret):
    """Whoever makes it, and in its hint: `check`, `--json` and the text of every error come from it."""
    assert Diagnostic("CODE", f"It says {secret}.", SourceLocation("a.py", 1), f"Not {secret!r}?") == Diagnostic(
        "CODE", "It says [REDACTED].", SourceLocation("a.py", 1), "Not '[REDACTED]'?"
    )
    assert "hunter" not in str(DefinitionError("CODE", f"It says {secret}."))


@pytest.mark.parametrize(
    "text",
    [
        "raise ValueError(f'no {word}')",
        "print(1 / 0 if word else 2)",
        "import dlt\ndlt.table(word)",
        "import dlt\ndlt.table(**{word: 1})(print)",
        "raise type(word, (Exception,), {})",
        "dbutils.fs.ls(word)",
        "raise ValueError('no') from OSError(word)",
        "import json\njson.loads(word)",
    ],
)
def test_a_problem_of_a_file_shows_no_secret(secret, tmp_path, text):
    """Whatever the file does with it."""
    file = tmp_path / "a.py"
    file.write_text(f"word = {secret!r}\n{text}\n")
    with bound([tmp_path]):
        defined = python_files.collect([file], Registry(root=tmp_path), {"dbutils": DbUtils(str)})
    assert len(defined.diagnostics) == 1
    assert "hunter" not in str(defined.diagnostics[0])


def test_what_a_file_prints_shows_no_secret(secret, tmp_path, capsys):
    """As in a notebook of the platform; what it prints into a file of its own stays as it is."""
    file = tmp_path / "a.py"
    text = "print('It is', [word], sep='=', end='.')\nwith open(__file__ + '.txt', 'w') as f: print(word, file=f)\n"
    file.write_text("word = dbutils.secrets.get('kafka', 'password')\n" + text)
    with bound([tmp_path]):
        names = notebook_names(SimpleNamespace(sparkContext=None, sql=None, table=None), SETTINGS)
        defined = python_files.collect([file], Registry(root=tmp_path), names)
    assert (defined.diagnostics, capsys.readouterr().out) == ((), "It is=['[REDACTED]'].")
    assert (tmp_path / "a.py.txt").read_text() == secret + "\n"


def test_no_cause_of_the_jvm_shows_a_secret(secret):
    """Spark quotes options and rows; only the first line of the message is shown, which must not cut a secret."""
    wrapper = ("StreamingQueryException", f"[STREAM_FAILED] {secret}")
    error = raised_in_the_jvm(wrapper, ("IOException", f"login with {secret} failed\n\tat a.b(C.scala:1)"))
    assert describe(error).message == "IOException: login with [REDACTED] failed"
    violation = f"[EXPECTATION_VIOLATION.VERBOSITY_ALL] Flow 's'. Input data: '{secret}'. Missing input data: false"
    assert "hunter" not in describe(ValueError(violation)).message


def test_an_error_that_was_caused_by_another_shows_no_secret(secret):
    """The event log keeps the causes, cut to a length that must not cut a secret either."""
    error = ValueError("no")
    error.__cause__ = OSError("x" * 1990 + secret)
    assert [one["message"][-10:] for one in error_of(error, "no", fatal=True)["exceptions"]] == ["no", "[REDACTED]"]


def test_an_event_shows_no_secret(secret, bus, tmp_path):
    """Neither to those who hear of it, nor in the log, in none of its columns."""
    log, heard = EventLogWriter(Storage(tmp_path).events, FakeTime().clock), []
    bus.subscribers.append(log)
    hooks = HookRunner(bus)
    bus.subscribers.append(hooks)
    hooks.begin([EventHook("h", heard.append)])
    error = {"fatal": True, "exceptions": [{"class_name": "E", "message": secret, "stack": []}]}
    config = {"a": [{"b": f"x{secret}"}], "n": 1}
    fact = CreateUpdate(UpdateCause.USER_ACTION, config, refresh_selection=(secret,))
    bus.emit(fact, f"It says {secret}.", level=Level.ERROR, error=error)
    hooks.close()
    log.flush()
    expected = CreateUpdate(
        UpdateCause.USER_ACTION, {"a": [{"b": "x[REDACTED]"}], "n": 1}, refresh_selection=("[REDACTED]",)
    )
    assert (bus.events[0].message, bus.events[0].fact) == ("It says [REDACTED].", expected)
    assert bus.events[0].error["exceptions"][0]["message"] == "[REDACTED]"
    for shown in (bus.events, heard, list(read_events(tmp_path))):
        assert len(shown) == 1
        assert "hunter" not in str(shown)


def test_a_secret_that_is_a_word_of_ours_changes_no_outcome(give, bus):
    """Exit code and console read the state of an event."""
    give("FAILED")
    state = Update()
    bus.subscribers.append(state.apply)
    bus.emit(FlowProgress(FlowState.FAILED), "It FAILED.", flow_name="f", dataset_name="f")
    bus.emit(UpdateProgress(UpdateState.FAILED), "It FAILED.")
    assert (state.state, state.flows["f"].status, bus.events[0].message) == ("FAILED", "FAILED", "It [REDACTED].")


@pytest.mark.parametrize("value", [WORD, "7"])
def test_a_json_document_shows_no_secret(give, capsys, value):
    """`graph --json` names the paths that a query reads; a secret that is a number, too, leaves it a document."""
    print_json([{"external_inputs": (f"gs://bucket/x?sas={give(value)}",), "rows": 7}])
    assert json.loads(capsys.readouterr().out) == [{"external_inputs": ["gs://bucket/x?sas=[REDACTED]"], "rows": 7}]


@pytest.mark.parametrize("kind", [RuntimeError, lambda text: DefinitionError("CODE", text)])
def test_the_whole_trace_shows_no_secret(secret, monkeypatch, capsys, kind):
    """`--debug` prints all that Python knows of an error, with the errors that caused it."""

    def fail():
        raise kind(secret) from ValueError(secret)

    monkeypatch.setattr("livetables.show.doctor.checks", fail)
    monkeypatch.setattr("sys.argv", ["livetables", "doctor", "--debug"])
    with pytest.raises(SystemExit) as caught:
        main()
    shown = capsys.readouterr().err
    assert (caught.value.code, "hunter" in shown, shown.count("[REDACTED]")) == (1, False, 2)
    assert shown.startswith("ValueError: [REDACTED]\n\nThe above exception was the direct cause")
    assert "in fail" in shown
