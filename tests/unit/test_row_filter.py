"""The syntax of `row_filter=`, and its predicate."""

import pytest

from livetables.collect.row_filter import row_filter
from livetables.model import RowFilter


@pytest.mark.parametrize(
    ("text", "predicate", "columns"),
    [
        ("ROW FILTER only_mine ON (id)", "`only_mine`(`id`)", ("id",)),
        ("  row\nfilter only_mine\ton(id , Region)  ", "`only_mine`(`id`, `Region`)", ("id", "Region")),
        ("ROW FILTER main.security.only_mine ON ()", "`only_mine`()", ()),
        ("ROW FILTER `a.b` . `it``s`ON (`order id`, `x``y`)", "`it``s`(`order id`, `x``y`)", ("order id", "x`y")),
        ("ROW FILTER f ON ('eu, (us)', 'it''s', \"x\", id)", "`f`('eu, (us)', 'it''s', \"x\", `id`)", ("id",)),
        (r"ROW FILTER f ON ('it\'s', '\\', id)", r"`f`('it\'s', '\\', `id`)", ("id",)),
        ("ROW FILTER f ON (1, -2.5, 1e3, .5, 3L, true, NULL)", "`f`(1, -2.5, 1e3, .5, 3L, true, NULL)", ()),
        ("ROW FILTER f ON (INTERVAL '1' DAY, interval 2 hours)", "`f`(INTERVAL '1' DAY, interval 2 hours)", ()),
        (
            "ROW FILTER f ON (nullable, 1a, interval)",
            "`f`(`nullable`, `1a`, `interval`)",
            ("nullable", "1a", "interval"),
        ),
    ],
)
def test_a_row_filter_calls_its_function_with_columns_and_literals(text, predicate, columns):
    """A row filter is parsed in any letter case; the last part of the function's name is its name in the session."""
    assert RowFilter(predicate, columns) == row_filter(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "only_mine",
        "id > 0",
        "only_mine(id)",
        "ROW FILTER only_mine",
        "ROW FILTER only_mine (id)",
        "ROW FILTER only_mine ON id",
        "ROW FILTER only_mine ON (id",
        "ROW FILTER ON (id)",
        "ROWFILTER only_mine ON (id)",
        "ROW FILTER a.b.c.d ON (id)",
        "ROW FILTER only_mine ON (id,)",
        "ROW FILTER only_mine ON (,id)",
        "ROW FILTER only_mine ON (id region)",
        "ROW FILTER only_mine ON (address.city)",
        "ROW FILTER only_mine ON (id + 1)",
        "ROW FILTER only_mine ON (upper(region))",
        "ROW FILTER only_mine ON ('eu)",
        "ROW FILTER only_mine ON (id) OR (true)",
        "ROW FILTER only_mine ON (id) -- (true)",
    ],
)
def test_any_other_text_is_none(text):
    """A condition, an expression, or a row filter followed by more SQL is no row filter."""
    assert row_filter(text) is None


def test_equal_texts_are_equal_filters():
    """Spaces and the letter case of keywords do not change the predicate of a stored table."""
    assert row_filter("row filter f on( id )") == row_filter("ROW FILTER f ON (id)") == RowFilter("`f`(`id`)", ("id",))
