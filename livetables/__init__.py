"""Run Delta Live Tables pipelines on this machine, unchanged: the public Python API.

>>> import livetables as lt
>>> settings = lt.load_settings(paths=["rooms.py"], storage="out", path_map={"/Volumes/main/rooms": "data"})
>>> with lt.Pipeline(settings) as pipeline:
...     update = pipeline.run()
>>> update.state, update.flow("readings").rows_out
('COMPLETED', 2)

The names in `__all__` are what other programs may rely on; all other modules and names are internal and may change in
any version. Importing this package is cheap: it loads neither pyspark nor Java.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from livetables import errors
    from livetables.errors import Diagnostic, SourceLocation
    from livetables.events.events import Event
    from livetables.events.reading import read_events
    from livetables.events.state import FlowSummary, Update
    from livetables.execute.running import RunningUpdate
    from livetables.graph.graph import Graph
    from livetables.pipeline import Pipeline
    from livetables.plan.plan import Plan
    from livetables.settings import Settings, load_settings
    from livetables.storage.stored import StoredTable

__version__ = "0.1.0"

__all__ = [
    "Diagnostic",
    "Event",
    "FlowSummary",
    "Graph",
    "Pipeline",
    "Plan",
    "RunningUpdate",
    "Settings",
    "SourceLocation",
    "StoredTable",
    "Update",
    "errors",
    "load_settings",
    "read_events",
]

#: The module of each public name, which is imported when the name is first used (PEP 562).
_MODULES = {
    "Diagnostic": "livetables.errors",
    "Event": "livetables.events.events",
    "FlowSummary": "livetables.events.state",
    "Graph": "livetables.graph.graph",
    "Pipeline": "livetables.pipeline",
    "Plan": "livetables.plan.plan",
    "RunningUpdate": "livetables.execute.running",
    "Settings": "livetables.settings",
    "SourceLocation": "livetables.errors",
    "StoredTable": "livetables.storage.stored",
    "Update": "livetables.events.state",
    "load_settings": "livetables.settings",
    "read_events": "livetables.events.reading",
}


def __getattr__(name: str) -> Any:
    """Return a public name, imported at its first use."""
    if name == "errors":
        return import_module("livetables.errors")
    if name not in _MODULES:
        raise AttributeError(f"module 'livetables' has no attribute '{name}'")
    value = globals()[name] = getattr(import_module(_MODULES[name]), name)
    return value


def __dir__() -> list[str]:
    """Return the public names."""
    return sorted([*__all__, "__version__"])
