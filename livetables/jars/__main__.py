"""`python -m livetables.jars`: download what is missing, and say where it is."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from livetables.jars import JarError, JavaError, broker_jars, spark_jars

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


def main() -> int:
    """Resolve both sets and return the exit code."""
    for name, jars_of in (("spark", spark_jars), ("broker", broker_jars)):
        try:
            with _progress(f"Downloading jars for {name}") as report:
                jars = jars_of(report)
        except (JarError, JavaError) as error:
            print(error, file=sys.stderr)
            return 1
        size = sum(jar.stat().st_size for jar in jars) / 1e6
        print(f"{name:<6}  {len(jars)} jars, {size:.0f} MB, {jars[0].parent}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
