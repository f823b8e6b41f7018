"""The sensor pipeline's transformations, from raw JSON to status by hour.

Temperatures are in degrees Celsius, humidity in % relative humidity, times are instants; text without an
offset is read as UTC, whatever the session time zone.
"""

from functools import reduce
from operator import and_

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F  # noqa: N812 (the name all Spark code uses)

# event_time stays text: as a TIMESTAMP field, a missing and an unparsable one could not be told apart
# (and "12:00" would pass as today's noon). It is also the cheaper way: 2.8 us a row against 3.1.
READING_SCHEMA = """
    device_id STRING, temperature DOUBLE, humidity DOUBLE, event_time STRING, malformed_value STRING
"""
JSON_OPTIONS = {
    "mode": "PERMISSIVE",
    "columnNameOfCorruptRecord": "malformed_value",
    # Spark's defaults accept {'a': 1} and NaN, which are not JSON.
    "allowSingleQuotes": "false",
    "allowNonNumericNumbers": "false",
}
RFC3339_LOCAL = r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(\.\d+)?"
RFC3339 = RFC3339_LOCAL + r"(Z|[+-]\d{2}:\d{2})$"
SOURCE_POSITION = ("source_name", "source_partition", "source_offset")


def parse_readings(bronze: DataFrame) -> DataFrame:
    """Parse each raw value once, as a JSON object, into typed fields. Keeps every row and never throws.

    In: value STRING, source STRING, source_name STRING, source_partition INT, source_offset BIGINT,
    source_time TIMESTAMP, ingest_time TIMESTAMP; other columns are ignored.

    Out: device_id STRING, temperature DOUBLE (deg C), humidity DOUBLE (% rel.), event_time TIMESTAMP,
    event_time_text STRING (as sent; NULL when missing), malformed_value STRING (the raw value when it is not
    exactly one JSON object or a field has the wrong type, else NULL), and the columns of In.

    event_time is an RFC 3339 date-time; a space may stand for the T, and the offset may be missing (UTC).
    Missing or null, it falls back to source_time (the record's own time, as Kafka has one); present but
    unparsable, it is NULL. A number as device_id is taken as its text. Numbers as text ("21.5") are malformed.
    """
    reading = bronze.withColumn("reading", F.from_json("value", READING_SCHEMA, JSON_OPTIONS))
    text = F.col("reading.event_time")
    # from_json gives NULL for blank text, and reads only the first object of a value, so that the second of
    # two objects in one line would vanish. ("}{" inside a string is a false alarm: quarantined, not lost.)
    value = F.col("value")
    not_one_object = F.when(F.col("reading").isNull() | has_text_after_first_object(value), value)
    return reading.select(
        "reading.device_id",
        "reading.temperature",
        "reading.humidity",
        F.when(text.isNull(), F.col("source_time")).otherwise(instant(text)).alias("event_time"),
        text.alias("event_time_text"),
        F.coalesce("reading.malformed_value", not_one_object).alias("malformed_value"),
        "value",
        "source",
        *SOURCE_POSITION,
        "source_time",
        "ingest_time",
    )


def conform_readings(parsed: DataFrame) -> DataFrame:
    """Keep what silver publishes: the typed reading, and where it came from.

    In: the output of `parse_readings`.
    Out: device_id STRING, temperature DOUBLE (deg C), humidity DOUBLE (% rel.), event_time TIMESTAMP,
    ingest_time TIMESTAMP, source_name STRING, source_partition INT, source_offset BIGINT (they lead back to
    the raw row).
    """
    return parsed.select("device_id", "temperature", "humidity", "event_time", "ingest_time", *SOURCE_POSITION)


def deduplicate(readings: DataFrame, watermark: str) -> DataFrame:
    """Keep one reading per device_id and event_time; which one is not defined.

    In: device_id STRING, event_time TIMESTAMP, any others. Out: the same columns.

    On a stream, state is kept for `watermark` (such as "10 minutes") behind the newest event_time, and rows
    older than that are dropped. In batch the watermark has no effect.
    """
    return readings.withWatermark("event_time", watermark).dropDuplicates(["device_id", "event_time"])


