"""Declarations of flows, sinks, hooks and AUTO CDC: their definitions, and the errors of wrong ones."""

from textwrap import dedent

import pytest
from pyspark.sql import Column

from livetables.collect import facade
from livetables.collect import registry as registries
from livetables.collect.binding import bound
from livetables.collect.registry import Registry
from livetables.errors import DefinitionError
from livetables.model import (
    CdcFlow,
    ColumnSelector,
    QueryFlow,
    ReplaceFlow,
    Sink,
    SnapshotFlow,
    StreamingTable,
    UpdateFlow,
)

CDC = "dlt.create_auto_cdc_flow('users', 'feed', ['id'], 'seq'"


@pytest.fixture
def registry(tmp_path):
    """Return the active registry of a pipeline in `tmp_path`."""
    registry = Registry(root=tmp_path)
    token = registries.current.set(registry)
    yield registry
    registries.current.reset(token)


@pytest.fixture
def define(registry, tmp_path):
    """Return a function that executes a text as a file of the pipeline and returns the registry."""

    def define(text):
        names = {"dlt": facade, "f": lambda: None, "col": Named}
        exec(compile(dedent(text).strip(), str(tmp_path / "pipeline.py"), "exec"), names)
        return registry

    return define


@pytest.mark.parametrize("name", ["create_auto_cdc_flow", "apply_changes"])
def test_a_change_feed_becomes_a_flow_of_its_target(define, name):
    """Both names of AUTO CDC have the same parameters and define the same flow, named as its target."""
    registry = define(f"""
        dlt.{name}("live.Users", "feed", ["id", "region"], "seq", stored_as_scd_type="2",
                   apply_as_deletes="op = 'D'", except_column_list=["op"], track_history_except_column_list=["seen"])
    """)
    [flow] = registry.freeze().flows
    assert isinstance(flow, CdcFlow)
    assert (flow.name, flow.target, flow.location.line, flow.once) == ("Users", "Users", 1, False)
    changes = flow.changes
    assert (changes.keys, changes.sequence_by, changes.scd_type) == (("id", "region"), "seq", 2)
    assert (changes.deletes, changes.columns.but, changes.tracked.but) == ("op = 'D'", ("op",), ("seen",))


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (f"{CDC}, name='a')", "a"),
        ("dlt.apply_changes('users', 'feed', 'id', 'seq', flow_name='b')", "b"),
        (f"{CDC})", "users"),
        ("dlt.apply_changes_from_snapshot('users', 'feed', ['id'], 1)", "users"),
    ],
)
def test_a_cdc_flow_has_its_own_name_or_that_of_its_target(define, call, name):
    """A CDC flow has the name of its parameter, or else that of its target."""
    assert define(call).freeze().flows[0].name == name


@pytest.mark.parametrize(
    ("options", "partial"),
    [
        ("", None),
        ("ignore_null_updates=True", ColumnSelector()),
        ("ignore_null_updates_column_list=['a']", ColumnSelector(only=("a",))),
        ("ignore_null_updates_except_column_list=['a']", ColumnSelector(but=("a",))),
        ("columns_to_update='changed'", ColumnSelector()),
    ],
)
def test_columns_that_an_event_may_leave_alone(define, options, partial):
    """An event leaves columns unchanged by NULL, in all or some columns, or by a list in the event."""
    assert define(f"{CDC}, {options})").freeze().flows[0].changes.partial == partial


@pytest.mark.parametrize(
    ("chosen", "names"),
    [
        (ColumnSelector(), ["id", "Name", "city"]),
        (ColumnSelector(only=("NAME", "id")), ["id", "Name"]),
        (ColumnSelector(but=("name",)), ["id", "city"]),
    ],
)
def test_columns_are_chosen_by_name_in_the_order_of_the_source(chosen, names):
    """A column selector ignores letter case, and keeps the order of the source."""
    assert chosen.of(["id", "Name", "city"]) == names


