"""The functions that pipeline files call as `dlt` and as `pyspark.pipelines`: every test runs over all names."""

import importlib
import warnings
from textwrap import dedent

import pytest

from livetables.collect import registry as registries
from livetables.collect.binding import MODULES, bound
from livetables.collect.registry import Registry
from livetables.errors import DefinitionError, SourceLocation
from livetables.model import Action, Expectation, MaterializedView, RowFilter, StreamingTable, Table, View

#: Databricks' own stub, databricks-dlt 0.3.0.
STUB = {
    "append_flow",
    "apply_changes",
    "apply_changes_from_snapshot",
    "create_streaming_live_table",
    "create_streaming_table",
    "create_table",
    "create_target_table",
    "create_view",
    "expect",
    "expect_all",
    "expect_all_or_drop",
    "expect_all_or_fail",
    "expect_or_drop",
    "expect_or_fail",
    "read",
    "readStream",
    "read_stream",
    "table",
    "view",
}


@pytest.fixture
def registry(tmp_path):
    """Return the registry of a pipeline whose project folder is `tmp_path`."""
    registry = Registry(root=tmp_path)
    token = registries.current.set(registry)
    yield registry
    registries.current.reset(token)


@pytest.fixture(params=MODULES)
def dlt(request):
    """Return the facade as pipeline files import it."""
    with bound():
        yield importlib.import_module(request.param)


@pytest.fixture
def define(dlt, registry, tmp_path):
    """Return a function that executes a text as a file of the pipeline, with the facade as `dlt`."""

    def define(text, file="pipeline.py"):
        names = {"dlt": dlt}
        exec(compile(dedent(text).strip(), str(tmp_path / file), "exec"), names)
        return names

    return define


@pytest.fixture
def refusal(define):
    """Return a function that executes a wrong text, and returns the diagnostic of its error."""

    def refusal(text):
        with pytest.raises(DefinitionError) as caught:
            define(text)
        return caught.value.diagnostic

    return refusal


@pytest.mark.parametrize(
    "decorator",
    [
        "dlt.table",
        "dlt.table()",
        "dlt.table(name='x')",
        "dlt.materialized_view",
        "dlt.materialized_view()",
        "dlt.view",
        "dlt.view()",
        "dlt.temporary_view",
        "dlt.temporary_view()",
        "dlt.append_flow(target='x')",
        "dlt.expect('rule', 'id > 0')",
        "dlt.expect_or_drop('rule', 'id > 0')",
        "dlt.expect_or_fail('rule', 'id > 0')",
        "dlt.expect_all({})",
        "dlt.expect_all_or_drop({})",
        "dlt.expect_all_or_fail({})",
    ],
)
def test_a_decorated_function_stays_the_users_own(define, decorator):
    """Users call and test their query functions like any other function."""
    names = define(f"""
        def original():
            return "rows"
        decorated = {decorator}(original)
    """)
    assert names["decorated"] is names["original"]


@pytest.mark.shows("The flow of a dataset's own query has the dataset's name")
@pytest.mark.parametrize(
    ("decorator", "kind"),
    [("table", Table), ("materialized_view", MaterializedView), ("view", View), ("temporary_view", View)],
)
@pytest.mark.parametrize(
    ("options", "name"),
    [
        ("", "orders"),
        ("()", "orders"),
        ("(comment='c')", "orders"),
        ("(name='x')", "x"),
        ("(name='main.sales.x')", "x"),
        ("(name='`my.table`')", "my.table"),
    ],
)
def test_a_dataset_is_named_by_name_or_else_by_its_function(define, registry, decorator, kind, options, name):
    """Bare, called and named forms all define one dataset with a flow of the same name."""
    define(f"""
        @dlt.{decorator}{options}
        def orders(): ...
    """)
    defined = registry.freeze()
    assert [(kind, name)] == [(type(d), d.name) for d in defined.datasets]
    assert [(name, name)] == [(f.name, f.target) for f in defined.flows]


def test_a_definition_knows_its_line_in_the_users_file(define, registry):
    """A dataset and its flow have the file and line of their definition, for later messages."""
    define("""
        import math

        @dlt.table(
            comment="two lines further down",
        )
        def orders(): ...

        dlt.create_streaming_table("events")

        @dlt.append_flow(target="events")
        def more(): ...
    """)
    defined = registry.freeze()
    assert ["pipeline.py:3", "pipeline.py:8"] == [str(d.location) for d in defined.datasets]
    assert ["pipeline.py:3", "pipeline.py:10"] == [str(f.location) for f in defined.flows]


