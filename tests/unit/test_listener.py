"""Reports of streaming queries, without Spark."""

from livetables.spark.listener import QueryReports


def test_reports_are_taken_once_and_in_order():
    """What came since the last look."""
    reports = QueryReports()
    reports.progress.extend({"batchId": number} for number in range(3))
    assert [{"batchId": 0}, {"batchId": 1}, {"batchId": 2}] == reports.take()
    assert [] == reports.take()


def test_reports_that_are_not_taken_do_not_fill_the_memory():
    """A query that a pipeline's own code starts in the session reports for days: the newest reports are kept."""
    reports = QueryReports()
    reports.progress.extend({"batchId": number} for number in range(5000))
    kept = reports.take()
    assert (len(kept), kept[-1]) == (1000, {"batchId": 4999})
