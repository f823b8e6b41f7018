"""Functions of the platform's catalog, as SQL files define them: here they are temporary ones of the session."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pyspark.errors import PySparkException

from livetables.collect.python_files import first_sentence
from livetables.errors import Place, SettingsError
from livetables.model import NAME_PART, name_parts, quoted
from livetables.settings import shown, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pyspark.sql import SparkSession

_SPACE = r"(?:\s|--[^\n]*(?:\n|$)|/\*.*?\*/)"
_SPACES = re.compile(f"{_SPACE}*", re.DOTALL)
_CREATE = re.compile(
    rf"CREATE{_SPACE}+(?:OR{_SPACE}+REPLACE{_SPACE}+)?(?:TEMP(?:ORARY)?{_SPACE}+)?FUNCTION{_SPACE}+"
    rf"(?:IF{_SPACE}+NOT{_SPACE}+EXISTS{_SPACE}+)?(?P<name>{NAME_PART}(?:\s*\.\s*{NAME_PART})*)",
    re.IGNORECASE | re.DOTALL,
)


@contextmanager
def functions(spark: SparkSession, files: tuple[Path, ...]) -> Iterator[None]:
    """Let a session have the functions that SQL files define, for a while, each by the last part of its name.

    Raises SettingsError for a statement that defines none.
    """
    made: list[str] = []
    try:
        for file in files:
            for statement, place in _statements(spark, file):
                made.append(_define(spark, statement, place))
        yield
    finally:
        for name in made:
            spark.sql(f"DROP TEMPORARY FUNCTION IF EXISTS {quoted(name)}")


def _statements(spark: SparkSession, file: Path) -> Iterator[tuple[str, Place]]:
    """Split a file as Spark does; return each statement, without the comments before it, and where it begins."""
    text = text_of(file)
    jvm: Any = spark._jvm  # noqa: SLF001 (what a semicolon ends is Spark's to say)
    pieces = jvm.org.apache.spark.sql.catalyst.util.StringUtils.splitSemiColonWithIndex(text, False)
    position = 0
    for index in range(pieces.size()):
        piece = pieces.apply(index)
        statement = piece[_SPACES.match(piece).end() :]  # type: ignore[union-attr] # it may be empty
        begin = position + len(piece) - len(statement)
        position += len(piece) + 1
        if statement:
            yield statement, Place(shown(file), text.count("\n", 0, begin) + 1)


def _define(spark: SparkSession, statement: str, place: Place) -> str:
    match = _CREATE.match(statement)
    if match is None:
        raise _refused("A file of functions can hold nothing but CREATE FUNCTION.", place)
    name = name_parts(match["name"])[-1]
    sql = f"CREATE OR REPLACE TEMPORARY FUNCTION {quoted(name)}{statement[match.end() :]}"
    try:
        parsed = spark._jsparkSession.sessionState().sqlParser().parsePlan(sql)  # noqa: SLF001
        if parsed.getClass().getSimpleName() != "CreateSQLFunctionCommand":
            raise _refused(f"The function '{name}' is not written in SQL.", place)
        spark.sql(sql)
    except PySparkException as error:
        raise _refused(f"The function '{name}' can't be defined: {first_sentence(error)}", place) from error
    return name


def _refused(message: str, place: Place) -> SettingsError:
    hint = "Write CREATE FUNCTION name(parameter TYPE, ...) RETURNS TYPE RETURN expression."
    return SettingsError("FUNCTION_REFUSED", message, place=place, hint=hint)
