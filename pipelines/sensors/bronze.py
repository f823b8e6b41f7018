"""Bronze: sensor events as they were sent."""

import dlt
from pyspark.sql import DataFrame

from sources.sensors import sensor_events


@dlt.table(
    name="sensor_data_bronze",
    comment="Sensor events as they were sent, with their position in the source; append only.",
    table_properties={
        "quality": "bronze",
        # Bronze is not filtered: min/max statistics over raw text are a quarter of the write's cost.
        "delta.dataSkippingNumIndexedCols": "0",
    },
)
def sensor_data_bronze() -> DataFrame:
    """Read the configured source."""
    return sensor_events(spark)
