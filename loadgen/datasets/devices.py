"""The change feed of the device registry: site and model of each device, and what changes during a run."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from random import Random
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

Operation = Literal["INSERT", "UPDATE", "DELETE"]
OPERATIONS: tuple[Operation, ...] = ("INSERT", "UPDATE", "DELETE")

SITES = ("Aarhus", "Bergen", "Gdansk", "Lisbon", "Porto", "Tallinn")
MODELS = ("TH-100", "TH-200", "TH-210")
# The same for every run with a seed, whatever its start: a later run registers the same devices again.
FIRST_INSTALLED = datetime(2023, 1, 1, tzinfo=timezone.utc)
INSTALLED_WITHIN_HOURS = 3 * 365 * 24


class DeviceEntry(NamedTuple):
    """The registry's entry of a device; of a removed one only its id."""

    device_id: str
    site: str | None = None
    model: str | None = None
    installed_at: str | None = None  # ISO 8601, UTC


class DeviceChange(NamedTuple):
    """One change; it is sent when the share `moment` (0 to 1) of the run is over."""

    kind: Operation
    device_id: str
    line: str  # without its newline; ASCII
    moment: float


class _DeviceEvent(NamedTuple):
    happens: float
    arrives: tuple[float, ...]  # more than one: it is sent again
    operation: Operation
    entry: DeviceEntry


def generate_changes(device_ids: Sequence[str], seed: int, start: int, share: float) -> tuple[DeviceChange, ...]:
    """Return the changes of a run in the order in which they are sent; all INSERTs come before its first reading.

    Sequences grow by 1 over all changes, from `start` on, so that the changes of a later run are newer.

    Args:
        device_ids: of all devices that send readings.
        seed: of every random draw.
        start: simulated time of the run's start, microseconds since 1970 UTC.
        share: of the devices, 0 to 1, that change; above 0, at least one does.
    """
    rng = Random(f"registry-{seed}")
    entries = [_entry(rng, device_id) for device_id in device_ids]
    events = [_DeviceEvent(0.0, (0.0,), "INSERT", entry) for entry in entries]
    changing = rng.sample(entries, max(round(share * len(entries)), int(share > 0)))
    for turn, entry in enumerate(changing):
        events += _life(rng, turn, entry)
    events.sort(key=lambda event: event.happens)
    sent = [
        DeviceChange(event.operation, event.entry.device_id, _line(event, sequence), moment)
        for sequence, event in enumerate(events, start=start)
        for moment in event.arrives
    ]
    return tuple(sorted(sent, key=lambda change: change.moment))


def _life(rng: Random, turn: int, entry: DeviceEntry) -> list[_DeviceEvent]:
    """Return the events of a device that changes; devices take turns with four lives, so a small fleet has all."""
    moved = entry._replace(site=_other(rng, SITES, entry.site))
    replaced: DeviceEntry = (moved if turn % 4 == 0 else entry)._replace(model=_other(rng, MODELS, entry.model))
    lives: tuple[tuple[tuple[Operation, DeviceEntry], ...], ...] = (
        (("UPDATE", moved), ("UPDATE", replaced)),
        (("UPDATE", moved), ("DELETE", DeviceEntry(entry.device_id))),
        (("UPDATE", moved),),
        (("UPDATE", replaced),),
    )
    life = lives[turn % len(lives)]
    happens = sorted(rng.uniform(0.1, 0.9) for _ in life)
    # Half of the devices with two changes: the older change arrives after the newer one, also after a DELETE.
    arrives = happens[::-1] if turn % (2 * len(lives)) < len(lives) else happens
    again = rng.uniform(0.0, 0.05)
    return [
        _DeviceEvent(at, (arrival, arrival + again) if turn % 3 == 0 else (arrival,), *change)
        for at, arrival, change in zip(happens, arrives, life, strict=True)
    ]


def _entry(rng: Random, device_id: str) -> DeviceEntry:
    installed = FIRST_INSTALLED + timedelta(hours=rng.randrange(INSTALLED_WITHIN_HOURS))
    return DeviceEntry(device_id, rng.choice(SITES), rng.choice(MODELS), f"{installed:%Y-%m-%dT%H:%M:%S}Z")


def _other(rng: Random, values: Sequence[str], than: str | None) -> str:
    return rng.choice([value for value in values if value != than])


def _line(event: _DeviceEvent, sequence: int) -> str:
    return json.dumps(
        {**event.entry._asdict(), "operation": event.operation, "sequence": sequence}, separators=(",", ":")
    )
