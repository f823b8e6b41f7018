"""The rows of a load are the same from Spark's expressions and from numpy."""

from fractions import Fraction

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from livetables.spark.confs import confs
from loadgen.datasets.columns import ColumnRows, lines
from loadgen.datasets.spark_columns import spark_columns, spark_due, spark_line
from loadgen.phases.shape import SECOND
from loadgen.phases.shape_file import shape_of

pytestmark = pytest.mark.spark

START = 1_780_000_000 * SECOND
STREAMS = [{"type": "baseline", "count": 2, "rate": 70}, {"type": "3x", "rate": 300}]
SHAPE = {
    "duration": "40s",
    "seed": 2**40 + 7,
    "phases": [
        {"from": "0s", "to": "10s", "streams": STREAMS},
        {"from": "10s", "to": "20s", "streams": STREAMS[1:]},
        {"from": "30s", "to": "40s", "streams": [{"type": "baseline", "count": 2, "rate": 11}]},
    ],
}


def native_rows(shape, start=START):
    """Return all rows of a load, as the native engine makes them."""
    rows, first, blocks = ColumnRows(shape, start), np.zeros(len(shape.streams), dtype=np.int64), []
    for phase in range(len(shape.phases)):
        end = rows.due(phase, shape.end)
        blocks.append(rows.block(phase, first, end))
        first = end
    return pa.Table.from_batches(blocks).combine_chunks()


@pytest.mark.parametrize("speed", [Fraction(1), Fraction(7, 3)])
def test_both_engines_make_the_same_rows(spark, speed):
    """To the last bit, also after pauses and changes of the rate; and the same lines, whatever the time zone."""
    shape = shape_of(SHAPE, speed=speed)
    native = native_rows(shape)
    for stream in shape.streams:
        columns = spark_columns(shape, stream, START)
        frame = spark.range(stream.rows).withColumnRenamed("id", "number")
        rows = frame.selectExpr(*(f"{sql} AS {name}" for name, sql in columns.items()))
        with confs(spark, {"spark.sql.session.timeZone": "America/New_York"}):
            there = rows.selectExpr("*", f"{spark_line()} AS line").toArrow()
        here = native.filter(pc.field("stream_id") == stream.stream_id).combine_chunks()
        assert there["line"].to_pylist() == lines(here.to_batches()[0]).to_pylist()
        there = there.drop_columns("line")
        assert there.cast(native.schema).equals(here), stream
        assert [
            pa.timestamp("us", tz="UTC") if pa.types.is_timestamp(one.type) else one.type for one in there.schema
        ] == [field.type for field in native.schema]


def test_both_engines_find_the_same_rows_due(spark):
    """At any time: before the start, at each change of the rate and beside it, and after the end."""
    shape = shape_of(SHAPE, speed=Fraction(7, 3))
    edges = sorted({moment for phase in shape.phases for moment in (phase.begin, phase.end)})
    moments = [-SECOND, *range(0, shape.end + SECOND, 123_457), *(edge + by for edge in edges for by in (-1, 0, 1))]
    frame = spark.createDataFrame([(moment,) for moment in moments], "now BIGINT")
    there = frame.selectExpr(*(spark_due(stream, "now") for stream in shape.streams)).collect()
    assert [tuple(row) for row in there] == [tuple(stream.due(now) for stream in shape.streams) for now in moments]