def test_the_options_of_a_table_are_kept(define, registry):
    """The options of a table are fields of its definition; booleans are strings as Spark has them."""
    define("""
        @dlt.table(comment="All orders", schema="id BIGINT", table_properties={"quality": "silver", "own": True},
                   cluster_by="id", private=True, spark_conf={"spark.sql.shuffle.partitions": 4})
        def orders(): ...
    """)
    defined = registry.freeze()
    assert (
        Table(
            "orders",
            SourceLocation("pipeline.py", 1),
            "All orders",
            schema="id BIGINT",
            table_properties={"quality": "silver", "own": "true"},
            cluster_by=("id",),
            private=True,
        ),
    ) == defined.datasets
    assert {"spark.sql.shuffle.partitions": "4"} == defined.flows[0].spark_conf


@pytest.mark.parametrize(("given", "columns"), [("'day'", ("day",)), ("['day', 'id']", ("day", "id")), ("None", ())])
@pytest.mark.parametrize("parameter", ["partition_cols", "cluster_by"])
def test_the_layout_is_one_column_or_several(define, registry, parameter, given, columns):
    """partition_cols and cluster_by accept a name or a list."""
    define(f"dlt.create_streaming_table('x', {parameter}={given})")
    assert getattr(registry.freeze().datasets[0], parameter) == columns


@pytest.mark.parametrize("kind", ["table", "materialized_view()", "view", "table(name='x')"])
@pytest.mark.parametrize("position", range(4))
def test_expectations_count_above_and_below_in_reading_order(define, registry, kind, position):
    """Expectations may be above or below @table; their order is that of the file, top first."""
    rules = [
        "@dlt.expect('kept', 'a')",
        "@dlt.expect_or_drop('dropped', 'b')",
        "@dlt.expect_all_or_fail({'failed': 'c', 'also': 'd'})",
    ]
    define("\n".join([*rules[:position], f"@dlt.{kind}", *rules[position:], "def orders(): ..."]))
    assert (
        Expectation("kept", "a", Action.WARN),
        Expectation("dropped", "b", Action.DROP),
        Expectation("failed", "c", Action.FAIL),
        Expectation("also", "d", Action.FAIL),
    ) == registry.freeze().datasets[0].expectations


@pytest.mark.parametrize(
    ("suffix", "action"), [("", Action.WARN), ("_or_drop", Action.DROP), ("_or_fail", Action.FAIL)]
)
def test_a_dict_of_rules_is_the_same_as_the_rules_one_by_one(define, registry, suffix, action):
    """The six decorators and the three parameters give the same rules with the same three actions."""
    define(f"""
        @dlt.table
        @dlt.expect{suffix}("a", "x > 0")
        @dlt.expect{suffix}("b", "y > 0")
        def one_by_one(): ...

        @dlt.table
        @dlt.expect_all{suffix}({{"a": "x > 0", "b": "y > 0"}})
        def as_dict(): ...

        dlt.create_streaming_table("as_parameter", expect_all{suffix}={{"a": "x > 0", "b": "y > 0"}})
    """)
    expected = (Expectation("a", "x > 0", action), Expectation("b", "y > 0", action))
    assert [expected] * 3 == [d.expectations for d in registry.freeze().datasets]


@pytest.mark.shows("A dict of rules may be empty")
@pytest.mark.parametrize("empty", ["@dlt.expect_all({})", "@dlt.expect_all_or_drop({})", ""])
def test_an_empty_dict_of_rules_is_allowed(define, registry, empty):
    """An empty dict of rules is valid: rules often come from a table, which may be empty."""
    define(f"@dlt.table\n{empty}\ndef orders(): ...")
    assert () == registry.freeze().datasets[0].expectations


def test_a_streaming_table_takes_all_three_kinds_of_rules_at_once(define, registry):
    """create_streaming_table decorates no function, so its expectations are parameters."""
    define("""
        dlt.create_streaming_table("events", expect_all_or_fail={"c": "3"}, expect_all={"a": "1"},
                                   expect_all_or_drop={"b": "2"}, comment="All events")
    """)
    expected = StreamingTable(
        "events",
        SourceLocation("pipeline.py", 1),
        "All events",
        expectations=(
            Expectation("a", "1", Action.WARN),
            Expectation("b", "2", Action.DROP),
            Expectation("c", "3", Action.FAIL),
        ),
    )
    assert (expected,) == registry.freeze().datasets


