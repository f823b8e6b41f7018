"""Creates the Delta tables of a pipeline, and registers them so that the session finds them by name."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from delta.tables import DeltaTable
from deltalake import DeltaTable as Stored
from deltalake import Schema
from pyspark.errors import AnalysisException, PySparkException
from pyspark.sql.types import ArrayType, DecimalType, MapType, StructType

from livetables.cdc.columns import hidden_layout, hidden_schema, visible_of_hidden
from livetables.errors import DefinitionError
from livetables.graph.schema import new_columns, stored_schema
from livetables.model import CLUSTER_BY, MaterializedView, Table, quoted
from livetables.plan.builder import declared_properties
from livetables.spark.failures import describe
from livetables.spark.jvm import forget_delta_tables, type_sql
from livetables.storage.delta import schema_json
from livetables.storage.hidden import HIDDEN, VISIBLE
from livetables.storage.layout import DECLARED, KIND

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from pyspark.sql import SparkSession
    from pyspark.sql.types import DataType

    from livetables.graph.graph import ResolvedDataset
    from livetables.model import Namespace
    from livetables.storage.layout import Storage
    from livetables.storage.locations import Location

#: The types that all versions of Delta have.
_PLAIN_TYPES = {
    "binary",
    "boolean",
    "byte",
    "date",
    "double",
    "float",
    "integer",
    "long",
    "short",
    "string",
    "timestamp",
}
#: Confs of a session that give properties to the tables it creates.
_DEFAULT_PROPERTIES = "spark.databricks.delta.properties.defaults."


class Tables:
    """The tables of one pipeline in one session, under the pipeline's schema."""

    def __init__(self, spark: SparkSession, storage: Storage, namespace: Namespace) -> None:
        self._spark = spark
        self._storage = storage
        self._schema = namespace.schema
        self._registered: set[str] = set()

    def create_schema(self) -> None:
        """Make the pipeline's schema known to the session, before tables are registered in it."""
        self._spark.sql(f"CREATE SCHEMA IF NOT EXISTS `{self._schema}`")

    def qualified(self, name: str) -> str:
        """Return the name under which Spark knows a table."""
        return f"`{self._schema}`.`{name.lower()}`"

    def create(self, dataset: ResolvedDataset, elsewhere: Path | None = None) -> None:
        """Create a table with its columns, comment, properties and layout; its files may lie elsewhere."""
        definition = dataset.definition
        assert isinstance(definition, Table)
        if self._storage.table(dataset.name).exists() and not self._storage.has_table(dataset.name):
            self._storage.remove_table(dataset.name)  # what a killed creation left behind
        hidden = dataset.changes is not None
        folder = self._storage.hidden_table(dataset.name) if hidden else self._storage.table(dataset.name)
        if elsewhere is not None:
            self._storage.place_table(folder, elsewhere, dataset.name)
        gives = declared_properties(dataset)
        properties = {**gives, KIND: dataset.stored_kind, DECLARED: json.dumps(gives)}
        properties.pop("comment", None)
        schema, partition_cols = dataset.schema, list(definition.partition_cols)
        if hidden:
            sequence = next(flow.sequence for flow in dataset.flows if flow.sequence is not None)
            schema = hidden_schema(dataset, sequence)
            partition_cols = hidden_layout(dataset) + partition_cols
        if not partition_cols and not definition.cluster_by and self._plain(schema, properties):
            # Without Spark, which takes a second for each table, and several for the first.
            Stored.create(
                str(folder),
                Schema.from_json(schema.json()),
                description=definition.comment,
                configuration=properties,
                raise_if_key_not_exists=False,
            )
            return
        builder = DeltaTable.create(self._spark).location(str(folder)).addColumns(schema)
        for key, value in properties.items():
            builder = builder.property(key, value)
        if definition.comment:
            builder = builder.comment(definition.comment)
        if partition_cols:
            builder = builder.partitionedBy(*partition_cols)
        if definition.cluster_by:
            builder = builder.clusterBy(*definition.cluster_by)
        builder.execute()

    def _plain(self, schema: StructType, properties: Iterable[str]) -> bool:
        """Return whether the first version of Delta had all that a table needs."""
        if any(key.lower().startswith("delta.") for key in properties) or not _is_plain(schema):
            return False
        return not any(key.startswith(_DEFAULT_PROPERTIES) for key in self._spark.conf.getAll)

    def alter(
        self,
        dataset: ResolvedDataset,
        changed: Mapping[str, str],
        removed: Iterable[str],
        columns: Mapping[str, DataType],
    ) -> None:
        """Give a stored table changed properties, new columns, another clustering.

        Raises DefinitionError when Delta refuses that.
        """
        table = f"ALTER TABLE delta.`{self._storage.table(dataset.name)}`"
        # What is noted last is what the next update compares with: a change that failed is tried again.
        properties = {**changed, DECLARED: json.dumps(declared_properties(dataset))}
        pairs = ", ".join(f"{_literal(key)} = {_literal(value)}" for key, value in properties.items())
        keys = ", ".join(map(_literal, removed))
        added = self._added_columns(dataset, columns)
        try:
            if added:
                self._spark.sql(f"{table} ADD COLUMNS ({added})")
            if CLUSTER_BY in {*changed, *removed}:
                clustered = ", ".join(map(quoted, dataset.definition.cluster_by))  # type: ignore[attr-defined]
                self._spark.sql(f"{table} CLUSTER BY {f'({clustered})' if clustered else 'NONE'}")
            if keys:
                self._spark.sql(f"{table} UNSET TBLPROPERTIES IF EXISTS ({keys})")
            self._spark.sql(f"{table} SET TBLPROPERTIES ({pairs})")
        except PySparkException as error:
            msg = f"The table of '{dataset.name}' can't take its new definition: {describe(error).message}"
            view = isinstance(dataset.definition, MaterializedView)
            other = "give the view a new name" if view else f"fill it from the start with --full-refresh {dataset.name}"
            hint = f"Take the change back. If Delta lets a new table have it, {other}."
            raise DefinitionError("CHANGE_REFUSED", msg, location=dataset.definition.location, hint=hint) from error

    def _added_columns(self, dataset: ResolvedDataset, columns: Mapping[str, DataType]) -> str:
        """Return new columns as ADD COLUMNS takes them; of a hidden table, also those that users do not see."""
        if columns and dataset.changes is not None:
            sequence = next(flow.sequence for flow in dataset.flows if flow.sequence is not None)
            columns = new_columns(
                stored_schema(self._storage.schema_json(dataset.name)), hidden_schema(dataset, sequence)
            )
        return ", ".join(f"{path} {type_sql(self._spark, kind)}" for path, kind in columns.items())

    def register(self, name: str) -> None:
        """Make a stored table known to the session."""
        self.register_path(name, self._storage.table(name))

    def register_path(self, name: str, folder: Location) -> None:
        """Make the Delta table in a folder known to the session; of a hidden table, what users see of it."""
        if name.lower() in self._registered:
            return
        self._unregister(name)  # another pipeline of this session may have one of that name, elsewhere
        self._registered.add(name.lower())
        location = str(folder)
        if not folder.name.startswith(HIDDEN):
            escaped = location.replace("'", "\\'")
            self._spark.sql(f"CREATE TABLE {self.qualified(name)} USING delta LOCATION '{escaped}'")
            return
        columns = ", ".join(map(quoted, visible_of_hidden(stored_schema(schema_json(folder)))))
        query = f"SELECT {columns} FROM delta.`{location}` WHERE {VISIBLE}"  # noqa: S608 (all names are our own)
        self._spark.sql(f"CREATE VIEW {self.qualified(name)} AS {query}")

    def _unregister(self, name: str) -> None:
        try:
            self._spark.sql(f"DROP TABLE IF EXISTS {self.qualified(name)}")
        except AnalysisException:  # it is a view
            self._spark.sql(f"DROP VIEW IF EXISTS {self.qualified(name)}")

    def remove(self, name: str) -> None:
        """Remove a table with all its rows."""
        self._storage.remove_table(name)
        forget_delta_tables(self._spark)


def _literal(text: str) -> str:
    """Return a text as SQL writes it."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _is_plain(kind: DataType) -> bool:
    """Return whether all versions of Delta have a type, or the types of a table's columns."""
    match kind:
        case StructType():
            names = {field.name.lower() for field in kind}
            return (
                len(names) == len(kind)
                and all(re.fullmatch(r"\w+", name) for name in names)
                and all(field.metadata.keys() <= {"comment"} and _is_plain(field.dataType) for field in kind)
            )
        case ArrayType():
            return _is_plain(kind.elementType)
        case MapType():
            return _is_plain(kind.keyType) and _is_plain(kind.valueType)
        case _:
            return isinstance(kind, DecimalType) or kind.jsonValue() in _PLAIN_TYPES
