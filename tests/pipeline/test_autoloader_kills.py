"""Auto Loader under kill -9, a short form of `python -m benchmarks.autoloader_kills`."""

import pytest

from benchmarks.autoloader_kills import Account, trial

pytestmark = pytest.mark.pipeline


@pytest.mark.shows("Each file is read once, also after crashes and restarts")
def test_after_kills_at_random_moments_every_line_is_there_exactly_once(tmp_path):
    """After the process is killed while it reads files, the next run completes the table without duplicates."""
    found, phases = trial(tmp_path, kills=3, files=60, lines=5, seed=7)
    assert (Account(lines=300, missing=0, twice=0, wrong=0), 3) == (found, phases.total())
