"""The one place that patches anything: names that pipeline files import, and the ways in which they read.

`bound()` makes `import dlt`, `from pyspark import pipelines` and `from databricks import pipelines` give the facade,
puts the project's folders on `sys.path`, and sends reads through the active reader. Leaving it restores everything.
"""

from __future__ import annotations

import builtins
import os
import sys
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any

from pyspark.sql import DataFrameReader, SparkSession
from pyspark.sql.sql_formatter import SQLStringFormatter
from pyspark.sql.streaming.readwriter import DataStreamReader

from livetables.collect import facade
from livetables.queries import reads, sql_run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

MODULES = ("dlt", "pyspark.pipelines", "databricks.pipelines")
#: Modules of the platform with the globals of a file; `give` fills them.
GIVEN = ("databricks.sdk.runtime", "pyspark.dbutils")
#: Their packages stand in only where nothing of that name is installed.
_PACKAGES = ("databricks.sdk", "databricks")
#: Sources that Spark does not have itself: the reader of the run builds them.
OWN_SOURCES = frozenset({"cloudfiles"})
_FILE_READS = ("json", "csv", "parquet", "orc", "text", "xml")
_MISSING = object()


def facade_module(name: str) -> ModuleType:
    """Return a module of that name whose public names are the facade's."""
    module = ModuleType(name, "Delta Live Tables, as livetables runs it.")
    for public in facade.__all__:
        setattr(module, public, getattr(facade, public))
    if name != "dlt":  # there alone, this name is a decorator
        module.create_table = facade.create_table_of_pipelines  # type: ignore[attr-defined]
    module.__all__ = list(facade.__all__)  # type: ignore[attr-defined]
    return module


@contextmanager
def bound(folders: Sequence[Path] = ()) -> Iterator[None]:
    """Bind the facade under its names, with `folders` first on `sys.path`; restore all of it on leaving."""
    ours = _Modules(
        {
            **{name: facade_module(name) for name in MODULES},
            **{name: ModuleType(name, "What the platform gives to its notebooks.") for name in GIVEN},
        }
    )
    stand_ins = _Modules({name: ModuleType(name) for name in _PACKAGES}, packages=True)
    before = {name: _taken(name) for name in ours.modules}
    path = list(sys.path)
    known = set(sys.modules)
    patched = [(owner, name, getattr(owner, name)) for owner, name, _ in _patches()]
    try:
        sys.meta_path.insert(0, ours)
        sys.meta_path.append(stand_ins)
        sys.path[:0] = [str(folder) for folder in folders]
        for owner, name, replacement in _patches():
            setattr(owner, name, replacement)
        yield
    finally:
        for owner, name, original in patched:
            setattr(owner, name, original)
        sys.path[:] = path
        sys.meta_path.remove(ours)
        sys.meta_path.remove(stand_ins)
        for name, found in before.items():
            _put_back(name, *found)
        for name, module in stand_ins.modules.items():
            if sys.modules.get(name) is module:
                _put_back(name, _MISSING, _MISSING)
        _forget_helpers(known, folders)


def give(names: Mapping[str, Any]) -> None:
    """Let files also import the globals that they get, from where they lie on the platform."""
    ours = next((finder for finder in sys.meta_path if isinstance(finder, _Modules)), None)
    if ours is not None:
        given = {name: value for name, value in names.items() if not hasattr(builtins, name)}
        vars(ours.modules["databricks.sdk.runtime"]).update(given, __all__=list(given))
        # Called with the session, as a class on the platform.
        kind = type("DBUtils", (), {"__new__": lambda *_args, **_kwargs: names["dbutils"]})
        vars(ours.modules["pyspark.dbutils"])["DBUtils"] = kind


class _Modules(MetaPathFinder, Loader):
    """Finds modules that are no files; a package that is really installed is imported when a file asks for it."""

    def __init__(self, modules: dict[str, ModuleType], *, packages: bool = False) -> None:
        self.modules = modules
        self._packages = packages

    def find_spec(self, fullname: str, _path: object, _target: object = None) -> ModuleSpec | None:
        """Tell whether it is one of these."""
        return ModuleSpec(fullname, self, is_package=self._packages) if fullname in self.modules else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return the module itself."""
        return self.modules[spec.name]

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing: it is complete."""


def _taken(name: str) -> tuple[Any, Any]:
    """Take a module out of where Python remembers it: `sys.modules`, and its package."""
    package, _, last = name.rpartition(".")
    attributes = vars(sys.modules[package]) if package in sys.modules else {}
    return sys.modules.pop(name, _MISSING), attributes.pop(last, _MISSING)