@pytest.mark.shows("`columns_to_update` excludes `ignore_null_updates`", "`apply_as_truncates` is for type 1 only")
@pytest.mark.parametrize(
    ("call", "says"),
    [
        ("dlt.create_auto_cdc_flow('t', 'feed', [], 'seq')", "needs keys="),
        ("dlt.create_auto_cdc_flow('t', 'feed', ['id'], None)", "needs sequence_by="),
        ("dlt.create_auto_cdc_flow('t', f(), ['id'], 'seq')", "needs source=, the name"),
        ("dlt.create_auto_cdc_flow('', 'feed', ['id'], 'seq')", "needs target="),
        (f"{CDC}, stored_as_scd_type=3)", "stored_as_scd_type is 3"),
        (f"{CDC}, column_list=['id'], except_column_list=['op'])", "column_list or except_column_list, not both"),
        (f"{CDC}, track_history_column_list=['a'])", "only with stored_as_scd_type=2"),
        (f"{CDC}, stored_as_scd_type=2, apply_as_truncates='x')", "only with stored_as_scd_type=1"),
        (f"{CDC}, columns_to_update='c', ignore_null_updates=True)", "columns_to_update or ignore_null_updates"),
        ("dlt.apply_changes_from_snapshot('t', 7, ['id'])", "needs source=: a name, a function, or a tuple"),
        ("dlt.create_sink('', 'delta')", "needs name="),
        ("dlt.create_sink('s', 'delta', {})", "needs one of the options path and tableName"),
        ("dlt.update_flow(f)", "needs target="),
        ("dlt.on_event_hook(max_allowable_consecutive_failures=-1)", "not a whole number of 0 or more"),
    ],
)
def test_wrong_arguments_are_refused_at_their_line(define, call, says):
    """A wrong argument is an error with a code, the user's line and a hint."""
    with pytest.raises(DefinitionError) as caught:
        define(call)
    diagnostic = caught.value.diagnostic
    assert ("WRONG_ARGUMENT", "pipeline.py:1", True) == (
        diagnostic.code,
        str(diagnostic.location),
        bool(diagnostic.hint),
    )
    assert says in diagnostic.message


@pytest.mark.shows("Bitemporal tables")
@pytest.mark.parametrize("call", [f"{CDC}, stored_as_scd_type='bitemporal')", f"{CDC}, system_sequence_by='at')"])
def test_betas_of_the_platform_are_refused_by_name(define, call):
    """A feature in beta on the platform is an error with its name."""
    with pytest.raises(DefinitionError, match="does not run here yet") as caught:
        define(call)
    assert "NOT_SUPPORTED" == caught.value.code


@pytest.mark.parametrize(
    "text",
    [
        "dlt.replace_flow(target='orders', replace_using=['id'], sequence_by='at', name='orders')(f)",
        "dlt.table(name='orders', replace_using=['id'], sequence_by='at')(f)",
    ],
)
def test_rows_may_be_replaced_by_key(define, text):
    """replace_flow and a table with replace_using define a ReplaceFlow."""
    [flow] = define(text).freeze().flows
    assert isinstance(flow, ReplaceFlow)
    assert (flow.name, flow.target, flow.keys, flow.sequence_by) == ("orders", "orders", ("id",), "at")


def test_what_a_flow_and_its_target_are_told_is_kept(define):
    """Parameters of flows and their targets are fields of the definitions."""
    registry = define("""
        dlt.table(name="recent", replace_where="day > '2026-01-01'", private=True)(f)
        dlt.create_streaming_table("orders", spark_conf={"a": "b"}, path="/mnt/orders", private=True)
        dlt.append_flow(target="orders", name="shop", import_checkpoint="/mnt/checkpoint")(f)
        dlt.apply_changes("users", "feed", ["id"], "at", where="day > '2026-01-01'")
    """)
    recent, shop, users = registry.freeze().flows
    assert (recent.predicate, shop.import_checkpoint) == ("day > '2026-01-01'", "/mnt/checkpoint")
    assert users.changes.where == "day > '2026-01-01'"
    first, orders = registry.freeze().datasets
    assert (first.private, orders.private, orders.path, orders.spark_conf) == (True, True, "/mnt/orders", {"a": "b"})
    assert () == registry.reporter.warnings


def test_a_misspelt_parameter_names_the_nearest_right_one(define):
    """The error of a misspelt parameter of AUTO CDC has the nearest name."""
    with pytest.raises(DefinitionError, match="Did you mean 'apply_as_deletes'"):
        define(f"{CDC}, apply_as_delete='x')")


