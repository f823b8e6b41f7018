"""The story of the program: files -> definitions -> graph -> steps -> events -> state of the update."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from py4j.protocol import Py4JError

from livetables.clock import Clock
from livetables.collect.binding import bound
from livetables.collect.load import load_files
from livetables.collect.registry import Registry
from livetables.errors import DatasetNotFoundError, Diagnostic, GraphError, did_you_mean
from livetables.events.events import EventBus
from livetables.events.facts import CreateUpdate, Deprecation, UserAction
from livetables.events.hooks import HookRunner
from livetables.events.log import EventLogWriter, compact
from livetables.events.states import Level, UpdateCause, UpdateState
from livetables.execute.definition_events import emit_definitions
from livetables.execute.narration import Narrator
from livetables.execute.query import query_stored
from livetables.execute.reader import Engine
from livetables.execute.running import RunningUpdate
from livetables.execute.scheduler import Environment, Scheduler
from livetables.execute.setup import set_up
from livetables.execute.sources import Sources, start_probes
from livetables.execute.tables import Tables
from livetables.execute.tasks import mode_of, tasks_of
from livetables.execute.update import UpdateRun, Updates
from livetables.execute.writers import start_task
from livetables.graph.resolve import Resolver
from livetables.keywords import known_keywords
from livetables.plan.builder import plan
from livetables.plan.plan import Plan
from livetables.plan.steps import Selection, SelectionKeywords
from livetables.settings import DROP_INACTIVE, load_settings, map_path, with_mode
from livetables.spark.jvm import ping
from livetables.spark.listener import QueryListener
from livetables.spark.session import java_ended, open_session
from livetables.storage.layout import Storage
from livetables.storage.stored import StoredTable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    from pyspark.sql import DataFrame, SparkSession
    from typing_extensions import Unpack

    from livetables.events.events import Event
    from livetables.events.state import Update
    from livetables.graph.graph import Graph
    from livetables.model import Definitions
    from livetables.plan.steps import Step
    from livetables.settings import Settings

_BATCH_THREADS = 64


class Pipeline:
    """A pipeline on this machine. Use it as a context manager: its files stay importable while it is open.

    >>> import livetables as lt
    >>> settings = lt.load_settings(paths=["rooms.py"], storage="out", path_map={"/Volumes/main/rooms": "data"})
    >>> with lt.Pipeline(settings) as pipeline:
    ...     problems = pipeline.check()
    ...     update = pipeline.run(full_refresh=["readings"])
    >>> problems
    ()
    >>> update.state
    'COMPLETED'
    >>> update.expectation("readings", "known room").failed
    1
    """

    @known_keywords
    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock | None = None,
        quick: bool = False,
        debug: bool = False,
        scratch: Path | None = None,
    ) -> None:
        """Open a pipeline; Spark starts at the first use that needs it.

        Args:
            settings: What `load_settings` returns.
            clock: Time and ids; for tests.
            quick: Whether Java starts for commands of seconds, without its optimising compiler.
            debug: Whether Java's own output is shown.
            scratch: A folder for the session's files; then the storage is only read.
        """
        self.settings = settings
        self.storage = Storage(settings.storage)
        self._clock = clock or Clock()
        self._quick, self._debug = quick, debug
        self._dry = scratch is not None
        self._system = scratch or self.storage.system.root
        here = partial(map_path, path_map=settings.path_map, root=settings.root)
        self._registry = Registry(settings.root, here)
        self._open = ExitStack()
        self._warnings: list[Diagnostic] = []
        #: While an update runs, a warning is an event at once.
        self._bus: EventBus | None = None

    @classmethod
    def load(cls, file: str | Path | None = None, **options: Any) -> Pipeline:
        """Open the pipeline of a settings file; the keywords are those of `load_settings`.

        >>> import livetables as lt
        >>> with lt.Pipeline.load("pipeline_settings.json", path_map={"/Volumes/main/rooms": "data"}) as pipeline:
        ...     pipeline.settings.name
        'rooms'
        """
        return cls(load_settings(file, **options))

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
            if error is None:  # without Java there is nothing to restore, and that it ended was said already
                raise

    @cached_property
    def spark(self) -> SparkSession:
        """The session, started at first use; it has the pipeline's configuration."""
        session = open_session(self.settings, self._system, quick=self._quick, debug=self._debug)
        self._probes = {} if self._dry else start_probes(self.settings.configuration)
        return self._open.enter_context(session)

    @cached_property
    def definitions(self) -> Definitions:
        """What the files define."""
        return load_files(self.spark, self.settings, self._registry, self._open)

    @cached_property
    def graph(self) -> Graph:
        """The checked graph; raises GraphError with every error that the pipeline has."""
        reporter = self._registry.reporter
        return Resolver(self.spark, self.definitions, self.settings.namespace, self._sources, reporter).resolve()

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """The warnings about the settings and the files, as far as they are loaded."""
        return (*self.settings.warnings, *self._registry.reporter.warnings, *self._warnings)

    def check(self) -> tuple[Diagnostic, ...]:
        """Return everything that is wrong with the pipeline; nothing is written. Warnings are in `warnings`."""
        try:
            _ = self.graph
        except GraphError as error:
            return error.diagnostics
        return ()

    @known_keywords
    def plan(self, selection: Selection | None = None, **options: Unpack[SelectionKeywords]) -> Plan:
        """Return what `run` would do, without doing it; the keywords select tables as those of `run`."""
        chosen = (selection or Selection()).with_options(**options)
        return Plan(plan(self.graph, chosen, self.storage, drop_inactive=self.settings.switch(DROP_INACTIVE)))

    def table(self, name: str) -> StoredTable:
        """Return a stored table; raises DatasetNotFoundError, with the nearest name, when there is none."""
        known = self.storage.table_names()
        if name.lower() not in known:
            hint = did_you_mean(name, known, f"The tables are {', '.join(known)}." if known else "Run the pipeline.")
            raise DatasetNotFoundError("DATASET_NOT_FOUND", f"There is no table '{name}'.", hint=hint)
        return StoredTable(name, self.storage.table(name))

    def query(self, sql: str) -> DataFrame:
        """Return the result of a SQL text over the stored tables and the event log (as `event_log`).

        Raises DatasetNotFoundError for an unknown name, LivetablesError for a statement that would change something.
        """
        return query_stored(self.spark, sql, self.storage, self.settings.namespace, self._sources, self._warn)

    @known_keywords
    def run(
        self,
        selection: Selection | None = None,
        *,
        for_seconds: float | None = None,
        stop: threading.Event | None = None,
        on_event: Callable[[Event], None] | None = None,
        **options: Unpack[SelectionKeywords],
    ) -> Update:
        """Run an update and return its final state; in production, one that failed is run again as a new update.

        It ends when all sources are drained, or in continuous mode when `stop` is set or after `for_seconds`.

        Args:
            selection: The tables that run and are reset. Default: all run.
            for_seconds: How long a continuous update runs, from the start of its first flow. Default: until `stop`.
            stop: Ends the update at the ends of its batches, once it is set.
            on_event: Called with each event, in order, in a thread of the update; the event log has them all, too.
            **options: `refresh`, `full_refresh`, `reset_checkpoints` (names of tables) and `full_refresh_all`.

        Raises:
            StorageBusy: Another update holds the storage folder.
            GraphError: The pipeline has errors; `diagnostics` has all of them.
            SettingsError: The selection names an unknown table, or a keyword is unknown.
        """
        chosen = (selection or Selection()).with_options(**options)
        limits = UpdateRun(self.settings, self._clock, stop or threading.Event(), chosen, for_seconds)
        with self.storage.locked(self._clock.now) as lock:
            compact(self.storage.events)
            log = EventLogWriter(self.storage.events, self._clock)

            def new_bus(update: Update) -> EventBus:
                subscribers: list[Callable[[Event], None]] = [update.apply, log, *([on_event] if on_event else [])]
                bus = EventBus(self._clock, self.settings.name, self._clock.new_id(), subscribers, log.last_seq_no)
                lock.update(bus.update_id)
                return bus

            execute = partial(self._update, limits, log.flush_if_due)
            return Updates(execute, new_bus, self._explain, log.flush).run(limits)

    @known_keywords
    def start(self, *, continuous: bool | None = None, **options: Unpack[SelectionKeywords]) -> RunningUpdate:
        """Start an update in a thread of its own; the keywords select tables as those of `run`.

        `continuous` overrides what the settings say. In a `with` statement the update is stopped at its end.
        """
        self.settings = with_mode(self.settings, continuous=continuous)
        selection = Selection().with_options(**options)
        return RunningUpdate(partial(self.run, selection))

    def _update(self, limits: UpdateRun, idle: Callable[[], None], bus: EventBus, stack: ExitStack) -> Scheduler:
        """Run one update; `stack` is closed after its last event, `idle` is called again and again while it runs."""
        hooks = HookRunner(bus)
        bus.subscribers.append(hooks)
        stack.callback(hooks.close)
        narrator = Narrator(bus, self.storage.checkpoint_number)
        self._announce(limits, bus)
        narrator.update(UpdateState.WAITING_FOR_RESOURCES)
        spark = self.spark
        narrator.update(UpdateState.INITIALIZING)
        hooks.begin(self.definitions.hooks)  # before the graph: they are called for one with errors, too
        graph = self.graph
        for warning in self.warnings:
            _emit_warning(bus, warning)
        self._bus = bus
        stack.callback(setattr, self, "_bus", None)
        emit_definitions(bus, graph)
        steps = self.plan(limits.selection)

        listener = QueryListener(spark)
        stack.callback(listener.close)
        threads = ThreadPoolExecutor(max_workers=_BATCH_THREADS, thread_name_prefix="livetables")
        stack.callback(threads.shutdown, wait=False, cancel_futures=True)
        tables = Tables(spark, self.storage, self.settings.namespace)
        engine = Engine(spark, graph, self.storage, tables, self._sources, threads, listener)
        narrator.update(UpdateState.SETTING_UP_TABLES)
        set_up(steps, engine, narrator)
        return self._execute(steps, engine, narrator, limits, idle)

    def _execute(
        self, steps: tuple[Step, ...], engine: Engine, narrator: Narrator, limits: UpdateRun, idle: Callable[[], None]
    ) -> Scheduler:
        def between_looks() -> None:
            ping(engine.spark)
            idle()

        start = partial(start_task, engine, self.settings.namespace)
        environment = Environment(start, engine.storage.version, between_looks, self._clock)
        tasks = tasks_of(steps, engine.graph, self.settings, self._clock)
        scheduler = Scheduler(tasks, mode_of(self.settings), environment, narrator, limits)
        scheduler.run()
        return scheduler

    def _announce(self, limits: UpdateRun, bus: EventBus) -> None:
        """Say that an update starts, and forget the graph when the schema of a source has changed."""
        if limits.cause is UpdateCause.USER_ACTION:
            bus.emit(UserAction(), "User started an update.")
        asked = limits.selection
        fact = CreateUpdate(
            limits.cause,
            self.settings.document,
            asked.full_refresh_all,
            asked.refresh,
            asked.full_refresh,
            asked.reset_checkpoints,
        )
        bus.emit(fact, f"Update {bus.update_id[:6]} started.")
        if limits.cause is UpdateCause.SCHEMA_CHANGE:
            vars(self).pop("graph", None)

    def _explain(self, error: BaseException) -> BaseException:
        return java_ended(error, self._system) or error

    @cached_property
    def _sources(self) -> Sources:
        spark = self.spark
        return Sources(spark, self.settings, self._system, self._warn, dry=self._dry, probes=self._probes)

    def _warn(self, code: str, message: str) -> None:
        warning = Diagnostic(code, message)
        if warning not in self._warnings:
            self._warnings.append(warning)
            if self._bus is not None:
                _emit_warning(self._bus, warning)


def _emit_warning(bus: EventBus, warning: Diagnostic) -> None:
    bus.emit(Deprecation(warning.code), warning.one_line, level=Level.WARN)
