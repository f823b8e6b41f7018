"""The steps of an update, decided from the graph, the selection and the storage, and how they are shown."""

import json
from dataclasses import replace

import pytest
from pyspark.sql.types import LongType, StringType, StructField, StructType

from livetables.errors import DefinitionError, SettingsError
from livetables.graph.graph import Graph
from livetables.model import MaterializedView, RowFilter, Sink, StreamingTable, View
from livetables.plan.builder import declared_properties, plan
from livetables.plan.describe import step_document, step_text
from livetables.plan.steps import (
    Alter,
    Create,
    Drop,
    Exclude,
    Inactive,
    OrphanFlow,
    Reset,
    ResetCheckpoint,
    Run,
    RunKind,
    Selection,
    StartFlow,
)
from livetables.show.rows import to_json
from tests.unit.builders import dataset, medallion

FROM_NEW, FROM_ALL = "new rows of its sources", "all rows of its inputs"
RUNS = (
    Run("bronze", RunKind.STREAM, (), FROM_NEW),
    Run("Silver", RunKind.STREAM, ("bronze",), FROM_NEW),
    Run("gold", RunKind.RECOMPUTE, ("Silver",), FROM_ALL),
)


class Stored:
    """A storage by the names of its tables, their kinds, declared properties, checkpoints and one schema for all."""

    def __init__(self, *names, flows=None, given=None, schema=None, **kinds):
        self.names, self.kinds = {name.lower() for name in names}, kinds
        self.flows, self.given = flows or {}, given or {}
        self.schema = schema or StructType()

    def schema_json(self, name):
        """Return the schema of the stored table."""
        return self.schema.json()

    def declared_of(self, name):
        """Return the declared properties of the table."""
        return self.given.get(name, {})

    def flows_of(self, name):
        """Return the flows that have a checkpoint."""
        return self.flows.get(name, ())

    def table_names(self):
        """Return all tables."""
        return sorted(self.names)

    def kind_of(self, name):
        """Return what kind of dataset the table was created for."""
        return self.kinds.get(name)

    def has_table(self, name):
        """Return whether the table was created."""
        return name.lower() in self.names


ALL, NOTHING = Stored("bronze", "silver", "gold"), Stored()


def test_a_first_update_creates_every_table_and_then_runs_them_in_order():
    """All tables exist before the first flow runs; views are not stored, so they have no step."""
    creates = (Create("bronze"), Create("Silver"), Create("gold"))
    assert plan(medallion(), Selection(), NOTHING) == (*creates, *RUNS)


def test_a_later_update_only_runs():
    """What exists stays as it is."""
    assert plan(medallion(), Selection(), ALL) == RUNS


def test_a_new_table_is_created_beside_the_old_ones():
    """The others go on from where they are."""
    assert plan(medallion(), Selection(), Stored("bronze", "silver")) == (Create("gold"), *RUNS)


@pytest.mark.shows("A refresh of some tables reads the others as they are stored, and reports them as EXCLUDED")
@pytest.mark.parametrize("name", ["gold", "GOLD", "main.sales.gold", "LIVE.gold"])
def test_refresh_runs_only_what_it_names(name):
    """Upstream tables are read as they are stored; the rest is reported as excluded."""
    reason = "it is not selected"
    assert plan(medallion(), Selection(refresh=(name,)), ALL) == (
        Exclude("bronze", reason),
        Exclude("Silver", reason),
        RUNS[2],
    )


def test_a_full_refresh_starts_a_table_over():
    """Its rows and checkpoints go, then it is created and filled again."""
    assert plan(medallion(), Selection(full_refresh=("silver",)), ALL) == (
        Exclude("bronze", "it is not selected"),
        Reset("Silver", "full refresh"),
        Create("Silver", "full refresh"),
        Exclude("gold", "it is not selected"),
        RUNS[1],
    )