def _put_back(name: str, module: Any, attribute: Any) -> None:
    package, _, last = name.rpartition(".")
    _restore(sys.modules, name, module)
    if package in sys.modules:
        _restore(vars(sys.modules[package]), last, attribute)


def _restore(modules: dict[str, Any], name: str, module: Any) -> None:
    if module is _MISSING:
        modules.pop(name, None)
    else:
        modules[name] = module


def _forget_helpers(known: set[str], folders: Sequence[Path]) -> None:
    # A helper imported by one pipeline must not be found, stale, by the next one in this process.
    roots = tuple(str(folder) + os.sep for folder in folders)
    # All places first: that of a folder in a folder is asked of the folder above it.
    locations = {name: _place(sys.modules[name]) for name in set(sys.modules) - known}
    for name, location in locations.items():
        if location.startswith(roots) and "site-packages" not in location and not _is_ours(name):
            del sys.modules[name]


def _place(module: ModuleType) -> str:
    # A folder without __init__.py is a module without a file.
    return getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", ())), "")


def _is_ours(name: str) -> bool:
    return name.split(".", maxsplit=1)[0] == "livetables"


def _patches() -> list[tuple[type, str, Callable[..., Any]]]:
    readers: list[tuple[type, str, Callable[..., Any]]] = []
    for owner, streaming in ((DataFrameReader, False), (DataStreamReader, True)):
        readers += [
            (owner, "table", _table(owner, streaming=streaming)),
            (owner, "load", _load(owner, streaming=streaming)),
            (owner, "format", _remember(owner, "format")),
            (owner, "option", _remember(owner, "option")),
            (owner, "options", _remember(owner, "options")),
            (owner, "schema", _remember(owner, "schema")),
        ]
        readers += [(owner, name, _file_read(owner, name)) for name in _FILE_READS if hasattr(owner, name)]
    return [*readers, (SparkSession, "table", _session_table()), (SparkSession, "sql", _session_sql())]


def _session_table() -> Callable[..., Any]:
    original = _original(SparkSession, "table")

    def table(self: SparkSession, tableName: str) -> Any:  # noqa: N803 (Spark's own parameter name)
        reader = reads.current.get()
        found = reader.read(tableName, streaming=False, options={}) if reader else None
        return original(self, tableName) if found is None else found

    return table


def _session_sql() -> Callable[..., Any]:
    original = _original(SparkSession, "sql")

    def sql(self: SparkSession, sqlQuery: str, args: Any = None, **kwargs: Any) -> Any:  # noqa: N803
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

    def table(self: Any, tableName: str) -> Any:  # noqa: N803
        reader = reads.current.get()
        options = _remembered(self)["options"]
        found = reader.read(tableName, streaming=streaming, options=options) if reader else None
        return original(self, tableName) if found is None else found

    return table


def _load(owner: type, *, streaming: bool) -> Callable[..., Any]:
    original = _original(owner, "load")
    remember_format, remember_schema = _remember(owner, "format"), _remember(owner, "schema")
    remember_options = _remember(owner, "options")

    def load(self: Any, path: Any = None, format: Any = None, schema: Any = None, **options: Any) -> Any:  # noqa: A002
        if format is not None:
            remember_format(self, format)
        if schema is not None:
            remember_schema(self, schema)
        if options:
            remember_options(self, **options)
        reader, seen = reads.current.get(), _remembered(self)
        if reader is None:
            return original(self, path)
        source = str(seen["format"] or "")
        path = path if path is not None else seen["options"].get("path")
        if streaming and source.lower() in OWN_SOURCES:
            return reader.load(source, seen["options"], seen["schema"], str(path))
        reader.prepare(source, seen["options"], streaming=streaming)
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
    return [_mapped(reader, one) for one in path] if isinstance(path, list) else path


def _remember(owner: type, name: str) -> Callable[..., Any]:
    """Return a method that notes what a reader was told, since the JVM's reader can't be asked."""
    original = _original(owner, name)

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        seen = _remembered(self)
        if name == "option":
            key, value = (*args, *kwargs.values())
            seen["options"][key] = _text(value)
        elif name == "options":
            seen["options"].update({key: _text(value) for key, value in kwargs.items()})
        else:
            seen[name] = args[0] if args else next(iter(kwargs.values()))
        return original(self, *args, **kwargs)

    return method


def _remembered(spark_reader: Any) -> dict[str, Any]:
    seen: dict[str, Any] = spark_reader.__dict__.setdefault(
        "_livetables", {"format": None, "schema": None, "options": {}}
    )
    return seen


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _original(owner: type, name: str) -> Callable[..., Any]:
    original: Callable[..., Any] = getattr(owner, name)
    return original
