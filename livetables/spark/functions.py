"""Functions of the platform's catalog, as SQL files define them: here they are temporary ones of the session."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from pyspark.errors import PySparkException

from livetables.errors import SettingsError
from livetables.model import quoted
from livetables.settings import shown, text_of
from livetables.spark.jvm import parsed_plan
from livetables.spark.messages import first_sentence
from livetables.sql.cursor import SqlError
from livetables.sql.lexer import UnfinishedError, cells, statements
from livetables.sql.parser import parse
from livetables.sql.script import Script
from livetables.sql.statements import CreateFunction

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from pyspark.sql import SparkSession

    from livetables.errors import SourceLocation
    from livetables.sql.lexer import Token

_NOTHING_ELSE = "A file of functions can hold nothing but CREATE FUNCTION."


@contextmanager
def functions(spark: SparkSession, created: Iterable[tuple[str, str, SourceLocation]]) -> Iterator[None]:
    """Let a session have functions for a while; of each, the name, what follows it in CREATE FUNCTION, and the place.

    Raises SettingsError for one that is not written in SQL.
    """
    made: list[str] = []
    try:
        for name, said, location in created:
            _define(spark, name, said, location)
            made.append(name)
        yield
    finally:
        for name in made:
            spark.sql(f"DROP TEMPORARY FUNCTION IF EXISTS {quoted(name)}")


def defined_in(files: Iterable[Path]) -> Iterator[tuple[str, str, SourceLocation]]:
    """Return the functions that files define, by the last part of their names; raises SettingsError."""
    for file in files:
        script = Script(shown(file), text_of(file))
        try:
            for start, stop in cells(script.text):
                for found in statements(script.text, start, stop):
                    yield _function(script, found)
        except UnfinishedError as error:
            raise _refused(error.message, script.location(error.start)) from error


def _function(script: Script, found: list[Token]) -> tuple[str, str, SourceLocation]:
    location = script.location(found[0].start)
    try:
        statement = parse(script.text, found)
    except SqlError as error:
        if not any(token.upper == "FUNCTION" for token in found):
            raise _refused(_NOTHING_ELSE, location) from error
        raise _refused(error.message, script.location(error.start)) from error
    if not isinstance(statement, CreateFunction):
        raise _refused(_NOTHING_ELSE, location)
    return statement.name.last, statement.text.text, location


def _define(spark: SparkSession, name: str, said: str, location: SourceLocation) -> None:
    sql = f"CREATE OR REPLACE TEMPORARY FUNCTION {quoted(name)} {said}"
    try:
        parsed = parsed_plan(spark, sql)
        if parsed.getClass().getSimpleName() != "CreateSQLFunctionCommand":
            raise _refused(f"The function '{name}' is not written in SQL.", location)
        spark.sql(sql)
    except PySparkException as error:
        raise _refused(f"The function '{name}' can't be defined: {first_sentence(error)}", location) from error


def _refused(message: str, location: SourceLocation) -> SettingsError:
    hint = "Write CREATE FUNCTION name(parameter TYPE, ...) RETURNS TYPE RETURN expression."
    return SettingsError("FUNCTION_REFUSED", message, location=location, hint=hint)