def test_a_full_refresh_of_a_table_that_is_not_there_only_creates_it():
    """There is nothing to remove."""
    steps = plan(medallion(), Selection(full_refresh=("bronze",)), NOTHING)
    assert [step for step in steps if not isinstance(step, Exclude)] == [Create("bronze"), RUNS[0]]


@pytest.mark.shows("One update may refresh some tables and fully refresh others")
def test_a_stream_that_reads_a_fully_refreshed_table_starts_over_too():
    """Its checkpoint speaks of a table that is gone; its rows stay, so the rows of the input come again."""
    steps = plan(medallion(), Selection(refresh=("silver",), full_refresh=("bronze",)), ALL)
    assert steps == (
        Reset("bronze", "full refresh"),
        Create("bronze", "full refresh"),
        ResetCheckpoint("Silver", "Silver", "'bronze' is fully refreshed: its rows come again"),
        Exclude("gold", "it is not selected"),
        *RUNS[:2],
    )


def test_a_stream_that_is_not_selected_loses_its_checkpoint_with_its_input():
    """The next update that runs it would fail otherwise; a table that never ran has nothing to lose."""
    full = Selection(full_refresh=("bronze",))
    assert plan(medallion(), full, ALL)[2:4] == (
        ResetCheckpoint("Silver", "Silver", "'bronze' is fully refreshed: its rows come again"),
        Exclude("Silver", "it is not selected"),
    )
    assert [step for step in plan(medallion(), full, Stored("bronze")) if isinstance(step, ResetCheckpoint)] == []


def test_a_materialized_view_is_never_removed_first():
    """It is replaced in one commit at the end of its run, so readers always see a whole table."""
    steps = plan(medallion(), Selection(full_refresh=("gold",)), ALL)
    assert [step for step in steps if step.dataset == "gold"] == [RUNS[2]]


def test_a_materialized_view_over_a_fully_refreshed_table_only_runs():
    """It has no checkpoint that could speak of rows that are gone."""
    steps = plan(medallion(), Selection(refresh=("gold",), full_refresh=("silver",)), ALL)
    assert [step for step in steps if step.dataset == "gold"] == [RUNS[2]]


def test_full_refresh_all_starts_everything_over():
    """No stream is restarted beside it: each is reset already."""
    assert plan(medallion(), Selection(full_refresh_all=True), ALL) == (
        Reset("bronze", "full refresh"),
        Create("bronze", "full refresh"),
        Reset("Silver", "full refresh"),
        Create("Silver", "full refresh"),
        *RUNS,
    )


@pytest.mark.shows("`pipelines.reset.allowed = false` protects a table from a full refresh")
@pytest.mark.parametrize("selection", [Selection(full_refresh_all=True), Selection(full_refresh=("bronze",))])
@pytest.mark.parametrize(("allowed", "reset"), [("false", False), ("FALSE", False), ("true", True)])
def test_a_protected_table_is_never_reset(selection, allowed, reset):
    """`pipelines.reset.allowed = false` keeps rows that the source no longer has; the plan says so."""
    graph = Graph.of([dataset(StreamingTable, "bronze", table_properties={"pipelines.reset.allowed": allowed})])
    steps = plan(graph, selection, Stored("bronze"))
    assert (Reset("bronze", "full refresh") in steps, "is not reset" in steps[-1].reason) == (reset, not reset)


def test_readers_of_a_protected_table_go_on():
    """It was not reset, so their checkpoints still hold."""
    graph = Graph.of(
        [
            dataset(StreamingTable, "bronze", table_properties={"pipelines.reset.allowed": "false"}),
            dataset(StreamingTable, "silver", "bronze"),
        ]
    )
    properties = {"bronze": {"pipelines.reset.allowed": "false"}}
    stored = Stored("bronze", "silver", given=properties)
    steps = plan(graph, Selection(refresh=("silver",), full_refresh=("bronze",)), stored)
    assert [type(step) for step in steps] == [Run, Run]


