"""Converts the SQL files of a pipeline into definitions: each statement into the datasets and flows that it defines."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from livetables.collect.calls import WITHOUT_EFFECT
from livetables.collect.names import NOT_IN_NAMES
from livetables.errors import Diagnostic
from livetables.model import (
    Action,
    CdcFlow,
    Changes,
    ColumnSelector,
    Expectation,
    Flow,
    MaterializedView,
    OnceFlow,
    QueryFlow,
    ReplaceFlow,
    ReplaceWhereFlow,
    RowFilter,
    StreamingTable,
    Table,
    View,
    quoted,
)
from livetables.queries.sql_queries import SqlQuery
from livetables.sql.cursor import SqlError
from livetables.sql.edits import Edited
from livetables.sql.lexer import STRING, UnfinishedError, cells, name_value, statements, string_value, tokens
from livetables.sql.parser import parse
from livetables.sql.script import Script
from livetables.sql.statements import (
    MATERIALIZED_VIEW,
    STREAMING_TABLE,
    TABLE,
    VIEW,
    Cdc,
    CreateDataset,
    CreateFlow,
    CreateFunction,
    Insert,
    SetConf,
    SqlText,
    Use,
)
from livetables.sql.variables import with_parameters, with_variables

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from livetables.collect.registry import Registry
    from livetables.errors import SourceLocation
    from livetables.model import Dataset
    from livetables.sql.lexer import Token
    from livetables.sql.statements import ColumnChoice, Statement

#: The property of a plain CREATE TABLE that makes it a table of the pipeline.
_LIVE_TABLE = "delta.live.table"
#: Prefixes of SET keys that become session configuration.
_CONFS = ("spark.", "pipelines.")
_KINDS = {STREAMING_TABLE: StreamingTable, MATERIALIZED_VIEW: MaterializedView, TABLE: StreamingTable}


def collect(
    files: Iterable[Path], registry: Registry, configuration: Mapping[str, str], parameters: Mapping[str, str]
) -> list[tuple[str, str, SourceLocation]]:
    """Register what SQL files define, and return the functions that they create.

    A function is its name, the text after the name in CREATE FUNCTION, and its location. `configuration` has the
    values of `${key}`, `parameters` those of `:name`. A wrong statement becomes an error of `registry.reporter`; the
    others are still registered.
    """
    functions: list[tuple[str, str, SourceLocation]] = []
    for file in files:
        location = registry.reporter.location(str(file), 0)
        try:
            script = Script(location.file, file.read_text("utf-8-sig"))
        except (OSError, UnicodeDecodeError) as error:
            message = f"The file can't be read: {error}."
            registry.reporter.error(Diagnostic("SQL_SYNTAX", message, location, "Save it as UTF-8 text."))
            continue
        registry.reporter.add_script(script)
        collector = _Collector(script, registry, dict(configuration), parameters)
        collector.collect()
        functions += collector.functions
    return functions


@dataclass
class _Collector:
    """Registers the statements of one file. `confs` is the session configuration that SET has made so far."""

    script: Script
    registry: Registry
    variables: dict[str, str]
    parameters: Mapping[str, str]
    confs: dict[str, str] = field(default_factory=dict)
    functions: list[tuple[str, str, SourceLocation]] = field(default_factory=list)

    def collect(self) -> None:
        """Register each statement of each cell."""
        for start, stop in cells(self.script.text):
            try:
                for statement in statements(self.script.text, start, stop):
                    self._statement(statement)
            except UnfinishedError as error:
                self._error(error.start, "SQL_SYNTAX", error.message, error.hint)

    def _statement(self, statement: list[Token]) -> None:
        text = Edited(self.script.text).part(statement[0].start, statement[-1].start)
        try:
            text = with_variables(text, self.variables)
            text = with_parameters(text, self.parameters)
            self._define(parse(text.text, tokens(text.text)), text)
        except UnfinishedError as error:
            self._broken(statement)
            self._error(text.origin(error.start), "SQL_SYNTAX", error.message, error.hint)
        except SqlError as error:
            self._broken(statement)
            self._error(text.origin(error.start), error.code, error.message, error.hint)

    def _broken(self, statement: list[Token]) -> None:
        """Register the name that a wrong statement would define: reading it is no second error."""
        words = [token.upper for token in statement]
        at = next((index + 1 for index, word in enumerate(words) if word in ("TABLE", "VIEW")), None)
        if at is None:
            return
        at += 3 * (words[at : at + 3] == ["IF", "NOT", "EXISTS"])
        while words[at + 1 : at + 2] == ["."]:
            at += 2
        self.registry.add_broken(name_value(statement[min(at, len(statement) - 1)]))

    def _error(self, at: int, code: str, message: str, hint: str | None) -> None:
        self.registry.reporter.error(self.script.diagnostic(at, code, message, hint))

    def _define(self, statement: Statement, text: Edited) -> None:
        location = self.script.location(text.origin(statement.start))
        match statement:
            case SetConf(key, value):
                if value is not None:
                    self.variables[key] = value
                    if key.startswith(_CONFS):  # other keys are only variables
                        self.confs[key] = _unquoted(value)
            case Use():
                self._no_effect("USE", "all tables of a pipeline lie in its own schema", location)
            case CreateFunction(name, definition):
                self.functions.append((name.last, definition.text, location))
            case CreateDataset():
                self._dataset(statement, text, location)
            case CreateFlow(name, target, flow, _, comment):
                own_name = ".".join(name.parts)
                if "/" in own_name:
                    message = f"The name '{own_name}' has '/' in it, which no flow can have in its name."
                    raise SqlError(name.start, message, f"Write {own_name.replace('/', '_')}.", "WRONG_ARGUMENT")
                self.registry.add_flow(self._flow(_FlowFields(own_name, target.last, location, comment), flow, text))

    def _no_effect(self, clause: str, why: str, location: SourceLocation) -> None:
        self.registry.reporter.warn(Diagnostic("NO_EFFECT_HERE", f"{clause} has no effect here: {why}.", location))

    # Datasets

    def _dataset(self, created: CreateDataset, text: Edited, location: SourceLocation) -> None:
        name = created.name.last
        wrong = NOT_IN_NAMES.search(name)
        if wrong:
            message = f"The name '{name}' has {wrong.group()!r} in it, which no table can have in its name."
            raise SqlError(created.name.start, message, f"Write {NOT_IN_NAMES.sub('_', name)}.", "WRONG_ARGUMENT")
        rules = tuple(
            Expectation(
                rule.name,
                rule.predicate.text,
                Action[rule.action.upper()],
                self.script.location(text.origin(rule.start)),
            )
            for rule in created.constraints
        )
        if created.kind == VIEW:
            dataset: Dataset = View(name, location, created.comment, rules)
        else:
            dataset = replace(self._table(created, name, location), expectations=rules)
        flow: Flow | None = None
        if created.query is not None:
            names = tuple((column.name, column.comment) for column in created.columns if not column.typed)
            streams = created.kind in (STREAMING_TABLE, TABLE) or None
            query = self._query(created.query, text, streams=streams, columns=names)
            flow = QueryFlow(name, name, query, location, created.comment, dict(self.confs))
        elif created.flow is not None:
            flow = self._flow(_FlowFields(name, name, location, created.comment), created.flow, text)
        self.registry.add_dataset(dataset, flow=flow)

    def _table(self, created: CreateDataset, name: str, location: SourceLocation) -> Table:
        self._check(created, location)
        typed = [column for column in created.columns if column.typed]
        row_filter = None
        if created.row_filter is not None:
            arguments = ", ".join(map(quoted, created.row_filter.columns))
            function = quoted(created.row_filter.function.last)
            row_filter = RowFilter(f"{function}({arguments})", created.row_filter.columns)
        # With a query, it is a streaming table if the query streams, which SqlQuery ensures.
        kind = Table if created.kind != MATERIALIZED_VIEW and created.query is not None else _KINDS[created.kind]
        table: Table = kind(
            name,
            location,
            created.comment,
            schema=", ".join(f"{quoted(column.name)} {column.text.text}" for column in typed) or None,
            table_properties={key: value for key, value in created.properties.items() if key != _LIVE_TABLE},
            partition_cols=created.partitioned_by,
            cluster_by=created.cluster_by,
            path=created.location,
            private=created.private,
            row_filter=row_filter,
        )
        if isinstance(table, MaterializedView) and created.refresh_policy is not None:
            return replace(table, refresh_policy=created.refresh_policy)
        return table

    def _check(self, created: CreateDataset, location: SourceLocation) -> None:
        """Raise SqlError for a table that is not part of the pipeline; warn of clauses without effect."""
        marked = created.properties.get(_LIVE_TABLE, "").lower() == "true"
        if created.kind == TABLE and not marked:
            message = f"CREATE TABLE {created.name.last} makes a table that is no part of the pipeline."
            hint = "Write CREATE OR REFRESH STREAMING TABLE, or MATERIALIZED VIEW."
            raise SqlError(created.start, message, hint, "NOT_A_DATASET")
        if created.cluster_by_auto:
            self._no_effect("CLUSTER BY AUTO", WITHOUT_EFFECT["cluster_by_auto"], location)
        if created.refresh_policy == "incremental_strict":
            self._no_effect("REFRESH POLICY INCREMENTAL STRICT", WITHOUT_EFFECT["refresh_policy"], location)
        if created.schedule is not None:
            self._no_effect(
                created.schedule.text.split()[0].upper(), "start updates with a scheduler of your own", location
            )

    # Flows

    def _query(
        self, query: SqlText, text: Edited, *, streams: bool | None, columns: tuple[tuple[str, str | None], ...] = ()
    ) -> SqlQuery:
        part = text.part(query.start, query.start + len(query.text))
        return SqlQuery(part, self.script, self.registry.reporter.warn, streams=streams, columns=columns)

    def _flow(self, fields: _FlowFields, flow: Insert | Cdc, text: Edited) -> Flow:
        common = {**vars(fields), "spark_conf": dict(self.confs)}
        if isinstance(flow, Cdc):
            query = self._query(flow.source, text, streams=not flow.once)
            query = replace(query, text=query.text.replaced([(0, 0, "SELECT * FROM ")]))
            return CdcFlow(**common, query=query, changes=_changes(flow), once=flow.once)
        if flow.once and (flow.replace_using or flow.replace_where is not None):
            message = f"The flow '{fields.name}' has ONCE and REPLACE, which do not go together here."
            raise SqlError(flow.query.start, message, "Leave one of them out.", "NOT_SUPPORTED")
        streams = None if flow.once or flow.replace_where else True
        query = self._query(flow.query, text, streams=streams)
        if flow.replace_using:
            assert flow.sequence is not None
            return ReplaceFlow(**common, query=query, keys=flow.replace_using, sequence_by=flow.sequence.text)
        if flow.replace_where is not None:
            return ReplaceWhereFlow(**common, query=query, predicate=flow.replace_where.text)
        return (OnceFlow if flow.once else QueryFlow)(**common, query=query)


@dataclass(frozen=True)
class _FlowFields:
    """The fields of a flow that its statement has besides the query."""

    name: str
    target: str
    location: SourceLocation
    comment: str | None


def _unquoted(value: str) -> str:
    """Return a value of SET for Spark: a quoted string without its quotes, which in a query are part of it."""
    first, *others = tokens(value)
    return string_value(first) if first.kind == STRING and len(others) == 1 else value


def _changes(flow: Cdc) -> Changes:
    partial = None
    if flow.columns_to_update is not None:
        partial = ColumnSelector()
    elif flow.ignore_null_updates:
        partial = _columns(flow.ignored)
    return Changes(
        keys=flow.keys,
        sequence_by=flow.sequence.text,
        scd_type=int(flow.stored_as),
        deletes=_text(flow.deletes),
        truncates=_text(flow.truncates),
        columns=_columns(flow.columns),
        tracked=_columns(flow.tracked),
        partial=partial,
        where=_text(flow.where),
        columns_to_update=_text(flow.columns_to_update),
    )


def _text(text: SqlText | None) -> str | None:
    return None if text is None else text.text


def _columns(choice: ColumnChoice | None) -> ColumnSelector:
    if choice is None:
        return ColumnSelector()
    return ColumnSelector(None, choice.names) if choice.but else ColumnSelector(choice.names)
