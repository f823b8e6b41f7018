"""Row filters: their rows, and whether they fit the columns of their tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.errors import AnalysisException

from livetables.errors import Diagnostic, did_you_mean
from livetables.model import Table
from livetables.spark.messages import first_sentence

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyspark.sql import DataFrame, SparkSession

    from livetables.collect.reporter import Reporter
    from livetables.graph.graph import ResolvedDataset
    from livetables.model import RowFilter

#: The warning of a filter whose function is missing.
NOT_APPLIED = "ROW_FILTER_NOT_APPLIED"
_ANYWHERE = "with spark.udf.register in a source file, or in a SQL file that 'functions' names in livetables.yml"


def apply_row_filter(frame: DataFrame, predicate: str) -> DataFrame | None:
    """Return the rows of a table that its row filter shows, or None when the function of the filter is missing."""
    try:
        return frame.where(predicate)
    except AnalysisException as error:
        if error.getCondition() != "UNRESOLVED_ROUTINE":
            raise
        return None


def not_applied(name: str, predicate: str, where: str) -> str:
    """Return the text of the warning; `where` says how to define the function."""
    return f"The row filter {predicate} of '{name}' is not applied: there is no such function. Define it {where}."


def row_filter_problems(
    spark: SparkSession, datasets: Iterable[ResolvedDataset], reporter: Reporter
) -> list[Diagnostic]:
    """Return what is wrong with the row filters of tables; warn of a filter without its function."""
    diagnostics = []
    for dataset in datasets:
        row_filter = dataset.definition.row_filter if isinstance(dataset.definition, Table) else None
        diagnostic = None if row_filter is None else _problem(spark, dataset, row_filter, reporter)
        if diagnostic is not None:
            diagnostics.append(diagnostic)
    return diagnostics


def _problem(
    spark: SparkSession, dataset: ResolvedDataset, row_filter: RowFilter, reporter: Reporter
) -> Diagnostic | None:
    location, names = dataset.definition.location, dataset.schema.names
    for name in row_filter.columns:
        if name.lower() not in {known.lower() for known in names}:
            message = f"The row filter of '{dataset.name}' names '{name}', which is not one of its columns."
            hint = did_you_mean(name, names, f"The columns are {', '.join(names)}.")
            return Diagnostic("INVALID_ROW_FILTER", message, location, hint)
    try:
        rows = apply_row_filter(spark.createDataFrame([], dataset.schema), row_filter.predicate)
    except AnalysisException as error:
        message = f"The row filter of '{dataset.name}' can't be evaluated: {first_sentence(error)}"
        hint = "Give its function the arguments that it takes, and let it return a BOOLEAN."
        return Diagnostic("INVALID_ROW_FILTER", message, location, hint)
    if rows is None:
        message = not_applied(dataset.name, row_filter.predicate, _ANYWHERE)
        reporter.warn(Diagnostic(NOT_APPLIED, message, location))
    return None
