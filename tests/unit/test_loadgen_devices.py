"""The device registry's change feed: a pure function of its settings, sent as the run goes on."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime, timedelta, timezone
from fractions import Fraction
from itertools import islice
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from loadgen.cli import app
from loadgen.datasets.devices import MODELS, OPERATIONS, SITES, DeviceChange, generate_changes
from loadgen.datasets.readings import EPOCH, ReadingSettings, Shares, generate
from loadgen.datasets.sensors import fleet
from loadgen.engines.feed import Feed
from loadgen.engines.local import Window
from loadgen.errors import target_error
from loadgen.phases.schedule import steady_shape
from loadgen.phases.shape import SECOND
from loadgen.targets.files import FilesTarget
from tests.loadgen_parts import LineTarget, python_engine

if TYPE_CHECKING:
    from loadgen.targets.base import Target

START = datetime(2026, 11, 21, 6, tzinfo=timezone.utc)
FIELDS = ["device_id", "site", "model", "installed_at", "operation", "sequence"]


def changes_of(share: float = 0.1, devices: int = 100, seed: int = 1, start: datetime = START):
    """Return the changes of a run in the order in which they are sent."""
    names = [device.device_id for device in fleet(devices, seed)]
    return generate_changes(names, seed, (start - EPOCH) // timedelta(microseconds=1), share)


def feed(share: float = 0.1, **settings) -> list[dict]:
    """Return the changes of a run, parsed, in the order in which they are sent."""
    return [json.loads(change.line) for change in changes_of(share, **settings)]


def engine_for(
    target: Target, changes: tuple[DeviceChange, ...], devices: Target, *, rate=100, rows=None, seconds=None
):
    """Return an engine that sends readings and changes."""
    shape = steady_shape(Fraction(rate), rows=rows, seconds=seconds, speed=Fraction(1))
    window = Window(deadline=float("inf") if seconds is None else seconds * SECOND)
    return python_engine(shape, 0, target, shares=Shares(), feed=Feed(changes, devices), window=window)


def sequences(changes: list[dict]) -> dict[str, list[int]]:
    """Return each device's sequences in the order in which they are sent."""
    by_device: dict[str, list[int]] = {}
    for change in changes:
        by_device.setdefault(change["device_id"], []).append(change["sequence"])
    return by_device


def run(*arguments: object):
    """Run `loadgen run` in this process."""
    return CliRunner().invoke(app, ["run", "--rate", "0", *map(str, arguments)])


def lines(folder) -> list[str]:
    """Return all lines of a folder's files."""
    return [line for path in sorted(folder.iterdir()) for line in path.read_text().splitlines()]


def test_same_settings_give_the_same_changes():
    """Seed, devices, start and share decide every byte and its moment."""
    assert changes_of() == changes_of()


@pytest.mark.parametrize("change", [{"seed": 2}, {"devices": 7}, {"start": START + timedelta(1)}, {"share": 0.2}])
def test_another_setting_gives_other_changes(change):
    """Each setting matters."""
    assert feed() != feed(**change)


def test_a_change_has_the_six_fields():
    """A device stands at a site since a time; of one that is removed only the id is told."""
    for change in feed(share=1):
        assert list(change) == FIELDS
        if change["operation"] == "DELETE":
            assert (change["site"], change["model"], change["installed_at"]) == (None, None, None)
        else:
            assert change["site"] in SITES
            assert change["model"] in MODELS
            installed = datetime.fromisoformat(change["installed_at"].replace("Z", "+00:00"))
            assert installed.utcoffset() == timedelta(0)


def test_every_device_that_sends_readings_is_registered_first():
    """One INSERT for each, before all other changes and before the first reading."""
    changes = changes_of(0.5, devices=30)
    senders = {row.device_id for row in islice(generate(ReadingSettings(START, devices=30)), 100)}
    first = changes[:30]
    assert {change.device_id for change in first} == senders
    assert {(change.kind, change.moment) for change in first} == {("INSERT", 0.0)}
    assert all(change.kind != "INSERT" and 0 < change.moment < 1 for change in changes[30:])


