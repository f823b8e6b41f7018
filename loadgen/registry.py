"""The device registry's change feed: where each device stands, and what changes during a run."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from random import Random
from typing import TYPE_CHECKING, Literal, NamedTuple

from loadgen.readings import fleet
from loadgen.rows import EPOCH

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loadgen.rows import Stream

Operation = Literal["INSERT", "UPDATE", "DELETE"]
OPERATIONS: tuple[Operation, ...] = ("INSERT", "UPDATE", "DELETE")

SITES = ("Aarhus", "Bergen", "Gdansk", "Lisbon", "Porto", "Tallinn")
MODELS = ("TH-100", "TH-200", "TH-210")
# The same for every run with a seed, whatever its start: a later run registers the same devices again.
FIRST_INSTALLED = datetime(2023, 1, 1, tzinfo=timezone.utc)
INSTALLED_WITHIN_HOURS = 3 * 365 * 24


class Entry(NamedTuple):
    """What the registry says of a device; of one that is removed, only its id."""

    device_id: str
    site: str | None = None
    model: str | None = None
    installed_at: str | None = None  # ISO 8601, UTC


class Change(NamedTuple):
    """One change to send, when that share of the run (0 to 1) is over."""

    kind: Operation
    device_id: str
    line: str  # without its newline; ASCII
    moment: float


class _Event(NamedTuple):
    happens: float
    arrives: tuple[float, ...]  # more than one: it is sent again
    operation: Operation
    entry: Entry


def generate_changes(stream: Stream, share: float) -> tuple[Change, ...]:
    """Return the changes of a run in the order in which they are sent; all INSERTs come before its first reading.

    Sequences grow by 1 over all changes, from the microseconds since 1970 at the stream's start on, so that the
    changes of a later run are newer.

    Args:
        stream: gives seed, devices and start.
        share: of the devices, 0 to 1, that change; above 0, at least one does.
    """
    rng = Random(f"registry-{stream.seed}")
    entries = [_entry(rng, device.device_id) for device in fleet(stream.devices, stream.seed)]
    events = [_Event(0.0, (0.0,), "INSERT", entry) for entry in entries]
    changing = rng.sample(entries, max(round(share * len(entries)), int(share > 0)))
    for turn, entry in enumerate(changing):
        events += _life(rng, turn, entry)
    events.sort(key=lambda event: event.happens)
    first = (stream.start - EPOCH) // timedelta(microseconds=1)
    sent = [
        Change(event.operation, event.entry.device_id, _line(event, sequence), moment)
        for sequence, event in enumerate(events, start=first)
        for moment in event.arrives
    ]
    return tuple(sorted(sent, key=lambda change: change.moment))


def _life(rng: Random, turn: int, entry: Entry) -> list[_Event]:
    """Return what happens to a device that changes; by turns, so that also a small fleet shows everything."""
    moved = entry._replace(site=_other(rng, SITES, entry.site))
    replaced: Entry = (moved if turn % 4 == 0 else entry)._replace(model=_other(rng, MODELS, entry.model))
    lives: tuple[tuple[tuple[Operation, Entry], ...], ...] = (
        (("UPDATE", moved), ("UPDATE", replaced)),
        (("UPDATE", moved), ("DELETE", Entry(entry.device_id))),
        (("UPDATE", moved),),
        (("UPDATE", replaced),),
    )
    life = lives[turn % len(lives)]
    happens = sorted(rng.uniform(0.1, 0.9) for _ in life)
    # Half of the devices with two changes: the older change arrives after the newer one, also after a DELETE.
    arrives = happens[::-1] if turn % (2 * len(lives)) < len(lives) else happens
    again = rng.uniform(0.0, 0.05)
    return [
        _Event(at, (arrival, arrival + again) if turn % 3 == 0 else (arrival,), *change)
        for at, arrival, change in zip(happens, arrives, life, strict=True)
    ]


def _entry(rng: Random, device_id: str) -> Entry:
    installed = FIRST_INSTALLED + timedelta(hours=rng.randrange(INSTALLED_WITHIN_HOURS))
    return Entry(device_id, rng.choice(SITES), rng.choice(MODELS), f"{installed:%Y-%m-%dT%H:%M:%S}Z")


def _other(rng: Random, values: Sequence[str], than: str | None) -> str:
    return rng.choice([value for value in values if value != than])


def _line(event: _Event, sequence: int) -> str:
    return json.dumps(
        {**event.entry._asdict(), "operation": event.operation, "sequence": sequence}, separators=(",", ":")
    )
