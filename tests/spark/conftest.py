"""What the tests of single queries have in common."""

import pytest

from livetables.spark.confs import confs
from tests.small import SMALL


@pytest.fixture(autouse=True, scope="package")
def small_plans(spark):
    """The session with settings for few rows."""
    with confs(spark, SMALL):
        yield
