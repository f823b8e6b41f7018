"""`dbutils` and the other globals of a notebook, which every file of a pipeline has."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from livetables.errors import did_you_mean
from livetables.notebook.file_system import FileSystem
from livetables.notebook.python_io import Printer, open_mapped
from livetables.notebook.secret_store import Secrets
from livetables.notebook.utility import Utility
from livetables.queries.locations import calling_location
from livetables.settings import SecretStore, map_path

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from livetables.errors import SourceLocation
    from livetables.settings import Settings


class DbUtils(Utility):
    """The `dbutils` of the platform: the modules that files of a pipeline use."""

    def __init__(
        self,
        map_path: Callable[[str], str],
        configuration: Mapping[str, str] | None = None,
        secrets: SecretStore | None = None,
        caller: Callable[[], SourceLocation | None] = lambda: None,
    ) -> None:
        """Map paths by `map_path`; widgets have the values of `configuration`, secrets those of a store."""
        super().__init__("dbutils", caller)
        self.fs = FileSystem(map_path, caller)
        self.secrets = Secrets(secrets or SecretStore(), caller)
        self.widgets = Widgets(configuration or {}, caller)
        self.jobs = Jobs(caller)
        self.library = LibraryUtility("dbutils.library", caller)
        self.notebook = Utility("dbutils.notebook", caller)


class Widgets(Utility):
    """Parameters of a notebook: a value of the pipeline's configuration, or else the default of the file."""

    def __init__(self, configuration: Mapping[str, str], caller: Callable[[], SourceLocation | None]) -> None:
        super().__init__("dbutils.widgets", caller)
        self._configuration = configuration
        self._defaults: dict[str, str] = {}

    def text(self, name: str, defaultValue: Any = "", label: str | None = None) -> None:
        """Define a widget with a default value."""
        del label
        self._defaults[name] = str(defaultValue)

    def dropdown(
        self, name: str, defaultValue: Any = "", choices: Sequence[Any] = (), label: str | None = None
    ) -> None:
        """Define a widget with a default value; the choices are ignored."""
        del choices
        self.text(name, defaultValue, label)

    combobox = multiselect = dropdown

    def get(self, name: str) -> str:
        """Return the value of a widget; raises LivetablesError for an unknown name."""
        values = self.getAll()
        if name not in values:
            otherwise = f'Set it: "configuration": {{"{name}": "..."}}, or define it with dbutils.widgets.text.'
            hint = did_you_mean(name, values, otherwise)
            raise self._error("WIDGET_NOT_FOUND", f"There is no widget '{name}' and no such configuration.", hint)
        return values[name]

    def getArgument(self, name: str, defaultValue: Any = None) -> str:
        """Return the value of a widget, or `defaultValue` for an unknown name."""
        values = self.getAll()
        return str(defaultValue) if name not in values and defaultValue is not None else self.get(name)

    def getAll(self) -> dict[str, str]:
        """Return the values of all widgets and of the configuration, by name."""
        return {**self._defaults, **self._configuration}

    def remove(self, name: str) -> None:
        """Remove a widget."""
        if name not in self._defaults:
            hint = did_you_mean(name, self._defaults, "Define it first, with dbutils.widgets.text.")
            raise self._error("WIDGET_NOT_FOUND", f"There is no widget '{name}'.", hint)
        del self._defaults[name]

    def removeAll(self) -> None:
        """Remove all widgets."""
        self._defaults.clear()


class TaskValues(Utility):
    """Values that tasks of a job pass on; a local pipeline is not in a job."""

    def set(self, key: str, value: Any) -> None:
        """Do nothing, as on the platform outside a job."""

    def get(self, taskKey: str, key: str, default: Any = None, debugValue: Any = None) -> Any:
        """Return `debugValue`, as on the platform outside a job; raises LivetablesError without one."""
        del default
        if debugValue is None:
            message = f"There is no value '{key}' of the task '{taskKey}': the pipeline does not run in a job."
            raise self._error("NOT_SUPPORTED", message, "Give debugValue=, which is for this case.")
        return debugValue


class Jobs(Utility):
    """`dbutils.jobs`."""

    def __init__(self, caller: Callable[[], SourceLocation | None]) -> None:
        super().__init__("dbutils.jobs", caller)
        self.taskValues = TaskValues("dbutils.jobs.taskValues", caller)


class LibraryUtility(Utility):
    """`dbutils.library`."""

    def restartPython(self) -> None:
        """Do nothing: no package has been installed since the start."""


def notebook_names(spark: Any, settings: Settings) -> dict[str, Any]:
    """Return the globals of each file of a pipeline, by name."""
    # Spark pickles what a function uses for its workers, so `open` must not refer to the session.
    here = partial(map_path, path_map=settings.path_map, root=settings.root)
    dbutils = DbUtils(here, settings.configuration, settings.secrets, partial(calling_location, settings.root))
    from pyspark.sql.functions import udf

    return {
        "spark": spark,
        "sc": spark.sparkContext,
        "sqlContext": spark,  # it has sql, table, read, range; the class SQLContext is deprecated
        "sql": spark.sql,
        "table": spark.table,
        "udf": udf,
        "dbutils": dbutils,
        "getArgument": dbutils.widgets.getArgument,
        "display": _show_nothing,
        "displayHTML": _show_nothing,
        "open": partial(open_mapped, here),
        "print": Printer(),
    }


def _show_nothing(*_args: Any, **_kwargs: Any) -> None:
    """Do nothing, in place of `display`: a pipeline has no screen."""