@pytest.mark.shows("Other flows are named by `name=`, or else by their function")
def test_append_flows_fill_one_table_from_several_queries(define, registry):
    """A flow is named by name= or by its function, and its target may be qualified."""
    define("""
        dlt.create_streaming_table("events")

        @dlt.append_flow(target="events")
        def from_web(): ...

        @dlt.append_flow(target="main.sales.events", name="from_app", comment="c", spark_conf={"a.b": False})
        def anything(): ...
    """)
    flows = registry.freeze().flows
    assert [("from_web", "events", None, {}), ("from_app", "events", "c", {"a.b": "false"})] == [
        (f.name, f.target, f.comment, f.spark_conf) for f in flows
    ]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("@dlt.create_view(name='x')\ndef f(): ...", View),
        ("dlt.create_target_table('x')", StreamingTable),
        ("dlt.create_streaming_live_table(name='x')", StreamingTable),
    ],
)
def test_deprecated_names_work_and_say_what_to_use(define, registry, text, kind):
    """Deprecated names work, with a DeprecationWarning at the user's line."""
    with pytest.warns(DeprecationWarning, match=r"deprecated; use (table|view|create_streaming_table)\.") as said:
        define(text)
    assert [(kind, "x")] == [(type(d), d.name) for d in registry.freeze().datasets]
    assert [(w.filename, w.lineno) for w in said] == [(str(registry.reporter.root / "pipeline.py"), 1)]


def test_a_run_shows_the_warning_of_a_deprecated_name(define, registry):
    """The pipeline warns, too, as Python hides a DeprecationWarning outside __main__."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        define("dlt.create_target_table('x')")
    said = registry.freeze().warnings
    assert [("DEPRECATED_NAME", "pipeline.py:1")] == [(w.code, str(w.location)) for w in said]


@pytest.mark.parametrize(
    "call",
    [
        "dlt.table('orders')",
        "dlt.materialized_view(3)",
        "dlt.view('orders')",
        "dlt.temporary_view([])",
        "dlt.table()('orders')",
        "dlt.append_flow('orders', target='x')",
        "dlt.append_flow(target='x')('orders')",
        "dlt.expect('rule', 'id > 0')('orders')",
        "dlt.expect_all({'rule': 'id > 0'})(None)",
    ],
)
def test_decorating_something_else_than_a_function_names_the_line(refusal, call):
    """`@dlt.table("orders")` is an error at its line, with a hint."""
    diagnostic = refusal(f"import math\n\n{call}")
    assert ("NOT_A_FUNCTION", "pipeline.py:3") == (diagnostic.code, str(diagnostic.location))
    assert diagnostic.hint


def test_a_name_in_the_place_of_the_function_shows_the_right_form(refusal):
    """The hint of `@dlt.table("orders")` is the correct call."""
    assert "Write @dlt.table(name='orders') above the function." == refusal("@dlt.table('orders')\ndef f(): ...").hint


@pytest.mark.parametrize(
    ("call", "code", "says"),
    [
        ("dlt.table(commet='c')", "UNKNOWN_PARAMETER", "Did you mean 'comment'?"),
        ("dlt.table(nam='x')", "UNKNOWN_PARAMETER", "Did you mean 'name'?"),
        ("dlt.table(tabel_properties={})", "UNKNOWN_PARAMETER", "Did you mean 'table_properties'?"),
        ("dlt.materialized_view(refresh='full')", "UNKNOWN_PARAMETER", "Did you mean 'refresh_policy'?"),
        ("dlt.view(coment='c')", "UNKNOWN_PARAMETER", "Did you mean 'comment'?"),
        ("dlt.view(zzz=1)", "UNKNOWN_PARAMETER", "It takes comment, name, spark_conf."),
        ("dlt.append_flow(taget='x')", "UNKNOWN_PARAMETER", "Did you mean 'target'?"),
    ],
)
def test_an_unknown_parameter_names_the_nearest_one(refusal, call, code, says):
    """A misspelt parameter is an error at its line."""
    diagnostic = refusal(f"@{call}\ndef f(): ...")
    assert (code, "pipeline.py:1", says) == (diagnostic.code, str(diagnostic.location), diagnostic.hint)


def test_an_unknown_parameter_of_a_streaming_table_names_the_nearest_one(refusal):
    """The nearest name of a misspelt parameter may be one of the rules of create_streaming_table."""
    assert "Did you mean 'expect_all'?" == refusal("dlt.create_streaming_table('x', expect_al={})").hint


@pytest.mark.parametrize(
    "call",
    [
        "dlt.table(partition_cols=['a'], cluster_by=['b'])(f)",
        "dlt.create_streaming_table('x', partition_cols=['a'], cluster_by='b')",
        "dlt.create_streaming_table(f)",
        "dlt.create_streaming_table('')",
        "dlt.table(__import__('functools').partial(f))",
        "dlt.append_flow()(f)",
        "dlt.append_flow(f)",
        "dlt.expect_all(['id > 0'])",
        "dlt.expect_all_or_drop('id > 0')",
    ],
)
def test_arguments_that_cannot_be_are_refused_at_their_line(refusal, call):
    """An argument of a wrong type or value is an error with the user's line and a hint."""
    diagnostic = refusal(f"def f(): ...\n{call}")
    assert ("WRONG_ARGUMENT", "pipeline.py:2", True) == (
        diagnostic.code,
        str(diagnostic.location),
        bool(diagnostic.hint),
    )


