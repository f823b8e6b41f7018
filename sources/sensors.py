"""Where sensor events and device changes come from; the pipeline's configuration decides."""

from pyspark.sql import DataFrame, SparkSession

from sources.auto_loader import read_lines
from sources.kafka import read_kafka

KINDS = ("auto_loader", "kafka")


def sensor_events(spark: SparkSession) -> DataFrame:
    """Stream raw sensor events from the source that `sensors.source` names (default auto_loader).

    Reads sensors.landing_path for auto_loader; sensors.kafka.bootstrap_servers and sensors.kafka.topic
    (default sensor_data) for kafka. A ValueError says which key is missing or wrong.

    Out: value STRING, key STRING, source STRING, source_name STRING (file path or topic), source_partition
    INT and source_offset BIGINT (NULL for files), source_time TIMESTAMP, ingest_time TIMESTAMP.
    """
    kind = spark.conf.get("sensors.source", "auto_loader")
    if kind == "auto_loader":
        return read_lines(spark, _required(spark, "sensors.landing_path"))
    if kind == "kafka":
        servers = _required(spark, "sensors.kafka.bootstrap_servers")
        return read_kafka(spark, servers, spark.conf.get("sensors.kafka.topic", "sensor_data"))
    message = f"sensors.source is '{kind}'\n\nHint: allowed values are {', '.join(KINDS)}."
    raise ValueError(message)


def device_changes(spark: SparkSession) -> DataFrame:
    """Stream raw changes of the device registry: the lines of the files in sensors.devices.landing_path.

    The folder must exist, and may be empty. A ValueError says that the key is missing.

    Out: as `sensor_events` from files.
    """
    return read_lines(spark, _required(spark, "sensors.devices.landing_path"))


def _required(spark: SparkSession, key: str) -> str:
    value = spark.conf.get(key, "")
    if not value:
        message = f"{key} is not set\n\nHint: add it to `configuration` in the pipeline's settings."
        raise ValueError(message)
    return value
