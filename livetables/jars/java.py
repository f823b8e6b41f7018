"""Finds the Java that Spark will use."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

from livetables.errors import LivetablesError

OLDEST = 17
HINT = (
    f"Install Java {OLDEST} or newer: on Debian or Ubuntu `apt-get install openjdk-17-jre-headless`, "
    "on macOS `brew install openjdk@17`."
)


class JavaError(LivetablesError, RuntimeError):
    """There is no Java that Spark can run on."""

    leaves = "Nothing was started."

    def __init__(self, message: str) -> None:
        super().__init__("JAVA_UNAVAILABLE", message, hint=HINT)


def require_java() -> str:
    """Return the path of a Java that Spark can run on.

    JAVA_HOME decides when it is set, because Spark then looks nowhere else; otherwise PATH does.

    Raises:
        JavaError: There is none, or it is too old.
    """
    java = _find()
    version = _version(java)
    if version is None:
        raise JavaError(f"{java} does not run as a Java.")
    if version < OLDEST:
        raise JavaError(f"{java} is Java {version}; Spark needs {OLDEST} or newer.")
    return java


def _find() -> str:
    home = os.environ.get("JAVA_HOME")
    if home:
        java = Path(home, "bin", "java")
        if not os.access(java, os.X_OK):
            raise JavaError(f"JAVA_HOME is {home}, which holds no bin/java.")
        return str(java)
    found = shutil.which("java")
    if found is None:
        raise JavaError("Java was not found.")
    return found


@cache
def _version(java: str) -> int | None:
    """Return the major version, or None when `java` is only a placeholder (macOS has one)."""
    try:
        process = subprocess.run([java, "-version"], capture_output=True, text=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r'version "(?:1\.)?(\d+)', process.stderr + process.stdout)
    return int(match.group(1)) if match and process.returncode == 0 else None
