"""`python -m livetables.jars [SET ...]`: download jars that are missing, and print where they are.

Without a set, those of Spark: with them every pipeline runs. The sets of the local servers, `broker` and `store`, are
also downloaded when such a server is started.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from livetables.errors import LivetablesError
from livetables.jars import broker_jars, s3_jars, spark_jars, store_jars
from livetables.jars.classes import archive_file, make_archive

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: S3 is before Spark, whose jars include those of S3 once they are downloaded.
_SETS = {"s3": s3_jars, "spark": spark_jars, "broker": broker_jars, "store": store_jars}
_USAGE = "Usage: python -m livetables.jars [s3] [broker] [store]"


@contextmanager
def _progress(title: str) -> Iterator[Callable[[str], None]]:
    """Show a spinner on a terminal, one line elsewhere; rich is imported only when something is reported."""
    shown = None

    def report(module: str) -> None:
        nonlocal shown
        if shown is None:
            from rich.console import Console

            shown = Console(stderr=True).status(title)
            shown.start()
            if not sys.stderr.isatty():
                print(f"{title} (once)", file=sys.stderr)
        shown.update(f"{title}: {module}")

    try:
        yield report
    finally:
        if shown is not None:
            shown.stop()


def main(words: list[str]) -> int:
    """Download the sets of jars that `words` name, prepare quick starts of Spark, and return the exit code."""
    if not set(words) <= set(_SETS):
        print(_USAGE, file=sys.stderr)
        return 2
    wanted = {*words, "spark"} if "s3" in words or not words else set(words)
    try:
        for name in filter(wanted.__contains__, _SETS):
            with _progress(f"Downloading jars for {name}") as report:
                jars = _SETS[name](report)
            size = sum(jar.stat().st_size for jar in jars) / 1e6
            print(f"{name:<6}  {len(jars)} jars, {size:.0f} MB, {jars[0].parent}")
    except LivetablesError as error:
        print(error, file=sys.stderr)
        return 1
    if "spark" in wanted:
        _prepare_quick_starts()
    return 0


def _prepare_quick_starts() -> None:
    """Make the archive of Spark's classes if it is missing; without it, sessions only start more slowly."""
    archive = archive_file(spark_jars())
    if not archive.is_file():
        with _progress("Preparing quick starts") as report:
            report("running Spark once")
            made = make_archive(spark_jars())
        if not made:
            print("Spark will start more slowly: the archive of its classes could not be made.", file=sys.stderr)
            return
    print(f"classes {archive.stat().st_size / 1e6:.0f} MB, {archive}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
