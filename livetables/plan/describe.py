"""The steps of a plan as text for people and as data for programs."""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from livetables.plan.steps import OrphanFlow, ResetCheckpoint, Run, StartFlow

if TYPE_CHECKING:
    from livetables.plan.steps import Step

_WORD = re.compile(r"(?<!^)(?=[A-Z])")


def step_name(step: Step) -> str:
    """Return the name of a kind of step: `run`, `reset_checkpoint`, ..."""
    return _WORD.sub("_", type(step).__name__).lower()


def step_text(step: Step) -> str:
    """Return a step as a line of text: `Reset checkpoint silver, flow web: full refresh`."""
    title = step_name(step).replace("_", " ").capitalize()
    match step:
        case ResetCheckpoint() | StartFlow() | OrphanFlow():
            subject = f"{step.dataset}, flow {step.flow}"
        case Run():
            subject = f"{step.dataset} ({step.how.value})"
        case _:
            subject = step.dataset
    return f"{title} {subject}: {step.reason}"


def step_document(step: Step) -> dict[str, Any]:
    """Return a step as plain data: its name as `step`, and its fields."""
    return {"step": step_name(step), **asdict(step)}