@pytest.mark.parametrize(
    ("selection", "option", "hint"),
    [
        (Selection(refresh=("glod",)), "--refresh", "Did you mean 'gold'?"),
        (Selection(full_refresh=("slver",)), "--full-refresh", "Did you mean 'Silver'?"),
        (Selection(refresh=("cleaned",)), "--refresh", "The tables are bronze, Silver, gold."),
        (Selection(refresh=("gold", "xyz")), "--refresh", "The tables are bronze, Silver, gold."),
    ],
)
def test_a_name_that_is_no_table_is_refused_with_the_nearest_one(selection, option, hint):
    """Also the name of a view, which is not stored; nothing is started."""
    with pytest.raises(SettingsError) as caught:
        plan(medallion(), selection, ALL)
    diagnostic = caught.value.diagnostic
    assert (diagnostic.code, diagnostic.hint) == ("DATASET_NOT_FOUND", hint)
    assert diagnostic.message.startswith(f"{option} names '")


def test_a_table_waits_for_each_of_its_inputs_once():
    """Also when it reads one of them both itself and through a view."""
    graph = Graph.of([*medallion().datasets.values(), dataset(MaterializedView, "report", "bronze", "cleaned", "gold")])
    assert plan(graph, Selection(), ALL)[-1] == Run("report", RunKind.RECOMPUTE, ("bronze", "gold"), FROM_ALL)


@pytest.mark.shows("A table does not turn from streaming table to materialized view, or back, in place")
def test_a_table_that_was_of_another_kind_is_refused_until_it_is_filled_anew():
    """Rows of a view among those of a stream, or the reverse, would be wrong in silence."""
    stored = Stored("bronze", "silver", "gold", gold="streaming table")
    with pytest.raises(DefinitionError, match="stored as a streaming table, and is now defined as a materialized"):
        plan(medallion(), Selection(), stored)
    steps = plan(medallion(), Selection(full_refresh=("gold",)), stored)
    assert steps[2:4] == (Reset("gold", "it was a streaming table"), Create("gold", "full refresh"))
    assert plan(medallion(), Selection(refresh=("bronze",)), stored)[-1] == RUNS[0]


@pytest.mark.shows("Checkpoints can be reset alone")
def test_checkpoints_alone_can_be_reset():
    """The rows stay, and those of the source come again; all tables run."""
    steps = plan(medallion(), Selection(reset_checkpoints=("bronze",)), ALL)
    assert steps == (ResetCheckpoint("bronze", "bronze", "its checkpoint is reset"), *RUNS)


@pytest.mark.shows("A full refresh does not empty a sink: its rows are written again")
def test_a_sink_is_never_created_or_emptied():
    """A full refresh writes its rows again; so does one of the table that it reads."""
    graph = Graph.of([dataset(StreamingTable, "bronze"), dataset(Sink, "out", "bronze")])
    assert plan(graph, Selection(), NOTHING)[:1] == (Create("bronze"),)
    restart = plan(graph, Selection(full_refresh=("out",)), ALL)[1]
    assert restart == ResetCheckpoint("out", "out", "full refresh")
    assert plan(graph, Selection(full_refresh=("bronze",)), ALL)[2] == ResetCheckpoint(
        "out", "out", "'bronze' is fully refreshed: its rows come again"
    )


def silver(**options):
    """Build a graph of one streaming table."""
    return Graph.of([dataset(StreamingTable, "silver", **options)])


@pytest.mark.parametrize("kind", [StreamingTable, MaterializedView])
def test_a_stored_table_gets_its_changed_properties_and_comment(kind):
    """What is new or changed is set, what the code no longer says is removed, the rest is left alone."""
    properties = {"quality": "silver", "owner": "me", "same": "1"}
    graph = Graph.of([dataset(kind, "silver", table_properties=properties, comment="clean rows")])
    stored = Stored("silver", given={"silver": {"quality": "bronze", "old": "x", "same": "1"}})
    assert plan(graph, Selection(), stored)[0] == Alter(
        "silver",
        "its definition changed: quality = 'silver', owner = 'me', comment = 'clean rows', old is removed",
        {"quality": "silver", "owner": "me", "comment": "clean rows"},
        ("old",),
    )
    unchanged = Stored("silver", given={"silver": declared_properties(graph.tables[0])})
    streams = kind is StreamingTable
    run = ("silver", RunKind.STREAM, (), FROM_NEW) if streams else ("silver", RunKind.RECOMPUTE, (), FROM_ALL)
    assert plan(graph, Selection(), unchanged) == (Run(*run),)


