"""The jars of Spark, S3 and the local servers: each set is downloaded at its first use into a cache folder.

Spark's own `spark.jars.packages` uses the network at every start. Here Ivy runs once per set, without Spark, and
later starts take plain files.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from livetables.errors import LivetablesError
from livetables.jars.java import JavaError, require_java

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["JarError", "JavaError", "broker_jars", "cache_dir", "require_java", "s3_jars", "spark_jars", "store_jars"]

_HERE = Path(__file__).parent
_WANTED = _HERE / "ivy.xml"
_SETTINGS = _HERE / "ivysettings.xml"


class JarError(LivetablesError, RuntimeError):
    """Jars could not be downloaded or written."""

    leaves = "The cache of jars is as it was before."

    def __init__(self, message: str, hint: str) -> None:
        super().__init__("JARS_UNAVAILABLE", message, hint=hint)


def _ignore(_module: str) -> None:
    """Report nothing."""


def cache_dir() -> Path:
    """Return the folder for downloads: LIVETABLES_CACHE, or ~/.cache/livetables."""
    chosen = os.environ.get("LIVETABLES_CACHE")
    return Path(chosen).expanduser().absolute() if chosen else Path.home() / ".cache" / "livetables"


def spark_jars(report: Callable[[str], None] = _ignore) -> tuple[Path, ...]:
    """Return the jars of Delta and the Kafka connector, and those of S3 when they were downloaded.

    Missing jars are downloaded; `report` is called with each module. Raises JavaError or JarError, as do the others.
    """
    return (*_jars("spark", report), *sorted(_folder("s3").glob("*.jar")))


def s3_jars(report: Callable[[str], None] = _ignore) -> tuple[Path, ...]:
    """Return the jars for s3a:// paths; once downloaded, `spark_jars` has them too."""
    return _jars("s3", report)


def broker_jars(report: Callable[[str], None] = _ignore) -> tuple[Path, ...]:
    """Return the jars of a Kafka broker, which only the demo, tests and benchmarks start."""
    return _jars("broker", report)


def store_jars(report: Callable[[str], None] = _ignore) -> tuple[Path, ...]:
    """Return the jars of a local S3 server, which only tests and `make s3-up` start."""
    return _jars("store", report)


def _jars(conf: str, report: Callable[[str], None]) -> tuple[Path, ...]:
    folder = _folder(conf)
    if not folder.is_dir():
        _resolve(conf, folder, report)
    return tuple(sorted(folder.glob("*.jar")))


def _folder(conf: str) -> Path:
    return cache_dir() / "jars" / _fingerprint() / conf


@cache
def _fingerprint() -> str:
    """Return the folder name for the pinned versions: other versions get another folder."""
    return hashlib.sha256(_WANTED.read_bytes() + _SETTINGS.read_bytes()).hexdigest()[:16]


def _resolve(conf: str, folder: Path, report: Callable[[str], None]) -> None:
    """Download a set into `folder` in one step: the folder is absent or complete, also after a kill."""
    java = require_java()
    ivy = _ivy_jar()
    partial = folder.with_name(f"{conf}.partial")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _lock(folder.with_name(f"{conf}.lock")):
            if folder.is_dir():  # another process was first
                return
            shutil.rmtree(partial, ignore_errors=True)
            try:
                _run_ivy(java, ivy, conf, partial, report)
                (partial / "out" / conf).replace(folder)
            finally:
                shutil.rmtree(partial, ignore_errors=True)
    except OSError as error:
        raise JarError(
            f"The jars for {conf} could not be written: {error}.",
            "Set LIVETABLES_CACHE to a folder with 300 MB of free space.",
        ) from error


def _ivy_jar() -> Path:
    """Return the Ivy jar that pyspark ships, without importing pyspark, which is slow."""
    spec = importlib.util.find_spec("pyspark")
    homes = list(spec.submodule_search_locations or ()) if spec else []
    found = [jar for home in homes for jar in Path(home, "jars").glob("ivy-2*.jar")]
    if not found:
        raise JarError("pyspark, whose Ivy downloads jars, is not installed.", "Run `make setup`.")
    return found[0]


def _run_ivy(java: str, ivy: Path, conf: str, partial: Path, report: Callable[[str], None]) -> None:
    """Run Ivy, which downloads a set of jars into `partial`/out/`conf`."""
    partial.mkdir()
    command = [
        java,
        f"-Divy.cache={partial / 'ivy'}",
        "-jar",
        str(ivy),
        *("-settings", str(_SETTINGS), "-ivy", str(_WANTED), "-confs", conf, "-types", "jar", "bundle"),
        *("-retrieve", f"{partial}/out/[conf]/[artifact]-[revision].[ext]"),
    ]
    lines: list[str] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            for line in process.stdout or ():
                lines.append(line.strip())
                if lines[-1].startswith(("found ", "downloading ")):
                    report(_module(lines[-1]))
        except BaseException:
            process.kill()
            raise
    if process.returncode or not any(partial.glob(f"out/{conf}/*.jar")):
        raise JarError(
            f"The jars for {conf} could not be downloaded: {_cause(lines)}.",
            "Check the network; behind a proxy, set "
            'JAVA_TOOL_OPTIONS="-Dhttps.proxyHost=HOST -Dhttps.proxyPort=PORT". Then try again.',
        )


def _module(line: str) -> str:
    """Return the module of `found org#module;1.0 in central` or `downloading https://... [...]`."""
    word = line.split()[1]
    return word.rpartition("/")[2] if "/" in word else word.rpartition("#")[2].replace(";", " ")


def _cause(lines: list[str]) -> str:
    """Return the line of Ivy's output that names the first failure."""
    marks = ("unresolved dependency:", ": not found", "[FAILED", "ConnectException", "Exception")
    for mark in marks:
        for line in lines:
            if mark in line:
                return line.strip(": ")
    return next((line for line in reversed(lines) if line), "Ivy gave no reason")


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Let one process at a time download; the lock ends with the process that holds it."""
    with path.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
