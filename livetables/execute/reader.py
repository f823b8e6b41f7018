"""What a flow reads while it runs: stored tables, views evaluated in place, sources outside the pipeline."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from livetables.collect import reads
from livetables.execute.cdc_columns import VISIBLE
from livetables.execute.expectations import observed
from livetables.graph.resolve import CHANGE_COLUMNS, evaluate
from livetables.model import View

if TYPE_CHECKING:
    from collections.abc import Mapping
    from concurrent.futures import ThreadPoolExecutor

    from pyspark.sql import DataFrame, Observation, SparkSession

    from livetables.collect.reads import Reader
    from livetables.execute.storage import Storage
    from livetables.execute.tables import Tables
    from livetables.graph.graph import Graph, ResolvedDataset
    from livetables.model import Namespace


@dataclass(frozen=True)
class Engine:
    """What every flow of an update needs."""

    spark: SparkSession
    graph: Graph
    storage: Storage
    tables: Tables
    sources: Reader
    threads: ThreadPoolExecutor


@dataclass
class FlowReader:
    """The Reader of one flow's evaluation: datasets are their stored tables, views are evaluated in place."""

    engine: Engine
    namespace: Namespace
    flow: str
    observations: dict[str, Observation] | None = None
    uses: dict[str, int] = field(default_factory=dict)

    def read(self, name: str, *, streaming: bool, options: Mapping[str, str]) -> DataFrame | None:
        """Return the table or view that a name means; None for a name outside the pipeline."""
        dataset = self.engine.graph.datasets.get(self.namespace.own(name) or "")
        if dataset is None:
            return self.engine.sources.read(name, streaming=streaming, options=options)
        if isinstance(dataset.definition, View):
            return self.observe(evaluate(dataset.flows[0].definition, self), dataset).alias(dataset.name)
        spark = self.engine.spark
        source: Any = spark.readStream if streaming else spark.read
        token = reads.current.set(None)  # the table itself, not this reader again
        try:
            source = source.options(**options)
            if dataset.changes is not None:
                return _seen(source.format("delta").load(str(self.engine.storage.table(dataset.name))), dataset)
            frame: DataFrame = source.table(self.engine.tables.qualified(dataset.name))
        finally:
            reads.current.reset(token)
        return frame.alias(dataset.name)

    def observe(self, frame: DataFrame, dataset: ResolvedDataset) -> DataFrame:
        """Apply the expectations of a dataset to a frame, and count its rows."""
        number = self.uses.get(dataset.name, 0)
        self.uses[dataset.name] = number + 1
        rules = getattr(dataset.definition, "expectations", ())
        if isinstance(dataset.definition, View) and not rules:
            return frame
        return observed(frame, dataset.name, rules, self.flow, number, self.observations)

    def load(self, source: str, options: Mapping[str, str], schema: Any, path: str) -> DataFrame:
        """Open a source outside the pipeline."""
        return self.engine.sources.load(source, options, schema, path)

    def prepare(self, source: str, options: Mapping[str, str], *, streaming: bool) -> None:
        """Check a source outside the pipeline."""
        self.engine.sources.prepare(source, options, streaming=streaming)

    def map_path(self, path: str) -> str:
        """Map a path of the platform."""
        return self.engine.sources.map_path(path)


def _seen(hidden: DataFrame, dataset: ResolvedDataset) -> DataFrame:
    """Return of a hidden table what its users see."""
    columns = [*dataset.schema.names, *(name for name in CHANGE_COLUMNS.names if name in hidden.columns)]
    return hidden.where(VISIBLE).select(*(f"`{name}`" for name in columns)).alias(dataset.name)
