"""Names, which a pipeline splits and takes for its own, and the kinds of flow."""

import pytest

from livetables.errors import SourceLocation
from livetables.model import (
    CdcFlow,
    Changes,
    Namespace,
    OnceFlow,
    QueryFlow,
    as_strings,
    is_live,
    name_parts,
    runs_once,
)


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("x", ("x",)),
        ("schema.x", ("schema", "x")),
        ("catalog.schema.x", ("catalog", "schema", "x")),
        ("`my table`", ("my table",)),
        ("a.`b.c`", ("a", "b.c")),
        ("`a``b`.c", ("a`b", "c")),
        (" a . b ", ("a", "b")),
        ("", ()),
    ],
)
def test_a_name_is_split_at_dots_outside_back_quotes(name, parts):
    """A dot, a space or a back-quote inside back-quotes belongs to the name."""
    assert name_parts(name) == parts


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("orders", "orders"),
        ("Orders", "orders"),
        ("LIVE.orders", "orders"),
        ("live.ORDERS", "orders"),
        ("sales.orders", "orders"),
        ("SALES.orders", "orders"),
        ("main.sales.orders", "orders"),
        ("`main`.`sales`.`orders`", "orders"),
        ("`two words`", "two words"),
        ("`a.b`", "a.b"),
        ("other.orders", None),
        ("main.other.orders", None),
        ("other.sales.orders", None),
        ("spark_catalog.sales.orders", None),
        ("main.live.orders", None),
        ("a.main.sales.orders", None),
    ],
)
def test_a_pipeline_owns_the_names_in_its_catalog_and_schema(name, key):
    """A dataset is found by its bare name, with LIVE, and fully qualified; all else is outside the pipeline."""
    assert Namespace("main", "sales").own(name) == key


@pytest.mark.parametrize(("name", "key"), [("spark_catalog.sales.x", "x"), ("main.sales.x", None)])
def test_without_a_catalog_the_pipeline_publishes_to_the_session_catalog(name, key):
    """Spark calls the session's own catalog spark_catalog."""
    assert Namespace(None, "sales").own(name) == key


@pytest.mark.parametrize(
    ("name", "live"),
    [("LIVE.x", True), ("live.x", True), ("`LIVE`.x", True), ("live", False), ("x.live", False), ("alive.x", False)],
)
def test_live_is_a_prefix_only(name, live):
    """A table that is itself called live is an ordinary table."""
    assert is_live(name) == live


@pytest.mark.parametrize(
    ("given", "strings"),
    [(None, {}), ({"a": True, "b": False}, {"a": "true", "b": "false"}), ({"n": 3, "x": "Y"}, {"n": "3", "x": "Y"})],
)
def test_properties_become_the_strings_that_spark_takes(given, strings):
    """`True` in Python is `true` in a table property."""
    assert as_strings(given) == strings


@pytest.mark.parametrize(
    ("kind", "fields", "once"),
    [
        (QueryFlow, {}, False),
        (OnceFlow, {}, True),
        (CdcFlow, {"changes": Changes(("id",), "at")}, False),
        (CdcFlow, {"changes": Changes(("id",), "at"), "once": True}, True),
    ],
)
def test_a_backfill_runs_once(kind, fields, once):
    """An append_flow with once=True is of a kind of its own; AUTO CDC keeps its kind."""
    assert once == runs_once(kind("f", "t", lambda: None, SourceLocation("pipeline.py", 1), **fields))