def quarantine(parsed: DataFrame, rules: dict[str, str]) -> DataFrame:
    """Return the rows that break at least one rule, with the names of those rules.

    In: the output of `parse_readings` or `parse_device_changes`; `rules` is name -> SQL predicate over its
    columns. A predicate that is NULL is broken, as for a pipeline expectation.

    Out: value STRING, broken_rules ARRAY<STRING> (in the order of `rules`), source STRING,
    source_name STRING, source_partition INT, source_offset BIGINT, source_time TIMESTAMP,
    ingest_time TIMESTAMP.
    """
    holds = {name: F.coalesce(F.expr(predicate), F.lit(False)) for name, predicate in rules.items()}
    broken = F.array_compact(F.array(*(F.when(~kept, F.lit(name)) for name, kept in holds.items())))
    # Filter on the plain conjunction: the array is then built for rejected rows alone.
    return parsed.where(~reduce(and_, holds.values(), F.lit(True))).select(
        "value", broken.alias("broken_rules"), "source", *SOURCE_POSITION, "source_time", "ingest_time"
    )


def aggregate_by_minute(readings: DataFrame, watermark: str, window: str = "1 minute") -> DataFrame:
    """Summarise each device's readings in tumbling windows.

    In: device_id STRING, temperature DOUBLE (deg C), humidity DOUBLE (% rel.), event_time TIMESTAMP.

    Out: device_id STRING, minute TIMESTAMP (start of the window, aligned to UTC), avg_, min_ and
    max_temperature DOUBLE (deg C), avg_, min_ and max_humidity DOUBLE (% rel.), reading_count BIGINT.

    On a stream a window is emitted once, when event time has passed its end by `watermark`.
    """
    return (
        readings.withWatermark("event_time", watermark)
        .groupBy("device_id", F.window("event_time", window))
        .agg(
            F.avg("temperature").alias("avg_temperature"),
            F.min("temperature").alias("min_temperature"),
            F.max("temperature").alias("max_temperature"),
            F.avg("humidity").alias("avg_humidity"),
            F.min("humidity").alias("min_humidity"),
            F.max("humidity").alias("max_humidity"),
            F.count("*").alias("reading_count"),
        )
        .select(
            "device_id",
            F.col("window.start").alias("minute"),
            "avg_temperature",
            "min_temperature",
            "max_temperature",
            "avg_humidity",
            "min_humidity",
            "max_humidity",
            "reading_count",
        )
    )


def with_temperature_status(aggregates: DataFrame, threshold: float) -> DataFrame:
    """Add temperature_status STRING: 'High' when avg_temperature exceeds `threshold` (deg C), else 'Normal'.

    In: avg_temperature DOUBLE (deg C), any others. Out: the same columns and temperature_status.
    """
    status = F.when(F.col("avg_temperature") > threshold, "High").otherwise("Normal")
    return aggregates.withColumn("temperature_status", status)


def status_by_hour(enriched: DataFrame) -> DataFrame:
    """Count device-minutes and devices by hour and status.

    In: device_id STRING, minute TIMESTAMP, avg_temperature DOUBLE (deg C), temperature_status STRING.

    Out: hour TIMESTAMP (start, aligned to UTC), temperature_status STRING, device_minutes BIGINT (rows of
    `enriched`), devices BIGINT (distinct; one device may count under both statuses), avg_temperature DOUBLE
    (deg C, mean over device-minutes, so that a chatty device weighs no more than another).
    """
    # Not date_trunc: it cuts at the session zone's hours, which are UTC's half hours in India.
    return (
        enriched.groupBy(F.window("minute", "1 hour"), "temperature_status")
        .agg(
            F.count("*").alias("device_minutes"),
            F.count_distinct("device_id").alias("devices"),
            F.avg("avg_temperature").alias("avg_temperature"),
        )
        .select(
            F.col("window.start").alias("hour"), "temperature_status", "device_minutes", "devices", "avg_temperature"
        )
    )


def instant(text: Column) -> Column:
    """Return the TIMESTAMP of an RFC 3339 text, NULL when it is none (also for a time or a date alone)."""
    # The usual form first: a regular expression costs 0.7 us a row. A T there rules out a time or date alone.
    usual = text.endswith("Z") & (F.substring(text, 11, 1) == "T")
    with_offset = F.when(usual | text.rlike(RFC3339), text).when(
        text.rlike(RFC3339_LOCAL + "$"), F.concat(text, F.lit("Z"))
    )
    return F.try_to_timestamp(with_offset)


def has_text_after_first_object(value: Column) -> Column:
    """Return whether a value that starts with a JSON object goes on after it."""
    # endswith is the cheap common case.
    return ~(value.endswith("}") | value.rlike(r"\}\s+$")) | value.contains("}{")
