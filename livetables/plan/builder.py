"""Decides the steps of an update before any is done: graph + selection + storage -> steps, each with its reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from livetables.errors import DefinitionError, SettingsError, did_you_mean
from livetables.graph.schema import new_columns, stored_schema
from livetables.model import CLUSTER_BY, OWN, PARTITION_COLS, PRIVATE, ROW_FILTER, MaterializedView, Sink, Table, View
from livetables.plan.steps import (
    Alter,
    Create,
    Drop,
    Exclude,
    Inactive,
    OrphanFlow,
    Reset,
    ResetCheckpoint,
    Run,
    RunKind,
    Selection,
    StartFlow,
    Step,
)
from livetables.redaction import redacted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from livetables.graph.graph import Graph, ResolvedDataset
    from livetables.model import Changes, ColumnSelector

#: Prefix of the properties that record the parameters of AUTO CDC.
_CDC = OWN + "cdc."
_ROWS = {RunKind.STREAM: "new rows of its sources", RunKind.RECOMPUTE: "all rows of its inputs"}


class Existing(Protocol):
    """The facts about stored tables that a plan is made from."""

    def has_table(self, name: str) -> bool:
        """Return whether the table was created."""

    def kind_of(self, name: str) -> str | None:
        """Return the kind of dataset that a stored table was created for, or None when that is not known."""

    def declared_of(self, name: str) -> Mapping[str, str]:
        """Return the `declared_properties` that a stored table was last given."""

    def schema_json(self, name: str) -> str:
        """Return the schema of a stored table as JSON."""

    def flows_of(self, name: str) -> tuple[str, ...]:
        """Return the keys of the flows into a dataset that have a checkpoint."""

    def table_names(self) -> list[str]:
        """Return the keys of all stored tables."""


def declared_properties(dataset: ResolvedDataset) -> dict[str, str]:
    """Return the properties of a table by its definition, with the comment as `comment`, and those of livetables."""
    table = dataset.definition
    assert isinstance(table, Table)
    ours = {
        PRIVATE: "true" if table.private else None,
        ROW_FILTER: table.row_filter and table.row_filter.predicate,
        PARTITION_COLS: ", ".join(table.partition_cols),
        CLUSTER_BY: ", ".join(table.cluster_by),
        "comment": table.comment,
        **(_cdc_properties(dataset.changes) if dataset.changes else {}),
    }
    return {**table.table_properties, **{key: value for key, value in ours.items() if value}}


def _cdc_properties(changes: Changes) -> dict[str, str | None]:
    partial = None if changes.partial is None else _selector_text(changes.partial) or "all columns"
    return {
        f"{_CDC}keys": ", ".join(sorted(key.lower() for key in changes.keys)),
        f"{_CDC}track_history": _selector_text(changes.tracked),
        f"{_CDC}ignore_null_updates": partial,
        f"{_CDC}columns_to_update": "given" if changes.columns_to_update is not None else None,
        f"{_CDC}apply_as_truncates": "given" if changes.truncates is not None else None,
    }


def _selector_text(columns: ColumnSelector) -> str | None:
    if columns.only is not None:
        return "only " + ", ".join(sorted(columns.only))
    return "all but " + ", ".join(sorted(columns.but)) if columns.but else None


def plan(graph: Graph, selection: Selection, existing: Existing, *, drop_inactive: bool = False) -> tuple[Step, ...]:
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
        restarts = _checkpoint_resets(graph, dataset, resets, fresh=dataset.key in fresh)
        steps += _prepare(dataset, restarts, existing, reset=dataset.key in resets, chosen=dataset.key in chosen)
        if dataset.key not in chosen:
            steps.append(Exclude(dataset.name, "it is not selected"))
    steps += [_run(graph, dataset, dataset.key in full) for dataset in graph.targets if dataset.key in chosen]
    tables = {dataset.key for dataset in graph.tables}
    steps += [Drop(name) if drop_inactive else Inactive(name) for name in existing.table_names() if name not in tables]
    return tuple(steps)


def _prepare(
    dataset: ResolvedDataset, restarts: list[ResetCheckpoint], existing: Existing, *, reset: bool, chosen: bool
) -> list[Step]:
    if isinstance(dataset.definition, Sink):
        # What a sink has received stays there: a full refresh writes all rows again.
        again: list[Step] = [ResetCheckpoint(dataset.name, flow.name, "full refresh") for flow in dataset.flows]
        return again if reset else _continue_flows(dataset, restarts, existing, chosen=chosen)
    if not existing.has_table(dataset.name):
        return [Create(dataset.name)] if chosen else []
    stored = existing.kind_of(dataset.name)
    if chosen and stored not in (None, dataset.stored_kind):
        return _change_kind(dataset, str(stored), reset=reset)
    view = isinstance(dataset.definition, MaterializedView)
    if reset and not view:
        return [Reset(dataset.name, "full refresh"), Create(dataset.name, "full refresh")]
    altered = _alter(dataset, existing) if chosen else []
    if view:
        return altered  # its run replaces all rows in one commit: no row is removed before
    return [*altered, *_continue_flows(dataset, restarts, existing, chosen=chosen)]


def _alter(dataset: ResolvedDataset, existing: Existing) -> list[Step]:
    before, after = existing.declared_of(dataset.name), declared_properties(dataset)
    changed = {key: value for key, value in after.items() if before.get(key) != value}
    removed = tuple(key for key in before if key not in after)
    columns = new_columns(stored_schema(existing.schema_json(dataset.name)), dataset.schema)
    if not (changed or removed or columns):
        return []
    if isinstance(dataset.definition, MaterializedView):
        if PARTITION_COLS in before and CLUSTER_BY in after:
            return [Reset(dataset.name, "its layout changed"), Create(dataset.name, "its layout changed")]
    else:
        _check_unchangeable(dataset, before, after)
    parts = [f"{key} = '{redacted(value)}'" for key, value in changed.items()]
    parts += [f"{key} is removed" for key in removed]
    parts += [f"column {name} is new" for name in columns]
    return [Alter(dataset.name, f"its definition changed: {', '.join(parts)}", changed, removed, columns)]


def _check_unchangeable(dataset: ResolvedDataset, before: Mapping[str, str], after: Mapping[str, str]) -> None:
    """Raise DefinitionError when a definition changes what can't be changed in a table with rows."""
    for key in {**before, **after}:
        if (key == PARTITION_COLS or key.startswith(_CDC)) and before.get(key) != after.get(key):
            then, now = (repr(had[key]) if key in had else "not set" for had in (before, after))
            raise DefinitionError(
                "LAYOUT_CHANGED",
                f"The rows of '{dataset.name}' are stored for {key.rpartition('.')[2]} {then}, and it is {now} now.",
                location=dataset.definition.location,
                hint=f"Fill it from the start with --full-refresh {dataset.name}, or give it a new name.",
            )


