"""Decides what an update will do, and why, before anything is done: graph + selection + what exists -> steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

from livetables.errors import DefinitionError, SettingsError, did_you_mean
from livetables.model import MaterializedView, Sink, Table, View

if TYPE_CHECKING:
    from collections.abc import Iterable

    from livetables.graph.graph import Graph, ResolvedDataset


@dataclass(frozen=True)
class Selection:
    """What `--refresh`, `--full-refresh`, `--full-refresh-all` and `--reset-checkpoints` ask for.

    Empty means everything, as it is.
    """

    refresh: tuple[str, ...] = ()
    full_refresh: tuple[str, ...] = ()
    full_refresh_all: bool = False
    reset_checkpoints: tuple[str, ...] = ()

    def once_reset(self) -> Selection:
        """Return what is still to be done when all that it resets has been reset: the same tables run."""
        return Selection(() if self.full_refresh_all else (*self.refresh, *self.full_refresh))


@dataclass(frozen=True)
class Reset:
    """Remove the rows and checkpoints of a table, so that it is filled from the start."""

    dataset: str
    reason: str


@dataclass(frozen=True)
class Restart:
    """Give a flow a new checkpoint and keep the table's rows."""

    dataset: str
    flow: str
    reason: str


@dataclass(frozen=True)
class Create:
    """Create a table with its columns and properties."""

    dataset: str
    reason: str = "it does not exist yet"


@dataclass(frozen=True)
class Run:
    """Run the flows of a table: `stream` takes what is new, `recompute` replaces everything."""

    dataset: str
    how: str
    after: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class Exclude:
    """Leave a table as it is."""

    dataset: str
    reason: str


Step: TypeAlias = Reset | Restart | Create | Run | Exclude


class Existing(Protocol):
    """What plan needs to know of the storage."""

    def has_table(self, name: str) -> bool:
        """Tell whether the table was created."""

    def kind_of(self, name: str) -> str | None:
        """Return what kind of dataset a stored table was created for, or None when that is not known."""


def plan(graph: Graph, selection: Selection, existing: Existing) -> tuple[Step, ...]:
    """Return the steps of an update in the order in which they are done.

    Raises SettingsError when the selection names a dataset that is not a table of the graph.
    """
    full = _keys(graph, selection.full_refresh, "--full-refresh")
    refresh = _keys(graph, selection.refresh, "--refresh")
    fresh = _keys(graph, selection.reset_checkpoints, "--reset-checkpoints")
    if selection.full_refresh_all:
        full = {dataset.key for dataset in graph.targets}
    everything = selection.full_refresh_all or not (full or refresh)
    chosen = {d.key for d in graph.targets} if everything else full | refresh
    resets = {d.key: d for d in graph.targets if d.key in full and _may_reset(d)}
    steps: list[Step] = []
    for dataset in graph.targets:
        prepared = _prepare(graph, dataset, resets, existing, chosen=dataset.key in chosen)
        if dataset.key in fresh and not prepared:
            prepared = [Restart(dataset.name, flow.name, "its checkpoint is reset") for flow in dataset.flows]
        steps += prepared
        if dataset.key not in chosen:
            steps.append(Exclude(dataset.name, "it is not selected"))
    steps += [_run(graph, dataset, dataset.key in full) for dataset in graph.targets if dataset.key in chosen]
    return tuple(steps)


def _prepare(
    graph: Graph, dataset: ResolvedDataset, resets: dict[str, ResolvedDataset], existing: Existing, *, chosen: bool,
) -> list[Step]:  # fmt: skip
    reset = dataset.key in resets
    if isinstance(dataset.definition, Sink):
        # What is outside the pipeline is never removed: its rows are written again.
        again: list[Step] = [Restart(dataset.name, flow.name, "full refresh") for flow in dataset.flows]
        return again if reset else _restarts(graph, dataset, resets)
    if not existing.has_table(dataset.name):
        return [Create(dataset.name)] if chosen else []
    stored = existing.kind_of(dataset.name)
    if chosen and stored not in (None, dataset.stored_kind):
        return _with_new_kind(dataset, str(stored), reset=reset)
    if isinstance(dataset.definition, MaterializedView):
        return []  # it is replaced in one commit at the end of its run: nothing is removed before
    if reset:
        return [Reset(dataset.name, "full refresh"), Create(dataset.name, "full refresh")]
    return _restarts(graph, dataset, resets)


def _with_new_kind(dataset: ResolvedDataset, stored: str, *, reset: bool) -> list[Step]:
    if reset:
        return [Reset(dataset.name, f"it was a {stored}"), Create(dataset.name, "full refresh")]
    raise DefinitionError(
        "KIND_CHANGED",
        f"'{dataset.name}' is stored as a {stored}, and is now defined as a {dataset.stored_kind}.",
        place=dataset.definition.place,
        hint=f"Fill it from the start with --full-refresh {dataset.name}, or give it a new name.",
    )


def _restarts(graph: Graph, dataset: ResolvedDataset, resets: dict[str, ResolvedDataset]) -> list[Step]:
    # Also when it does not run now: its checkpoint speaks of a table that will be gone.
    return [
        Restart(dataset.name, flow.name, f"'{refilled[0]}' is fully refreshed: its rows come again")
        for flow in dataset.flows
        if (refilled := [graph.datasets[key].name for key in graph.stored(flow.inputs) if key in resets])
    ]


def _run(graph: Graph, dataset: ResolvedDataset, full: bool) -> Run:
    how = "recompute" if isinstance(dataset.definition, MaterializedView) else "stream"
    reason = "all rows of its inputs" if how == "recompute" else "new rows of its sources"
    if full and not _may_reset(dataset):
        reason += " (pipelines.reset.allowed is false, so it is not reset)"
    after = tuple(graph.datasets[key].name for key in graph.stored_inputs(dataset.key))
    return Run(dataset.name, how, after, reason)


def _may_reset(dataset: ResolvedDataset) -> bool:
    definition = dataset.definition
    properties = definition.table_properties if isinstance(definition, Table) else {}
    return properties.get("pipelines.reset.allowed", "true").lower() != "false"


def _keys(graph: Graph, names: Iterable[str], option: str) -> set[str]:
    keys = set()
    known = [d.name for d in graph.datasets.values() if not isinstance(d.definition, View)]
    for name in names:
        key = name.split(".")[-1].lower()
        if key not in {other.lower() for other in known}:
            hint = did_you_mean(name, known, f"The tables are {', '.join(known)}.")
            raise SettingsError("DATASET_NOT_FOUND", f"{option} names '{name}', which is not a table.", hint=hint)
        keys.add(key)
    return keys
