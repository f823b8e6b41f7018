"""Checks expectations against the columns of a query."""

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
    """Return a rule in the form that can be evaluated over a frame, and what is wrong with it or None.

    A JSON path such as `raw:id` is read from a string column, or else from a VARIANT column, as Spark does.
    """
    text = rule.predicate
    forms = (on_string_columns(text), text) if isinstance(text, str) and ":" in text else (text,)
    diagnostic = None
    for predicate in forms:
        candidate = replace(rule, predicate=predicate)
        diagnostic = _problem(candidate, dataset, frame)
        if diagnostic is None:
            return candidate, None
    return rule, diagnostic


def _problem(rule: Expectation, dataset: Dataset, frame: DataFrame) -> Diagnostic | None:
    predicate = functions.expr(rule.predicate) if isinstance(rule.predicate, str) else rule.predicate
    try:
        kind = frame.select(predicate.alias("predicate")).schema["predicate"].dataType.simpleString()
    except Exception as error:  # noqa: BLE001 (Spark's parser and analyser raise several kinds)
        why, code = first_sentence(error), code_of(error)
    else:
        if kind in ("boolean", "void"):
            return None
        why, code = f"it is of type {kind}, not boolean", ""
    hint = f"The columns are {', '.join(frame.columns)}." if "UNRESOLVED_COLUMN" in code else None
    message = f"Expectation '{rule.name}' of '{dataset.name}' can't be evaluated: {why}"
    return Diagnostic("INVALID_EXPECTATION", message, rule.location or dataset.location, hint)
