"""The status of a load's streams."""

import numpy as np
import pytest

from loadgen.phases.shape import SECOND
from loadgen.phases.shape_file import shape_of
from loadgen.report.status import StatusWatch, problems

STREAMS = [{"type": "baseline", "count": 7, "rate": 100}, {"type": "3x", "rate": 300}]
SHAPE = shape_of({"duration": "60s", "phases": [{"streams": STREAMS}]})


class Engine:
    """Stands where it is put, in seconds of the run."""

    def __init__(self) -> None:
        self.at, self.there, self.failed = 0, [0.0] * 8, {}

    def now(self):
        """Return the time."""
        return self.at * SECOND

    def arrived(self):
        """Return how far each stream is."""
        return (np.array(self.there) * SECOND).astype(np.int64)

    def errors(self):
        """Return why streams have failed."""
        return self.failed


def test_a_status_has_rates_since_the_last_one():
    """Of each stream: what fell due, what arrived, how late the oldest row is, and why it failed."""
    engine = Engine()
    watch = StatusWatch(SHAPE, engine)
    engine.at, engine.there = 10, [10.0] * 8
    watch.update()
    engine.at, engine.there, engine.failed = 20, [20.0] * 6 + [15.0, 10.0], {7: "Cannot write it."}
    status = watch.update()
    assert [(one.target_rate, one.actual_rate, one.lag_seconds) for one in status[-3:]] == [
        (100, 100, 0),
        (100, 50, 5),
        (300, 0, 10),
    ]
    assert (status[-1].table, status[-1].stream_type) == ("stream_table_3x_scale", "3x")
    assert list(problems(status)) == ["stream_table_3x_scale: Cannot write it."]


@pytest.mark.parametrize(
    ("behind", "said"),
    [
        (2, ["2 of 8 streams are up to 9.0 s behind their schedule: stream_table_001, stream_table_002."]),
        (8, ["8 of 8 streams are up to 9.0 s behind their schedule."]),
    ],
)
def test_streams_that_lag_are_named_when_they_are_few(behind, said):
    """An outage of all is one line."""
    engine = Engine()
    watch = StatusWatch(SHAPE, engine)
    engine.at, engine.there = 20, [11.0] * behind + [20.0] * (8 - behind)
    assert list(problems(watch.update())) == said