def test_a_removed_comment_is_removed():
    """As a property is."""
    stored = Stored("silver", given={"silver": {"comment": "clean rows"}})
    assert plan(silver(), Selection(), stored)[0] == Alter(
        "silver", "its definition changed: comment is removed", {}, ("comment",)
    )


def test_a_changed_row_filter_is_altered_in_place():
    """The rows stay as they are: a filter hides rows from readers, and nothing is stored by it."""
    stored = Stored("silver", given={"silver": {"livetables.row_filter": "`old`()"}})
    [step, _] = plan(silver(row_filter=RowFilter("`new`(`id`)", ("id",))), Selection(), stored)
    assert step == Alter(
        "silver",
        "its definition changed: livetables.row_filter = '`new`(`id`)'",
        {"livetables.row_filter": "`new`(`id`)"},
        (),
    )


def test_a_stored_table_gets_the_columns_that_are_new():
    """The plan names them."""
    stored = Stored("silver", schema=StructType([StructField("id", LongType())]))
    now = StructType([StructField("id", LongType()), StructField("city", StringType())])
    assert plan(silver(schema=now), Selection(), stored)[0] == Alter(
        "silver", "its definition changed: column `city` is new", {}, (), {"`city`": StringType()}
    )


@pytest.mark.parametrize(
    ("before", "options", "said"),
    [
        ({"livetables.partition_cols": "day"}, {}, "for partition_cols 'day', and it is not set now"),
        ({}, {"partition_cols": ("day",)}, "for partition_cols not set, and it is 'day' now"),
        ({"livetables.cdc.keys": "id"}, {}, "for keys 'id', and it is not set now"),
    ],
)
def test_what_decides_how_rows_lie_does_not_change_in_place(before, options, said):
    """A full refresh fills the table from the start; until then nothing is done."""
    stored = Stored("silver", given={"silver": before})
    with pytest.raises(DefinitionError, match=said) as caught:
        plan(silver(**options), Selection(), stored)
    assert (caught.value.code, "--full-refresh silver" in caught.value.diagnostic.hint) == ("LAYOUT_CHANGED", True)
    assert plan(silver(**options), Selection(full_refresh=("silver",)), stored)[0] == Reset("silver", "full refresh")


def test_a_materialized_view_is_partitioned_anew_by_its_next_run():
    """It is replaced as a whole then; only from partitions to clusters Delta goes no other way than by a new table."""
    stored = Stored("gold", given={"gold": {"livetables.partition_cols": "day"}})
    [altered, _] = plan(Graph.of([dataset(MaterializedView, "gold")]), Selection(), stored)
    assert altered == Alter(
        "gold", "its definition changed: livetables.partition_cols is removed", {}, ("livetables.partition_cols",)
    )
    clustered = Graph.of([dataset(MaterializedView, "gold", cluster_by=("id",))])
    assert plan(clustered, Selection(), stored)[:2] == (
        Reset("gold", "its layout changed"),
        Create("gold", "its layout changed"),
    )


def test_only_a_table_that_runs_and_keeps_its_rows_is_altered():
    """One that is created again gets everything with that; one that is not selected is left alone."""
    graph = Graph.of([dataset(StreamingTable, "bronze", comment="new"), dataset(StreamingTable, "silver", comment="n")])
    selection = Selection(full_refresh=("bronze",))
    assert [type(step) for step in plan(graph, selection, Stored("bronze", "silver"))] == [Reset, Create, Exclude, Run]


