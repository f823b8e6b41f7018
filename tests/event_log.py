"""What tests read from an event log: the progress of flows, and the counts of expectations over all updates."""

from __future__ import annotations

from collections import defaultdict

from livetables.events.facts import FlowProgress
from livetables.events.reading import read_events
from livetables.events.state import RuleCount


def progress(storage, flow=None):
    """Return the progress of a flow, or of all flows, over all updates."""
    events = read_events(storage, types=[FlowProgress])
    return [event.fact for event in events if flow in (None, event.origin["flow_name"])]


def rule_counts(storage, flow=None):
    """Return the passed and failed rows by (dataset, rule), of a flow or of all flows, over all updates."""
    counts = defaultdict(RuleCount)
    for quality in (fact.data_quality for fact in progress(storage, flow)):
        for rule in quality.expectations if quality else ():
            counts[rule.dataset, rule.name].passed += rule.passed_records
            counts[rule.dataset, rule.name].failed += rule.failed_records
    return dict(counts)
