"""Facts: the payload of each type of event goes into the log and comes back; folding what came back changes nothing."""

import ast
import json
from enum import Enum
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import livetables
from livetables.errors import LivetablesError, NotInUpdateError
from livetables.events import states
from livetables.events.events import Event, EventBus, error_of
from livetables.events.facts import (
    EVENT_TYPES,
    CreateUpdate,
    DatasetDefinition,
    Deprecation,
    FlowDefinition,
    FlowProgress,
    HookProgress,
    OperationProgress,
    RuleDefinition,
    UpdateProgress,
    UserAction,
    parse_fact,
)
from livetables.events.log import SCHEMA, EventLogWriter
from livetables.events.progress import DataQuality, FlowMetrics, RuleResult, SourceMetrics
from livetables.events.reading import read_events
from livetables.events.state import RuleCount, fold
from livetables.events.states import FlowState, Level, UpdateState
from livetables.storage.layout import Storage
from tests.unit.builders import FakeTime, event

TEXTS = st.text(st.characters(codec="utf-8"), max_size=8)
NAMES = st.sampled_from(["silver", "Gold", "b.c"])
COUNTS = st.integers(0, 2**62)
MAPPINGS = st.dictionaries(TEXTS, TEXTS, max_size=2)


def optional(strategy):
    """Return a strategy for a value that may be unknown."""
    return st.none() | strategy


SOURCES = st.builds(SourceMetrics, TEXTS, optional(COUNTS), optional(COUNTS), optional(COUNTS))
METRICS = st.builds(
    FlowMetrics,
    **dict.fromkeys(
        [name for name in FlowMetrics.__dataclass_fields__ if name not in ("input_rows_per_second", "watermark")],
        optional(COUNTS),
    )
    | {
        "input_rows_per_second": optional(st.floats(0, 1e12)),
        "watermark": optional(TEXTS),
        "source_metrics": optional(st.lists(SOURCES, max_size=2).map(tuple)),
    },
)
QUALITY = st.builds(
    DataQuality,
    COUNTS,
    st.lists(st.builds(RuleResult, NAMES, NAMES, st.integers(0, 99), st.integers(0, 99)), max_size=3).map(tuple),
)
FACTS = {
    UserAction: st.builds(UserAction),
    CreateUpdate: st.builds(
        CreateUpdate,
        st.sampled_from(states.UpdateCause),
        st.dictionaries(TEXTS, st.recursive(TEXTS | st.integers() | st.booleans(), st.lists, max_leaves=3), max_size=2),
        st.booleans(),
        *[st.lists(TEXTS, max_size=2).map(tuple)] * 3,
    ),
    UpdateProgress: st.builds(UpdateProgress, st.sampled_from(UpdateState)),
    DatasetDefinition: st.builds(
        DatasetDefinition,
        st.sampled_from(states.DatasetType),
        st.integers(0, 9),
        st.lists(st.builds(RuleDefinition, TEXTS, TEXTS, TEXTS), max_size=2).map(tuple),
        optional(TEXTS),
    ),
    FlowDefinition: st.builds(
        FlowDefinition,
        NAMES,
        st.lists(NAMES, max_size=2).map(tuple),
        st.sampled_from(states.FlowType),
        TEXTS,
        st.sampled_from(states.Language),
        optional(TEXTS),
        MAPPINGS,
        st.booleans(),
    ),
    FlowProgress: st.builds(FlowProgress, st.sampled_from(FlowState), optional(METRICS), optional(QUALITY)),
    OperationProgress: st.builds(
        OperationProgress, st.sampled_from(states.OperationType), st.sampled_from(states.OperationState)
    ),
    HookProgress: st.builds(HookProgress, TEXTS, st.sampled_from(states.HookState)),
    Deprecation: st.builds(Deprecation, TEXTS),
}
ERRORS = optional(st.builds(ValueError, TEXTS).map(lambda error: error_of(error, str(error), fatal=True)))
#: What is emitted: a fact, its message, level, error, flow and batch, and whether the log is flushed after it.
EMITTED = st.tuples(
    st.one_of(*FACTS.values()), TEXTS, st.sampled_from(Level), ERRORS, NAMES, optional(COUNTS), st.booleans()
)
#: Several updates, each with what it emits.
UPDATES = st.lists(st.lists(EMITTED, max_size=8), min_size=1, max_size=3)


def emitted(updates, log):
    """Emit the facts of updates, one after another at the same time; return the events as subscribers got them."""
    live = []
    for number, facts in enumerate(updates):
        bus = EventBus(FakeTime().clock, "sales", f"u-{number}", [live.append, log], log.last_seq_no)
        for fact, message, level, error, flow, batch, flush in facts:
            names = {"flow_name": flow, "dataset_name": flow.lower(), "batch_id": batch}
            bus.emit(fact, message, level=level, error=error, **names)
            if flush:
                log.flush()
    log.flush()
    return live


class Rows(list):
    """A log in memory: rows that went through Arrow, as the real one's do."""

    last_seq_no = 0

    def __call__(self, event):
        """Take an event."""
        self.last_seq_no = event.seq_no
        self.extend(pa.Table.from_pylist([event.row()], schema=SCHEMA).to_pylist())

    def flush(self):
        """Write nothing: every row is there already."""


def test_every_type_of_event_has_a_strategy():
    """The properties below hold for all of them."""
    assert set(EVENT_TYPES.values()) == set(FACTS)


@given(st.one_of(*FACTS.values()))
def test_a_fact_comes_back_from_its_details(fact):
    """Also through the JSON of the log."""
    assert fact == parse_fact(fact.event_type, json.loads(json.dumps(fact.details())))


