"""What a dataset is by the flows that fill it, and which flows do not fit: decided without Spark."""

from dataclasses import replace

import pytest
from pyspark.sql.types import LongType, StringType, StructField, StructType

from livetables.errors import DefinitionError, SourceLocation
from livetables.graph.graph import ResolvedDataset, ResolvedFlow
from livetables.graph.kinds import check_query, flow_type, kind_of, merged_schema
from livetables.model import (
    CdcFlow,
    Changes,
    MaterializedView,
    OnceFlow,
    QueryFlow,
    ReplaceFlow,
    ReplaceWhereFlow,
    Sink,
    SnapshotFlow,
    StreamingTable,
    Table,
    UpdateFlow,
    View,
)

OWN, LATER = SourceLocation("pipeline.py", 1), SourceLocation("pipeline.py", 9)
KEYS = Changes(("id",), "seq")
ID = StructType([StructField("id", LongType())])


def dataset(kind, **options):
    """A dataset named orders."""
    return kind("orders", OWN, **options)


def flow(*, streaming, name="orders", kind=QueryFlow, schema=ID, **options):
    """A flow into orders: its own query by default, another one, further down in the file, under any other name."""
    location = OWN if name == "orders" else LATER
    definition = kind(name, "orders", lambda: None, location, **options)
    return ResolvedFlow(definition, (), (), streaming, schema)


def stream(name="orders", **options):
    """A flow whose query returns a stream."""
    return flow(streaming=True, name=name, **options)


def batch(name="orders", **options):
    """A flow whose query returns a batch DataFrame."""
    return flow(streaming=False, name=name, **options)


def feed(name="orders", changes=KEYS):
    """An AUTO CDC flow."""
    return stream(name, kind=CdcFlow, changes=changes)


def daily(name="orders"):
    """An AUTO CDC flow of snapshots."""
    return batch(name, kind=SnapshotFlow, changes=KEYS)


def sink(what="kafka"):
    """A sink named orders."""
    return dataset(Sink, format=what)


@pytest.mark.parametrize(
    ("defined", "flows", "kind"),
    [
        (dataset(Table), [stream()], StreamingTable),
        (dataset(Table), [batch()], MaterializedView),
        (dataset(Table), [stream(), stream("more")], StreamingTable),
        (dataset(Table), [stream(), batch("old", kind=OnceFlow)], StreamingTable),
        (dataset(MaterializedView), [batch()], MaterializedView),
        (dataset(StreamingTable), [stream("a"), stream("b"), batch("c", kind=OnceFlow)], StreamingTable),
        (dataset(StreamingTable), [batch("old", kind=OnceFlow)], StreamingTable),
        (dataset(StreamingTable), [feed("a"), feed("b")], StreamingTable),
        (dataset(StreamingTable), [daily("a")], StreamingTable),
        (dataset(StreamingTable, schema="id BIGINT"), [], StreamingTable),
        (dataset(View), [batch()], View),
        (dataset(View), [stream()], View),
        (sink(), [stream("a"), stream("b", kind=UpdateFlow)], Sink),
        (sink("foreach_batch"), [stream("b", kind=UpdateFlow)], Sink),
        (sink("delta"), [stream("a")], Sink),
    ],
)
def test_flows_decide_what_a_dataset_is(defined, flows, kind):
    """A `@table` is what its query makes it; one that is a streaming table already takes flows of all kinds."""
    assert type(kind_of(defined, flows)) is kind


@pytest.mark.shows(
    "A materialized view has exactly one flow",
    "Append flows and AUTO CDC into one target are refused",
    "An `update_flow` writes to a sink that is not Delta",
)
@pytest.mark.parametrize(
    ("defined", "flows", "code", "location"),
    [
        (dataset(MaterializedView), [batch(), batch("more")], "SECOND_FLOW", LATER),
        (dataset(MaterializedView), [batch(), stream("more")], "SECOND_FLOW", LATER),
        (dataset(MaterializedView), [batch(), batch("old", kind=OnceFlow)], "SECOND_FLOW", LATER),
        (dataset(MaterializedView), [batch("more"), batch()], "SECOND_FLOW", LATER),
        (dataset(Table), [batch(), batch("more")], "SECOND_FLOW", LATER),
        (dataset(Table), [batch(), stream("more")], "SECOND_FLOW", LATER),
        (dataset(Table), [batch(), batch("old", kind=OnceFlow)], "SECOND_FLOW", LATER),
        (dataset(View), [stream(), stream("more")], "SECOND_FLOW", LATER),
        (dataset(View), [stream(), feed("changes")], "SECOND_FLOW", LATER),
        (dataset(MaterializedView), [stream()], "STREAM_IN_MATERIALIZED_VIEW", OWN),
        (dataset(Table), [stream(), batch("more")], "BATCH_IN_STREAMING_TABLE", LATER),
        (dataset(StreamingTable), [batch("more")], "BATCH_IN_STREAMING_TABLE", LATER),
        (dataset(StreamingTable), [], "NO_FLOWS", OWN),
        (dataset(StreamingTable), [stream("a"), feed("b")], "MIXED_FLOWS", LATER),
        (dataset(StreamingTable), [feed("a"), daily("b")], "MIXED_FLOWS", LATER),
        (dataset(Table), [stream(), feed("b")], "MIXED_FLOWS", LATER),
        (dataset(MaterializedView), [batch(), feed("b")], "MIXED_FLOWS", LATER),
        (dataset(StreamingTable), [feed("a"), feed("b", Changes(("no",), "seq"))], "FLOWS_DISAGREE", LATER),
        (dataset(StreamingTable), [feed("a"), feed("b", Changes(("id",), "seq", 2))], "FLOWS_DISAGREE", LATER),
        (sink(), [stream("a"), batch("b")], "BATCH_IN_SINK", LATER),
        (sink(), [batch("b", kind=OnceFlow)], "BATCH_IN_SINK", LATER),
        (sink(), [feed("b")], "BATCH_IN_SINK", LATER),
        (sink(), [daily("b")], "BATCH_IN_SINK", LATER),
        (sink("delta"), [stream("a"), stream("b", kind=UpdateFlow)], "UPDATE_FLOW_TARGET", LATER),
        (dataset(StreamingTable), [stream("b", kind=UpdateFlow)], "UPDATE_FLOW_TARGET", LATER),
        (dataset(Table), [stream(), stream("b", kind=UpdateFlow)], "UPDATE_FLOW_TARGET", LATER),
        (dataset(MaterializedView), [batch(), batch("b", kind=UpdateFlow)], "UPDATE_FLOW_TARGET", LATER),
        (dataset(View), [stream(), stream("b", kind=UpdateFlow)], "UPDATE_FLOW_TARGET", LATER),
    ],
)
def test_flows_that_do_not_fit_are_refused_at_their_line(defined, flows, code, location):
    """Before anything runs, with a way out."""
    with pytest.raises(DefinitionError) as caught:
        kind_of(defined, flows)
    diagnostic = caught.value.diagnostic
    assert (diagnostic.code, diagnostic.location, bool(diagnostic.hint)) == (code, location, True)