class Named(Column):
    """A substitute for `col(name)`, which needs a session."""

    def __new__(cls, name):
        """Do not call Spark's constructor."""
        return object.__new__(cls)

    def __init__(self, name):
        self.name = name

    def __str__(self):
        return f"Column<'{self.name}'>"


def test_columns_may_be_given_as_columns(define):
    """A column can be `col("id")` or "id", and a condition can be a Column."""
    registry = define("""
        dlt.create_auto_cdc_flow("users", "feed", [col("id"), "region"], col("at"), apply_as_deletes=col("deleted"),
                                 except_column_list=col("op"), stored_as_scd_type=None)
        @dlt.table(cluster_by=col("id"))
        @dlt.expect("valid", col("valid"))
        @dlt.expect_all({"sold": col("sold")})
        def orders(): ...
    """)
    changes = registry.freeze().flows[0].changes
    assert (changes.keys, changes.columns.but, changes.scd_type) == (("id", "region"), ("op",), 1)
    assert ["Column<'at'>", "Column<'deleted'>"] == [str(given) for given in (changes.sequence_by, changes.deletes)]
    [orders] = registry.freeze().datasets
    assert (("id",), ["valid", "sold"]) == (orders.cluster_by, [rule.predicate.name for rule in orders.expectations])


@pytest.mark.parametrize("source", ["lambda last: None", "(f(), 3)", "'daily'"])
def test_snapshots_come_by_name_by_function_or_as_one(define, source):
    """Snapshots come by name, by function or as one tuple, by either parameter name."""
    for given in ("source", "snapshot_and_version"):
        flow = define(f"dlt.apply_changes_from_snapshot(target='t', keys=['id'], {given}={source})").freeze().flows[-1]
        assert isinstance(flow, SnapshotFlow)
        assert (flow.next_snapshot is None) == (source == "'daily'")


def test_one_snapshot_is_given_once():
    """A tuple is a snapshot until its version is applied, and only if it is newer than the last one."""
    from livetables.collect.cdc import _one_snapshot

    following = _one_snapshot("rows", 3)
    assert [("rows", 3), ("rows", 3), None, None] == [following(last) for last in (None, 2, 3, 4)]


def test_sinks_are_datasets_that_flows_fill(define):
    """A sink is defined by a format and options, or by a function."""
    registry = define("""
        dlt.create_sink("out", "kafka", {"topic": "t", "includeHeaders": True})
        @dlt.foreach_batch_sink
        def write(df, batch_id): ...
        dlt.foreach_batch_sink(name="named")(write)
        @dlt.append_flow(target="out")
        def sending(): ...
        @dlt.update_flow(target="write", name="updating")
        def changed(): ...
    """)
    sinks = registry.freeze().datasets
    assert [("out", "kafka", True), ("write", "foreach_batch", False), ("named", "foreach_batch", False)] == [
        (s.name, s.format, s.write_batch is None) for s in sinks
    ]
    assert all(isinstance(sink, Sink) for sink in sinks)
    assert sinks[0].options == {"topic": "t", "includeHeaders": "true"}
    assert [(f.name, f.target, type(f)) for f in registry.freeze().flows] == [
        ("sending", "out", QueryFlow),
        ("updating", "write", UpdateFlow),
    ]


def test_hooks_are_registered_bare_and_with_a_limit(define):
    """on_event_hook works with and without a limit, and returns the function."""
    registry = define("""
        @dlt.on_event_hook
        def every(event): ...
        @dlt.on_event_hook(max_allowable_consecutive_failures=2)
        def some(event): ...
    """)
    assert [("every", None), ("some", 2)] == [(hook.name, hook.limit) for hook in registry.freeze().hooks]


def test_create_table_is_a_decorator_in_dlt_and_a_function_in_pipelines(registry):
    """create_table is a decorator in dlt and a function in pyspark.pipelines."""
    with bound():
        import dlt
        from pyspark import pipelines as dp

        dp.create_table("plain", expect_all={"r": "a > 0"})
        with pytest.warns(DeprecationWarning, match="use table"):
            dlt.create_table(name="decorated")(print)
    plain, decorated = registry.freeze().datasets
    assert ("plain", StreamingTable, 1) == (plain.name, type(plain), len(plain.expectations))
    assert ("decorated", 1) == (decorated.name, len(registry.freeze().flows))
