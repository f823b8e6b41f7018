"""Finds the Spark session of a load: the active one, that of a Databricks cluster, or a local one."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pyspark
from pyspark.sql import SparkSession

from ..errors import LoadgenError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OLDEST_JAVA = 17
#: Output of a local Spark while it starts and runs.
LOG = Path(".livetables/loadgen/spark.log")
LOCAL = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.memory": "2g",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    # Each query writes its plan down for the UI, and the formatted one takes long.
    "spark.sql.ui.explainMode": "simple",
    "spark.sql.shuffle.partitions": "2",
    # Many small commits: the work beside writing a file costs more than the rows.
    "spark.databricks.delta.snapshotPartitions": "1",
    "spark.databricks.delta.stats.collect": "false",
    "spark.databricks.delta.properties.defaults.checkpointInterval": "100",
    "spark.sql.adaptive.enabled": "false",
    # Each stream would have classes of its own: to compile them takes longer than to interpret its few rows.
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.codegen.wholeStage": "false",
    # The usual one starts a program four times for each file of a checkpoint, to look for links.
    "spark.sql.streaming.checkpointFileManagerClass": (
        "org.apache.spark.sql.execution.streaming.checkpointing.FileSystemBasedCheckpointFileManager"
    ),
}


def find_session(say: Callable[[str], None], *, kafka: bool = False, log: Path = LOG) -> SparkSession:
    """Return the active session, that of a Databricks cluster, or a local one.

    Args:
        say: prints the line that names the session.
        kafka: a local session needs the connector.
        log: file for the output of a local session.

    Raises:
        LoadgenError: there is no session; the message says what to do.
    """
    active = SparkSession.getActiveSession()
    if active is not None:
        say("Spark: the active session.")
        return active
    runtime = os.environ.get("DATABRICKS_RUNTIME_VERSION")
    if runtime:
        say(f"Spark: this cluster, Databricks Runtime {runtime}.")
        return SparkSession.builder.getOrCreate()
    if find_spec("databricks") and find_spec("databricks.connect"):
        say("Spark: Databricks Connect.")
        return _connect()
    say(f"Spark: local, on all cores of this machine; it logs to {log}.")
    return _start(kafka, log)


def _failure(message: str) -> LoadgenError:
    return LoadgenError("SPARK_FAILED", message)


def _connect() -> SparkSession:
    try:
        session: SparkSession = import_module("databricks.connect").DatabricksSession.builder.getOrCreate()
    except Exception as error:  # of its own classes, ValueError, and those of gRPC
        cause = " ".join(str(error).split()).rstrip(".")
        raise _failure(
            f"Databricks Connect did not connect: {cause}. Set DATABRICKS_HOST, DATABRICKS_TOKEN and "
            "DATABRICKS_CLUSTER_ID, or DATABRICKS_CONFIG_PROFILE; `databricks-connect test` tells what is wrong."
        ) from error
    return session


def _start(kafka: bool, log: Path) -> SparkSession:
    require_java()
    builder = SparkSession.builder.master("local[*]").appName("loadgen")
    for key, value in LOCAL.items():
        builder = builder.config(key, value)
    packages = _packages(kafka=kafka)
    log.parent.mkdir(parents=True, exist_ok=True)
    try:
        with _stderr_to(log):
            session = builder.config("spark.jars.packages", ",".join(packages)).getOrCreate()
    except Exception as error:  # Java's own failure comes as one of several classes, without its cause
        raise _failure(f"Spark did not start: {_cause(log, error)}. {log} has more.") from error
    session.sparkContext.setLogLevel("ERROR")
    return session


def _packages(*, kafka: bool) -> list[str]:
    """Return the packages for the versions that are installed."""
    spark = pyspark.__version__
    series = ".".join(spark.split(".")[:2])
    delta = f"io.delta:delta-spark_{series}_2.13:{version('delta-spark')}"
    return [delta, *([f"org.apache.spark:spark-sql-kafka-0-10_2.13:{spark}"] if kafka else [])]


def require_java() -> None:
    """Raise a LoadgenError if there is no Java that Spark can run on."""
    home = os.environ.get("JAVA_HOME")
    # Spark looks nowhere else when JAVA_HOME is set.
    java = shutil.which("java", path=str(Path(home, "bin")) if home else None)
    output = ""
    if java is not None:
        done = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)
        output = done.stderr + done.stdout
    found = re.search(r'version "(?:1\.)?(\d+)', output)
    if found is None or int(found[1]) < OLDEST_JAVA:
        where = f"JAVA_HOME ({home})" if home else "PATH"
        problem = f"is Java {found[1]}" if found else "has no Java"
        raise _failure(
            f"Spark needs Java {OLDEST_JAVA} or newer, and {where} {problem}. Install it: on Debian or Ubuntu `apt-get "
            "install openjdk-17-jre-headless`, on macOS `brew install openjdk@17`."
        )


@contextmanager
def _stderr_to(log: Path) -> Iterator[None]:
    """Redirect standard error to a file while Java starts; Java keeps it for its whole life."""
    sys.stderr.flush()
    saved = os.dup(2)
    with log.open("wb") as file:
        os.dup2(file.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)


def _cause(log: Path, error: Exception) -> str:
    """Return the line of the log that names what went wrong."""
    lines = [line.strip(" :") for line in log.read_text(errors="replace").splitlines()]
    marks = ("unresolved dependency", "not found", "Exception", "Error")
    found = (line for mark in marks for line in lines if mark in line)
    return next(found, str(error)).rstrip(".")
