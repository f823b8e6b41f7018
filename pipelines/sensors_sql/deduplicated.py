"""Silver's last step, in Python: SQL has no words for dropDuplicates on a stream.

SELECT DISTINCT and GROUP BY on a stream give a row only when the watermark has passed it, ROW_NUMBER is refused, and
AUTO CDC makes a table that can't be streamed from. Python and SQL files make one graph.
"""

import dlt
from pyspark.sql import DataFrame

from transformations.sensors import conform_readings, deduplicate


@dlt.table(
    name="sensor_data_silver",
    comment="Valid readings, one per device and event time, duplicates dropped within the watermark.",
    table_properties={"quality": "silver"},
)
def sensor_data_silver() -> DataFrame:
    """Conform and deduplicate the valid readings."""
    readings = conform_readings(dlt.read_stream("valid_sensor_readings"))
    return deduplicate(readings, spark.conf.get("sensors.watermark"))
