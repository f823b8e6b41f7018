"""The values of `${key}` and `:name` in a SQL file."""

import pytest

from livetables.sql.cursor import SqlError
from livetables.sql.edits import Edited
from livetables.sql.variables import with_parameters, with_variables

VARIABLES = {"region": "eu", "a.b": "x", "nested": "${region}", "empty": "", "quote": "it's"}
PARAMETERS = {"day": "2026-01-01", "table": "main.`my schema`.t", "odd": "a'b\\c"}


@pytest.mark.shows("`${key}` is replaced by its text, inside of quotes too")
@pytest.mark.parametrize(
    ("text", "becomes"),
    [
        ("${region}", "eu"),
        ("${ region }", "eu"),
        ("t_${region}_${a.b}", "t_eu_x"),
        ("'/p/${region}/${a.b}'", "'/p/eu/x'"),
        ('"${region}"', '"eu"'),
        ("`${region} t`", "`eu t`"),
        ("r'${region}'", "r'eu'"),
        ("x${empty}y", "xy"),
        ("'${quote}'", "'it's'"),
        ("${nested}", "${region}"),
        ("1 -- ${unknown}", "1 -- ${unknown}"),
        ("/* ${unknown} */ ${region}", "/* ${unknown} */ eu"),
        ("$region {region}", "$region {region}"),
    ],
)
def test_variables_stand_for_text(text, becomes):
    """A variable is replaced anywhere except in comments, and its value is not replaced again."""
    assert becomes == with_variables(Edited(text), VARIABLES).text


@pytest.mark.shows(
    "`:name` is a value of `parameters`",
    "`IDENTIFIER(:name)` is the table of that name",
    "`IDENTIFIER` takes an expression",
)
@pytest.mark.parametrize(
    ("text", "becomes"),
    [
        ("x > :day", "x > '2026-01-01'"),
        ("f(:day,:odd)", "f('2026-01-01','a\\'b\\\\c')"),
        ("IDENTIFIER(:table)", "`main`.`my schema`.`t`"),
        ("identifier ( :table )", "`main`.`my schema`.`t`"),
        ("identifier(:table || :day)", "identifier('main.`my schema`.t' || '2026-01-01')"),
        ("details:day", "details:day"),
        ("f(x):day", "f(x):day"),
        ("x::day", "x::day"),
        ("':day' `:day` -- :day", "':day' `:day` -- :day"),
        ("CAST(x AS STRUCT<a:day>)", "CAST(x AS STRUCT<a:day>)"),
        ("CASE WHEN :day THEN :day ELSE :day END", "CASE WHEN '2026-01-01' THEN '2026-01-01' ELSE '2026-01-01' END"),
        ("RETURN :day", "RETURN '2026-01-01'"),
        ("a: day", "a: day"),
        (": day", ": day"),
    ],
)
def test_parameters_stand_for_strings_and_names(text, becomes):
    """A parameter becomes an escaped string, and in IDENTIFIER a name; a JSON path is no parameter."""
    assert becomes == with_parameters(Edited(text), PARAMETERS).text


@pytest.mark.shows("`${key}` without a value")
@pytest.mark.parametrize(
    ("fill", "known", "text", "start", "message", "hint"),
    [
        (
            with_variables,
            VARIABLES,
            "a '${regoin}'",
            3,
            "The variable 'regoin' has no value.",
            "Did you mean 'region'?",
        ),
        (
            with_variables,
            {},
            "a ${k}",
            2,
            "The variable 'k' has no value.",
            "Add it to 'configuration' in the settings, or --set k=VALUE.",
        ),
        (with_variables, {}, "a ${ }", 2, "This variable has no name.", "Write ${name}."),
        (with_variables, {}, "a ${k\n}", 2, "This variable does not end.", "Close it with }."),
        (with_parameters, PARAMETERS, "a > :dya", 4, "The parameter 'dya' has no value.", "Did you mean 'day'?"),
        (
            with_parameters,
            {},
            "IDENTIFIER(:k)",
            11,
            "The parameter 'k' has no value.",
            "Add it to 'parameters' in the settings, or --parameter k=VALUE.",
        ),
    ],
)
def test_what_has_no_value_is_said(fill, known, text, start, message, hint):
    """A variable without a value is an error at its position; the hint is the nearest name, or how to set it."""
    with pytest.raises(SqlError) as caught:
        fill(Edited(text), known)
    error = caught.value
    assert (start, "UNKNOWN_VARIABLE", message, hint) == (error.start, error.code, error.message, error.hint)
