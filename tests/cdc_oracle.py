"""What AUTO CDC should leave, by the documented rules, in plain Python over all events at once.

It knows nothing of batches: the order and the split in which events arrive must not matter.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Event:
    """One change of one key: `values` of an upsert, or a delete; a truncate has no key."""

    key: object
    sequence: object
    values: dict = field(default_factory=dict)
    delete: bool = False
    truncate: bool = False


def newest(events, *, ignore_nulls=()):
    """Type 1: key -> values. The newest event of a key counts; older ones that come late change nothing.

    A truncate removes all that is older than it. A NULL leaves the columns `ignore_nulls` as they were.
    """
    oldest = max((e.sequence for e in events if e.truncate), default=None)
    rows = {}
    for event in _in_order(events, oldest):
        if event.delete:
            rows.pop(event.key, None)
        else:
            rows[event.key] = _updated(rows.get(event.key, {}), event.values, ignore_nulls)
    return rows


def history(events, *, untracked=(), ignore_nulls=()):
    """Type 2: a list of (key, values, start, end). A version ends where the next one or a delete begins.

    Only a change of a tracked column begins a version; other columns are changed in the version that is there.
    """
    versions = defaultdict(list)
    for event in _in_order(events, None):
        mine = versions[event.key]
        current = mine[-1] if mine and mine[-1][2] is None else None
        if event.delete:
            if current:
                current[2] = event.sequence
            continue
        values = _updated(current[0] if current else {}, event.values, ignore_nulls)
        if current and _tracked(current[0], untracked) == _tracked(values, untracked):
            current[0] = values
            continue
        if current:
            current[2] = event.sequence
        mine.append([values, event.sequence, None])
    return [(key, values, start, end) for key, mine in versions.items() for values, start, end in mine]


def _in_order(events, oldest):
    """Each event once, by sequence; a repeated (key, sequence) counts once."""
    unique = {(e.key, e.sequence): e for e in reversed(events) if not e.truncate}
    kept = [e for e in unique.values() if oldest is None or e.sequence >= oldest]
    return sorted(kept, key=lambda event: event.sequence)


def _updated(before, values, ignore_nulls):
    return {
        name: before.get(name) if value is None and name in ignore_nulls else value for name, value in values.items()
    }


def _tracked(values, untracked):
    return {name: value for name, value in values.items() if name not in untracked}
