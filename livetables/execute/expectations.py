"""Expectations inside the plan of a flow: one pass counts rejected rows per rule, and drops or refuses rows."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from py4j.protocol import Py4JError
from pyspark.sql import Observation
from pyspark.sql import functions as F  # noqa: N812 (the name all Spark code uses)

from livetables.model import Action
from livetables.spark.jvm import observation_ended

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyspark.sql import Column, DataFrame

    from livetables.model import Expectation

#: Prefix of the names of our observations; a user's own calls of `observe()` have other names.
PREFIX = "livetables:"
_ROWS, _DROPPED = "rows", "dropped"
#: Spark reports an observation some milliseconds after its query has ended.
_REPORT_SECONDS, _POLL_SECONDS = 10.0, 0.005


@dataclass(frozen=True)
class Quality:
    """The counts of one dataset in one batch: rows before any is dropped, rows dropped, rows failed per rule."""

    dataset: str
    rows: int
    dropped: int
    failed: Mapping[str, int]


def observed(
    frame: DataFrame,
    dataset: str,
    rules: tuple[Expectation, ...],
    flow: str,
    number: int = 0,
    observations: dict[str, Observation] | None = None,
) -> DataFrame:
    """Return `frame` with its rules counted and applied. A row fails a rule that is NULL.

    All rules are counted before any row is dropped. A `fail` rule raises inside the plan, so that the batch commits
    nothing. `number` counts the uses of a view in one query. The counts of a stream come with its progress; those of a
    batch query come through `observations`, to which this adds one.
    """
    passes = {rule.name: F.coalesce(_column(rule), F.lit(False)) for rule in rules}
    dropping = [passes[rule.name] for rule in rules if rule.action is Action.DROP]
    stays = _all(dropping)
    counts = [F.count(F.lit(1)).alias(_ROWS)]
    if dropping:
        counts.append(F.count_if(~stays).alias(_DROPPED))
    counts += [F.count_if(~passes[rule.name]).alias(f"rule {i}") for i, rule in enumerate(rules)]
    name = f"{PREFIX}{dataset}:{number}"
    if observations is None:
        frame = frame.observe(name, *counts)
    else:
        observations[name] = Observation(name)
        frame = frame.observe(observations[name], *counts)
    failing = [rule for rule in rules if rule.action is Action.FAIL]
    if failing:
        frame = frame.filter(_refuse(frame, flow, failing, passes))
    return frame.filter(stays) if dropping else frame


def quality_of(name: str, row: Mapping[str, Any], rules: tuple[Expectation, ...]) -> Quality | None:
    """Return the counts of one observation; None for one of the user's own."""
    if not name.startswith(PREFIX):
        return None
    dataset = dataset_of(name)
    failed = {rule.name: int(row.get(f"rule {i}") or 0) for i, rule in enumerate(rules)}
    return Quality(dataset, int(row.get(_ROWS) or 0), int(row.get(_DROPPED) or 0), failed)


def dataset_of(name: str) -> str:
    """Return the name of the dataset that an observation counts the rows of."""
    return name.removeprefix(PREFIX).rsplit(":", 1)[0]


def observed_counts(observations: Mapping[str, Observation], seconds: float = _REPORT_SECONDS) -> dict[str, Any]:
    """Return the counts of a batch query that has ended, by the names of its observations.

    One is left out when Spark does not report it within `seconds`, or reports that its optimizer removed it. This asks
    and sleeps instead of calling `Observation.get`, which blocks its thread for as long as there is no report.
    """
    deadline = time.monotonic() + seconds
    counts: dict[str, Any] = {}
    for name, observation in observations.items():
        while not observation_ended(observation) and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
        if observation_ended(observation):
            with suppress(Py4JError):  # it has ended without a row
                counts[name] = dict(observation.get)
    return counts


def _column(rule: Expectation) -> Column:
    return F.expr(rule.predicate) if isinstance(rule.predicate, str) else rule.predicate


def _all(predicates: list[Column]) -> Column:
    combined = F.lit(True)
    for predicate in predicates:
        combined = combined & predicate
    return combined


def _refuse(frame: DataFrame, flow: str, failing: list[Expectation], passes: Mapping[str, Column]) -> Column:
    """Return a predicate that is TRUE for good rows and raises for the first bad one."""
    violated = F.concat_ws(", ", *(F.when(~passes[rule.name], F.lit(rule.name)) for rule in failing))
    message = F.concat(
        F.lit(
            f"[EXPECTATION_VIOLATION.VERBOSITY_ALL] Flow '{flow}' failed to meet the expectation. "
            "Violated expectations: '"
        ),
        violated,
        F.lit("'. Input data: '"),
        F.to_json(F.struct(*(F.col(f"`{name}`") for name in frame.columns))),
        F.lit("'. Missing input data: false"),
    )
    good = _all([passes[rule.name] for rule in failing])
    return F.when(good, F.lit(True)).otherwise(F.raise_error(message).cast("boolean"))