def test_flows_give_their_columns_together():
    """Matched by name, whatever the letter case; the first flow's spelling stays."""
    other = StructType([StructField("ID", LongType()), StructField("word", StringType())])
    merged = merged_schema(dataset(StreamingTable), [stream("a"), stream("b", schema=other)])
    assert merged == StructType([StructField("id", LongType()), StructField("word", StringType())])


def test_one_column_has_one_type_in_all_flows():
    """The error names the column and both types."""
    text = StructType([StructField("Id", StringType())])
    with pytest.raises(DefinitionError, match="'Id' two types: bigint and string") as caught:
        merged_schema(dataset(StreamingTable), [stream("a"), stream("b", schema=text)])
    assert (caught.value.code, caught.value.diagnostic.location) == ("FLOWS_DISAGREE", LATER)


def test_a_table_whose_rows_are_replaced_is_a_streaming_table():
    """By key from a stream; by a predicate from a batch query."""
    by_key = stream(kind=ReplaceFlow, keys=("id",), sequence_by="at")
    for own in (by_key, batch(kind=ReplaceWhereFlow, predicate="id > 5")):
        assert type(kind_of(dataset(Table), [own])) is StreamingTable


@pytest.mark.parametrize(
    ("flows", "code"),
    [
        ([batch(kind=ReplaceFlow, keys=("id",), sequence_by="at")], "BATCH_IN_STREAMING_TABLE"),
        ([stream(kind=ReplaceFlow, keys=("id",), sequence_by="at"), stream("shop")], "MIXED_FLOWS"),
    ],
)
def test_rows_are_replaced_from_a_stream_and_by_one_kind_of_flow(flows, code):
    """What is appended beside would have no place in the order of the sequences."""
    with pytest.raises(DefinitionError) as caught:
        kind_of(dataset(Table), flows)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("definition", "streaming", "code"),
    [
        (flow(streaming=True, kind=OnceFlow).definition, True, "STREAM_IN_BATCH_FLOW"),
        (flow(streaming=True, kind=ReplaceWhereFlow, predicate="id > 5").definition, True, "STREAM_IN_BATCH_FLOW"),
        (flow(streaming=True, kind=CdcFlow, changes=KEYS, once=True).definition, True, "STREAM_IN_BATCH_FLOW"),
        (feed().definition, False, "BATCH_IN_CDC_FLOW"),
    ],
)
def test_a_query_of_the_wrong_kind_is_refused(definition, streaming, code):
    """What runs once or replaces rows by a predicate is a batch query; a change feed is a stream."""
    with pytest.raises(DefinitionError) as caught:
        check_query(definition, streaming=streaming)
    assert (code, OWN) == (caught.value.code, caught.value.diagnostic.location)
    check_query(definition, streaming=not streaming)


@pytest.mark.parametrize(
    ("kind", "resolved", "expected"),
    [
        (StreamingTable, stream(), "APPEND"),
        (StreamingTable, replace(stream(), output_mode="complete"), "COMPLETE"),
        (StreamingTable, batch(kind=OnceFlow), "APPEND"),
        (StreamingTable, batch(kind=ReplaceWhereFlow, predicate="id > 5"), "APPEND"),
        (StreamingTable, stream(kind=ReplaceFlow, keys=("id",), sequence_by="at"), "APPEND"),
        (StreamingTable, feed(), "CHANGE"),
        (StreamingTable, daily(), "SNAPSHOT_CHANGE"),
        (MaterializedView, batch(), "MATERIALIZED_VIEW"),
        (View, stream(), "VIEW"),
        (Sink, replace(stream(), output_mode="complete"), "APPEND"),
        (Sink, stream(kind=UpdateFlow), "APPEND"),
    ],
)
def test_a_flow_has_the_type_of_the_event_log(kind, resolved, expected):
    """The event `flow_definition` names it; the names are the platform's."""
    assert expected == flow_type(ResolvedDataset(dataset(kind), ID, (resolved,)), resolved)