def _continue_flows(
    dataset: ResolvedDataset, restarts: list[ResetCheckpoint], existing: Existing, *, chosen: bool
) -> list[Step]:
    """Return the steps for the flows of a dataset that keeps its rows."""
    known = existing.flows_of(dataset.name)
    if not (chosen and known):
        return [*restarts]
    flows = {flow.definition.key: flow.name for flow in dataset.flows}
    gone = tuple(key for key in known if key not in flows)
    reason = "it is new: it reads its source from the start"
    if gone:
        reason += f", also when it is '{gone[0]}' under a new name: then its rows come again"
    starting = [name for key, name in flows.items() if key not in known and name not in {r.flow for r in restarts}]
    new = [StartFlow(dataset.name, name, reason, gone) for name in starting]
    return [*restarts, *new, *(OrphanFlow(dataset.name, key) for key in gone)]


def _change_kind(dataset: ResolvedDataset, stored: str, *, reset: bool) -> list[Step]:
    if reset:
        return [Reset(dataset.name, f"it was a {stored}"), Create(dataset.name, "full refresh")]
    raise DefinitionError(
        "KIND_CHANGED",
        f"'{dataset.name}' is stored as a {stored}, and is now defined as a {dataset.stored_kind}.",
        location=dataset.definition.location,
        hint=f"Fill it from the start with --full-refresh {dataset.name}, or give it a new name.",
    )


def _checkpoint_resets(
    graph: Graph, dataset: ResolvedDataset, resets: dict[str, ResolvedDataset], *, fresh: bool
) -> list[ResetCheckpoint]:
    if fresh:
        return [ResetCheckpoint(dataset.name, flow.name, "its checkpoint is reset") for flow in dataset.flows]
    # Also when it is not selected: its checkpoint refers to a table that will be gone.
    return [
        ResetCheckpoint(dataset.name, flow.name, f"'{refilled[0]}' is fully refreshed: its rows come again")
        for flow in dataset.flows
        if (refilled := [graph.datasets[key].name for key in graph.stored(flow.inputs) if key in resets])
    ]


def _run(graph: Graph, dataset: ResolvedDataset, full: bool) -> Run:
    how = RunKind.RECOMPUTE if isinstance(dataset.definition, MaterializedView) else RunKind.STREAM
    reason = _ROWS[how]
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