@pytest.mark.parametrize(
    ("call", "parameter"),
    [
        ("dlt.table(cluster_by_auto=True)(f)", "cluster_by_auto"),
        ("dlt.table(format='parquet')(f)", "format"),
        ("dlt.materialized_view(refresh_policy='incremental_strict')(f)", "refresh_policy"),
        ("dlt.create_streaming_table('x', cluster_by_auto=True)", "cluster_by_auto"),
    ],
)
def test_a_parameter_without_effect_here_is_said_aloud(define, registry, call, parameter):
    """A parameter without effect is a warning."""
    define(f"def f(): ...\n{call}")
    said = registry.freeze().warnings
    assert [("PARAMETER_WITHOUT_EFFECT", "pipeline.py:2")] == [(w.code, str(w.location)) for w in said]
    assert f"({parameter}=)" in said[0].message


@pytest.mark.parametrize(
    "call", ["dlt.table({})(f)", "dlt.materialized_view({})(f)", "dlt.create_streaming_table('f', {})"]
)
def test_a_table_keeps_its_row_filter(define, registry, call):
    """A row filter is a field of the table, without a warning."""
    define("def f(): ...\n" + call.format("row_filter='ROW FILTER main.x.mine ON (id)'"))
    defined = registry.freeze()
    assert ([RowFilter("`mine`(`id`)", ("id",))], ()) == (
        [one.row_filter for one in defined.datasets],
        defined.warnings,
    )


def test_defaults_are_not_warned_about(define, registry):
    """A default value of a parameter without effect is no warning."""
    define("""
        @dlt.table(cluster_by_auto=False, path=None, row_filter=None, format="delta", spark_conf={"a.b": "c"})
        def f(): ...
    """)
    assert () == registry.freeze().warnings


@pytest.mark.parametrize("inner", ["inner()", "inner(*args)", "inner(region='eu')"])
def test_a_query_function_may_be_wrapped_by_a_decorator_of_the_users(define, registry, inner):
    """The outermost function must be callable without arguments; it may pass arguments to the inner one."""
    define(f"""
        import functools

        def of_germany(function):
            @functools.wraps(function)
            def {inner}:
                return function("de")
            return inner

        @dlt.table
        @of_germany
        def orders(country):
            return country
    """)
    assert ["de"] == [flow.query() for flow in registry.freeze().flows]


def test_a_decorator_that_is_kept_for_later_is_no_wrong_use(define, registry):
    """A decorator may be made once and applied to several tables."""
    define("""
        valid = dlt.expect_all_or_drop({"valid": "id > 0"})
        for name in ("a", "b"):
            @dlt.table(name=name, comment=None, path=None)
            @valid
            def rows(): ...
    """)
    assert [1, 1] == [len(dataset.expectations) for dataset in registry.freeze().datasets]
    assert () == registry.reporter.warnings


