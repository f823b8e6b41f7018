"""How the time of `livetables check` grows with the statements of a SQL pipeline, and how much of it is our code."""

from __future__ import annotations

import argparse
import cProfile
import pstats
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks._pairs import failing_in_words, print_result
from livetables.pipeline import Pipeline
from livetables.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

FEW, SIZES = 50, (50, 100, 200)
_SOURCE = """\
CREATE OR REFRESH STREAMING TABLE t0 (CONSTRAINT known EXPECT (id IS NOT NULL))
AS SELECT * FROM STREAM read_files('{folder}', format => 'json', schema => 'id BIGINT, name STRING, doc STRING');
"""
_STREAM = """\
CREATE OR REFRESH STREAMING TABLE t{number} (CONSTRAINT other EXPECT (id > {number}) ON VIOLATION DROP ROW)
COMMENT 'not {number}; nothing else' TBLPROPERTIES ('quality' = 'silver')
AS SELECT id, name, doc:a.b FROM STREAM(LIVE.t0) WHERE id <> {number};
"""
_VIEW = """\
CREATE OR REFRESH MATERIALIZED VIEW t{number}
AS SELECT name, count(*) AS n, max(b) AS b FROM t{before} GROUP BY ALL;
"""


def pipeline(statements: int, folder: Path) -> str:
    """Return a pipeline: one source, then streaming tables, each with a materialized view over it."""
    made = ((_STREAM if at % 2 else _VIEW).format(number=at, before=at - 1) for at in range(1, statements))
    return _SOURCE.format(folder=folder) + "".join(made)


def check(file: Path, scratch: Path) -> dict[str, float]:
    """Return the seconds that the graph of a file takes, without the session's start, and the share of our code."""
    settings = load_settings(paths=(file,), storage=str(scratch / "storage"))
    with Pipeline(settings, scratch=scratch, quick=True) as opened:
        opened.spark  # noqa: B018 (it starts the session)
        profile = cProfile.Profile()
        start = time.perf_counter()
        opened.graph  # noqa: B018 (it reads the files and resolves all queries)
        seconds = time.perf_counter() - start
    with Pipeline(settings, scratch=scratch, quick=True) as opened:
        profile.runcall(lambda: opened.graph)
    spent: dict[Any, Any] = pstats.Stats(profile).stats  # type: ignore[attr-defined] # function -> times
    whole = sum(times[2] for times in spent.values())
    ours = sum(times[2] for (location, *_), times in spent.items() if "/livetables/" in location)
    return {"seconds": round(seconds, 2), "own_share": round(ours / whole, 3)}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=3)
    options = parser.parse_args(arguments)
    with failing_in_words(), tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = {size: folder / f"p{size}.sql" for size in SIZES}
        for size, file in files.items():
            file.write_text(pipeline(size, folder))
        check(files[FEW], folder)  # the first one pays for classes that are loaded and compiled
        pairs = []
        for _ in range(options.pairs):
            measured = {size: check(file, folder) for size, file in files.items()}
            each = {size: result["seconds"] / size for size, result in measured.items()}
            pairs.append({"ratio": round(each[FEW] / each[SIZES[-1]], 3), **{str(s): m for s, m in measured.items()}})
        print_result("sql_check", "seconds per statement", pairs)


if __name__ == "__main__":
    main()
