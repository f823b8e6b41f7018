"""`dbutils` and the other globals that the platform gives to every file of a pipeline."""

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

# ruff: noqa: N802, N803 (the names are the platform's)


class DbUtils(Utility):
    """The `dbutils` of the platform, as far as a pipeline's files need it."""

    def __init__(
        self,
        map_path: Callable[[str], str],
        configuration: Mapping[str, str] | None = None,
        secrets: SecretStore | None = None,
        caller: Callable[[], SourceLocation | None] = lambda: None,
    ) -> None:
        """Take paths through `map_path`, widgets from `configuration`, secrets from a store."""
        super().__init__("dbutils", caller)
        self.fs = FileSystem(map_path, caller)
        self.secrets = Secrets(secrets or SecretStore(), caller)
        self.widgets = Widgets(configuration or {}, caller)
        self.jobs = Jobs(caller)
        self.library = Library("dbutils.library", caller)
        self.notebook = Utility("dbutils.notebook", caller)


class Widgets(Utility):
    """Parameters of a notebook: the pipeline's configuration, else the default that the file gives."""

    def __init__(self, configuration: Mapping[str, str], caller: Callable[[], SourceLocation | None]) -> None:
        super().__init__("dbutils.widgets", caller)
        self._configuration = configuration
        self._defaults: dict[str, str] = {}

    def text(self, name: str, defaultValue: Any = "", label: str | None = None) -> None:
        """Define a default."""
        del label
        self._defaults[name] = str(defaultValue)

    def dropdown(
        self, name: str, defaultValue: Any = "", choices: Sequence[Any] = (), label: str | None = None
    ) -> None:
        """Define a default."""
        del choices
        self.text(name, defaultValue, label)

    combobox = multiselect = dropdown

    def get(self, name: str) -> str:
        """Return a value."""
        values = self.getAll()
        if name not in values:
            otherwise = f'Set it: "configuration": {{"{name}": "..."}}, or define it with dbutils.widgets.text.'
            hint = did_you_mean(name, values, otherwise)
            raise self._error("WIDGET_NOT_FOUND", f"There is no widget '{name}' and no such configuration.", hint)
        return values[name]

    def getArgument(self, name: str, defaultValue: Any = None) -> str:
        """Return a value, or the default that is given here."""
        values = self.getAll()
        return str(defaultValue) if name not in values and defaultValue is not None else self.get(name)

    def getAll(self) -> dict[str, str]:
        """Return all values."""
        return {**self._defaults, **self._configuration}

    def remove(self, name: str) -> None:
        """Forget a default."""
        if name not in self._defaults:
            hint = did_you_mean(name, self._defaults, "Define it first, with dbutils.widgets.text.")
            raise self._error("WIDGET_NOT_FOUND", f"There is no widget '{name}'.", hint)
        del self._defaults[name]

    def removeAll(self) -> None:
        """Forget all defaults."""
        self._defaults.clear()


class TaskValues(Utility):
    """Values that the tasks of a job hand on; a pipeline here is in no job."""

    def set(self, key: str, value: Any) -> None:
        """Do nothing, as on the platform outside a job."""

    def get(self, taskKey: str, key: str, default: Any = None, debugValue: Any = None) -> Any:
        """Return `debugValue`, as on the platform outside a job."""
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


class Library(Utility):
    """`dbutils.library`."""

    def restartPython(self) -> None:
        """Do nothing: no package was installed meanwhile."""


def notebook_names(spark: Any, settings: Settings) -> dict[str, Any]:
    """Return the globals that each file of a pipeline gets."""
    # Spark sends what a function uses to its workers: `open` must not drag the session along.
    here = partial(map_path, path_map=settings.path_map, root=settings.root)
    dbutils = DbUtils(here, settings.configuration, settings.secrets, partial(calling_location, settings.root))
    from pyspark.sql.functions import udf

    return {
        "spark": spark,
        "sc": spark.sparkContext,
        "sqlContext": spark,  # it answers sql, table, read, range; the class of that name is deprecated
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
    """Stand for `display`: a pipeline has no screen."""