@pytest.mark.shows("A renamed flow has a new checkpoint, and reads its source again")
def test_a_flow_that_is_new_to_its_table_reads_from_the_start():
    """The plan says so before it happens: rows that another flow has brought may come again."""
    stored = Stored("silver", flows={"silver": ("from_web",)})
    reason = "it is new: it reads its source from the start, also when it is 'from_web' under a new name: then its rows"
    assert plan(silver(), Selection(), stored) == (
        StartFlow("silver", "silver", f"{reason} come again", ("from_web",)),
        OrphanFlow("silver", "from_web", "it is not in the code any more; its checkpoint stays"),
        Run("silver", RunKind.STREAM, (), FROM_NEW),
    )


def test_a_flow_that_is_added_is_only_new():
    """Nothing went away, so nothing comes twice."""
    both = replace(silver().datasets["silver"], flows=(*silver().tables[0].flows, dataset(Sink, "web").flows[0]))
    stored = Stored("silver", flows={"silver": ("silver",)})
    assert plan(Graph.of([both]), Selection(), stored)[0] == StartFlow(
        "silver", "web", "it is new: it reads its source from the start"
    )


def test_a_flow_that_was_removed_is_named():
    """It would go on from there if it came back."""
    stored = Stored("silver", flows={"silver": ("old", "silver")})
    assert [type(step) for step in plan(silver(), Selection(), stored)] == [OrphanFlow, Run]


@pytest.mark.parametrize("selection", [Selection(full_refresh_all=True), Selection(reset_checkpoints=("silver",))])
def test_flows_that_start_over_anyway_are_not_called_new(selection):
    """A full refresh and a reset of checkpoints say it themselves."""
    stored = Stored("silver", flows={"silver": ("old",)})
    steps = plan(silver(), selection, stored)
    assert not any(isinstance(step, StartFlow) for step in steps)
    assert any(isinstance(step, Create | ResetCheckpoint) for step in steps)


@pytest.mark.shows("`pipelines.dropInactiveTables` removes such tables")
def test_a_table_that_is_not_in_the_code_any_more_is_inactive():
    """It keeps its rows, unless the configuration says that such tables go."""
    stored = Stored("silver", "old")
    assert plan(silver(), Selection(), stored)[-1] == Inactive("old", "it is not in the code any more; its rows stay")
    reason = "it is not in the code any more, and pipelines.dropInactiveTables is true"
    assert plan(silver(), Selection(refresh=("silver",)), stored, drop_inactive=True)[-1] == Drop("old", reason)


def test_the_table_of_what_became_a_view_is_inactive():
    """The view has its name now, and no rows."""
    graph = Graph.of([dataset(View, "silver")])
    assert plan(graph, Selection(), Stored("silver")) == (Inactive("silver"),)


def test_a_step_is_shown_in_a_line():
    """Its kind in words, its table, its flow or how it runs, and why."""
    steps = (
        Create("bronze"),
        ResetCheckpoint("silver", "web", "full refresh"),
        StartFlow("silver", "shop", "it is new"),
        OrphanFlow("silver", "old", "it is gone"),
        RUNS[0],
        RUNS[2],
        Inactive("former", "it is gone"),
    )
    assert [step_text(step) for step in steps] == [
        "Create bronze: it does not exist yet",
        "Reset checkpoint silver, flow web: full refresh",
        "Start flow silver, flow shop: it is new",
        "Orphan flow silver, flow old: it is gone",
        "Run bronze (stream): new rows of its sources",
        "Run gold (recompute): all rows of its inputs",
        "Inactive former: it is gone",
    ]


def test_steps_are_data_for_programs():
    """`livetables plan --json`: the name of the step, and its fields as JSON has them."""
    steps = (ResetCheckpoint("silver", "web", "full refresh"), RUNS[1])
    assert json.loads(to_json([step_document(step) for step in steps])) == [
        {"step": "reset_checkpoint", "dataset": "silver", "flow": "web", "reason": "full refresh"},
        {"step": "run", "dataset": "Silver", "how": "stream", "after": ["bronze"], "reason": FROM_NEW},
    ]
