"""Where decorators put what they are told, while the files of a pipeline are executed."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from livetables.errors import DefinitionError, Diagnostic, SourceLocation
from livetables.model import Dataset, Definitions, EventHook, Expectation, Flow, Table, View
from livetables.queries.locations import calling_location, location_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from livetables.sql.script import Script

#: Functions carry their expectations in this attribute, so that `@expect` may stand above or below `@table`.
EXPECTATIONS = "__livetables_expectations__"

current: ContextVar[Registry | None] = ContextVar("registry", default=None)


@dataclass
class Registry:
    """Collects definitions in the order of the files; `freeze` makes them immutable."""

    root: Path = field(default_factory=Path.cwd)
    datasets: list[tuple[Dataset, Callable[..., Any] | None]] = field(default_factory=list)
    flows: list[Flow] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    warnings: list[Diagnostic] = field(default_factory=list)
    hooks: list[EventHook] = field(default_factory=list)
    #: Decorators that were made and are not put on a function yet: their names and places.
    unused: list[tuple[str, SourceLocation]] = field(default_factory=list)
    #: The rules of all functions, each with the name and the place of its decorator.
    rules: list[tuple[str, SourceLocation, Expectation]] = field(default_factory=list)
    #: The functions that SQL files create: name, what follows it in the statement, place.
    functions: list[tuple[str, str, SourceLocation]] = field(default_factory=list)
    #: The keys of datasets whose definitions were not understood: to read them is no second error.
    broken: set[str] = field(default_factory=set)
    #: The SQL files, by their names in places.
    scripts: dict[str, Script] = field(default_factory=dict)
    map_path: Callable[[str], str] = str

    def add(self, dataset: Dataset, function: Callable[..., Any] | None, flow: Flow | None) -> None:
        """Register a dataset, the function that expectations hang on, and its default flow."""
        self.datasets.append((dataset, function))
        if flow is not None:
            self.flows.append(flow)

    def warn(self, code: str, message: str, location: SourceLocation, hint: str | None = None) -> None:
        """Say something aloud once, however often it is met."""
        diagnostic = Diagnostic(code, message, location, hint)
        if diagnostic not in self.warnings:
            self.warnings.append(diagnostic)

    def location(self, file: str, line: int) -> SourceLocation:
        """Return the location of a line, with the file named from the project's root where it lies in it."""
        return location_in(self.root, file, line)

    def shown(self, diagnostic: Diagnostic) -> Diagnostic:
        """Return a problem with the line that it is about, where that is one of a SQL file."""
        location = diagnostic.location
        if location is None or not location.column or location.file not in self.scripts:
            return diagnostic
        return replace(diagnostic, excerpt=self.scripts[location.file].excerpt(location))

    def caller(self) -> SourceLocation:
        """Return the line of the user's file that is being executed now."""
        return calling_location(self.root)

    def freeze(self) -> Definitions:
        """Return the definitions, each with the expectations that its function has gathered."""
        diagnostics = list(self.diagnostics)
        datasets: list[Dataset] = []
        for dataset, function in self.datasets:
            added = tuple(getattr(function, EXPECTATIONS, ()))
            if isinstance(dataset, Table | View) and added:
                datasets.append(replace(dataset, expectations=(*dataset.expectations, *added)))
            else:
                datasets.append(dataset)
        diagnostics += [diagnostic for dataset in datasets for diagnostic in _repeated_rules(dataset)]
        diagnostics += _duplicates(datasets)
        diagnostics += self._misplaced_rules()
        self._warn_of_unused(datasets, {diagnostic.location.file for diagnostic in diagnostics if diagnostic.location})
        shown = tuple(map(self.shown, diagnostics))
        return Definitions(tuple(datasets), tuple(self.flows), shown, tuple(self.warnings), tuple(self.hooks))

    def _warn_of_unused(self, datasets: list[Dataset], broken: set[str]) -> None:
        """Warn of decorators without effect; not in `broken` files, which may have ended before their use."""
        used = {id(rule) for dataset in datasets for rule in getattr(dataset, "expectations", ())}
        unused = [(what, location, "was put on no function") for what, location in self.unused]
        unused += [
            (what, location, "is on no table or view") for what, location, rule in self.rules if id(rule) not in used
        ]
        for what, location, why in unused:
            if location.file not in broken:
                self.warn("DECORATOR_NOT_USED", f"{what}(...) {why}, so it has no effect.", location)

    def _misplaced_rules(self) -> list[Diagnostic]:
        own = [function for _, function in self.datasets]
        on_sinks = [
            Diagnostic(
                "EXPECTATION_ON_SINK",
                f"Sink '{dataset.name}' has expectations, which only a table or a view can have.",
                dataset.location,
                "Move them to the table or view that the flow into the sink reads.",
            )
            for dataset, _ in self.datasets
            if hasattr(getattr(dataset, "write_batch", None), EXPECTATIONS)
        ]
        on_flows = [
            Diagnostic(
                "EXPECTATION_ON_FLOW",
                f"Flow '{flow.name}' has expectations, which only a dataset can have.",
                flow.location,
                f'Move them to the table: create_streaming_table("{flow.target}", expect_all={{...}}).',
            )
            for flow in self.flows
            if hasattr(flow.query, EXPECTATIONS) and flow.query not in own
        ]
        return on_sinks + on_flows


def active() -> Registry:
    """Return the registry of the pipeline being collected; error `OUTSIDE_PIPELINE` when there is none."""
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
