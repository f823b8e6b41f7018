"""The queries of the sensor pipeline in SQL, beside the functions of the one in Python."""

from dataclasses import replace
from pathlib import Path

import pytest
from chispa import assert_df_equality

from expectations.devices import DEVICE_CHANGE_RULES
from expectations.sensors import READING_RULES
from livetables.collect.binding import bound
from livetables.collect.registry import Registry
from livetables.collect.sql_files import collect
from livetables.queries import reads
from livetables.spark.confs import confs
from tests.spark.test_sql_queries import Tables
from tests.spark.test_transformations_devices import CASES as CHANGES
from tests.spark.test_transformations_sensors import CASES as READINGS
from transformations.devices import parse_device_changes
from transformations.sensors import parse_readings, quarantine

pytestmark = pytest.mark.spark
ROOT = Path(__file__).parents[2]
SETTINGS = (
    "sensors.landing_path",
    "sensors.devices.landing_path",
    "sensors.watermark",
    "sensors.window",
    "sensors.temperature_threshold",
)


def result(name, **frames):
    """Return what the query of a dataset gives over these tables as they are, not as streams."""
    registry = Registry(root=ROOT)
    collect(sorted((ROOT / "pipelines" / "sensors_sql").glob("*.sql")), registry, dict.fromkeys(SETTINGS, "x"), {})
    query = next(flow.query for flow in registry.freeze().flows if flow.name == name)
    with bound([]), reads.reading_with(Tables(**frames)):
        return replace(query, streams=False)()


@pytest.fixture
def bronze(spark):
    """Return a function that makes rows of bronze of values."""

    def make(cases):
        rows = [(value, offset) for offset, (value, *_) in enumerate(cases)]
        return spark.createDataFrame(rows, "value STRING, source_offset BIGINT").selectExpr(
            "value",
            "'auto_loader' AS source",
            "'file' AS source_name",
            "CAST(NULL AS INT) AS source_partition",
            "source_offset",
            "TIMESTAMP '2026-06-21T06:00:00Z' AS source_time",
            "TIMESTAMP '2026-11-21T06:00:09Z' AS ingest_time",
        )

    return make


@pytest.mark.parametrize("ansi", ["true", "false"])
@pytest.mark.parametrize(
    ("cases", "parse", "rules", "source", "parsed", "rejected"),
    [
        (READINGS, parse_readings, READING_RULES, "sensor_data_bronze", "parsed_sensor_data", "sensor_data_quarantine"),
        (
            CHANGES,
            parse_device_changes,
            DEVICE_CHANGE_RULES,
            "device_changes_bronze",
            "parsed_device_changes",
            "device_changes_quarantine",
        ),
    ],
)
def test_values_that_are_hard_to_parse(spark, bronze, ansi, cases, parse, rules, source, parsed, rejected):
    """Each value of the functions' own tests, good and corrupt, becomes the same row, and breaks the same rules."""
    with confs(spark, {"spark.sql.ansi.enabled": ansi}):
        expected = parse(bronze(cases))
        found = result(parsed, **{source: bronze(cases)})
        assert_df_equality(expected, found, ignore_nullable=True, ignore_row_order=True)
        found = result(rejected, **{parsed: expected})
        assert_df_equality(quarantine(expected, rules), found, ignore_nullable=True, ignore_row_order=True)
