"""The error codes and sentences of exceptions that Spark or user code raises."""

from __future__ import annotations

from livetables.redaction import redacted


def code_of(error: BaseException) -> str:
    """Return the error condition of a Spark exception, or PYTHON_ERROR for any other exception."""
    condition = getattr(error, "getCondition", None)
    return str(condition() or "SPARK_ERROR") if callable(condition) else "PYTHON_ERROR"


def first_sentence(error: BaseException) -> str:
    """Return the message of an exception without JVM frames, plan listings and secrets."""
    text = redacted(str(error)).split("\n\nJVM stacktrace")[0].split("\n\tat ")[0].strip()
    text = text.split(";\n'")[0].split(";\n")[0]
    lines = [line for line in text.splitlines() if line.strip()]
    shown, kind = " ".join(lines[:3]), type(error).__name__
    if not shown or callable(getattr(error, "getCondition", None)):
        return shown or kind
    return f"{kind}: {shown}"
