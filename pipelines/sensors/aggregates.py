"""Gold: readings summarised by device and minute."""

import dlt
from pyspark.sql import DataFrame

from expectations.sensors import AGGREGATE_RULES
from transformations.sensors import aggregate_by_minute


@dlt.table(
    name="sensor_data_aggregated",
    comment="Temperature and humidity by device and minute; a minute appears once it is complete.",
    table_properties={"quality": "gold"},
)
@dlt.expect_all(AGGREGATE_RULES)
def sensor_data_aggregated() -> DataFrame:
    """Aggregate silver."""
    return aggregate_by_minute(
        dlt.read_stream("sensor_data_silver"),
        watermark=spark.conf.get("sensors.watermark", "10 minutes"),
        window=spark.conf.get("sensors.window", "1 minute"),
    )
