"""The rows of a load are the same from Spark's expressions and from numpy."""

from fractions import Fraction

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from loadgen.scaling.rows import Rows, spark_columns
from loadgen.scaling.shape import SECOND, shape_of

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


@pytest.mark.parametrize("speed", [Fraction(1), Fraction(7, 3)])
def test_both_engines_make_the_same_rows(spark, speed):
    """To the last bit, also after pauses and changes of the rate."""
    shape = shape_of(SHAPE, speed=speed)
    rows, first, blocks = Rows(shape, START), np.zeros(len(shape.streams), dtype=np.int64), []
    for phase in range(len(shape.phases)):
        end = rows.due(phase, shape.end)
        blocks.append(rows.block(phase, first, end))
        first = end
    native = pa.Table.from_batches(blocks)
    for stream in shape.streams:
        seed = int(shape.settings["seed"])
        columns = spark_columns(stream, START, speed, seed)
        frame = spark.range(stream.rows).withColumnRenamed("id", "number")
        there = frame.selectExpr(*(f"{sql} AS {name}" for name, sql in columns.items())).toArrow()
        here = native.filter(pc.field("stream_id") == stream.stream_id)
        assert there.cast(native.schema).equals(here.combine_chunks()), stream
        assert [field.type for field in there.schema] == [field.type for field in native.schema]
