"""Sets up the tables and checkpoints of an update: the steps of its plan that come before any flow runs."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from typing_extensions import assert_never

from livetables.errors import DefinitionError
from livetables.events.states import FlowState, Level, OperationType
from livetables.model import Sink, Table
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
    StartFlow,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from livetables.execute.narration import Narrator
    from livetables.execute.reader import Engine
    from livetables.graph.graph import ResolvedDataset
    from livetables.plan.steps import Step

_THREADS = 4


def set_up(steps: Iterable[Step], engine: Engine, narrator: Narrator) -> None:
    """Do the steps that set tables and checkpoints up; those of one dataset in order, datasets beside each other."""
    by_dataset: dict[str, list[Step]] = {}
    for step in steps:
        by_dataset.setdefault(step.dataset, []).append(step)
    # Delta takes up to a second to create a table, and one does not wait for another.
    with ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="livetables-set-up") as threads:
        list(threads.map(lambda group: _set_up_dataset(group, engine, narrator), by_dataset.values()))
    # Flows read through FlowReader; a foreach_batch_sink finds tables by name in the session.
    if any(isinstance(d.definition, Sink) and d.definition.write_batch for d in engine.graph.datasets.values()):
        engine.tables.create_schema()
        for name in engine.storage.table_names():
            engine.tables.register(name)


def _set_up_dataset(steps: list[Step], engine: Engine, narrator: Narrator) -> None:
    for step in steps:
        _set_up(step, engine, narrator)


def _set_up(step: Step, engine: Engine, narrator: Narrator) -> None:
    tables, storage = engine.tables, engine.storage
    match step:
        case Reset(dataset):
            tables.remove(dataset)
        case ResetCheckpoint(dataset, flow_name, reason):
            storage.new_checkpoint(dataset, flow_name)
            message = f"Flow '{flow_name}' starts over and appends: {reason}."
            narrator.flow_planned(flow_name, dataset, message, level=Level.WARN)
        case Create(dataset):
            _create(engine.graph.datasets[dataset.lower()], engine)
        case Alter(dataset, reason, changed, removed, columns):
            tables.alter(engine.graph.datasets[dataset.lower()], changed, removed, columns)
            narrator.table_changed(OperationType.ALTER_TABLE, f"Table '{dataset}' is altered: {reason}.", dataset)
        case Drop(dataset, reason):
            tables.remove(dataset)
            storage.remove_checkpoints(dataset)
            narrator.table_changed(
                OperationType.DROP_TABLE, f"Table '{dataset}' is dropped: {reason}.", dataset, Level.WARN
            )
        case StartFlow(dataset, flow_name, reason, gone):
            storage.new_checkpoint(dataset, flow_name)
            message = f"Flow '{flow_name}' starts: {reason}."
            narrator.flow_planned(flow_name, dataset, message, level=Level.WARN if gone else Level.INFO)
        case Exclude(dataset):
            for flow in engine.graph.datasets[dataset.lower()].flows:
                narrator.flow_planned(flow.name, dataset, f"Flow '{flow.name}' is EXCLUDED.", FlowState.EXCLUDED)
        case Run() | OrphanFlow() | Inactive():
            return
        case _:
            assert_never(step)


def _create(dataset: ResolvedDataset, engine: Engine) -> None:
    # A checkpoint older than its table would skip rows.
    for flow in dataset.flows:
        engine.storage.new_checkpoint(dataset.name, flow.name)
    engine.tables.create(dataset, _own_folder(dataset, engine))


def _own_folder(dataset: ResolvedDataset, engine: Engine) -> Path | None:
    """Return the folder that `path=` gives a table on this machine, or None; raises DefinitionError PATH_NOT_LOCAL."""
    definition = dataset.definition
    path = definition.path if isinstance(definition, Table) else None
    if path is None:
        return None
    mapped = engine.sources.map_path(path).removeprefix("file:")
    if "://" in mapped or mapped.startswith("dbfs:"):
        message = f"The path of table '{dataset.name}', {path}, is not on this machine."
        hint = "Map it with --path-map FROM=TO, or path_map in livetables.yml."
        raise DefinitionError("PATH_NOT_LOCAL", message, location=definition.location, hint=hint)
    return Path(mapped).absolute()
