"""Patches of PySpark's reading methods: while a reader is active, tables, paths and sources come from it.

`patched()` is entered by `collect.binding.bound`, the one context manager that changes this process.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pyspark.sql import DataFrameReader, SparkSession
from pyspark.sql.sql_formatter import SQLStringFormatter
from pyspark.sql.streaming.readwriter import DataStreamReader

from livetables.queries import reads, sql_run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: The format of Auto Loader, which Spark itself does not have.
_AUTO_LOADER = "cloudfiles"
_FILE_READS = ("json", "csv", "parquet", "orc", "text", "xml")
#: The attribute of a DataFrameReader or DataStreamReader with the settings that were made on it.
_ATTRIBUTE = "_livetables"


@contextmanager
def patched() -> Iterator[None]:
    """Patch the reading methods of PySpark inside this context, and restore them afterwards."""
    patches = _patches()
    originals = [(owner, name, getattr(owner, name)) for owner, name, _ in patches]
    try:
        for owner, name, replacement in patches:
            setattr(owner, name, replacement)
        yield
    finally:
        for owner, name, original in originals:
            setattr(owner, name, original)


def _patches() -> list[tuple[type, str, Callable[..., Any]]]:
    readers: list[tuple[type, str, Callable[..., Any]]] = []
    for owner, streaming in ((DataFrameReader, False), (DataStreamReader, True)):
        readers += [
            (owner, "table", _table(owner, streaming=streaming)),
            (owner, "load", _load(owner, streaming=streaming)),
            *((owner, name, _recording(owner, name)) for name in ("format", "option", "options", "schema")),
            *((owner, name, _file_read(owner, name)) for name in _FILE_READS if hasattr(owner, name)),
        ]
    return [*readers, (SparkSession, "table", _session_table()), (SparkSession, "sql", _session_sql())]


def _session_table() -> Callable[..., Any]:
    original = _original(SparkSession, "table")

    def table(self: SparkSession, tableName: str) -> Any:
        frame = reads.read_active(tableName, streaming=False)
        return original(self, tableName) if frame is None else frame

    return table


def _session_sql() -> Callable[..., Any]:
    original = _original(SparkSession, "sql")

    def sql(self: SparkSession, sqlQuery: str, args: Any = None, **kwargs: Any) -> Any:
        reader = reads.current.get()
        if reader is None:
            return original(self, sqlQuery, args, **kwargs)
        formatter = SQLStringFormatter(self)
        try:
            text = formatter.format(sqlQuery, **kwargs) if kwargs else sqlQuery
            return sql_run.run(self, text, reader, lambda text: original(self, text), args)
        finally:
            formatter.clear()

    return sql


def _table(owner: type, *, streaming: bool) -> Callable[..., Any]:
    original = _original(owner, "table")

    def table(self: Any, tableName: str) -> Any:
        frame = reads.read_active(tableName, streaming=streaming, options=_recorded(self)["options"])
        return original(self, tableName) if frame is None else frame

    return table


def _load(owner: type, *, streaming: bool) -> Callable[..., Any]:
    original = _original(owner, "load")
    record_format, record_schema = _recording(owner, "format"), _recording(owner, "schema")
    record_options = _recording(owner, "options")

    def load(self: Any, path: Any = None, format: Any = None, schema: Any = None, **options: Any) -> Any:
        if format is not None:
            record_format(self, format)
        if schema is not None:
            record_schema(self, schema)
        if options:
            record_options(self, **options)
        reader, recorded = reads.current.get(), _recorded(self)
        if reader is None:
            return original(self, path)
        source = str(recorded["format"] or "")
        path = path if path is not None else recorded["options"].get("path")
        if streaming and source.lower() == _AUTO_LOADER:
            return reader.stream_files(recorded["options"], recorded["schema"], str(path))
        reader.prepare(source, recorded["options"])
        if path is None:
            return original(self)
        return original(self, _mapped(reader, path))

    return load


def _file_read(owner: type, name: str) -> Callable[..., Any]:
    original = _original(owner, name)

    def read(self: Any, path: Any, *args: Any, **kwargs: Any) -> Any:
        reader = reads.current.get()
        return original(self, _mapped(reader, path) if reader else path, *args, **kwargs)

    return read


def _mapped(reader: reads.Reader, path: Any) -> Any:
    if isinstance(path, str):
        return reader.map_path(path)
    return [_mapped(reader, item) for item in path] if isinstance(path, list) else path


def _recording(owner: type, name: str) -> Callable[..., Any]:
    """Return a method that also records its arguments on the reader, as the JVM's reader can't be queried."""
    original = _original(owner, name)

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        recorded = _recorded(self)
        if name == "option":
            key, value = (*args, *kwargs.values())
            recorded["options"][key] = _text(value)
        elif name == "options":
            recorded["options"].update({key: _text(value) for key, value in kwargs.items()})
        else:
            recorded[name] = args[0] if args else next(iter(kwargs.values()))
        return original(self, *args, **kwargs)

    return method


def _recorded(spark_reader: Any) -> dict[str, Any]:
    recorded: dict[str, Any] = vars(spark_reader).setdefault(
        _ATTRIBUTE, {"format": None, "schema": None, "options": {}}
    )
    return recorded


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _original(owner: type, name: str) -> Callable[..., Any]:
    original: Callable[..., Any] = getattr(owner, name)
    return original
