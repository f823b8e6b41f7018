"""Counts of expectations in batch queries: only Spark can say when it reports them."""

import pytest

from livetables.execute.expectations import observed, observed_counts
from livetables.model import Action, Expectation

pytestmark = pytest.mark.spark


def counts(frame, predicate):
    """Write the rows that pass a rule to nowhere, and return the counts."""
    observations = {}
    rows = observed(frame, "t", (Expectation("r", predicate, Action.DROP),), "f", observations=observations)
    rows.write.format("noop").mode("overwrite").save()
    return observed_counts(observations)


def test_the_counts_of_a_batch_query_come_with_its_end(spark):
    """Rows, those that are dropped, and those that fail each rule; NULL fails."""
    frame = spark.sql("SELECT * FROM VALUES (1), (2), (NULL) AS t (id)")
    assert {"livetables:t:0": {"rows": 3, "dropped": 2, "rule 0": 2}} == counts(frame, "id > 1")
    assert {"livetables:t:0": {"rows": 0, "dropped": 0, "rule 0": 0}} == counts(frame.where("false"), "id > 1")


def test_counts_that_the_optimizer_removes_are_left_out(spark):
    """Where a rule drops all rows, Spark reads none, and its report has no counts; the query has not failed."""
    assert {} == counts(spark.range(3), "false")
