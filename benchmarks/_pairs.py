"""What the benchmarks share: pairs of runs that take turns, the median of their ratios, the last line."""

from __future__ import annotations

import json
import signal
import statistics
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

T = TypeVar("T")


class BenchmarkError(RuntimeError):
    """The measurement is void; says why."""


def run_pairs(pairs: int, ours: Callable[[], T], alternative: Callable[[], T]) -> list[tuple[T, T]]:
    """Run both sides `pairs` times and return (ours, alternative) of each pair.

    The two runs of a pair follow each other, so that what else the machine does meets both; ours goes first in
    one pair and second in the next, so that warm caches favour neither.
    """
    measured = []
    for number in range(pairs):
        if number % 2 == 0:
            mine = ours()
            other = alternative()
        else:
            other = alternative()
            mine = ours()
        measured.append((mine, other))
    return measured


def median(values: Sequence[float]) -> float:
    """Return the median, rounded as all ratios are: one disturbed pair does not move it."""
    return round(statistics.median(values), 3)


def print_result(benchmark: str, unit: str, pairs: Sequence[dict[str, Any]], **more: Any) -> None:
    """Print the result as one line of JSON, which must be the last one.

    Args:
        benchmark: its name.
        unit: of the two numbers whose ratio is taken.
        pairs: one object per pair; `ratio` in it is ours divided by the alternative, above 1 where ours is better.
        more: what else belongs to this benchmark.
    """
    ratio = median([pair["ratio"] for pair in pairs])
    document = {"benchmark": benchmark, "ratio": ratio, **more, "pairs": list(pairs), "unit": unit}
    print(json.dumps(document), flush=True)


@contextmanager
def failing_in_words() -> Iterator[None]:
    """End the program with a sentence and exit code 1 for a void measurement; SIGTERM cleans up like Ctrl-C."""

    def terminated(number: int, _frame: object) -> NoReturn:
        sys.exit(128 + number)

    before = signal.signal(signal.SIGTERM, terminated)
    try:
        yield
    except BenchmarkError as error:
        print(f"VOID: {error}", file=sys.stderr)
        sys.exit(1)
    finally:
        signal.signal(signal.SIGTERM, before)
