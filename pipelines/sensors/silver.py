"""Silver: typed, checked and deduplicated readings, and the rows that did not pass."""

import dlt
from pyspark.sql import DataFrame

from expectations.sensors import READING_RULES
from transformations.sensors import conform_readings, deduplicate, parse_readings, quarantine


@dlt.table(
    name="parsed_sensor_data",
    comment="Every event of bronze, its JSON parsed once; what could not be parsed is marked, not lost.",
    table_properties={"quality": "silver"},
)
def parsed_sensor_data() -> DataFrame:
    """Parse bronze."""
    return parse_readings(dlt.read_stream("sensor_data_bronze"))


# The rules stand on a view between parsed and silver, because expectations on silver itself would see its
# rows after deduplication: a rejected row could have displaced a good one with the same key, copies of a
# rejected row would not be counted, and a rejected row's event_time would have moved the watermark.
@dlt.view(name="valid_sensor_readings", comment="Parsed readings that keep every reading rule.")
@dlt.expect_all_or_drop(READING_RULES)
def valid_sensor_readings() -> DataFrame:
    """Keep the parsed columns: the rules are checked on this view's output."""
    return dlt.read_stream("parsed_sensor_data")


@dlt.table(
    name="sensor_data_silver",
    comment="Valid readings, one per device and event time, duplicates dropped within the watermark.",
    table_properties={"quality": "silver"},
)
def sensor_data_silver() -> DataFrame:
    """Conform and deduplicate the valid readings."""
    readings = conform_readings(dlt.read_stream("valid_sensor_readings"))
    return deduplicate(readings, spark.conf.get("sensors.watermark", "10 minutes"))


@dlt.table(
    name="sensor_data_quarantine",
    comment="Events that break a reading rule, with the rules' names and the position in the source.",
    table_properties={"quality": "silver"},
)
def sensor_data_quarantine() -> DataFrame:
    """Keep what valid_sensor_readings rejects, by the same rules."""
    return quarantine(dlt.read_stream("parsed_sensor_data"), READING_RULES)
