"""The stream of rows: a pure function of its settings."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime, timedelta, timezone
from itertools import islice

import pytest

from loadgen.datasets.readings import RECENT, Reading, ReadingSettings, Shares, generate
from loadgen.datasets.sensors import fleet, reading
from loadgen.phases.shape import NOMINAL_RATE

START = datetime(2026, 11, 21, 6, tzinfo=timezone.utc)
MIXED = Shares(late=0.2, duplicates=0.1, corrupt=0.07)


def take(count: int, **settings) -> list[Reading]:
    """Return the first rows of a stream that starts at START."""
    return list(islice(generate(ReadingSettings(**{"start": START, "shares": MIXED, **settings})), count))


def event_time(row: Reading) -> datetime:
    """Return a good row's event time."""
    return datetime.fromisoformat(json.loads(row.line)["event_time"].replace("Z", "+00:00"))


def test_same_stream_gives_the_same_bytes():
    """Seed, settings and start decide every byte."""
    assert take(3000) == take(3000)


@pytest.mark.parametrize("change", [{"seed": 2}, {"start": START + timedelta(seconds=1)}, {"devices": 7}])
def test_another_setting_gives_other_rows(change):
    """Each setting matters."""
    assert take(50) != take(50, **change)


def test_a_row_has_the_four_fields():
    """The line is one JSON object of the agreed form; the key is its device."""
    row = take(1, shares=Shares())[0]
    event = json.loads(row.line)
    assert list(event) == ["device_id", "temperature", "humidity", "event_time"]
    assert (event["device_id"], event["event_time"]) == (row.device_id, "2026-11-21T06:00:00.000000Z")


def test_shares_are_met():
    """Over 10,000 rows each kind is within 1.5 percentage points of its share."""
    counts = Counter(row.kind for row in take(10_000))
    assert counts.total() == 10_000
    expected = {"late": 0.2, "duplicate": 0.1, "corrupt": 0.07, "normal": 0.63}
    assert {kind: rows / 10_000 for kind, rows in counts.items()} == pytest.approx(expected, abs=0.015)


@pytest.mark.parametrize("rate", [1, 7, 1000, 0, 10_000_000])
def test_device_and_event_time_are_unique(rate):
    """No two normal or late rows share device and event time, also when rows are below 2 us apart."""
    good = [row for row in take(5000, rate=rate, devices=2) if row.kind in ("normal", "late")]
    assert len({(row.device_id, event_time(row)) for row in good}) == len(good)


def test_unique_when_every_row_is_late():
    """Late rows alone, at the densest spacing and with one device, never collide."""
    late = take(10_000, rate=1e9, devices=1, shares=Shares(late=1))
    assert len({row.line[row.line.index("event_time") :] for row in late}) == 10_000


def test_event_time_follows_the_row_number():
    """Row i is at start + i / rate * speed; rate 0 counts as the nominal rate."""
    shares = Shares()
    rows = take(4, rate=2, speed=60, shares=shares)
    assert [event_time(row) - START for row in rows] == [timedelta(seconds=30 * i) for i in range(4)]
    assert take(50, rate=0, shares=shares) == take(50, rate=NOMINAL_RATE, shares=shares)


def test_normal_times_increase_on_even_and_late_times_lie_on_odd_microseconds():
    """Parity keeps the two kinds apart."""
    rows = take(3000, rate=333)
    normal = [event_time(row) for row in rows if row.kind == "normal"]
    assert normal == sorted(set(normal))
    assert {time.microsecond % 2 for time in normal} == {0}
    assert {event_time(row).microsecond % 2 for row in rows if row.kind == "late"} == {1}


def test_late_rows_are_over_two_hours_behind():
    """A late row is 2 hours to 3 hours 12 minutes behind the simulated now, by a varying part."""
    rows = take(2000, rate=1)
    behind = [
        START + timedelta(seconds=number) - event_time(row) for number, row in enumerate(rows) if row.kind == "late"
    ]
    assert min(behind) >= timedelta(hours=2)
    assert max(behind) < timedelta(hours=3, minutes=12)
    assert max(behind) - min(behind) > timedelta(hours=1)


def test_a_duplicate_repeats_a_recent_normal_row():
    """A duplicate equals one of the last 1000 normal rows byte for byte."""
    normal: list[str] = []
    for row in take(4000):
        if row.kind == "normal":
            normal.append(row.line)
        elif row.kind == "duplicate":
            assert row.line in normal[-RECENT:]


def test_a_duplicate_of_nothing_is_a_normal_row():
    """With nothing to repeat the row is normal, and is counted so."""
    assert [row.kind for row in take(3, shares=Shares(duplicates=1))] == ["normal", "duplicate", "duplicate"]


def what_is_wrong(line: str) -> str:
    """Name the first defect of a line."""
    try:
        event = json.loads(line)
    except ValueError:
        return "truncated" if line.startswith('{"device_id"') else "not JSON"
    if "device_id" not in event:
        return "no device"
    if event["event_time"] == "yesterday":
        return "time"
    return {"hot": "text", 999.0: "hot"}.get(event["temperature"], "humidity" if event["humidity"] < 0 else "")


def test_corrupt_rows_rotate_through_seven_defects():
    """Each defect comes equally often, and each corrupt row has exactly the one that is its turn."""
    rows = take(700, shares=Shares(corrupt=1))
    turns = ["truncated", "not JSON", "no device", "text", "hot", "humidity", "time"]
    assert [what_is_wrong(row.line) for row in rows] == turns * 100
    assert [row.device_id is None for row in rows] == [turn in ("not JSON", "no device") for turn in turns] * 100


def test_readings_look_like_weather():
    """Warm at midday, cool at night, drier when warmer, and always within the sensor's range."""
    devices = fleet(100, 1)
    midnight = datetime(2026, 11, 21, tzinfo=timezone.utc).timestamp()

    def at(hour: float) -> list[tuple[float, float]]:
        return [reading(device, midnight + hour * 3600, 0.5) for device in devices]

    def hot(hour: float) -> float:
        return sum(temperature > 30 for temperature, _ in at(hour)) / len(devices)

    assert 0.15 <= sum(hot(quarter / 4) for quarter in range(44, 64)) / 20 <= 0.35
    assert hot(3) == 0
    assert all(night[1] > day[1] for night, day in zip(at(3), at(15), strict=True))
    assert all(-20 <= t <= 55 and 5 <= h <= 95 for hour in range(24) for t, h in at(hour))
