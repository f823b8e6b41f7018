"""How a flow writes, where no session is needed to see it."""

from __future__ import annotations

from livetables.execute.writers import merging_confs


def test_what_the_configuration_says_of_merges_counts():
    """AUTO CDC plans its merges for small batches, unless the pipeline asks for something else."""
    quick = merging_confs({})
    assert quick["spark.sql.adaptive.enabled"] == "false"
    asked = merging_confs({"spark.sql.adaptive.enabled": "true"})
    assert quick.keys() - asked.keys() == {"spark.sql.adaptive.enabled"}