@settings(deadline=None)
@given(UPDATES)
def test_folding_stored_rows_gives_the_state_of_the_live_events(updates):
    """The rows of the log hold all that an event says: the events are equal, so are their facts and their rows."""
    rows = Rows()
    live = emitted(updates, rows)
    stored = [Event.from_row(row) for row in rows]
    assert live == stored
    assert [event.fact for event in live] == [event.fact for event in stored]
    assert [event.row() for event in stored] == rows
    assert fold(live) == fold(stored)


@settings(max_examples=15, deadline=None)
@given(UPDATES)
def test_folding_the_event_log_gives_the_state_of_the_live_events(tmp_path_factory, updates):
    """As above, through a real Delta table and over commits of any size."""
    storage = Storage(tmp_path_factory.mktemp("storage"))
    live = emitted(updates, EventLogWriter(storage.events, FakeTime().clock))
    stored = list(read_events(storage))
    assert live == stored
    assert fold(live) == fold(stored)


@pytest.mark.parametrize(
    ("event_type", "details"), [("cluster_resources", {}), ("update_progress", {}), ("update_progress", {"state": "X"})]
)
def test_a_payload_of_another_version_is_an_error_that_names_its_type(event_type, details):
    """The dict of the payload is there all the same."""
    one = event(event_type, details)
    with pytest.raises(LivetablesError, match=f"type '{event_type}'") as caught:
        one.fact  # noqa: B018 (the property is what is tested)
    assert ("EVENT_UNREADABLE", details) == (caught.value.code, one.details)


def test_an_unknown_type_does_not_stop_a_fold():
    """Its level counts like that of any other."""
    newer = event("cluster_resources", {}, level="WARN", message="New.")
    assert ["New."] == fold([newer]).warnings


@pytest.mark.parametrize(
    "word",
    [word for kind in vars(states).values() if isinstance(kind, type) and issubclass(kind, Enum) for word in kind],
)
def test_a_state_is_its_text(word):
    """In a comparison, a message, JSON and as a key."""
    text = word.value
    assert (text, text, f'"{text}"', 1) == (word, f"{word}", json.dumps(word), {text: 1}[word])


@pytest.mark.parametrize("state", FlowState)
def test_a_flow_has_ended_or_not(state):
    """Three states are not final."""
    assert state.final != (state in ("QUEUED", "STARTING", "RUNNING"))


class TestUpdate:
    """The folded state is asked by name."""

    @pytest.fixture
    def update(self):
        """Return an update in which two flows count the rules of one view."""
        bus, events = EventBus(FakeTime().clock, "p", "u"), []
        bus.subscribers.append(events.append)
        for flow, failed in (("Silver", 1), ("gold", 2)):
            quality = DataQuality(0, (RuleResult("Valid_id", "known", 3, failed),))
            progress = FlowProgress(FlowState.COMPLETED, FlowMetrics(num_output_rows=3), quality)
            bus.emit(progress, "It has COMPLETED.", flow_name=flow, dataset_name=flow)
        return fold(events)

    def test_a_flow_is_found_in_any_case(self, update):
        """Names of datasets have no case."""
        assert ("Silver", 3) == (update.flow("SILVER").name, update.flow("silver").rows_out)

    def test_an_expectation_counts_over_all_flows(self, update):
        """A view is evaluated by each of its readers."""
        assert RuleCount(6, 3) == update.expectation("KNOWN", "valid_ID")

    @pytest.mark.parametrize(
        ("ask", "code", "hint"),
        [
            (lambda update: update.flow("silvr"), "FLOW_NOT_FOUND", "Did you mean 'Silver'?"),
            (lambda update: update.flow("x"), "FLOW_NOT_FOUND", "Its flows are Silver, gold."),
            (
                lambda update: update.expectation("known", "valid_di"),
                "EXPECTATION_NOT_FOUND",
                "Did you mean 'known.Valid_id'?",
            ),
        ],
    )
    def test_an_unknown_name_is_an_error_with_the_nearest_one(self, update, ask, code, hint):
        """It is a LookupError, too."""
        with pytest.raises(LookupError) as caught:
            ask(update)
        assert isinstance(caught.value, NotInUpdateError)
        assert (code, hint) == (caught.value.code, caught.value.diagnostic.hint)


#: Files that have words of their own, which happen to be the same: the states of Auto Loader's files.
OTHER_WORDS = {"autoloader/find/ledger.py": {"FAILED"}, "show/files.py": {"FAILED", "SKIPPED"}}
OWNERS = {"events/facts.py", "events/states.py"}


def test_words_of_the_event_log_are_spelled_in_one_place():
    """Other modules take types from facts and states from enums: a misspelt one is then an error, not a new word."""
    words = set(EVENT_TYPES) | {
        str(word)
        for kind in (Level, UpdateState, FlowState, states.UpdateCause, states.OperationType, states.HookState)
        for word in kind
    }
    root = Path(livetables.__file__).parent
    files = {path.relative_to(root).as_posix(): path for path in root.rglob("*.py")}
    spelled = {
        (name, node.value)
        for name in files.keys() - OWNERS
        for node in ast.walk(ast.parse(files[name].read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in words
    }
    assert {(name, word) for name, found in OTHER_WORDS.items() for word in found} == spelled


def test_every_type_of_event_is_documented():
    """In the page on how it works, whose list users write their queries from."""
    page = (Path(livetables.__file__).parents[1] / "docs" / "how-it-works.md").read_text()
    section = page[page.index("## The event log") :]
    assert [] == [name for name in EVENT_TYPES if f"`{name}`" not in section]
