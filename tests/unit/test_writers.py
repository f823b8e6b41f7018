"""How a flow writes, where no session is needed to see it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

from py4j.protocol import Py4JError

from livetables.execute.expectations import observed_counts
from livetables.execute.writers import _counts, merging_confs

AT_ONCE, THREADS = 70, 64


class Reported:
    """An observation that Spark reports once `event` is set: with a row, or without one."""

    def __init__(self, event=None, row=None):
        """Report at once without an `event`."""
        self._event, self._row = event, row
        self._jo = self

    def future(self):
        """Return the Java future of the report: this object, too."""
        return self

    def isCompleted(self):  # noqa: N802 (Java's own name)
        """Return whether the report has come."""
        return self._event is None or self._event.is_set()

    @property
    def get(self):
        """Wait for the report, as Spark's own method does."""
        if self._event is not None:
            self._event.wait(60)
        if self._row is None:
            raise Py4JError("There is no row.")
        return self._row


class Warnings(list):
    """Sources that keep the warnings."""

    def warn(self, code, message):
        """Keep a warning."""
        self.append((code, message))


def test_what_the_configuration_says_of_merges_counts():
    """AUTO CDC plans its merges for small batches, unless the pipeline asks for something else."""
    quick = merging_confs({})
    assert quick["spark.sql.adaptive.enabled"] == "false"
    asked = merging_confs({"spark.sql.adaptive.enabled": "true"})
    assert quick.keys() - asked.keys() == {"spark.sql.adaptive.enabled"}


def test_batch_queries_that_fill_their_pool_lose_no_counts():
    """More queries than threads end at the same time: each has its counts, and nothing is warned of."""
    full, reported = threading.Barrier(THREADS), threading.Event()
    left = iter(range(AT_ONCE))
    with ThreadPoolExecutor(max_workers=THREADS) as threads:
        engine = SimpleNamespace(threads=threads, sources=Warnings())

        def end_query(number):
            if next(left) < THREADS and full.wait(30) == 0:
                reported.set()
            name = f"livetables:t{number}:0"
            reader = SimpleNamespace(flow="f", observations={name: Reported(reported, {"rows": number})})
            return _counts(engine, reader)

        counts = list(threads.map(end_query, range(AT_ONCE)))
    assert [{f"livetables:t{number}:0": {"rows": number}} for number in range(AT_ONCE)] == counts
    assert [] == engine.sources


def test_counts_that_spark_does_not_report_are_warned_of():
    """The others count; the warning names the flow and the datasets."""
    engine = SimpleNamespace(threads=None, sources=Warnings())
    observations = {"livetables:orders:0": Reported(row={"rows": 2}), "livetables:removed:0": Reported()}
    counts = _counts(engine, SimpleNamespace(flow="daily", observations=observations))
    [(code, message)] = engine.sources
    assert ({"livetables:orders:0": {"rows": 2}}, "COUNTS_LOST") == (counts, code)
    assert "flow 'daily' has read for removed." in message


def test_counts_that_do_not_come_are_left_out_after_a_time():
    """The time is for all observations together, and no thread goes on waiting."""
    never, before = threading.Event(), threading.active_count()
    observations = {str(number): Reported(never) for number in range(20)} | {"came": Reported(row={"rows": 1})}
    assert {"came": {"rows": 1}} == observed_counts(observations, seconds=0.05)
    assert before == threading.active_count()
