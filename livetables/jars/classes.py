"""An archive of the classes that Spark loads, made once: Java maps it at each start instead of loading them again.

Java calls this class data sharing. With it a session is there in about half the time. An archive fits one Java and
one class path; Java itself refuses any other, and starts as if there were none.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from livetables.jars.java import require_java

#: Java checks the archive's sums, and says what it thinks of it where the command's own output is not.
_WITH_CARE = "-XX:+VerifySharedSpaces -Xlog:disable -Xlog:all=warning:stderr"
_LONGEST_TRAINING_SECONDS = 180


def archive_file(jars: tuple[Path, ...]) -> Path:
    """Return where the archive for this environment, its Java and `jars` belongs, whether it is there or not.

    It lies in the environment, whose Spark is on the class path by its full name, and goes with it.
    """
    java = Path(require_java()).resolve()
    parts = [java, java.stat().st_mtime_ns, *jars, *(jar.stat().st_mtime_ns for jar in jars)]
    key = hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()[:16]
    return Path(sys.prefix, "var", "livetables", f"classes-{key}.jsa")


def java_options(jars: tuple[Path, ...]) -> str:
    """Return the options with which Java uses the archive, or nothing where there is none."""
    archive = archive_file(jars)
    return f'"-XX:SharedArchiveFile={archive}" {_WITH_CARE}' if archive.is_file() else ""


def make_archive(jars: tuple[Path, ...]) -> bool:
    """Make the archive if it is missing, which takes about 30 s; return whether it is there now.

    It only saves time: where it cannot be made (a read-only environment, a Java without class data sharing),
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
            os.fsync(written.fileno())  # Java dies of an archive that a power cut made shorter
        for old in archive.parent.iterdir():  # also what a training left that was killed
            if old != partial:
                old.unlink()
        partial.replace(archive)
    except (OSError, subprocess.SubprocessError):
        with suppress(OSError):
            partial.unlink()
        return False
    return True
