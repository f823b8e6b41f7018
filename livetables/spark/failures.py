"""Says in one sentence why a flow failed, and whether trying again can help."""

from __future__ import annotations

import os
import re
import sysconfig
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from livetables.errors import LivetablesError, NewColumnsError, UnreachableError
from livetables.redaction import redacted
from livetables.spark.messages import first_sentence
from livetables.storage.locations import local_path

#: The attribute of a streaming query's exception with the Java exception that ended the query.
ORIGIN = "_livetables_origin"
#: What is the same at every try: the rows, the query or the table are at fault, not the moment.
_LASTING = (
    "EXPECTATION_VIOLATION",
    "AnalysisException",
    "UNRESOLVED",
    "DELTA_SCHEMA",
    "DELTA_FAILED_TO_MERGE_FIELDS",
    "DELTA_NOT_NULL_CONSTRAINT",
    "DELTA_SOURCE_TABLE_IGNORE_CHANGES",
    "DELTA_SOURCE_IGNORE_DELETE",
    "DIFFERENT_DELTA_TABLE",
    "CAST_INVALID_INPUT",
    "DIVIDE_BY_ZERO",
    "TABLE_OR_VIEW_NOT_FOUND",
    "ParseException",
)
#: A stream was planned for columns that its source no longer has: another update, which looks again, may go on.
_NEW_SCHEMA = ("DELTA_SCHEMA_CHANGED", "DELTA_SCHEMA_CHANGE_SINCE_ANALYSIS")
_EXPECTATION = re.compile(r"\[EXPECTATION_VIOLATION\.VERBOSITY_ALL\].*Missing input data: (?:true|false)", re.DOTALL)
_CODE = re.compile(r"^\[[A-Z0-9_.]+\] ")
#: What is wrong with the file, a deeper cause says, or else the rest of the line.
_UNREADABLE = re.compile(r"\[FAILED_READ_FILE\.\w+\] Encountered error while reading file (\S+)\.(?=\s|$)(.*)")
_CLASS = re.compile(r"^[A-Za-z]\w*: ")
_MOST_CAUSES = 20
#: Where the files of Python and our own lie.
_NOT_THE_USERS = (sysconfig.get_path("stdlib") + os.sep, str(Path(__file__).parents[1]) + os.sep)


@dataclass(frozen=True)
class Failure:
    """Why a flow failed. With `new_schema`, its source has other columns than when the update began.

    `file` is the one that Spark could not read: its path on this machine, or its URL.
    """

    message: str
    retryable: bool
    new_schema: bool = False
    file: str | None = None


def describe(error: BaseException) -> Failure:
    """Return what to tell a user about `error`: the words of its first cause, not of what was wrapped around it."""
    if isinstance(error, LivetablesError):
        hint = f" {error.diagnostic.hint}" if error.diagnostic.hint else ""
        message = f"[{error.code}] {error.diagnostic.message}{hint}"
        again = isinstance(error, NewColumnsError)
        return Failure(message, retryable=again or isinstance(error, UnreachableError), new_schema=again)
    # Where PySpark knows no class of its own for an exception, it raises py4j's.
    causes = _causes(getattr(error, ORIGIN, None) or getattr(error, "java_exception", None))
    text = causes[-1] if causes else redacted(str(error))
    violation = _EXPECTATION.search(text)
    if violation:
        return Failure(violation[0], retryable=False)
    message = text.strip().splitlines()[0] if causes else first_sentence(error) + _where(error)
    file, message = _unreadable(causes) or (None, message.split(" SQLSTATE: ")[0])
    parts = [*causes, type(error).__name__, message]

    def has(marks: tuple[str, ...]) -> bool:
        return any(mark in part for mark in marks for part in parts)

    permanent = isinstance(error, TypeError | AttributeError | NameError) or has(_LASTING)
    return Failure(message, retryable=not permanent, new_schema=has(_NEW_SCHEMA), file=file)


def _unreadable(causes: list[str]) -> tuple[str, str] | None:
    """Return the file that could not be read, if a cause names one, and the sentence about it."""
    found = [match for match in map(_UNREADABLE.search, causes) if match]
    if not found:
        return None
    url = unquote(found[-1][1])
    file = local_path(url) or url
    last = causes[-1].splitlines()[0]
    why = found[-1][2] if found[-1].string == causes[-1] else _CLASS.sub("", last)
    why = why.split("SQLSTATE: ")[0].strip().rstrip(".")
    return file, f"[FAILED_READ_FILE] {file} can't be read{': ' if why else ''}{why}."


def _where(error: BaseException) -> str:
    """Return the last line of a user's own file that an exception went through, as ` (sinks.py:12)`, or nothing."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if not (f.filename.startswith((*_NOT_THE_USERS, "<")) or "site-packages" in f.filename)]
    return f" ({Path(own[-1].filename).name}:{own[-1].lineno})" if own else ""


def _causes(origin: Any) -> list[str]:
    """Return what an exception of the JVM and its causes say, the first cause last, without secrets."""
    found: list[str] = []
    while origin is not None and len(found) < _MOST_CAUSES:
        message = redacted(origin.getMessage() or "").strip()
        if message:
            name = origin.getClass().getSimpleName()
            found.append(message if _CODE.match(message) else f"{name}: {message}")
        origin = origin.getCause()
    return found
