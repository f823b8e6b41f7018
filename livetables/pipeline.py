"""The story of the program: files -> definitions -> graph -> steps -> events -> state."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from py4j.protocol import Py4JError
from pyspark.errors import AnalysisException

from livetables.clock import Clock
from livetables.collect import python_files, sql_files
from livetables.collect.binding import bound
from livetables.collect.registry import Registry
from livetables.errors import DatasetNotFoundError, Diagnostic, GraphError, LivetablesError, SettingsError, did_you_mean
from livetables.events.events import EventBus, error_of
from livetables.events.hooks import HookRunner
from livetables.events.log import EventLogWriter, compact, has_events
from livetables.events.state import UpdateState
from livetables.execute.reader import StoredReader
from livetables.execute.scheduler import Runner, selection_details
from livetables.execute.sources import Sources, start_probes
from livetables.execute.tables import Tables
from livetables.execute.update import SCHEMA_CHANGE, UpdateRun
from livetables.graph.resolve import Resolver
from livetables.model import CdcFlow, SnapshotFlow
from livetables.notebook.dbutils import notebook_names
from livetables.plan.builder import plan
from livetables.plan.steps import Selection
from livetables.queries import reads
from livetables.queries.sql_queries import SqlQuery
from livetables.queries.sql_relations import is_query
from livetables.settings import DROP_INACTIVE, map_path
from livetables.spark.confs import confs
from livetables.spark.failures import describe
from livetables.spark.functions import defined_in, functions
from livetables.spark.messages import code_of, first_sentence
from livetables.spark.session import java_ended, start_session
from livetables.storage.layout import Storage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from types import TracebackType

    from pyspark.sql import DataFrame, SparkSession

    from livetables.events.events import Event
    from livetables.graph.graph import Graph
    from livetables.model import Definitions
    from livetables.plan.steps import Step
    from livetables.settings import Settings

_HADOOP = "spark.hadoop."


class Pipeline:
    """A pipeline on this machine. Use it as a context manager: files stay importable while it is open."""

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock | None = None,
        quick: bool = False,
        debug: bool = False,
        scratch: Path | None = None,
    ) -> None:
        """Open `settings`; with `scratch`, a session's files go there and the storage is only read."""
        self.settings = settings
        self.storage = Storage(settings.storage)
        self._clock = clock or Clock()
        self._quick, self._debug = quick, debug
        self._dry = scratch is not None
        self._system = scratch or settings.storage / "system"
        self._map_path = partial(map_path, path_map=settings.path_map, root=settings.root)
        self._registry = Registry(settings.root, self._map_path)
        self._open, self._ending = ExitStack(), ExitStack()
        self._said: list[Diagnostic] = []
        #: While an update runs, what is said aloud is an event at once.
        self._bus: EventBus | None = None

    def __enter__(self) -> Pipeline:
        """Bind `dlt` and `pyspark.pipelines` for the files of the pipeline."""
        folders = [self.settings.root, *dict.fromkeys(file.parent for file in self.settings.files)]
        self._open.enter_context(bound(folders))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Restore what was bound."""
        try:
            self._open.close()
        except (ConnectionError, Py4JError):
            if error is None:  # without Java there is nothing to restore, and it was said already
                raise

    @cached_property
    def spark(self) -> SparkSession:
        """The session, started at first use; it has the pipeline's configuration."""
        self._probes = {} if self._dry else start_probes(self.settings.configuration)
        spark = start_session(self.settings, self._system, quick=self._quick, debug=self._debug)
        settable = {
            key: value
            for key, value in self.settings.configuration.items()
            if not key.startswith("spark.") or spark.conf.isModifiable(key)
        }
        # A session that ran already takes those of Hadoop under their own names only.
        hadoop = [key for key in self.settings.configuration if key.startswith(_HADOOP)]
        settable |= {key.removeprefix(_HADOOP): self.settings.configuration[key] for key in hadoop}
        self._open.enter_context(confs(spark, settable))
        self._open.enter_context(functions(spark, defined_in(self.settings.functions)))
        return spark

    @cached_property
    def definitions(self) -> Definitions:
        """What the files define."""
        sql = [file for file in self.settings.files if file.suffix.lower() == ".sql"]
        python = [file for file in self.settings.files if file not in sql]
        names = notebook_names(self.spark, self.settings)
        created = sql_files.collect(sql, self._registry, self.settings.configuration, self.settings.parameters)
        try:
            self._open.enter_context(functions(self.spark, created))
        except SettingsError as error:
            self._registry.reporter.error(error.diagnostic)
        return python_files.collect(python, self._registry, names, self._map_path)

    @cached_property
    def graph(self) -> Graph:
        """The checked graph; raises GraphError with every problem that the pipeline has."""
        reporter = self._registry.reporter
        return Resolver(self.spark, self.definitions, self.settings.namespace, self._sources, reporter).resolve()

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """What was said aloud while the pipeline was loaded."""
        return (*self.settings.warnings, *self._registry.reporter.warnings, *self._said)

    def plan(self, selection: Selection | None = None) -> tuple[Step, ...]:
        """Return what `run` would do, without doing it."""
        return self._plan(selection or Selection())

    def _plan(self, selection: Selection) -> tuple[Step, ...]:
        drop_inactive = self.settings.switch(DROP_INACTIVE)
        return plan(self.graph, selection, self.storage, drop_inactive=drop_inactive)

    def query(self, sql: str) -> DataFrame:
        """Return the result of a SQL text over the stored tables and the event log (as `event_log`).

        Raises DatasetNotFoundError for an unknown name, LivetablesError for a statement that would change something.
        """
        if not is_query(self.spark, sql):
            hint = "Write a query: SELECT, WITH, VALUES, SHOW, DESCRIBE or EXPLAIN. Flows alone change tables."
            raise LivetablesError("NOT_A_QUERY", "This statement would change something.", hint=hint)
        tables = Tables(self.spark, self.storage, self.settings.namespace)
        tables.create_schema()
        names = self.storage.table_names()
        for name in names:
            tables.register(name)
        filters = {name: predicate for name in names if (predicate := self.storage.row_filter_of(name))}
        reader = StoredReader(self.spark, tables, filters, self.settings.namespace, self._sources, self._say)
        if has_events(self.storage.events):
            tables.register_path("event_log", self.storage.events)
        self.spark.sql(f"USE `{self.settings.namespace.schema}`")
        try:
            with reads.reading_with(reader):
                return self.spark.sql(sql)
        except AnalysisException as error:
            if error.getCondition() != "TABLE_OR_VIEW_NOT_FOUND":
                raise
            name = (error.getMessageParameters() or {}).get("relationName", "").replace("`", "")
            known = [*names, "event_log"]
            hint = did_you_mean(name, known, f"The tables are {', '.join(known)}.")
            raise DatasetNotFoundError("DATASET_NOT_FOUND", f"There is no table '{name}'.", hint=hint) from error

    def run(
        self,
        selection: Selection | None = None,
        *,
        for_seconds: float | None = None,
        stop: threading.Event | None = None,
        listeners: Sequence[Callable[[Event], None]] = (),
    ) -> UpdateState:
        """Run an update and return its final state; in production, one that failed is run again as a new update.

        It ends when all sources are drained, or in continuous mode when `stop` is set or after `for_seconds`.
        Events go to `listeners` and to the event log. Raises PipelineBusyError when another update is running.
        """
        stop = stop or threading.Event()
        update_run = UpdateRun(self.settings, self._clock, stop, selection or Selection(), for_seconds)
        with self.storage.locked():
            compact(self.storage.events)
            log = EventLogWriter(self.storage.events, self._clock)
            while True:
                state = UpdateState()
                bus = EventBus(self._clock, self.settings.name, self._clock.new_id(), [state.apply, log, *listeners])
                try:
                    again, error = self._attempt(bus, state, update_run, log.flush_if_due)
                finally:
                    self._ending.close()
                    log.flush()
                if again and update_run.wait():
                    continue
                if error is not None:
                    raise error
                return state

    def _attempt(
        self, bus: EventBus, state: UpdateState, update_run: UpdateRun, idle: Callable[[], None]
    ) -> tuple[bool, BaseException | None]:
        """Run one update; return whether it is to be run again, and what it raised."""
        update_run.start()
        error: BaseException | None = None
        restarts = False
        try:
            runner = self._update(bus, update_run, idle)
            outcome, mendable, restarts = runner.outcome, runner.mendable, runner.restarts
        except KeyboardInterrupt:  # a second Ctrl-C
            _end(bus, "CANCELED")
            raise
        except BaseException as caught:  # noqa: BLE001 (it is raised again, unless another update may mend it)
            raised = java_ended(caught, self._system) or caught
            error, outcome, mendable = raised, "FAILED", isinstance(raised, Exception) and describe(raised).retryable
            for diagnostic in _problems(error):
                bus.emit(
                    "update_progress",
                    str(diagnostic),
                    {"state": outcome},
                    level="ERROR",
                    error=error_of(error, diagnostic.message, fatal=True),
                )
        reason = describe(error).message if error else next(iter(state.errors), "")
        _end(bus, outcome)
        again = outcome == "FAILED" and mendable and update_run.left
        if again:
            which = update_run.retry()
            message = f"Update {bus.update_id[:6]} is run again in {update_run.wait_seconds:g} s ({which}). {reason}"
            bus.emit("update_progress", message, {"state": outcome}, level="WARN")
        return again or restarts, error

    def _update(self, bus: EventBus, update_run: UpdateRun, idle: Callable[[], None]) -> Runner:
        hooks = HookRunner(bus)
        bus.subscribers.append(hooks)
        self._ending.callback(hooks.close)
        if update_run.cause == "USER_ACTION":
            bus.emit("user_action", "User started an update.", {"action": "START"})
        selection = update_run.selection
        bus.emit(
            "create_update",
            f"Update {bus.update_id[:6]} started.",
            {"cause": update_run.cause, "config": self.settings.document, **selection_details(selection)},
        )
        if update_run.cause == SCHEMA_CHANGE:
            self.__dict__.pop("graph", None)  # it is resolved anew, from the columns that there are now
        for state in ("WAITING_FOR_RESOURCES", "INITIALIZING"):
            bus.emit("update_progress", f"Update {bus.update_id[:6]} is {state}.", {"state": state})
            if state == "WAITING_FOR_RESOURCES":
                self.spark  # noqa: B018 (the session is the resource)
        hooks.begin(self.definitions.hooks)  # first: the hooks hear of a graph that fails, too
        graph = self.graph
        for diagnostic in self.warnings:
            _warn(bus, diagnostic)
        self._bus = bus
        self._ending.callback(setattr, self, "_bus", None)
        self._definitions_events(bus)
        steps = self._plan(selection)
        runner = Runner(
            self.spark,
            graph,
            self.settings,
            self.storage,
            Tables(self.spark, self.storage, self.settings.namespace),
            self._sources,
            bus,
            self._clock,
            update_run,
            idle,
        )
        runner.run(steps)
        return runner

    def _definitions_events(self, bus: EventBus) -> None:
        for dataset in self.graph.datasets.values():
            rules = getattr(dataset.definition, "expectations", ())
            bus.emit(
                "dataset_definition",
                f"Dataset '{dataset.name}' is defined as a {dataset.kind}.",
                {
                    "dataset_type": dataset.kind.upper().replace(" ", "_"),
                    "num_flows": len(dataset.flows),
                    "expectations": [
                        {"name": rule.name, "predicate": str(rule.predicate), "action": rule.action.name}
                        for rule in rules
                    ],
                    "refresh_policy": getattr(dataset.definition, "refresh_policy", None),
                },
                dataset_name=dataset.name,
            )
            for flow in dataset.flows:
                inputs = [self.graph.datasets[key].name for key in flow.inputs]
                language = "SQL" if isinstance(flow.definition.query, SqlQuery) else "PYTHON"
                bus.emit(
                    "flow_definition",
                    f"Flow '{flow.name}' is defined as a {_flow_type(dataset.kind, flow)}.",
                    {
                        "output_dataset": dataset.name,
                        "input_datasets": [*inputs, *flow.external_inputs],
                        "flow_type": _flow_type(dataset.kind, flow),
                        "schema_json": flow.schema.json(),
                        "comment": flow.definition.comment,
                        "spark_conf": dict(flow.definition.spark_conf),
                        "language": language,
                        "once": flow.definition.once,
                    },
                    dataset_name=dataset.name,
                    flow_name=flow.name,
                )

    @cached_property
    def _sources(self) -> Sources:
        return Sources(self.spark, self.settings, self._system, self._say, dry=self._dry, probes=self._probes)

    def _say(self, code: str, message: str) -> None:
        diagnostic = Diagnostic(code, message)
        if diagnostic not in self._said:
            self._said.append(diagnostic)
            if self._bus is not None:
                _warn(self._bus, diagnostic)


def _warn(bus: EventBus, diagnostic: Diagnostic) -> None:
    bus.emit("deprecation", diagnostic.one_line, {"code": diagnostic.code}, level="WARN")


def _end(bus: EventBus, outcome: str) -> None:
    bus.emit(
        "update_progress",
        f"Update {bus.update_id[:6]} is {outcome}.",
        {"state": outcome},
        level="ERROR" if outcome == "FAILED" else "INFO",
    )


def _problems(error: BaseException) -> tuple[Diagnostic, ...]:
    if isinstance(error, GraphError):
        return error.diagnostics
    if isinstance(error, LivetablesError):
        return (error.diagnostic,)
    return (Diagnostic(code_of(error), first_sentence(error)),)


def _flow_type(kind: str, flow: Any) -> str:
    by_class = {CdcFlow: "CHANGE", SnapshotFlow: "SNAPSHOT_CHANGE"}
    if type(flow.definition) in by_class:
        return by_class[type(flow.definition)]
    if kind == "sink":
        return "APPEND"
    if kind != "streaming table":
        return kind.upper().replace(" ", "_")
    return "COMPLETE" if flow.output_mode == "complete" else "APPEND"
