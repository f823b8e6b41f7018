"""Class data sharing: an archive of the classes that Spark loads, which Java maps at each start.

It halves the time to start a session. An archive fits one Java and one class path; Java refuses any other archive,
and starts as if there were none.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from livetables.jars.java import require_java

#: Java verifies the checksums of the archive, and writes its warnings to stderr, apart from the command's output.
_VERIFIED = "-XX:+VerifySharedSpaces -Xlog:disable -Xlog:all=warning:stderr"
_LONGEST_TRAINING_SECONDS = 180


def archive_file(jars: tuple[Path, ...]) -> Path:
    """Return the path of the archive for this environment, its Java and `jars`; it may not exist yet.

    It lies in the Python environment, whose Spark is on the class path by its full name, and is removed with it.
    """
    java = Path(require_java()).resolve()
    parts = [java, java.stat().st_mtime_ns, *jars, *(jar.stat().st_mtime_ns for jar in jars)]
    key = hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()[:16]
    return Path(sys.prefix, "var", "livetables", f"classes-{key}.jsa")


def java_options(jars: tuple[Path, ...]) -> str:
    """Return the Java options that use the archive, or an empty text when there is none."""
    archive = archive_file(jars)
    return f'"-XX:SharedArchiveFile={archive}" {_VERIFIED}' if archive.is_file() else ""


def make_archive(jars: tuple[Path, ...]) -> bool:
    """Make the archive if it is missing, which takes about 30 s; return whether it exists afterwards.

    It only saves time: when it cannot be made (a read-only environment, a Java without class data sharing),
    everything works without it.
    """
    archive = archive_file(jars)
    if archive.is_file():
        return True
    partial = archive.with_suffix(f".{os.getpid()}")
    training = [sys.executable, "-m", "livetables.spark.training", str(partial), os.pathsep.join(map(str, jars))]
    try:
        archive.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(training, capture_output=True, check=True, timeout=_LONGEST_TRAINING_SECONDS)
        with partial.open("rb") as written:
            os.fsync(written.fileno())  # a power cut must not leave a short archive, which crashes Java
        for old in archive.parent.iterdir():  # also the rest of a training that was killed
            if old != partial:
                old.unlink()
        partial.replace(archive)
    except (OSError, subprocess.SubprocessError):
        with suppress(OSError):
            partial.unlink()
        return False
    return True
