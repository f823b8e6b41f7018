"""The collection of errors and warnings, and the locations of exceptions."""

from pyspark.errors import AnalysisException

from livetables.collect.reporter import Reporter
from livetables.errors import Diagnostic, SourceLocation
from livetables.queries.locations import location_of, set_location
from livetables.sql.script import Script

LOCATION = SourceLocation("a.sql", 2, 3)


def test_a_diagnostic_is_kept_once(tmp_path):
    """The same error or warning is reported once, in the order of the first reports."""
    reporter = Reporter(tmp_path)
    first, second = Diagnostic("A", "first", LOCATION), Diagnostic("B", "second", LOCATION)
    for diagnostic in (first, second, first):
        reporter.error(diagnostic)
    reporter.warn(second, second, first)
    assert ((first, second), (second, first)) == (reporter.errors, reporter.warnings)


def test_only_a_diagnostic_about_a_sql_file_has_an_excerpt(tmp_path):
    """The excerpt is the line of the SQL file; a Python file has none."""
    reporter = Reporter(tmp_path)
    reporter.add_script(Script("a.sql", "SELECT\n  wrong"))
    python = Diagnostic("A", "wrong", SourceLocation("a.py", 2, 3))
    assert python == reporter.with_excerpt(python)
    assert "2 |   wrong\n  |   ^" == reporter.with_excerpt(Diagnostic("A", "wrong", LOCATION)).excerpt


def test_the_first_location_of_an_exception_stays(tmp_path):
    """An exception of Spark keeps the location in the SQL file that was set first, and is reported there."""
    error = AnalysisException("wrong")
    assert None is location_of(error)
    set_location(error, LOCATION)
    set_location(error, SourceLocation("b.sql"))
    assert LOCATION == location_of(error) == Reporter(tmp_path).of_exception(error).location
