"""What a flow reads while it runs: stored tables, views evaluated in place, sources outside the pipeline.

And what somebody reads who only looks at stored tables.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from livetables.execute.expectations import observed
from livetables.graph.resolve import CHANGE_COLUMNS
from livetables.graph.row_filters import NOT_APPLIED, apply_row_filter, not_applied
from livetables.model import Namespace, View
from livetables.queries import reads
from livetables.storage.hidden import VISIBLE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from concurrent.futures import ThreadPoolExecutor

    from pyspark.sql import DataFrame, Observation, SparkSession

    from livetables.autoloader.stream import FileSource
    from livetables.execute.sources import Sources
    from livetables.execute.tables import Tables
    from livetables.graph.graph import Graph, ResolvedDataset
    from livetables.queries.reads import OutsideSources
    from livetables.spark.listener import QueryListener
    from livetables.storage.checkpoint import Checkpoint
    from livetables.storage.layout import Storage

_IN_A_FILE = "in a SQL file that 'functions' names in livetables.yml"


@dataclass(frozen=True)
class Engine:
    """What every flow of an update needs."""

    spark: SparkSession
    graph: Graph
    storage: Storage
    tables: Tables
    sources: Sources
    threads: ThreadPoolExecutor
    listener: QueryListener


class _OutsideReader:
    """The part of a Reader for what is outside the pipeline, which `sources` opens."""

    sources: OutsideSources

    def read_files(self, options: Mapping[str, str], schema: Any, path: str) -> DataFrame:
        """Return all files below a path as a batch."""
        return self.sources.read_files(options, schema, path)

    def stream_files(self, options: Mapping[str, str], schema: Any, path: str) -> DataFrame:
        """Return the files below a path as a stream that can only be analysed."""
        return self.sources.stream_files(options, schema, path)[0]

    def prepare(self, source: str, options: Mapping[str, str]) -> None:
        """Check a source before Spark opens it."""
        self.sources.prepare(source, options)

    def map_path(self, path: str) -> str:
        """Return the local path of a path of the platform."""
        return self.sources.map_path(path)


@dataclass
class FlowReader(_OutsideReader):
    """The Reader of one flow's evaluation: datasets are their stored tables, views are evaluated in place."""

    engine: Engine
    namespace: Namespace
    flow: str
    #: Where a stream of it keeps how far it has come.
    checkpoint: Checkpoint
    observations: dict[str, Observation] | None = None
    #: The sources of files that it reads.
    files: list[FileSource] = field(default_factory=list)
    uses: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.sources = self.engine.sources

    def read(self, name: str, *, streaming: bool, options: Mapping[str, str]) -> reads.TableFrame | None:
        """Return the table or view that a name means, or what is outside the pipeline."""
        dataset = self.engine.graph.datasets.get(self.namespace.own(name) or "")
        if dataset is None:
            return self.sources.read(name, streaming=streaming, options=options)
        if isinstance(dataset.definition, View):
            frame = self.observe(reads.evaluate(dataset.flows[0].definition, self), dataset)
        else:
            frame = self._stored(dataset, streaming=streaming, options=options)
        return reads.TableFrame(frame.alias(dataset.name), dataset.complete_mode)

    def _stored(self, dataset: ResolvedDataset, *, streaming: bool, options: Mapping[str, str]) -> DataFrame:
        spark = self.engine.spark
        source: Any = spark.readStream if streaming else spark.read
        with reads.reading_with(None):  # the table itself, not this reader again
            stored = source.options(**options).format("delta").load(str(self.engine.storage.table(dataset.name)))
        frame: DataFrame = stored if dataset.changes is None else _shown(stored, dataset)
        row_filter = getattr(dataset.definition, "row_filter", None)
        # Without the function of the filter there are no rows; the graph has warned of that.
        rows = None if row_filter is None else apply_row_filter(frame, row_filter.predicate)
        return frame if rows is None else rows

    def stream_files(self, options: Mapping[str, str], schema: Any, path: str) -> DataFrame:
        """Return the files below a path as a stream, whose ledger is in the checkpoint of the flow."""
        ledger = self.checkpoint.ledger(len(self.files))
        frame, files = self.sources.stream_files(options, schema, path, ledger)
        self.files.append(files)
        return frame

    def observe(self, frame: DataFrame, dataset: ResolvedDataset) -> DataFrame:
        """Apply the expectations of a dataset to a frame, and count its rows."""
        number = self.uses.get(dataset.name, 0)
        self.uses[dataset.name] = number + 1
        rules = getattr(dataset.definition, "expectations", ())
        if isinstance(dataset.definition, View) and not rules:
            return frame
        return observed(frame, dataset.name, rules, self.flow, number, self.observations)


@dataclass
class StoredReader(_OutsideReader):
    """The Reader of somebody who looks at what is stored: of a table with a row filter, what its readers see."""

    spark: SparkSession
    tables: Tables
    #: The predicates of row filters, by the keys of their tables.
    filters: Mapping[str, str]
    namespace: Namespace
    sources: OutsideSources
    warn: Callable[[str, str], None]

    def read(self, name: str, *, streaming: bool, options: Mapping[str, str]) -> reads.TableFrame | None:
        """Return the visible rows of a table with a row filter, or what is outside; None for any other table."""
        key = Namespace(schema=self.namespace.schema).own(name) or ""  # in the session there is no catalog
        if streaming or key not in self.filters:
            return self.sources.read(name, streaming=streaming, options=options)
        with reads.reading_with(None):
            frame = self.spark.read.options(**options).table(self.tables.qualified(key))
        rows = apply_row_filter(frame, self.filters[key])
        if rows is None:
            self.warn(NOT_APPLIED, not_applied(key, self.filters[key], _IN_A_FILE))
            return None
        return reads.TableFrame(rows)


def _shown(hidden: DataFrame, dataset: ResolvedDataset) -> DataFrame:
    """Return of a hidden table what its users see."""
    columns = [*dataset.schema.names, *(name for name in CHANGE_COLUMNS.names if name in hidden.columns)]
    return hidden.where(VISIBLE).select(*(f"`{name}`" for name in columns))
