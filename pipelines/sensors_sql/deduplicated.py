"""Silver's last step, in Python: SQL has no words for dropDuplicates on a stream.

On a stream, SELECT DISTINCT and GROUP BY give a row only when the watermark has passed it, and ROW_NUMBER is refused;
AUTO CDC keeps late rows, and changes its table, which then can't be read as a stream. Python and SQL files make one
graph.
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
