"""The device registry's transformations: its change feed, and what readings take from it.

Times are instants; text without an offset is read as UTC, whatever the session time zone.
"""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812 (the name all Spark code uses)

from transformations.sensors import JSON_OPTIONS, SOURCE_POSITION, has_text_after_first_object, instant

# installed_at stays text: as a TIMESTAMP field, "12:00" would pass as today's noon.
CHANGE_SCHEMA = """
    device_id STRING, site STRING, model STRING, installed_at STRING, operation STRING, sequence BIGINT,
    malformed_value STRING
"""


def parse_device_changes(bronze: DataFrame) -> DataFrame:
    """Parse each raw value once, as a JSON object, into typed fields. Keeps every row and never throws.

    In: value STRING, source STRING, source_name STRING, source_partition INT, source_offset BIGINT,
    source_time TIMESTAMP, ingest_time TIMESTAMP; other columns are ignored.

    Out: device_id STRING, site STRING, model STRING, installed_at TIMESTAMP, operation STRING (as sent; INSERT,
    UPDATE or DELETE when valid), sequence BIGINT (the order of the changes), malformed_value STRING (the raw value
    when it is not exactly one JSON object or a field has the wrong type, else NULL), and the columns of In.

    installed_at is an RFC 3339 date-time; a space may stand for the T, and the offset may be missing (UTC). Missing
    or unparsable, it is NULL. A number where text belongs is taken as its text; a sequence as text is malformed.
    """
    change = bronze.withColumn("change", F.from_json("value", CHANGE_SCHEMA, JSON_OPTIONS))
    value = F.col("value")
    not_one_object = F.when(F.col("change").isNull() | has_text_after_first_object(value), value)
    return change.select(
        "change.device_id",
        "change.site",
        "change.model",
        instant(F.col("change.installed_at")).alias("installed_at"),
        "change.operation",
        "change.sequence",
        F.coalesce("change.malformed_value", not_one_object).alias("malformed_value"),
        "value",
        "source",
        *SOURCE_POSITION,
        "source_time",
        "ingest_time",
    )


def with_device(aggregates: DataFrame, devices: DataFrame) -> DataFrame:
    """Add site STRING and model STRING of each row's device; NULL for a device that is not registered.

    In: `aggregates` with device_id STRING and any others, also as a stream; `devices` with device_id STRING (once
    each), site STRING, model STRING, not as a stream. Out: the rows and columns of `aggregates`, site and model.

    On a stream, a row gets what is registered when it is processed: a later move does not change it.
    """
    device = F.col("aggregate.device_id") == F.col("device.device_id")
    joined = aggregates.alias("aggregate").join(devices.alias("device"), device, "left")
    return joined.select("aggregate.*", "device.site", "device.model")
