"""The plan of an update: its steps in order."""

from __future__ import annotations

from livetables.plan.describe import step_text
from livetables.plan.steps import Step


class Plan(tuple[Step, ...]):
    """The steps of an update, in order; as text, one line for each, as `livetables plan` prints them.

    >>> import livetables as lt
    >>> settings = lt.load_settings(paths=["rooms.py"], storage="new", path_map={"/Volumes/main/rooms": "data"})
    >>> with lt.Pipeline(settings) as pipeline:
    ...     plan = pipeline.plan(refresh=["readings"])
    >>> print(plan)
    Create readings: it does not exist yet
    Exclude warm_rooms: it is not selected
    Run readings (stream): new rows of its sources
    """

    __slots__ = ()

    def __str__(self) -> str:
        """Return a line for each step: what is done to which dataset, and why."""
        return "\n".join(map(step_text, self))
