"""Evaluates each query function once against empty DataFrames, to find what it reads and which columns it returns.

Reading a dataset resolves it first, so the order of the files does not matter; reading a dataset that is being resolved
is a cycle. The empty DataFrames have the right schema: `.columns`, `.schema`, `df.column` and `.count()` work in a
query function.
"""

from __future__ import annotations

import tempfile
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from pyspark.errors import AnalysisException
from pyspark.sql.types import StructType
from typing_extensions import assert_never

from livetables.errors import (
    DatasetNotFoundError,
    DefinitionError,
    Diagnostic,
    GraphError,
    LivetablesError,
    UnreachableError,
    did_you_mean,
)
from livetables.graph.cdc_schema import cdc_output, check_replacing
from livetables.graph.graph import FlowInput, Graph, ResolvedDataset, ResolvedFlow
from livetables.graph.kinds import check_query, check_read, kind_of, merged_schema, output_mode
from livetables.graph.row_filters import row_filter_problems
from livetables.graph.rules import checked_rule
from livetables.graph.schema import conform, declared_schema
from livetables.model import (
    CdcFlow,
    Dataset,
    Definitions,
    Flow,
    Namespace,
    OnceFlow,
    QueryFlow,
    ReplaceFlow,
    ReplaceWhereFlow,
    SnapshotFlow,
    Table,
    UpdateFlow,
    View,
    is_live,
)
from livetables.queries import reads
from livetables.queries.locations import location_of
from livetables.spark.jvm import empty_frame, is_stateless

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pyspark.sql import DataFrame, SparkSession

    from livetables.collect.reporter import Reporter
    from livetables.errors import SourceLocation


_T = TypeVar("_T")

#: What Delta adds to the columns of a table whose change feed is read.
CHANGE_COLUMNS = (
    StructType().add("_change_type", "string").add("_commit_version", "long").add("_commit_timestamp", "timestamp")
)


class _BrokenInputError(Exception):
    """A query reads a dataset whose problems are reported already."""


class _UnreachableServerError(Exception):
    """A server does not answer: it is reported at once, and nothing more is resolved."""


