"""Where decorators put what they are told, while the files of a pipeline are executed."""

from __future__ import annotations

import os
import sys
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from livetables.errors import DefinitionError, Place, Problem
from livetables.model import Dataset, Definitions, Expectation, Flow, Table, View

if TYPE_CHECKING:
    from collections.abc import Callable

    from livetables.sql.script import Script

#: Functions carry their expectations in this attribute, so that `@expect` may stand above or below `@table`.
EXPECTATIONS = "__livetables_expectations__"

current: ContextVar[Registry | None] = ContextVar("registry", default=None)
#: The attribute of an exception of Spark's that holds the place in a SQL file that it speaks of.
SQL_PLACE = "livetables_sql_place"
#: Where a SQL file reads what is being opened; None while Python reads.
sql_place: ContextVar[Place | None] = ContextVar("sql_place", default=None)


@dataclass(frozen=True)
class Hook:
    """A function of the user's that hears of events; `limit` is how many failures in a row it may have."""

    name: str
    function: Callable[[dict[str, Any]], Any]
    limit: int | None = None


@dataclass
class Registry:
    """Collects definitions in the order of the files; `freeze` makes them immutable."""

    root: Path = field(default_factory=Path.cwd)
    datasets: list[tuple[Dataset, Callable[..., Any] | None]] = field(default_factory=list)
    flows: list[Flow] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    hooks: list[Hook] = field(default_factory=list)
    #: Decorators that were made and are not put on a function yet: their names and places.
    unused: list[tuple[str, Place]] = field(default_factory=list)
    #: The rules of all functions, each with the name and the place of its decorator.
    rules: list[tuple[str, Place, Expectation]] = field(default_factory=list)
    #: The functions that SQL files create: name, what follows it in the statement, place.
    functions: list[tuple[str, str, Place]] = field(default_factory=list)
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

    def warn(self, code: str, message: str, place: Place, hint: str | None = None) -> None:
        """Say something aloud once, however often it is met."""
        problem = Problem(code, message, place, hint)
        if problem not in self.warnings:
            self.warnings.append(problem)

    def place(self, file: str, line: int) -> Place:
        """Return a place with the file named from the project's root where it lies in it."""
        path = Path(file)
        return Place(str(path.relative_to(self.root)) if path.is_relative_to(self.root) else file, line)

    def shown(self, problem: Problem) -> Problem:
        """Return a problem with the line that it is about, where that is one of a SQL file."""
        place = problem.place
        if place is None or not place.column or place.file not in self.scripts:
            return problem
        return replace(problem, excerpt=self.scripts[place.file].excerpt(place))

    def caller(self) -> Place:
        """Return the line of the user's file that is being executed now."""
        place = sql_place.get()
        if place is not None:
            return place
        package = str(Path(__file__).parent.parent) + os.sep
        frame = sys._getframe(1)  # noqa: SLF001 (the documented way to walk frames cheaply)
        while frame.f_back is not None and frame.f_code.co_filename.startswith(package):
            frame = frame.f_back
        return self.place(frame.f_code.co_filename, frame.f_lineno)

    def freeze(self) -> Definitions:
        """Return the definitions, each with the expectations that its function has gathered."""
        problems = list(self.problems)
        datasets: list[Dataset] = []
        for dataset, function in self.datasets:
            added = tuple(getattr(function, EXPECTATIONS, ()))
            if isinstance(dataset, Table | View) and added:
                datasets.append(replace(dataset, expectations=(*dataset.expectations, *added)))
            else:
                datasets.append(dataset)
        problems += [problem for dataset in datasets for problem in _repeated_rules(dataset)]
        problems += _duplicates(datasets)
        problems += self._misplaced_rules()
        self._warn_of_unused(datasets, {problem.place.file for problem in problems if problem.place})
        return Definitions(tuple(datasets), tuple(self.flows), tuple(map(self.shown, problems)), tuple(self.warnings))

    def _warn_of_unused(self, datasets: list[Dataset], broken: set[str]) -> None:
        """Warn of decorators without effect; not in `broken` files, which may have ended before their use."""
        used = {id(rule) for dataset in datasets for rule in getattr(dataset, "expectations", ())}
        unused = [(what, place, "was put on no function") for what, place in self.unused]
        unused += [(what, place, "is on no table or view") for what, place, rule in self.rules if id(rule) not in used]
        for what, place, why in unused:
            if place.file not in broken:
                self.warn("DECORATOR_NOT_USED", f"{what}(...) {why}, so it has no effect.", place)

    def _misplaced_rules(self) -> list[Problem]:
        own = [function for _, function in self.datasets]
        on_sinks = [
            Problem(
                "EXPECTATION_ON_SINK",
                f"Sink '{dataset.name}' has expectations, which only a table or a view can have.",
                dataset.place,
                "Move them to the table or view that the flow into the sink reads.",
            )
            for dataset, _ in self.datasets
            if hasattr(getattr(dataset, "write_batch", None), EXPECTATIONS)
        ]
        on_flows = [
            Problem(
                "EXPECTATION_ON_FLOW",
                f"Flow '{flow.name}' has expectations, which only a dataset can have.",
                flow.place,
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


def _repeated_rules(dataset: Dataset) -> list[Problem]:
    rules: tuple[Expectation, ...] = getattr(dataset, "expectations", ())
    names = [rule.name for rule in rules]
    places = {rule.name: rule.place for rule in rules}
    return [
        Problem(
            "DUPLICATE_EXPECTATION",
            f"Dataset '{dataset.name}' has two expectations named '{name}'.",
            places[name] or dataset.place,
            "Give each expectation of a dataset its own name.",
        )
        for name in sorted({name for name in names if names.count(name) > 1})
    ]


def _duplicates(datasets: list[Dataset]) -> list[Problem]:
    first: dict[str, Dataset] = {}
    problems = []
    for dataset in datasets:
        earlier = first.setdefault(dataset.key, dataset)
        if earlier is not dataset:
            problems.append(
                Problem(
                    "DUPLICATE_DATASET",
                    f"Dataset '{dataset.name}' is defined twice; the first definition is at {earlier.place}.",
                    dataset.place,
                    "Rename one of them, or fill one table from several queries: append_flow, or in SQL CREATE FLOW.",
                )
            )
    return problems
