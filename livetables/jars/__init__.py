"""The jars that Spark, S3 and the local servers need, downloaded once into a cache folder.

Spark's own `spark.jars.packages` asks the network at every start. Here Ivy runs once, without Spark, and
each later start takes plain files.
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

from livetables.jars.java import JavaError, require_java

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["JarError", "JavaError", "broker_jars", "cache_dir", "require_java", "s3_jars", "spark_jars", "store_jars"]

_HERE = Path(__file__).parent
_WANTED = _HERE / "ivy.xml"
_SETTINGS = _HERE / "ivysettings.xml"


class JarError(RuntimeError):
    """Jars could not be resolved; whatever was in the cache before is still there."""

    code = "JARS_UNAVAILABLE"

    def __init__(self, sentence: str, hint: str) -> None:
        super().__init__(f"{sentence} {hint}")
        self.hint = hint


def cache_dir() -> Path:
    """Return the folder for downloads: LIVETABLES_CACHE, or ~/.cache/livetables."""
    chosen = os.environ.get("LIVETABLES_CACHE")
    return Path(chosen).expanduser().absolute() if chosen else Path.home() / ".cache" / "livetables"


def spark_jars(report: Callable[[str], None] = lambda _: None) -> tuple[Path, ...]:
    """Return Delta and the Kafka connector, and what S3 needs if it was downloaded; `report` hears of a download."""
    return (*_jars("spark", report), *sorted(_folder("s3").glob("*.jar")))


def s3_jars(report: Callable[[str], None] = lambda _: None) -> tuple[Path, ...]:
    """Return what s3a:// needs; from then on it is among the jars of Spark."""
    return _jars("s3", report)


def broker_jars(report: Callable[[str], None] = lambda _: None) -> tuple[Path, ...]:
    """Return what a Kafka broker needs; `report` hears what a download is doing."""
    return _jars("broker", report)


def store_jars(report: Callable[[str], None] = lambda _: None) -> tuple[Path, ...]:
    """Return what a local S3 server needs; `report` hears what a download is doing."""
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
    """Return a name for this choice of versions, so that another choice gets another folder."""
    return hashlib.sha256(_WANTED.read_bytes() + _SETTINGS.read_bytes()).hexdigest()[:16]


def _resolve(conf: str, folder: Path, report: Callable[[str], None]) -> None:
    """Fill `folder` in one step: it is either absent or complete, also after a kill."""
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
    """Find the Ivy that pyspark ships, without paying for the import of pyspark."""
    spec = importlib.util.find_spec("pyspark")
    homes = list(spec.submodule_search_locations or ()) if spec else []
    found = [jar for home in homes for jar in Path(home, "jars").glob("ivy-2*.jar")]
    if not found:
        raise JarError("pyspark, whose Ivy downloads jars, is not installed.", "Run `make setup`.")
    return found[0]


def _run_ivy(java: str, ivy: Path, conf: str, partial: Path, report: Callable[[str], None]) -> None:
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
    """Shorten `found org#module;1.0 in central` or `downloading https://... [...]` to the module."""
    word = line.split()[1]
    return word.rpartition("/")[2] if "/" in word else word.rpartition("#")[2].replace(";", " ")


def _cause(lines: list[str]) -> str:
    """Pick the one line of Ivy's output that names the first thing that went wrong."""
    marks = ("unresolved dependency:", ": not found", "[FAILED", "ConnectException", "Exception")
    for mark in marks:
        for line in lines:
            if mark in line:
                return line.strip(": ")
    return next((line for line in reversed(lines) if line), "Ivy said nothing")


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Let one process at a time resolve; the lock goes with the process that holds it."""
    with path.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