@pytest.mark.parametrize(
    ("devices", "share", "changed"), [(100, 0.1, 10), (100, 0, 0), (100, 1, 100), (3, 0.01, 1), (1, 0.1, 1)]
)
def test_the_share_of_devices_changes(devices, share, changed):
    """As many as the share says; above 0 at least one."""
    later = [change for change in feed(share, devices=devices) if change["operation"] != "INSERT"]
    assert len({change["device_id"] for change in later}) == changed


def test_each_update_changes_site_or_model():
    """In the order of their sequences, and nothing comes after a DELETE."""
    state: dict[str, dict] = {}
    changes = {change["sequence"]: change for change in feed(share=1)}
    seen = Counter()
    for _, change in sorted(changes.items()):
        before = state.get(change["device_id"])
        assert (before is None) == (change["operation"] == "INSERT")
        if change["operation"] == "UPDATE":
            seen.update(field for field in ("site", "model", "installed_at") if change[field] != before[field])
            assert [change[f] for f in ("site", "model")] != [before[f] for f in ("site", "model")]
        assert before is None or before["operation"] != "DELETE"
        state[change["device_id"]] = change
    assert seen.keys() == {"site", "model"}
    assert Counter(change["operation"] for change in state.values())["DELETE"] == 25


@pytest.mark.parametrize("devices", [10, 100])
def test_some_changes_arrive_out_of_order_and_some_twice(devices):
    """Also with one changed device; a repeated change is the same, byte for byte."""
    sent = [change.line for change in changes_of(devices=devices)]
    assert len(set(sent)) < len(sent)
    by_device = sequences(feed(devices=devices)).values()
    assert any(arrived != sorted(arrived) for arrived in by_device)
    numbers = sorted({number for arrived in by_device for number in arrived})
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert len(numbers) == len(set(sent))


def test_an_older_update_may_arrive_after_a_delete():
    """So that a removed device must not come back."""
    changes = feed(share=0.1)
    removed = {c["device_id"]: (at, c["sequence"]) for at, c in enumerate(changes) if c["operation"] == "DELETE"}
    late = [
        change
        for at, change in enumerate(changes)
        if change["device_id"] in removed
        and at > removed[change["device_id"]][0]
        and change["sequence"] < removed[change["device_id"]][1]
    ]
    assert late != []


def test_a_later_run_registers_the_same_devices_with_newer_sequences():
    """The INSERTs of two runs differ in their sequences alone."""
    one, other = feed(share=0), feed(share=0, start=START + timedelta(seconds=1))
    assert max(c["sequence"] for c in one) < min(c["sequence"] for c in other)
    assert [{**c, "sequence": 0} for c in one] == [{**c, "sequence": 0} for c in other]


@pytest.mark.parametrize("schedule", [(100, 1000, None), (100, None, 10), (0, 12_000, None)])
def test_all_changes_are_sent_in_the_course_of_a_run(schedule, tmp_path):
    """In their order, whatever ends the run; files hold them as they are."""
    rate, rows, seconds = schedule
    changes = changes_of(0.2)
    engine = engine_for(LineTarget(), changes, FilesTarget(tmp_path, "a", 1), rate=rate, rows=rows, seconds=seconds)
    engine.send()
    assert lines(tmp_path) == [change.line for change in changes]
    assert engine.feed.delivered() == Counter(change.kind for change in changes)


def test_changes_come_at_their_moments():
    """Half way through, those of the first half are sent; a run that is stopped leaves out the rest."""
    changes = changes_of(0.5)
    readings, devices = LineTarget(), LineTarget()
    engine = engine_for(readings, changes, devices, seconds=10)
    readings.on_write = lambda _block: engine._stop.set() if engine.now() > 5 * SECOND else None
    engine.send()
    due = sum(change.moment <= 0.5 for change in changes)
    assert 100 < due <= engine.feed.delivered().total() == len(devices.lines) < len(changes)
    assert engine.feed.delivered().total() - due <= 2  # the stop is seen up to 0.1 s later


