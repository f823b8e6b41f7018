"""Gold: temperature status by device and minute, and by hour."""

import dlt
from pyspark.sql import DataFrame

from transformations.sensors import status_by_hour, with_temperature_status


@dlt.table(
    name="sensor_data_enriched",
    comment="Aggregates with temperature_status: High above the threshold, else Normal.",
    table_properties={"quality": "gold"},
)
def sensor_data_enriched() -> DataFrame:
    """Add the status."""
    threshold = float(spark.conf.get("sensors.temperature_threshold", "30"))
    return with_temperature_status(dlt.read_stream("sensor_data_aggregated"), threshold)


# A batch read makes a materialized view: a distinct count cannot be appended to.
@dlt.table(
    name="sensor_status_by_hour",
    comment="Device-minutes and devices by hour and temperature status; the dashboard draws it.",
    # Recomputed in full each time: not after every micro-batch of its input.
    table_properties={"quality": "gold", "pipelines.trigger.interval": "30 seconds"},
)
def sensor_status_by_hour() -> DataFrame:
    """Summarise the enriched rows."""
    return status_by_hour(dlt.read("sensor_data_enriched"))
