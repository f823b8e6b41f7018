"""The one context manager that changes this process, `bound()`, and the modules that pipeline files import.

Inside it, `import dlt`, `from pyspark import pipelines` and `from databricks import pipelines` import the facade, the
project's folders are on `sys.path`, and reads go through the active reader. Leaving it restores everything.
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

from livetables.collect import facade
from livetables.queries.patches import patched

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

MODULES = ("dlt", "pyspark.pipelines", "databricks.pipelines")
#: Modules of the platform with the globals of a file; `provide` fills them.
PROVIDED = ("databricks.sdk.runtime", "pyspark.dbutils")
#: Their packages, which are replaced only where no package of that name is installed.
_PACKAGES = ("databricks.sdk", "databricks")
_MISSING = object()


def facade_module(name: str) -> ModuleType:
    """Return a module of that name whose public names are the facade's."""
    module = ModuleType(name, "Delta Live Tables, run by livetables.")
    names = vars(module)
    names.update({public: getattr(facade, public) for public in facade.__all__}, __all__=list(facade.__all__))
    if name != "dlt":  # only in dlt, create_table is a decorator
        names["create_table"] = facade.create_table_of_pipelines
    return module


@contextmanager
def bound(folders: Sequence[Path] = ()) -> Iterator[None]:
    """Bind the facade to its module names and put `folders` first on `sys.path`; restore everything on leaving."""
    ours = _Modules(
        {
            **{name: facade_module(name) for name in MODULES},
            **{name: ModuleType(name, "The globals of a file, as the platform has them.") for name in PROVIDED},
        }
    )
    packages = _Modules({name: ModuleType(name) for name in _PACKAGES}, packages=True)
    before = {name: _removed(name) for name in ours.modules}
    path = list(sys.path)
    imported = set(sys.modules)
    with patched():
        try:
            sys.meta_path.insert(0, ours)
            sys.meta_path.append(packages)  # last: an installed package comes first
            sys.path[:0] = [str(folder) for folder in folders]
            yield
        finally:
            sys.path[:] = path
            sys.meta_path.remove(ours)
            sys.meta_path.remove(packages)
            for name, (module, attribute) in before.items():
                _put_back(name, module, attribute)
            for name, module in packages.modules.items():
                if sys.modules.get(name) is module:
                    _put_back(name, _MISSING, _MISSING)
            _remove_helpers(imported, folders)


def provide(names: Mapping[str, Any]) -> None:
    """Make the globals of a file importable, too, from the modules that have them on the platform."""
    ours = next((finder for finder in sys.meta_path if isinstance(finder, _Modules)), None)
    if ours is not None:
        importable = {name: value for name, value in names.items() if not hasattr(builtins, name)}
        vars(ours.modules["databricks.sdk.runtime"]).update(importable, __all__=list(importable))
        # On the platform, a class that is called with the session.
        utilities = type("DBUtils", (), {"__new__": lambda *_args, **_kwargs: names["dbutils"]})
        vars(ours.modules["pyspark.dbutils"])["DBUtils"] = utilities


class _Modules(MetaPathFinder, Loader):
    """Finds and loads modules that exist only in memory."""

    def __init__(self, modules: dict[str, ModuleType], *, packages: bool = False) -> None:
        self.modules = modules
        self._packages = packages

    def find_spec(self, fullname: str, _path: object, _target: object = None) -> ModuleSpec | None:
        """Return the spec of one of the modules."""
        return ModuleSpec(fullname, self, is_package=self._packages) if fullname in self.modules else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return the module itself."""
        return self.modules[spec.name]

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing: the module is complete."""


def _removed(name: str) -> tuple[Any, Any]:
    """Remove a module from `sys.modules` and from its package; return both entries, for `_put_back`."""
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


def _remove_helpers(imported: set[str], folders: Sequence[Path]) -> None:
    """Remove the modules of the project: the next pipeline of this process may have others of the same names."""
    roots = tuple(str(folder) + os.sep for folder in folders)
    # All files first: that of a folder in a folder depends on the module of the folder above.
    files = {name: _file(sys.modules[name]) for name in set(sys.modules) - imported}
    for name, file in files.items():
        if file.startswith(roots) and "site-packages" not in file and not _is_ours(name):
            del sys.modules[name]


def _file(module: ModuleType) -> str:
    # A folder without __init__.py is a module without a file.
    return getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", ())), "")


def _is_ours(name: str) -> bool:
    return name.split(".", maxsplit=1)[0] == "livetables"
