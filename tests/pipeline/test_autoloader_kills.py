"""Auto Loader under kill -9, in short: `python -m benchmarks.autoloader_kills` is the long form."""

import pytest

from benchmarks.autoloader_kills import Account, trial

pytestmark = pytest.mark.pipeline


@pytest.mark.shows("Each file is read once, also after crashes and restarts")
def test_after_kills_at_random_moments_every_line_is_there_exactly_once(tmp_path):
    """Whoever loses power while files are taken finds each line once after the next run, and none twice."""
    found, phases = trial(tmp_path, kills=3, files=60, lines=5, seed=7)
    assert (Account(lines=300, missing=0, twice=0, wrong=0), 3) == (found, phases.total())
