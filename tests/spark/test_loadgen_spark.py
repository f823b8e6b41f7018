"""Loads that Spark sends, by real queries."""

import socket
import time
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from loadgen.clock import SystemClock
from loadgen.datasets.columns import lines
from loadgen.engines import queries
from loadgen.engines.queries import StreamQueries
from loadgen.engines.spark import SparkEngine
from loadgen.errors import LoadgenError
from loadgen.phases.shape import SECOND
from loadgen.phases.shape_file import shape_of
from loadgen.report.readback import read_back
from loadgen.targets.opening import Delta, Files, Kafka, Null, Tables
from tests.spark.test_loadgen_columns import START, native_rows

pytestmark = pytest.mark.spark

BASELINE = {"type": "baseline", "count": 2, "rate": 700}
SHAPE = {
    "duration": "3s",
    "phases": [
        {"name": "one", "from": "0s", "to": "1s", "streams": [BASELINE]},
        {"name": "two", "from": "1s", "to": "3s", "streams": [BASELINE, {"type": "3x", "rate": 90}]},
    ],
}
LONGEST_SECONDS = 60


@pytest.fixture
def shape(tmp_path):
    """Three streams, two phases."""
    return shape_of({**SHAPE, "checkpoint_path": str(tmp_path / "checkpoints")})


@pytest.fixture
def engine_for(spark, shape):
    """Return a new engine for a target; at the end it is stopped."""
    engines = []

    def make(address, position=None):
        queries = StreamQueries(spark, shape, START, address, "run")
        engines.append(SparkEngine(queries, SystemClock(), position or {}))
        return engines[-1]

    yield make
    for engine in engines:
        if engine.running():
            engine.stop()


def wait_until(engine, done):
    """Wait until something is so, or the engine has ended."""
    deadline = time.monotonic() + LONGEST_SECONDS
    while engine.running() and not done():
        assert time.monotonic() < deadline, f"still waiting: {engine.arrived()}, {engine.errors()}"
        time.sleep(0.02)


def sent(spark, shape, directory):
    """Return the rows of all Delta tables of a load, in the order of the native engine's."""
    tables = [spark.read.format("delta").load(str(directory / one.table)).toArrow() for one in shape.streams]
    return ordered(pa.concat_tables(tables).cast(native_rows(shape).schema))


def ordered(rows):
    """Return rows by stream and time."""
    return rows.sort_by([("stream_id", "ascending"), ("event_timestamp", "ascending")]).combine_chunks()


def test_a_run_that_was_interrupted_sends_the_native_engines_rows(spark, shape, engine_for, tmp_path):
    """Without duplicates or holes, also when a batch was written and the checkpoint does not know it."""
    first = engine_for(Delta(tmp_path / "tables"))
    first.start()
    wait_until(first, lambda: first.arrived().min() > 0)
    first.stop()
    assert not first.running()
    assert not first.failed()
    for stream in shape.streams:
        commits = tmp_path / "checkpoints" / "run" / stream.table / "commits"
        newest = max((path for path in commits.iterdir() if path.name.isdigit()), key=lambda path: int(path.name))
        newest.unlink()
        newest.with_name(f".{newest.name}.crc").unlink(missing_ok=True)

    second = engine_for(Delta(tmp_path / "tables"), first.position())
    assert second.arrived().tolist() == first.arrived().tolist()
    second.start()
    assert second.now() >= first.arrived().min()
    wait_until(second, lambda: False)
    assert (second.failed(), second.trouble(), dict(second.errors())) == (False, "", {})
    assert second.arrived().tolist() == [shape.end] * 3
    assert sent(spark, shape, tmp_path / "tables").equals(ordered(native_rows(shape)))
    writes = [*first.writes(), *second.writes()]
    assert {one.stream_type for one in writes} == {"baseline", "3x"}
    assert all(one.seconds > 0 and one.phase in (0, 1) for one in writes)


def test_a_stream_that_cannot_be_written_fails_alone(spark, shape, engine_for):
    """It is named with the cause; the others arrive. Here in tables of the catalog."""
    spark.sql("CREATE DATABASE dlt_autoscaling")
    spark.range(1).write.format("delta").saveAsTable("dlt_autoscaling.stream_table_002")
    engine = engine_for(Tables())
    try:
        engine.start()
        wait_until(engine, lambda: False)
        there = spark.table("dlt_autoscaling.stream_table_001").count()
        only = replace(shape, streams=shape.streams[:1])
        read = sum(batch.num_rows for batch in read_back(Tables(), "run", only, {}))
    finally:
        spark.sql("DROP DATABASE dlt_autoscaling CASCADE")
    assert (engine.failed(), engine.trouble()) == (True, "1 of 3 streams failed."), engine.errors()
    [(at, problem)] = engine.errors().items()
    assert at == 1
    assert problem.startswith("Cannot write stream_table_002: ")
    assert "\n" not in problem
    assert np.delete(engine.arrived(), 1).tolist() == [shape.end] * 2
    assert there == read == shape.streams[0].rows


def test_files_hold_the_native_engines_lines(shape, engine_for, tmp_path):
    """Each stream has a folder, with a folder for each batch."""
    engine = engine_for(Files(tmp_path / "landing"))
    engine.start()
    wait_until(engine, lambda: False)
    assert not engine.failed()
    for stream in shape.streams:
        files = (tmp_path / "landing" / stream.table).glob("*/[!._]*")
        there = [line for file in sorted(files) for line in file.read_text().splitlines()]
        rows = native_rows(shape)
        here = lines(rows.filter(pa.compute.field("stream_id") == stream.stream_id).combine_chunks().to_batches()[0])
        assert there == here.to_pylist()


def test_time_goes_on_while_a_run_is_interrupted(engine_for):
    """A run that was stopped at once has begun all the same."""
    first, second = engine_for(Null()), engine_for(Null())
    first.start()
    first.stop()
    second.start()
    assert abs(second.now() - first.now()) < SECOND
    second.stop()
    assert not second.failed()


def test_what_cannot_work_is_said_before_anything_runs(spark, shape, engine_for, monkeypatch):
    """A broker that is not there is named within 10 s; a connector that is not there, with its package."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        engine = engine_for(Kafka("127.0.0.1", port, "load"))
        with pytest.raises(LoadgenError, match=f"No Kafka broker at host 127.0.0.1, port {port}: connection refused"):
            engine.start()
    assert not engine.running()
    monkeypatch.setattr(queries, "CONNECTORS", {Kafka: ("nothing", "org.example:nothing")})
    with pytest.raises(LoadgenError, match=r"no nothing connector\. Add org\.example:nothing in"):
        StreamQueries(spark, shape, START, Kafka("127.0.0.1", port, "load"), "run").prepare()
    assert not spark.streams.active


def test_a_batch_that_comes_again_is_in_a_catalogs_table_once(spark):
    """As after a crash between the write and the checkpoint; another run's batches are its own."""
    spark.sql("CREATE DATABASE load_twice")
    try:
        for run, number in (("a", 0), ("a", 1), ("a", 1), ("a", 0), ("b", 0)):
            queries._table_writer("`load_twice`.`t`", run)(spark.range(3), number)
        assert spark.table("load_twice.t").count() == 9
    finally:
        spark.sql("DROP DATABASE load_twice CASCADE")
