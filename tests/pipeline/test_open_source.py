"""Open-source Spark's own pipelines read the sensor pipeline: a second opinion on its queries and its graph."""

import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest
import yaml

pytestmark = pytest.mark.pipeline
ROOT = Path(__file__).parents[2]

#: The names of `dlt`, in terms of what Spark 4.2 has. It has no expectations, no Auto Loader and AUTO CDC of type 1
#: only; there a decorator, not the query, says that a table is a materialized view; and it resolves the input of a
#: watermark and of dropDuplicates at once, before it knows the other datasets: these two are left out.
SHIM = dedent('''
    """Stands in for dlt: the names that open-source Spark knows otherwise."""

    from pyspark import pipelines
    from pyspark.pipelines import create_streaming_table, temporary_view as view
    from pyspark.sql import SparkSession
    from pyspark.sql.connect.dataframe import DataFrame
    from pyspark.sql.connect.streaming.readwriter import DataStreamReader

    MATERIALIZED = {"sensor_status_by_hour"}
    read_format = DataStreamReader.format
    DataStreamReader.format = lambda self, name: read_format(self, "text" if name == "cloudFiles" else name)
    DataFrame.withWatermark = DataFrame.dropDuplicates = lambda self, *arguments: self

    def table(*, name, **options):
        return (pipelines.materialized_view if name in MATERIALIZED else pipelines.table)(name=name, **options)

    def create_auto_cdc_flow(*, stored_as_scd_type, **options):
        pipelines.create_auto_cdc_flow(stored_as_scd_type=1, **options)

    def expect_all(rules):
        return lambda function: function

    expect_all_or_drop = expect_all

    def read(name):
        return SparkSession.active().read.table(name)

    def read_stream(name):
        return SparkSession.active().readStream.table(name)
''')


def test_open_source_spark_accepts_the_sensor_pipeline(tmp_path):
    """`spark-pipelines dry-run` resolves the graph of pipelines/sensors: every name, column and type.

    The files are as they are; their `dlt` translates, and leaves out what open-source Spark does not have.
    """
    shim = tmp_path / "shim"
    shim.mkdir()
    (shim / "dlt.py").write_text(SHIM)
    (tmp_path / "pipelines").symlink_to(ROOT / "pipelines")
    spec = {
        "name": "sensors",
        "storage": (tmp_path / "storage").as_uri(),
        "configuration": {"sensors.landing_path": str(tmp_path), "sensors.devices.landing_path": str(tmp_path)},
        "libraries": [{"glob": {"include": "pipelines/sensors/**"}}],
    }
    (tmp_path / "spark-pipeline.yml").write_text(yaml.safe_dump(spec))
    confs = "spark.ui.enabled false\nspark.driver.extraJavaOptions -XX:TieredStopAtLevel=1\n"  # for a run of seconds
    (tmp_path / "spark-defaults.conf").write_text(confs)
    done = subprocess.run(
        [sys.executable, "-m", "pyspark.pipelines.cli", "dry-run"],
        cwd=tmp_path,
        text=True,
        capture_output=True,
        check=False,
        env={
            **os.environ,
            "SPARK_REMOTE": "local[2]",
            "SPARK_CONF_DIR": str(tmp_path),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "PYTHONPATH": os.pathsep.join([str(shim), str(ROOT)]),
            "SPARK_TESTING": "1",
        },  # on any free port
    )
    said = done.stdout + done.stderr
    assert (0, True) == (done.returncode, "Run is COMPLETED" in said), said