@pytest.mark.parametrize("parameter", ["replace_using=['a']", "sequence_by='a'", "replace_where='a > 1'"])
def test_rows_are_replaced_only_by_a_query(refusal, parameter):
    """create_streaming_table has no query, so parameters of replacing are an error."""
    diagnostic = refusal(f"dlt.create_streaming_table('x', {parameter})")
    assert ("UNKNOWN_PARAMETER", "pipeline.py:1") == (diagnostic.code, str(diagnostic.location))


def test_every_name_of_databricks_own_stub_is_there(dlt):
    """`from dlt import ...` never fails for a name that the platform's own package exports."""
    assert set(dlt.__all__) >= STUB
    assert [] == [name for name in dlt.__all__ if not callable(getattr(dlt, name))]


def test_one_function_name_in_a_loop_defines_many_datasets(define, registry):
    """A loop may define several datasets with one function name; each has its own name, query and rules."""
    define("""
        for country in ("de", "fr"):
            @dlt.table(name=f"orders_{country}")
            @dlt.expect(f"is_{country}", f"country = '{country}'")
            def orders(country=country):
                return country
    """)
    defined = registry.freeze()
    assert [("orders_de", ["is_de"]), ("orders_fr", ["is_fr"])] == [
        (d.name, [r.name for r in d.expectations]) for d in defined.datasets
    ]
    assert ["de", "fr"] == [f.query() for f in defined.flows]
    assert () == defined.diagnostics


@pytest.mark.shows("Two datasets with one name are an error, also in different files")
@pytest.mark.parametrize("second", ["orders", "ORDERS"])
def test_a_dataset_defined_twice_names_both_places(define, registry, second):
    """Two definitions of one name, in any letter case, are an error that has both locations."""
    define("@dlt.table\ndef orders(): ...", "first.py")
    define(f"import math\n\n@dlt.view(name='{second}')\ndef f(): ...", "second.py")
    diagnostics = registry.freeze().diagnostics
    assert [("DUPLICATE_DATASET", "second.py:3")] == [(p.code, str(p.location)) for p in diagnostics]
    assert "first.py:1" in diagnostics[0].message


@pytest.mark.shows("Rules of one dataset have different names")
def test_two_rules_of_one_name_are_a_problem(define, registry):
    """Two expectations of a dataset with one name are an error, as they would share their counts."""
    define("""
        @dlt.expect("positive", "a > 0")
        @dlt.table
        @dlt.expect_all_or_drop({"positive": "b > 0", "other": "c > 0"})
        def orders(): ...
    """)
    diagnostics = registry.freeze().diagnostics
    assert [("DUPLICATE_EXPECTATION", "pipeline.py:2")] == [(p.code, str(p.location)) for p in diagnostics]
    assert "'positive'" in diagnostics[0].message


@pytest.mark.parametrize("above", [True, False])
def test_a_rule_on_an_append_flow_is_a_problem(define, registry, above):
    """Expectations on a flow are an error: they belong to the table that it fills."""
    lines = ["@dlt.expect_or_drop('positive', 'a > 0')", "@dlt.append_flow(target='events')"]
    define("\n".join(["dlt.create_streaming_table('events')", *(lines if above else lines[::-1]), "def f(): ..."]))
    diagnostics = registry.freeze().diagnostics
    assert [("EXPECTATION_ON_FLOW", "pipeline.py:2")] == [(p.code, str(p.location)) for p in diagnostics]


def test_a_dataset_outside_a_pipeline_says_how_to_run_the_file(dlt):
    """A definition outside a pipeline is an error, as with `python my_pipeline.py`."""
    with pytest.raises(DefinitionError, match="livetables run FILE") as caught:
        dlt.table(lambda: None)
    assert "OUTSIDE_PIPELINE" == caught.value.code
    assert isinstance(caught.value, RuntimeError)  # what Databricks' own stub raises


def test_a_project_folder_may_begin_with_the_packages_name(dlt, registry):
    """A file in `livetables_demo`, beside the package `livetables`, is a file of the user."""
    file = f"{registries.__file__.removesuffix('/collect/registry.py')}_demo/pipeline.py"
    exec(compile("\n\ndlt.create_streaming_table('x')", file, "exec"), {"dlt": dlt})
    assert SourceLocation(file, 3) == registry.freeze().datasets[0].location
