"""Expectations as Spark can evaluate them over a query's columns."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pyspark.sql import functions

from livetables.errors import Diagnostic
from livetables.spark.messages import code_of, first_sentence
from livetables.sql.json_paths import on_string_columns

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from livetables.model import Dataset, Expectation


def checked_rule(rule: Expectation, dataset: Dataset, frame: DataFrame) -> tuple[Expectation, Diagnostic | None]:
    """Return a rule of a dataset as it can be evaluated over a frame, and what is wrong with it.

    A path such as `raw:id` is taken of a string, or else of a VARIANT, where Spark has it itself.
    """
    given = rule.predicate
    forms = (on_string_columns(given), given) if isinstance(given, str) and ":" in given else (given,)
    diagnostic = None
    for predicate in forms:
        tried = replace(rule, predicate=predicate)
        diagnostic = _problem(tried, dataset, frame)
        if diagnostic is None:
            return tried, None
    return rule, diagnostic


def _problem(rule: Expectation, dataset: Dataset, frame: DataFrame) -> Diagnostic | None:
    predicate = functions.expr(rule.predicate) if isinstance(rule.predicate, str) else rule.predicate
    try:
        found = frame.select(predicate.alias("predicate")).schema["predicate"].dataType.simpleString()
    except Exception as error:  # noqa: BLE001 (Spark's parser and analyser raise several kinds)
        why, code = first_sentence(error), code_of(error)
    else:
        if found in ("boolean", "void"):
            return None
        why, code = f"it is of type {found}, not boolean", ""
    hint = f"The columns are {', '.join(frame.columns)}." if "UNRESOLVED_COLUMN" in code else None
    message = f"Expectation '{rule.name}' of '{dataset.name}' can't be evaluated: {why}"
    return Diagnostic("INVALID_EXPECTATION", message, rule.location or dataset.location, hint)
