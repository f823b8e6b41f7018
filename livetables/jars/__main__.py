"""`python -m livetables.jars [s3]`: download and make what is missing, also for S3, and say where it is."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from livetables.jars import JarError, JavaError, broker_jars, s3_jars, spark_jars
from livetables.jars.classes import archive_file, make_archive

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def _progress(title: str) -> Iterator[Callable[[str], None]]:
    """Show one moving line on a terminal and nothing elsewhere; rich loads only when there is news."""
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


def main(wanted: list[str]) -> int:
    """Resolve the sets of jars, archive the classes of Spark, and return the exit code."""
    if wanted not in ([], ["s3"]):
        print("Usage: python -m livetables.jars [s3]", file=sys.stderr)
        return 2
    s3 = [("s3", s3_jars)] if wanted else []
    for name, jars_of in (*s3, ("spark", spark_jars), ("broker", broker_jars)):
        try:
            with _progress(f"Downloading jars for {name}") as report:
                jars = jars_of(report)
        except (JarError, JavaError) as error:
            print(error, file=sys.stderr)
            return 1
        size = sum(jar.stat().st_size for jar in jars) / 1e6
        print(f"{name:<6}  {len(jars)} jars, {size:.0f} MB, {jars[0].parent}")
    archive = archive_file(spark_jars())
    if not archive.is_file():
        with _progress("Preparing quick starts") as report:
            report("running Spark once")
            made = make_archive(spark_jars())
        if not made:
            print("Spark will start more slowly: the archive of its classes could not be made.", file=sys.stderr)
            return 0
    print(f"classes {archive.stat().st_size / 1e6:.0f} MB, {archive}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
