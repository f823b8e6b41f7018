"""SQL files with functions: Spark parses them, and a session has the functions inside a context."""

import pytest

from livetables.errors import SettingsError
from livetables.spark.functions import defined_in, functions

pytestmark = pytest.mark.spark

FUNCTIONS = """
-- NULL is not TRUE; nothing ends here;
CREATE OR REPLACE FUNCTION main.security.lies_in(region STRING, wanted STRING)
RETURNS BOOLEAN
RETURN region = wanted;

create temporary /* in any case; */ function if not exists `is;even`(id BIGINT) RETURNS BOOLEAN
RETURN id % 2 = 0 AND lies_in(';', ';')
-- the end"""


@pytest.fixture
def file(tmp_path, monkeypatch):
    """Return the file functions.sql of the current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path / "functions.sql"


@pytest.mark.shows("`CREATE FUNCTION`")
def test_a_session_has_the_functions_of_a_file_for_a_while(spark, file):
    """A session has the functions by the last part of their names; one may call an earlier one."""
    file.write_text(FUNCTIONS)
    with functions(spark, defined_in((file,))):
        assert [(True, None, False)] == spark.sql(
            "SELECT lies_in('eu', 'eu'), lies_in(NULL, 'eu'), `is;even`(3)"
        ).collect()
    assert not spark.catalog.functionExists("lies_in")


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("SELECT 1", "A file of functions can hold nothing but CREATE FUNCTION."),
        ("CREATE FUNCTION f AS 'org.example.F'", "The function 'f' is not written in SQL."),
        (
            "CREATE FUNCTION f(a INT) RETURNS BOOLEAN RETURN a >",
            "The function 'f' can't be defined: [PARSE_SYNTAX_ERROR]",
        ),
        ("CREATE FUNCTION f(a INT) RETURNS BOOLEAN RETURN b", "The function 'f' can't be defined: [UNRESOLVED_COLUMN"),
    ],
)
def test_a_file_of_functions_holds_nothing_else(spark, file, statement, says):
    """A wrong statement is an error with its line, and the functions before it are dropped."""
    file.write_text(f"{FUNCTIONS}\n;\n\n/* two\nlines; */ {statement};\n")
    with pytest.raises(SettingsError) as caught, functions(spark, defined_in((file,))):
        pass
    diagnostic = caught.value.diagnostic
    assert ("FUNCTION_REFUSED", "functions.sql:13:11") == (diagnostic.code, str(diagnostic.location))
    assert diagnostic.message.startswith(says)
    assert not spark.catalog.functionExists("lies_in")
