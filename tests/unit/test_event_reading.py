"""Reading the event log: from a cursor on, by type, and for as long as new events come."""

import subprocess
import sys
import threading
from itertools import islice

import pytest
from deltalake import DeltaTable

from livetables.errors import LivetablesError
from livetables.events import log as event_log
from livetables.events.events import EventBus
from livetables.events.facts import FlowProgress, UpdateProgress, UserAction
from livetables.events.log import EventLogWriter, compact
from livetables.events.reading import read_events
from livetables.events.states import FlowState, UpdateState
from livetables.storage.layout import Storage
from tests.unit.builders import FakeTime

ACTION = UserAction()


class Log:
    """A storage folder with an event log, and what writes to it."""

    def __init__(self, folder):
        self.storage = Storage(folder)
        self.time = FakeTime()
        self.start()

    def start(self):
        """Start another update."""
        self.writer = EventLogWriter(self.storage.events, self.time.clock)
        self.bus = EventBus(self.time.clock, "p", "u", [self.writer], self.writer.last_seq_no)

    def write(self, *messages, fact=ACTION):
        """Write one commit."""
        for message in messages:
            self.bus.emit(fact, message)
        self.writer.flush()

    def read(self, **options):
        """Return the messages of the events."""
        return [event.message for event in read_events(self.storage, **options)]

    def lose_files(self):
        """Remove the files that are there now: whoever reads one of them again fails."""
        for file in self.storage.events.path.glob("*.parquet"):
            file.unlink()


@pytest.fixture
def log(tmp_path):
    """Return a log that holds nothing yet."""
    return Log(tmp_path)


def test_a_cursor_gives_what_is_newer(log):
    """It is the sequence number of an event; the log may be named by its storage folder, too."""
    log.write("one", "two")
    log.write("three")
    cursors = [event.seq_no for event in read_events(str(log.storage.root))]
    assert [["two", "three"], ["three"], []] == [log.read(after=cursor) for cursor in cursors]


def test_a_cursor_skips_the_files_before_it(log):
    """A page that asks every second must not read a log of days each time."""
    log.write("one", "two")
    log.lose_files()
    cursor = log.writer.last_seq_no
    log.write("three")
    assert ["three"] == log.read(after=cursor)


def test_a_clock_that_was_set_back_hides_no_event(log):
    """The next update's numbers begin above those of the log, whatever the time."""
    log.time.advance(100)
    log.write("one")
    cursor = log.writer.last_seq_no
    log.time.advance(-50)
    log.start()
    log.write("two")
    assert (["one", "two"], ["two"]) == (log.read(), log.read(after=cursor))


def test_types_are_facts_or_their_names(log):
    """Several at once."""
    log.write("action")
    log.write("update", fact=UpdateProgress(UpdateState.RUNNING))
    log.write("flow", fact=FlowProgress(FlowState.RUNNING))
    assert ["update", "flow"] == log.read(types=[UpdateProgress, "flow_progress"])
    assert [] == log.read(types=[])


def test_an_unknown_type_is_an_error_with_the_nearest_one(log):
    """Before anything is read."""
    with pytest.raises(LivetablesError) as caught:
        read_events(log.storage, types=["flow_progres"])
    assert ("EVENT_TYPE_UNKNOWN", "Did you mean 'flow_progress'?") == (caught.value.code, caught.value.diagnostic.hint)


def followed(log, *steps, **options):
    """Return the messages that a follower gets while each look is followed by a step; it is stopped after the last."""
    left, stop = list(steps), threading.Event()

    def sleep(_seconds):
        left.pop(0)()
        if not left:
            stop.set()

    log.time.advance = sleep
    return log.read(follow=True, stop=stop.is_set, clock=log.time.clock, **options)


def test_a_follower_gets_what_comes_later_and_reads_nothing_twice(log):
    """It looks for new commits, and reads only their files; what comes just before the stop is not missed."""
    log.write("one")

    def two():
        log.lose_files()
        log.write("two")

    def three():
        log.lose_files()
        log.write("three")

    assert ["one", "two", "three"] == followed(log, two, lambda: None, three)


def test_a_follower_waits_for_the_first_event(log):
    """A page may be opened before the first update."""
    assert ["one"] == followed(log, lambda: None, lambda: log.write("one"))


def test_a_follower_of_some_types_does_not_read_the_others_again(log):
    """What it left out is known, too."""

    def more():
        log.lose_files()
        log.write("three", fact=UpdateProgress(UpdateState.RUNNING))

    log.write("one", fact=UpdateProgress(UpdateState.CREATED))
    log.write("two")
    assert ["one", "three"] == followed(log, more, types=[UpdateProgress])


def test_a_follower_gets_nothing_twice_when_the_log_is_compacted(log, monkeypatch):
    """The same events lie in other files then."""
    monkeypatch.setattr(event_log, "COMPACT_FILES", 1)
    log.write("one")
    log.write("two")

    def compacted():
        compact(log.storage.events)
        assert 1 == len(DeltaTable(str(log.storage.events)).file_uris())

    assert ["one", "two", "three"] == followed(log, compacted, lambda: log.write("three"))


def test_a_follower_without_an_end_is_left_by_its_reader(log):
    """It gives each event as soon as it is there."""
    log.write("one")
    log.time.advance = lambda _seconds: log.write("more")
    events = read_events(log.storage, follow=True, clock=log.time.clock)
    assert ["one", "more", "more"] == [event.message for event in islice(events, 3)]


def test_reading_loads_no_spark():
    """A page or script that only reads events starts at once, also where PySpark is not installed."""
    program = "import sys, livetables.events.reading as r, livetables.events.state; sys.exit('pyspark' in sys.modules)"
    assert 0 == subprocess.run([sys.executable, "-c", program], check=False).returncode
