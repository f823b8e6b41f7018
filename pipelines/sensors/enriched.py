"""Gold: temperature status by device and minute, with the device's site and model, and by hour."""

import dlt
from pyspark.sql import DataFrame

from transformations.devices import with_device
from transformations.sensors import status_by_hour, with_temperature_status


@dlt.table(
    name="sensor_data_enriched",
    comment=(
        "Aggregates with temperature_status (High above the threshold, else Normal), and the device's site and model"
        " as registered when the minute was processed (NULL: not registered)."
    ),
    table_properties={"quality": "gold"},
)
def sensor_data_enriched() -> DataFrame:
    """Add the status and the device."""
    threshold = float(spark.conf.get("sensors.temperature_threshold", "30"))
    enriched = with_temperature_status(dlt.read_stream("sensor_data_aggregated"), threshold)
    # A stream joined with a table as it is: each micro-batch sees the devices of its time.
    return with_device(enriched, dlt.read("devices"))


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
