"""Secrets in whole updates: only Spark shows what its own errors and configuration make of them."""

import pytest

from livetables.events.reading import read_events

pytestmark = pytest.mark.pipeline

PIPELINE = """
    import dlt
    from pyspark.sql import functions as F

    word = dbutils.secrets.get("kafka", "password")

    @dlt.table
    def broken():
        assert spark.conf.get("login.password") == word
        said = F.raise_error(F.concat(F.lit("no login with "), F.lit(word), F.col("id").cast("string")))
        return spark.range(1).select(said.cast("int").alias("id"))
"""


def test_an_update_that_fails_shows_no_secret(bench, monkeypatch):
    """The JVM quotes it in its error; the reference is in the configuration, and the value where it is read."""
    monkeypatch.setenv("LIVETABLES_SECRET_KAFKA_PASSWORD", "hunter2")
    [path] = bench.write(secretive=PIPELINE)
    heard = []
    state = bench.run(path, overrides={"login.password": "{{secrets/kafka/password}}"}, on_event=heard.append)
    [message] = [one for one in state.errors if "'broken' has FAILED" in one]
    assert "no login with [REDACTED]0" in message
    stored = list(read_events(bench.storage))
    assert ("hunter2" in str(heard), "hunter2" in str(stored)) == (False, False)
