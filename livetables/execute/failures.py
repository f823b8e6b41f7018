"""Says in one sentence why a flow failed, and whether trying again can help."""

from __future__ import annotations

import re
from dataclasses import dataclass

from livetables.collect.python_files import first_sentence
from livetables.errors import LivetablesError, UnreachableError

#: What is the same at every try: the rows, the query or the table are at fault, not the moment.
_LASTING = (
    "EXPECTATION_VIOLATION", "AnalysisException", "UNRESOLVED", "DELTA_SCHEMA", "DELTA_FAILED_TO_MERGE_FIELDS",
    "DELTA_NOT_NULL_CONSTRAINT", "DELTA_SOURCE_TABLE_IGNORE_CHANGES", "DELTA_SOURCE_IGNORE_DELETE",
    "DIFFERENT_DELTA_TABLE", "CAST_INVALID_INPUT", "DIVIDE_BY_ZERO", "TABLE_OR_VIEW_NOT_FOUND", "ParseException",
)  # fmt: skip
_EXPECTATION = re.compile(
    r"\[EXPECTATION_VIOLATION\.VERBOSITY_ALL\].*?Missing input data: (?:true|false)", re.DOTALL,
)  # fmt: skip
_WRAPPER = re.compile(r"^\[STREAM_FAILED\] Query \[.*?\] terminated with exception: ", re.DOTALL)


@dataclass(frozen=True)
class Failure:
    """Why a flow failed."""

    message: str
    retryable: bool


def describe(error: BaseException) -> Failure:
    """Return what to tell a user about `error`."""
    if isinstance(error, UnreachableError):
        return Failure(_sentence(error), retryable=True)
    if isinstance(error, LivetablesError):
        return Failure(_sentence(error), retryable=False)
    text = str(error)
    violation = _EXPECTATION.search(text)
    if violation:
        return Failure(violation[0], retryable=False)
    message = _WRAPPER.sub("", first_sentence(error)).split(" SQLSTATE: ")[0]
    lasting = isinstance(error, TypeError | AttributeError | NameError) or any(mark in text for mark in _LASTING)
    return Failure(message, retryable=not lasting)


def _sentence(error: LivetablesError) -> str:
    hint = f" {error.problem.hint}" if error.problem.hint else ""
    return f"[{error.code}] {error.problem.message}{hint}"