class Resolver:
    """Resolves the definitions of one pipeline; `sources` opens everything outside of it."""

    def __init__(
        self,
        spark: SparkSession,
        definitions: Definitions,
        namespace: Namespace,
        sources: reads.OutsideSources,
        reporter: Reporter,
    ) -> None:
        self._spark = spark
        self._namespace = namespace
        self._sources = sources
        self._reporter = reporter
        self._broken_definitions = definitions.broken
        self.diagnostics = list(definitions.diagnostics)
        self._definitions: dict[str, Dataset] = {}
        for dataset in definitions.datasets:
            self._definitions.setdefault(dataset.key, dataset)
        keys = [dataset.key for dataset in definitions.datasets]
        self._defined_twice = {key for key in keys if keys.count(key) > 1}
        self._flows: dict[str, list[Flow]] = {key: [] for key in self._definitions}
        for flow in definitions.flows:
            self._assign(flow)
        self._resolved: dict[str, ResolvedDataset] = {}
        self._frames: dict[str, DataFrame] = {}
        self._broken: set[str] = set()
        self._open: list[str] = []
        self._inputs: list[tuple[dict[FlowInput, None], dict[str, None]]] = []
        self._empty_folder = tempfile.TemporaryDirectory(prefix="livetables-")

    def resolve(self) -> Graph:
        """Return the graph; raises GraphError with every problem when there is any."""
        with self._empty_folder, suppress(_UnreachableServerError):
            for key in self._definitions:
                self._dataset(key)
        # Last, since a query function may define the function of a filter.
        self.diagnostics += row_filter_problems(self._spark, self._resolved.values(), self._reporter)
        if self.diagnostics:
            raise GraphError(sorted(map(self._reporter.with_excerpt, self.diagnostics), key=_by_place))
        return Graph.of(self._resolved[key] for key in self._definitions)

    def _assign(self, flow: Flow) -> None:
        target = flow.target.lower()
        if target in self._broken_definitions:
            return
        if target not in self._definitions:
            define = flow.location.hint(
                f'create_streaming_table("{flow.target}")', f"CREATE STREAMING TABLE {flow.target}"
            )
            hint = did_you_mean(flow.target, (d.name for d in self._definitions.values()), f"Define it with {define}.")
            message = f"Flow '{flow.name}' fills '{flow.target}', which is not defined."
            self.diagnostics.append(Diagnostic("FLOW_TARGET_NOT_FOUND", message, flow.location, hint))
            return
        same = [other for flows in self._flows.values() for other in flows if other.key == flow.key]
        if same:
            if target in self._defined_twice:
                return  # the dataset is reported already
            message = f"Two flows are named '{flow.name}': they fill '{same[0].target}' and '{flow.target}'."
            hint = flow.location.hint("Give each flow its own name=", "Give each one a name: CREATE FLOW name AS ...")
            self.diagnostics.append(Diagnostic("DUPLICATE_FLOW", message, flow.location, hint))
        self._flows[target].append(flow)

    # The Reader of query functions while they are resolved.

    def read(self, name: str, *, streaming: bool, options: Mapping[str, str]) -> reads.TableFrame | None:
        """Return a stand-in for a dataset, or what is outside the pipeline."""
        key = self._namespace.own(name)
        if key is None or key not in self._definitions:
            if key in self._broken_definitions:
                raise _BrokenInputError(key)
            if is_live(name):
                raise self._unknown(name)
            self._inputs[-1][1][name] = None
            return self._placed(lambda: self._sources.read(name, streaming=streaming, options=options))
        self._dataset(key)
        if key in self._broken:
            raise _BrokenInputError(key)
        dataset = self._resolved[key]
        if isinstance(dataset.definition, View):
            self._inputs[-1][0][FlowInput(key, dataset.flows[0].streaming)] = None
            return reads.TableFrame(self._frames[key])
        self._inputs[-1][0][FlowInput(key, streaming)] = None
        check_read(dataset.definition, self._reporter.caller, streaming=streaming)
        stand_in = self._stand_in(dataset, streaming=streaming, changes=_reads_changes(options))
        return reads.TableFrame(stand_in, dataset.complete_mode)

    def read_files(self, options: Mapping[str, str], schema: Any, path: str) -> DataFrame:
        """Return files outside the pipeline as a batch."""
        self._inputs[-1][1][path] = None
        return self._placed(lambda: self._sources.read_files(options, schema, path))

    def stream_files(self, options: Mapping[str, str], schema: Any, path: str) -> DataFrame:
        """Return files outside the pipeline as a stream that can only be analysed."""
        self._inputs[-1][1][path] = None
        return self._placed(lambda: self._sources.stream_files(options, schema, path)[0])

    def prepare(self, source: str, options: Mapping[str, str]) -> None:
        """Check a source outside the pipeline."""
        self._placed(lambda: self._sources.prepare(source, options))

    def map_path(self, path: str) -> str:
        """Map a path of the platform."""
        return self._placed(lambda: self._sources.map_path(path))

    def _placed(self, opening: Callable[[], _T]) -> _T:
        """Open a source; its errors get the location of the line that reads it."""
        try:
            return opening()
        except LivetablesError as error:
            error.locate(self._reporter.caller())
            raise

    def _stand_in(self, dataset: ResolvedDataset, *, streaming: bool, changes: bool) -> DataFrame:
        schema = StructType([*dataset.schema, *(CHANGE_COLUMNS if changes else ())])
        if streaming:
            frame = self._spark.readStream.schema(schema).parquet(self._empty_folder.name)
        else:
            frame = empty_frame(self._spark, schema)
        return frame.alias(dataset.name)

    def _dataset(self, key: str) -> None:
        if key in self._resolved or key in self._broken:
            return
        if key in self._open:
            self._cycle(key)
            return
        self._open.append(key)
        try:
            self._resolve_dataset(self._definitions[key])
        except _BrokenInputError:
            self._broken.add(key)
        except LivetablesError as error:
            self._broken.add(key)
            self._report(error.diagnostic, self._definitions[key])
            if isinstance(error, UnreachableError):
                raise _UnreachableServerError from error
        finally:
            self._open.pop()

    def _cycle(self, key: str) -> None:
        members = [*self._open[self._open.index(key) :], key]
        names = " -> ".join(self._definitions[member].name for member in members)
        message = f"Datasets read each other in a circle: {names}."
        hint = "Break the circle: one of them must read something else."
        self.diagnostics.append(Diagnostic("CYCLE", message, self._definitions[key].location, hint))
        self._broken.update(members)

    def _report(self, diagnostic: Diagnostic, dataset: Dataset) -> None:
        self.diagnostics.append(diagnostic if diagnostic.location else replace(diagnostic, location=dataset.location))

    def _resolve_dataset(self, dataset: Dataset) -> None:
        flows, frames = [], []
        schema = declared_schema(self._spark, dataset)
        for flow in self._flows[dataset.key]:
            resolved, frame = self._resolve_flow(flow, dataset, schema)
            dataset = self._with_rules_of(dataset, frame)
            flows.append(resolved)
            frames.append(frame)
        kind = kind_of(dataset, flows)
        if schema is None:
            schema = merged_schema(dataset, flows)
        self._resolved[dataset.key] = ResolvedDataset(kind, schema, tuple(flows))
        if frames:
            self._frames[dataset.key] = frames[0]

    def _resolve_flow(self, flow: Flow, dataset: Dataset, schema: StructType | None) -> tuple[ResolvedFlow, DataFrame]:
        frame, inputs, external = self._evaluated(flow)
        check_query(flow, streaming=frame.isStreaming)
        result, sequence, mode = frame, None, "append"
        match flow:
            case CdcFlow() | SnapshotFlow():
                result, sequence = cdc_output(frame, flow)
            case ReplaceFlow():
                check_replacing(frame, flow)
            case ReplaceWhereFlow():
                frame = result = frame.where(flow.predicate)
            case UpdateFlow():
                mode = "update"
            case QueryFlow():
                if frame.isStreaming and not isinstance(dataset, View):
                    mode = output_mode(self._spark, frame)
            case OnceFlow():
                pass
            case _:
                assert_never(flow)
        if schema is not None:
            conform(result, schema, dataset)
        resolved = ResolvedFlow(
            replace(flow, spark_conf={**self._confs(inputs, dataset), **flow.spark_conf}),
            inputs,
            external,
            frame.isStreaming,
            result.schema,
            mode,
            stateless=frame.isStreaming and is_stateless(frame),
            sequence=sequence,
        )
        return resolved, frame

    def _confs(self, inputs: tuple[FlowInput, ...], dataset: Dataset) -> dict[str, str]:
        """Return the confs of the views that a flow reads, and of its target."""
        confs: dict[str, str] = {}
        for dataset_read in (self._resolved[read.key] for read in inputs):
            if isinstance(dataset_read.definition, View):
                confs |= dataset_read.flows[0].definition.spark_conf
        return confs | dict(dataset.spark_conf if isinstance(dataset, Table) else {})

    def _evaluated(self, flow: Flow) -> tuple[DataFrame, tuple[FlowInput, ...], tuple[str, ...]]:
        """Return the DataFrame of a flow's query, and the datasets and names outside the pipeline that it reads."""
        self._inputs.append(({}, {}))
        try:
            frame = reads.evaluate(flow, self)
        except (LivetablesError, _BrokenInputError, _UnreachableServerError):
            raise
        except Exception as error:
            raise self._failure(error, flow) from error
        finally:
            inputs, external = self._inputs.pop()
        return frame, tuple(inputs), tuple(external)

    def _failure(self, error: Exception, flow: Flow) -> LivetablesError:
        if isinstance(error, AnalysisException) and error.getCondition() == "TABLE_OR_VIEW_NOT_FOUND":
            parameters = error.getMessageParameters() or {}
            location = location_of(error) or flow.location
            return self._unknown(parameters.get("relationName", "").replace("`", ""), location)
        diagnostic = self._reporter.of_exception(error)
        return DefinitionError(
            diagnostic.code,
            f"The query of '{flow.name}' fails: {diagnostic.message}",
            location=diagnostic.location if diagnostic.location and diagnostic.location.line else flow.location,
            hint=diagnostic.hint,
        )

    def _unknown(self, name: str, location: SourceLocation | None = None) -> DatasetNotFoundError:
        last = name.rsplit(".", maxsplit=1)[-1]
        otherwise = f"Define it, or register a table outside the pipeline with --table {last}=PATH."
        return DatasetNotFoundError(
            "DATASET_NOT_FOUND",
            f"'{name}' is neither a dataset of this pipeline nor a table that Spark knows.",
            location=location or self._reporter.caller(),
            hint=did_you_mean(last, (dataset.name for dataset in self._definitions.values()), otherwise),
        )

    def _with_rules_of(self, dataset: Dataset, frame: DataFrame) -> Dataset:
        """Return a dataset with its expectations as they can be evaluated over a frame; report the others."""
        if not isinstance(dataset, Table | View):
            return dataset
        checked = [checked_rule(rule, dataset, frame) for rule in dataset.expectations]
        for _, diagnostic in checked:
            if diagnostic is not None:
                self._report(diagnostic, dataset)
        return replace(dataset, expectations=tuple(rule for rule, _ in checked))


def _reads_changes(options: Mapping[str, str]) -> bool:
    return any(key.lower() == "readchangefeed" and value.lower() == "true" for key, value in options.items())


def _by_place(diagnostic: Diagnostic) -> tuple[str, int, str]:
    location = diagnostic.location
    return (location.file, location.line, diagnostic.code) if location else ("", 0, diagnostic.code)
