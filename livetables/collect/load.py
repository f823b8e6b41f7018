"""Loads the files of a pipeline, Python and SQL, and returns what they define."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from livetables.collect import python_files, sql_files
from livetables.errors import SettingsError
from livetables.notebook.dbutils import notebook_names
from livetables.settings import map_path
from livetables.spark.functions import functions

if TYPE_CHECKING:
    from contextlib import ExitStack

    from pyspark.sql import SparkSession

    from livetables.collect.registry import Registry
    from livetables.model import Definitions
    from livetables.settings import Settings


def load_files(spark: SparkSession, settings: Settings, registry: Registry, stack: ExitStack) -> Definitions:
    """Return what the files of a pipeline define.

    The session has the functions that SQL files create until `stack` is closed. What is wrong with a file becomes a
    diagnostic, so that all are reported together.
    """
    sql = [file for file in settings.files if file.suffix.lower() == ".sql"]
    python = [file for file in settings.files if file not in sql]
    created = sql_files.collect(sql, registry, settings.configuration, settings.parameters)
    try:
        stack.enter_context(functions(spark, created))
    except SettingsError as error:
        registry.reporter.error(error.diagnostic)
    here = partial(map_path, path_map=settings.path_map, root=settings.root)
    return python_files.collect(python, registry, notebook_names(spark, settings), here)