def test_changes_wait_for_the_interval_of_their_target():
    """So that a folder does not get a file for each change."""
    devices = LineTarget()
    devices.interval = SECOND
    blocks = []
    devices.on_write = lambda block: blocks.append(block.until)
    engine_for(LineTarget(), changes_of(1.0), devices, seconds=10).send()
    assert len(blocks) <= 11


def test_a_resumed_run_sends_the_changes_that_have_not_arrived():
    """The target knows how many have."""
    changes, devices = changes_of(0.2), LineTarget(arrived=110)
    engine = engine_for(LineTarget(), changes, devices, seconds=10)
    engine.send()
    assert devices.lines == [change.line for change in changes[110:]]
    assert engine.feed.delivered().total() == len(changes)


def test_a_feed_that_fails_ends_the_run_and_closes_both_targets(tmp_path):
    """The readings that were written count."""
    readings = FilesTarget(tmp_path, "a", 1)

    class Full(LineTarget):
        closed = False

        def write(self, block) -> None:
            if engine.now() > 5 * SECOND:
                raise target_error("full")
            super().write(block)

        def close(self) -> None:
            self.closed = True

    full = Full()
    engine = engine_for(readings, changes_of(1.0), full, seconds=10)
    engine.send()
    assert (engine.failed(), engine.trouble()) == (True, "full")
    assert engine.kinds().total() == len(lines(tmp_path)) > 0
    assert full.closed


def test_the_command_line_writes_the_feed_and_reports_it(tmp_path):
    """The report counts device changes apart; `sent` and `by_kind` stay those of the readings."""
    where = ("--target", f"files:{tmp_path / 'in'}", "--devices-target", f"files:{tmp_path / 'devices'}")
    result = run("--rows", 500, "--devices", 20, "--device-changes", 0.3, *where, "--report", tmp_path / "out")
    assert (result.exit_code, result.stderr) == (0, "")
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    operations = Counter(json.loads(line)["operation"] for line in lines(tmp_path / "devices"))
    assert list(report) == ["sent", "by_kind", "device_changes"]
    assert (report["sent"], sum(report["by_kind"].values()), len(lines(tmp_path / "in"))) == (500, 500, 500)
    assert report["device_changes"] == {"sent": operations.total(), "by_operation": dict(operations)}
    assert list(report["device_changes"]["by_operation"]) == list(OPERATIONS)
    assert f"{operations.total()} device changes: 20 INSERT, " in result.stdout


def test_the_feed_does_not_change_the_readings(tmp_path):
    """Same seed and start: the readings are the same bytes with and without it, and so is the report's contract."""
    same = ("--rows", 500, "--seed", 7, "--start", "2026-11-21T06:00:00Z", "--corrupt", 0.2)
    assert run(*same, "--target", f"files:{tmp_path / 'a'}", "--report", tmp_path / "out").exit_code == 0
    devices = ("--devices-target", f"files:{tmp_path / 'd'}")
    assert run(*same, "--target", f"files:{tmp_path / 'b'}", *devices).exit_code == 0
    assert lines(tmp_path / "a") == lines(tmp_path / "b")
    assert list(json.loads((tmp_path / "out" / "report.json").read_text())) == ["sent", "by_kind"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--device-changes", 1.5, "--devices-target", "null"],
            "--device-changes 1.5 is not a share\n\nHint: write 0.05 for 5 % of the devices.",
        ),
        (["--devices-target", "s3:x"], "--devices-target 's3:x' is not a target\n\nHint: use files:DIR, "),
        (["--devices-target", "files:in"], "--devices-target 'files:in' is --target too\n\nHint: "),
    ],
)
def test_wrong_use_is_named(arguments, message):
    """Exit code 2 and one sentence that names option and value."""
    result = run("--rows", 1, "--target", "files:in", *arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"Error: {message}")
