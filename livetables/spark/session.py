"""Starts the Spark session: jars from the cache, Delta, quiet logs, workers that can import `dlt`."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from py4j.protocol import Py4JError, Py4JJavaError
from pyspark.sql import SparkSession

from livetables.errors import LivetablesError
from livetables.jars import require_java, spark_jars
from livetables.jars.classes import java_options
from livetables.spark.confs import confs
from livetables.spark.functions import defined_in, functions
from livetables.spark.jvm import ignore_accumulator_errors, java_process
from livetables.storage.layout import SystemFolder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from livetables.settings import Settings

_HADOOP = "spark.hadoop."
_ENDING_SECONDS = 2.0
#: With this exit code Spark ends Java when its heap is full.
_OUT_OF_MEMORY = 52
_STATE = "org.apache.spark.sql.execution.streaming.state"
#: Query compilation with the optimising compiler pays off only in runs of minutes: short commands skip it.
#: Without it the JVM reserves a code cache that the tests of a whole project fill.
_QUICK_COMPILER = "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=240m"

# RocksDB's threads write their warnings through Java. One that does so while Java ends waits for it, and Java for the
# thread: the process never ends (docs/decisions/0012-state-in-rocksdb.md).
_LOGGING = """\
status = fatal
rootLogger.level = warn
rootLogger.appenderRef.file.ref = file
appender.file.type = File
appender.file.name = file
appender.file.fileName = {log}
appender.file.append = true
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = %d{{yyyy-MM-dd HH:mm:ss}} %p %c: %m%n
logger.rocksdb.name = {state}.RocksDB
logger.rocksdb.level = error
"""


def start_session(settings: Settings, system: Path, *, quick: bool = False, debug: bool = False) -> SparkSession:
    """Return the running session with the pipeline's confs, or start one; `quick` for commands of seconds.

    The JVM's own output goes to the log in the folder `system`, unless `debug`. Raises JavaError or JarError.
    """
    cores = os.cpu_count() or 2
    require_java()
    system.mkdir(parents=True, exist_ok=True)
    log = SystemFolder(system).spark_log
    _silence_python_side()
    builder = SparkSession.builder.master(settings.master).appName(settings.name)
    confs = {**_defaults(settings, system, cores), **_jars(settings.master), **settings.configuration}
    options = [confs.get("spark.driver.extraJavaOptions", ""), java_options(spark_jars())]
    if not debug:
        options += [f'"-Dlog4j2.configurationFile={_logging_file(system, log)}"', _QUICK_COMPILER if quick else ""]
    confs["spark.driver.extraJavaOptions"] = " ".join(filter(None, options))
    for key, value in confs.items():
        builder = builder.config(key, value)
    _environment_for_workers(settings, system)
    active = SparkSession.getActiveSession()
    with _jvm_output_to(log if not debug and active is None else None):
        spark = builder.getOrCreate()
    ignore_accumulator_errors(spark)  # that Java was killed is said in words
    return spark


@contextmanager
def open_session(
    settings: Settings, system: Path, *, quick: bool = False, debug: bool = False
) -> Iterator[SparkSession]:
    """Give the session of a pipeline, with its configuration and its functions for as long as the context lasts."""
    spark = start_session(settings, system, quick=quick, debug=debug)
    configuration = settings.configuration
    settable = {
        key: value
        for key, value in configuration.items()
        if not key.startswith("spark.") or spark.conf.isModifiable(key)
    }
    # A session that ran already takes those of Hadoop under their own names only.
    settable |= {key.removeprefix(_HADOOP): configuration[key] for key in configuration if key.startswith(_HADOOP)}
    with confs(spark, settable), functions(spark, defined_in(settings.functions)):
        yield spark


def java_ended(error: BaseException, system: Path) -> LivetablesError | None:
    """Say how Java ended, if `error` is what its end leaves behind; `system` has its log.

    None when this program has not started it, or it goes on.
    """
    broken = isinstance(error, ConnectionError | Py4JError)
    java = java_process()
    if java is None or not broken or isinstance(error, LivetablesError | Py4JJavaError):  # those, somebody has answered
        return None
    try:
        code = java.wait(_ENDING_SECONDS)  # its connections close a moment before
    except subprocess.TimeoutExpired:
        return None
    log = SystemFolder(system).spark_log
    how = f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
    return LivetablesError(
        "SPARK_ENDED",
        f"Java, in which Spark runs, has ended {how}.",
        hint="It ran out of its memory: give it more with `spark.driver.memory`, or take smaller batches."
        if code == _OUT_OF_MEMORY
        else f"The last lines of {log} may say why. A SIGKILL is often the system's, when memory runs out.",
    )


def end_java() -> None:
    """End Java at once, also when it does not answer; what it was asked then fails."""
    java = java_process()
    if java is not None:
        java.kill()


def _defaults(settings: Settings, system: Path, cores: int) -> dict[str, str]:
    return {
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.sql.warehouse.dir": str(SystemFolder(system).warehouse),
        "spark.sql.session.timeZone": "UTC",
        # As on the platform's runtime: a cast that fails gives NULL. Open-source Spark 4 raises an error.
        "spark.sql.ansi.enabled": "false",
        "spark.sql.shuffle.partitions": str(cores),
        "spark.databricks.delta.snapshotPartitions": "1",
        # Spark keeps 100 compiled classes, fewer than two flows need: each batch would compile its own again.
        "spark.sql.codegen.cache.maxEntries": "1000",
        # State in the JVM's heap would end a pipeline that falls behind (docs/decisions/0012-state-in-rocksdb.md).
        "spark.sql.streaming.stateStore.providerClass": f"{_STATE}.RocksDBStateStoreProvider",
        "spark.sql.streaming.stateStore.rocksdb.changelogCheckpointing.enabled": "true",
        "spark.sql.streaming.stateStore.rocksdb.trackTotalNumberOfRows": "false",
        # An idle query says so at each trigger; the event log needs the batches, not the silence.
        "spark.sql.streaming.noDataProgressEventInterval": "60000",
        # The platform's paths start with s3://.
        "spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
        "spark.ui.enabled": "false",
        # Each query writes its plan down for the UI, and the formatted one takes long.
        "spark.sql.ui.explainMode": "simple",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.memory": "2g",
        "pipelines.id": settings.name,
    }


def _jars(master: str) -> dict[str, str]:
    jars = [str(jar) for jar in spark_jars()]
    if master.startswith("local"):
        # On the class path they are used where they lie; spark.jars would copy them at each start.
        return {"spark.driver.extraClassPath": os.pathsep.join(jars)}
    return {"spark.jars": ",".join(jars)}


def _environment_for_workers(settings: Settings, system: Path) -> None:
    """Let Python workers import the project's helpers, and an inert `dlt` for helpers that import it."""
    inert = SystemFolder(system).workers
    inert.mkdir(exist_ok=True)
    (inert / "dlt.py").write_text('"""Stands in for dlt in Python workers, where nothing is defined."""\n')
    entries = [str(settings.root), str(inert), *filter(None, [os.environ.get("PYTHONPATH")])]
    os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(os.pathsep.join(entries).split(os.pathsep)))
    os.environ["PYSPARK_PYTHON"] = sys.executable
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")


def _logging_file(system: Path, log: Path) -> Path:
    file = SystemFolder(system).logging
    file.write_text(_LOGGING.format(log=log, state=_STATE))
    return file


def _silence_python_side() -> None:
    # Spark prints each analysis error as a long JSON line through these loggers; users get ours instead.
    for name in ("DataFrameQueryContextLogger", "SQLQueryContextLogger", "py4j", "pyspark"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    # py4j logs what breaks a connection under no name of its own.
    logging.getLogger().addFilter(lambda record: f"{os.sep}py4j{os.sep}" not in record.pathname)


@contextmanager
def _jvm_output_to(log: Path | None) -> Iterator[None]:
    """While the JVM starts, let its standard error be `log`: it keeps that for its whole life."""
    if log is None:
        yield
        return
    sys.stderr.flush()
    saved = os.dup(2)
    with log.open("ab") as file:
        os.dup2(file.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)
