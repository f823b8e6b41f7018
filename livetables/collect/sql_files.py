"""Turns the SQL files of a pipeline into definitions: each statement into the datasets and flows that it stands for."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from livetables.collect.checks import NOT_IN_NAMES, NOT_LOCAL
from livetables.errors import Diagnostic
from livetables.model import (
    Action,
    CdcFlow,
    Changes,
    ColumnSelector,
    Expectation,
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
    Text,
    Use,
)
from livetables.sql.variables import with_parameters, with_variables

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from livetables.collect.registry import Registry
    from livetables.errors import SourceLocation
    from livetables.model import Dataset, Flow
    from livetables.sql.lexer import Token
    from livetables.sql.statements import ColumnChoice, Statement

#: The property of a plain CREATE TABLE that makes it a table of the pipeline.
_MARK = "delta.live.table"
#: How keys begin that somebody reads from the session.
_CONFS = ("spark.", "pipelines.")
_KINDS = {STREAMING_TABLE: StreamingTable, MATERIALIZED_VIEW: MaterializedView, TABLE: StreamingTable}


def collect(
    files: Iterable[Path], registry: Registry, configuration: Mapping[str, str], parameters: Mapping[str, str]
) -> None:
    """Register what SQL files define. What is wrong with a statement becomes a problem; the others still count."""
    for file in files:
        location = registry.location(str(file), 0)
        try:
            script = Script(location.file, file.read_text("utf-8-sig"))
        except (OSError, UnicodeDecodeError) as error:
            message = f"The file can't be read: {error}."
            registry.diagnostics.append(Diagnostic("SQL_SYNTAX", message, location, "Save it as UTF-8 text."))
            continue
        registry.scripts[script.file] = script
        _Collector(script, registry, dict(configuration), parameters).collect()


@dataclass
class _Collector:
    """Goes through one file: `confs` is what SET has set so far, for the datasets that follow."""

    script: Script
    registry: Registry
    variables: dict[str, str]
    parameters: Mapping[str, str]
    confs: dict[str, str] = field(default_factory=dict)

    def collect(self) -> None:
        for start, stop in cells(self.script.text):
            try:
                for statement in statements(self.script.text, start, stop):
                    self._statement(statement)
            except UnfinishedError as error:
                self._wrong(error.start, "SQL_SYNTAX", error.message, error.hint)

    def _statement(self, statement: list[Token]) -> None:
        text = Edited(self.script.text).part(statement[0].start, statement[-1].start)
        try:
            text = with_variables(text, self.variables)
            text = with_parameters(text, self.parameters)
            self._define(parse(text.text, tokens(text.text)), text)
        except UnfinishedError as error:
            self._broken(statement)
            self._wrong(text.origin(error.start), "SQL_SYNTAX", error.message, error.hint)
        except SqlError as error:
            self._broken(statement)
            self._wrong(text.origin(error.start), error.code, error.message, error.hint)

    def _broken(self, statement: list[Token]) -> None:
        """Remember the name that a statement with an error defines: that others read it is no second error."""
        words = [token.upper for token in statement]
        at = next((index + 1 for index, word in enumerate(words) if word in ("TABLE", "VIEW")), None)
        if at is None:
            return
        at += 3 * (words[at : at + 3] == ["IF", "NOT", "EXISTS"])
        while words[at + 1 : at + 2] == ["."]:
            at += 2
        self.registry.broken.add(name_value(statement[min(at, len(statement) - 1)]).lower())

    def _wrong(self, at: int, code: str, message: str, hint: str | None) -> None:
        self.registry.diagnostics.append(self.script.diagnostic(at, code, message, hint))

    def _define(self, statement: Statement, text: Edited) -> None:
        location = self.script.location(text.origin(statement.start))
        match statement:
            case SetConf(key, value):
                if value is not None:
                    self.variables[key] = value
                    if key.startswith(_CONFS):  # the others stand for text only
                        self.confs[key] = _unquoted(value)
            case Use():
                self._no_effect("USE", "all tables of a pipeline lie in its own schema", location)
            case CreateFunction(name, said):
                self.registry.functions.append((name.last, said.text, location))
            case CreateDataset():
                self._dataset(statement, text, location)
            case CreateFlow(name, target, flow, _, comment):
                own_name = ".".join(name.parts)
                if "/" in own_name:
                    message = f"The name '{own_name}' has '/' in it, which no flow can have in its name."
                    raise SqlError(name.start, message, f"Write {own_name.replace('/', '_')}.", "WRONG_ARGUMENT")
                self.registry.flows.append(self._flow(own_name, target.last, flow, text, location, comment))

    def _no_effect(self, clause: str, why: str, location: SourceLocation) -> None:
        self.registry.warn("NO_EFFECT_HERE", f"{clause} has no effect here: {why}.", location)

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
            flow = self._flow(name, name, created.flow, text, location, created.comment)
        self.registry.add(dataset, None, flow)

    def _table(self, created: CreateDataset, name: str, location: SourceLocation) -> Table:
        self._check(created, location)
        typed = [column for column in created.columns if column.typed]
        row_filter = None
        if created.row_filter is not None:
            arguments = ", ".join(map(quoted, created.row_filter.columns))
            function = quoted(created.row_filter.function.last)
            row_filter = RowFilter(f"{function}({arguments})", created.row_filter.columns)
        # What a query fills is a streaming table if the query streams; SqlQuery sees to it.
        kind = Table if created.kind != MATERIALIZED_VIEW and created.query is not None else _KINDS[created.kind]
        table: Table = kind(
            name,
            location,
            created.comment,
            schema=", ".join(f"{quoted(column.name)} {column.text.text}" for column in typed) or None,
            table_properties={key: value for key, value in created.properties.items() if key != _MARK},
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
        """Refuse a table that is none of the pipeline's, and say what has no effect."""
        marked = created.properties.get(_MARK, "").lower() == "true"
        if created.kind == TABLE and not marked:
            message = f"CREATE TABLE {created.name.last} makes a table that is no part of the pipeline."
            hint = "Write CREATE OR REFRESH STREAMING TABLE, or MATERIALIZED VIEW."
            raise SqlError(created.start, message, hint, "NOT_A_DATASET")
        if created.cluster_by_auto:
            self._no_effect("CLUSTER BY AUTO", NOT_LOCAL["cluster_by_auto"], location)
        if created.refresh_policy == "incremental_strict":
            self._no_effect("REFRESH POLICY INCREMENTAL STRICT", NOT_LOCAL["refresh_policy"], location)
        if created.schedule is not None:
            self._no_effect(
                created.schedule.text.split()[0].upper(), "start updates with a scheduler of your own", location
            )

    # Flows

    def _query(
        self, said: Text, text: Edited, *, streams: bool | None, columns: tuple[tuple[str, str | None], ...] = ()
    ) -> SqlQuery:
        query = text.part(said.start, said.start + len(said.text))
        return SqlQuery(query, self.script, self.registry.warn, streams=streams, columns=columns)

    def _flow(
        self, name: str, target: str, flow: Insert | Cdc, text: Edited, location: SourceLocation, comment: str | None
    ) -> Flow:
        confs = dict(self.confs)
        if isinstance(flow, Insert):
            return self._insert_flow(name, target, flow, text, location, comment)
        query = self._query(flow.source, text, streams=not flow.once)
        query = replace(query, text=query.text.replaced([(0, 0, "SELECT * FROM ")]))
        return CdcFlow(name, target, query, location, comment, confs, changes=_changes(flow), once=flow.once)

    def _insert_flow(
        self, name: str, target: str, flow: Insert, text: Edited, location: SourceLocation, comment: str | None
    ) -> Flow:
        replaces = bool(flow.replace_using) or flow.replace_where is not None
        if flow.once and replaces:
            message = f"The flow '{name}' has ONCE and REPLACE, which do not go together here."
            raise SqlError(flow.query.start, message, "Leave one of them out.", "NOT_SUPPORTED")
        query = self._query(flow.query, text, streams=None if flow.once or flow.replace_where else True)
        confs = dict(self.confs)
        if flow.replace_where is not None:
            predicate = flow.replace_where.text
            return ReplaceWhereFlow(name, target, query, location, comment, confs, predicate=predicate)
        if flow.replace_using:
            assert flow.sequence is not None
            keys, sequence = flow.replace_using, flow.sequence.text
            return ReplaceFlow(name, target, query, location, comment, confs, keys=keys, sequence_by=sequence)
        kind = OnceFlow if flow.once else QueryFlow
        return kind(name, target, query, location, comment, confs)


def _unquoted(value: str) -> str:
    """Return what a value of SET means to Spark, where it stands in quotes; in a query, the quotes are part of it."""
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


def _text(text: Text | None) -> str | None:
    return None if text is None else text.text


def _columns(choice: ColumnChoice | None) -> ColumnSelector:
    if choice is None:
        return ColumnSelector()
    return ColumnSelector(None, choice.names) if choice.but else ColumnSelector(choice.names)
