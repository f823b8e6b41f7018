"""Checks the requirements of this machine, so that a broken set-up is found before a pipeline runs."""

from __future__ import annotations

import importlib.metadata
import sys
from typing import TYPE_CHECKING

from livetables.jars import JarError, JavaError, require_java, spark_jars
from livetables.jars.classes import archive_file

if TYPE_CHECKING:
    from collections.abc import Iterator

_PACKAGES = ("pyspark", "delta-spark", "deltalake", "confluent-kafka")


def checks() -> Iterator[tuple[str, bool, str]]:
    """Yield (requirement, whether it is met, what was found or what to do) for each requirement."""
    version = ".".join(map(str, sys.version_info[:3]))
    yield "Python", sys.version_info >= (3, 10), version
    for package in _PACKAGES:
        try:
            yield package, True, importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            yield package, False, "not installed; run make setup"
    try:
        yield "Java", True, require_java()
    except JavaError as error:
        yield "Java", False, f"{error.message} {error.hint}"
        return
    try:
        yield "jars", True, f"{len(spark_jars())} in {spark_jars()[0].parent}"
    except JarError as error:
        yield "jars", False, f"{error.message} {error.hint}"
        return
    archive = archive_file(spark_jars())
    off = "off; python -m livetables.jars makes the archive of classes that Java starts with"
    yield "quick start", True, str(archive) if archive.is_file() else off
