"""Collects what the decorators and SQL files of a pipeline define, while its files are loaded."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import replace
from typing import TYPE_CHECKING

from livetables.collect.reporter import Reporter
from livetables.errors import DefinitionError, Diagnostic, SourceLocation
from livetables.model import Dataset, Definitions, EventHook, Expectation, Flow, Table, View

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path
    from typing import Any

#: The attribute of a query function with its expectations. It is on the function, as `@expect` may be above or below
#: `@table`, and a decorator of the user's copies it to its own function.
_EXPECTATIONS = "__livetables_expectations__"

current: ContextVar[Registry | None] = ContextVar("registry", default=None)


class Registry:
    """Collects definitions in the order of the files; `freeze` returns them. `reporter` has what is wrong with them."""

    def __init__(self, root: Path, map_path: Callable[[str], str] = str) -> None:
        """Collect the pipeline of a project folder; `map_path` maps paths of the platform, for hints."""
        self.reporter = Reporter(root, map_path)
        self._datasets: list[tuple[Dataset, Callable[..., Any] | None]] = []
        self._flows: list[Flow] = []
        self._hooks: list[EventHook] = []
        self._broken: set[str] = set()
        #: Decorators that were made and not applied to a function yet.
        self._unused: list[tuple[str, SourceLocation]] = []
        #: The expectations of all functions, each with the name and the location of its decorator.
        self._rules: list[tuple[str, SourceLocation, Expectation]] = []

    def add_dataset(
        self, dataset: Dataset, function: Callable[..., Any] | None = None, flow: Flow | None = None
    ) -> None:
        """Add a dataset, the function with its expectations, and its default flow."""
        self._datasets.append((dataset, function))
        if flow is not None:
            self._flows.append(flow)

    def add_flow(self, flow: Flow) -> None:
        """Add a flow."""
        self._flows.append(flow)

    def add_hook(self, hook: EventHook) -> None:
        """Add an event hook."""
        self._hooks.append(hook)

    def add_broken(self, name: str) -> None:
        """Add the name of a dataset whose statement has an error: reading it is no second error."""
        self._broken.add(name.lower())

    def decorator_made(self, name: str, location: SourceLocation) -> None:
        """Note a decorator; unless it is used, `freeze` warns of it."""
        self._unused.append((name, location))

    def decorator_used(self, name: str, location: SourceLocation) -> None:
        """Note that a decorator was applied to a function."""
        if (name, location) in self._unused:
            self._unused.remove((name, location))

    def add_expectations(
        self, function: Callable[..., Any], rules: Iterable[Expectation], name: str, location: SourceLocation
    ) -> None:
        """Add the expectations that a decorator, with this name at this location, gives to a function."""
        rules = tuple(rules)
        self._rules += [(name, location, rule) for rule in rules]
        # The decorator nearest to the function runs first, but people read rules from the top.
        setattr(function, _EXPECTATIONS, (*rules, *getattr(function, _EXPECTATIONS, ())))

    def freeze(self) -> Definitions:
        """Return the definitions, each with the expectations of its function, and what is wrong with them."""
        datasets: list[Dataset] = []
        for dataset, function in self._datasets:
            added = tuple(getattr(function, _EXPECTATIONS, ()))
            if isinstance(dataset, Table | View) and added:
                datasets.append(replace(dataset, expectations=(*dataset.expectations, *added)))
            else:
                datasets.append(dataset)
        diagnostics = [
            *self.reporter.errors,
            *(diagnostic for dataset in datasets for diagnostic in _repeated_rules(dataset)),
            *_duplicates(datasets),
            *self._misplaced_rules(),
        ]
        self._warn_of_unused(datasets, {diagnostic.location.file for diagnostic in diagnostics if diagnostic.location})
        return Definitions(
            tuple(datasets),
            tuple(self._flows),
            tuple(map(self.reporter.with_excerpt, diagnostics)),
            self.reporter.warnings,
            tuple(self._hooks),
            frozenset(self._broken),
        )

    def _warn_of_unused(self, datasets: list[Dataset], broken: set[str]) -> None:
        """Warn of decorators without effect; not in `broken` files, which may have ended before their use."""
        used = {id(rule) for dataset in datasets for rule in getattr(dataset, "expectations", ())}
        unused = [(name, location, "was put on no function") for name, location in self._unused]
        unused += [
            (name, location, "is on no table or view") for name, location, rule in self._rules if id(rule) not in used
        ]
        for name, location, why in unused:
            if location.file not in broken:
                message = f"{name}(...) {why}, so it has no effect."
                self.reporter.warn(Diagnostic("DECORATOR_NOT_USED", message, location))

    def _misplaced_rules(self) -> list[Diagnostic]:
        own = [function for _, function in self._datasets]
        on_sinks = [
            Diagnostic(
                "EXPECTATION_ON_SINK",
                f"Sink '{dataset.name}' has expectations, which only a table or a view can have.",
                dataset.location,
                "Move them to the table or view that the flow into the sink reads.",
            )
            for dataset, _ in self._datasets
            if hasattr(getattr(dataset, "write_batch", None), _EXPECTATIONS)
        ]
        on_flows = [
            Diagnostic(
                "EXPECTATION_ON_FLOW",
                f"Flow '{flow.name}' has expectations, which only a dataset can have.",
                flow.location,
                f'Move them to the table: create_streaming_table("{flow.target}", expect_all={{...}}).',
            )
            for flow in self._flows
            if hasattr(flow.query, _EXPECTATIONS) and flow.query not in own
        ]
        return on_sinks + on_flows


def active() -> Registry:
    """Return the registry of the pipeline that is being loaded; raises DefinitionError when there is none."""
    registry = current.get()
    if registry is None:
        msg = "A dataset can only be defined while a pipeline is loaded."
        raise DefinitionError("OUTSIDE_PIPELINE", msg, hint="Run the file with `livetables run FILE`.")
    return registry


def _repeated_rules(dataset: Dataset) -> list[Diagnostic]:
    rules: tuple[Expectation, ...] = getattr(dataset, "expectations", ())
    names = [rule.name for rule in rules]
    locations = {rule.name: rule.location for rule in rules}
    return [
        Diagnostic(
            "DUPLICATE_EXPECTATION",
            f"Dataset '{dataset.name}' has two expectations named '{name}'.",
            locations[name] or dataset.location,
            "Give each expectation of a dataset its own name.",
        )
        for name in sorted({name for name in names if names.count(name) > 1})
    ]


def _duplicates(datasets: list[Dataset]) -> list[Diagnostic]:
    first: dict[str, Dataset] = {}
    diagnostics = []
    for dataset in datasets:
        earlier = first.setdefault(dataset.key, dataset)
        if earlier is not dataset:
            diagnostics.append(
                Diagnostic(
                    "DUPLICATE_DATASET",
                    f"Dataset '{dataset.name}' is defined twice; the first definition is at {earlier.location}.",
                    dataset.location,
                    "Rename one of them, or fill one table from several queries: append_flow, or in SQL CREATE FLOW.",
                )
            )
    return diagnostics
