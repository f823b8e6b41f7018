"""The sensor transformations against tables of rows. Only Spark can show what its parser and casts accept."""

import json
import os

import pytest
from chispa import assert_df_equality
from pyspark.sql import functions as F  # noqa: N812 (the name all Spark code uses)

from expectations.sensors import AGGREGATE_RULES, READING_RULES
from livetables.spark.confs import confs
from transformations.sensors import (
    aggregate_by_minute,
    conform_readings,
    deduplicate,
    parse_readings,
    quarantine,
    status_by_hour,
    with_temperature_status,
)

pytestmark = pytest.mark.spark

SENT = "2026-11-21T06:00:00.000002Z"
SOURCE_TIME = "2026-11-21T06:00:07Z"
UNPARSED = (None, None, None, SOURCE_TIME, None, True)
NO_FIELD = ["has_device_id", "temperature_in_range", "humidity_in_range"]
ALL_BUT_TIME = ["well_formed", *NO_FIELD]


def reading(**changes):
    """JSON of a good reading with some fields changed; a field set to ... is left out."""
    fields = {"device_id": "d", "temperature": 21.5, "humidity": 50, "event_time": SENT, **changes}
    return json.dumps({name: value for name, value in fields.items() if value is not ...})


def parsed(**changes):
    """What `reading` parses to: device_id, temperature, humidity, event_time, event_time_text, malformed."""
    row = {"device_id": "d", "temperature": 21.5, "humidity": 50.0, "event_time": SENT, "text": SENT}
    return tuple({**row, "malformed": False, **changes}.values())


def timed(instant, text):
    """`parsed` with an event_time other than the text that was sent."""
    return parsed(event_time=instant, text=text)


# value sent -> what it parses to, the rules it breaks
CASES = [
    (reading(), parsed(), []),
    (reading(extra={"a": [{}]}, malformed_value="x"), parsed(), []),
    (reading() + " \r\n", parsed(), []),
    (reading(device_id=42), parsed(device_id="42"), []),
    # event_time: offsets, no offset, finer than a microsecond; missing falls back, unparsable does not
    (reading(event_time="2026-11-21 08:00:00+02:00"), timed("2026-11-21T06:00:00Z", "2026-11-21 08:00:00+02:00"), []),
    (reading(event_time="2026-11-21T06:00:00"), timed("2026-11-21T06:00:00Z", "2026-11-21T06:00:00"), []),
    (
        reading(event_time="2026-11-21T06:00:00.1234567-05:30"),
        timed("2026-11-21T11:30:00.123456Z", "2026-11-21T06:00:00.1234567-05:30"),
        [],
    ),
    (reading(event_time=...), timed(SOURCE_TIME, None), []),
    (reading(event_time=None), timed(SOURCE_TIME, None), []),
    *(
        (reading(event_time=sent), timed(None, str(sent)), ["has_event_time"])
        for sent in ("yesterday", "", "12:00", "2026-11-21", "2026-13-21T06:00:00Z", 1795240800)
    ),
    # a day ahead of the ingest time is a clock that is a little wrong; more is refused
    (reading(event_time="2026-11-22T06:00:09Z"), timed("2026-11-22T06:00:09Z", "2026-11-22T06:00:09Z"), []),
    *(
        (reading(event_time=sent), timed(sent, sent), ["not_from_future"])
        for sent in ("2026-11-22T06:00:10Z", "9999-12-31T23:59:59Z")
    ),
    # fields that are missing, of the wrong type, or out of range
    (reading(device_id=...), parsed(device_id=None), ["has_device_id"]),
    (reading(device_id=" "), parsed(device_id=" "), ["has_device_id"]),
    (reading(temperature=...), parsed(temperature=None), ["temperature_in_range"]),
    *(
        (reading(temperature=t), parsed(temperature=None, malformed=True), ["well_formed", "temperature_in_range"])
        for t in ("hot", "21.5", True)
    ),
    (reading(temperature=60, humidity=0), parsed(temperature=60.0, humidity=0.0), []),
    (reading(temperature=60.1), parsed(temperature=60.1), ["temperature_in_range"]),
    (reading(humidity=-0.1), parsed(humidity=-0.1), ["humidity_in_range"]),
    (
        reading(device_id=None, temperature=None, humidity=None),
        parsed(device_id=None, temperature=None, humidity=None),
        NO_FIELD,
    ),
    ("{}", (None, None, None, SOURCE_TIME, None, False), NO_FIELD),
    # not exactly one JSON object
    (reading() + " more", parsed(malformed=True), ["well_formed"]),
    (reading() + reading(device_id="lost"), parsed(malformed=True), ["well_formed"]),
    *(
        (value, UNPARSED, ALL_BUT_TIME)
        for value in (
            reading()[:60],
            reading(temperature=float("nan")),
            reading().replace('"', "'"),
            f"[{reading()}]",
            "not JSON",
            "",
            " ",
            "17",
            "null",
        )
    ),
    (None, (None, None, None, SOURCE_TIME, None, False), ALL_BUT_TIME),
]


@pytest.fixture
def bronze(spark):
    """The values of CASES as bronze rows; source_offset is the position in CASES."""
    rows = [(value, offset) for offset, (value, _, _) in enumerate(CASES)]
    return spark.createDataFrame(rows, "value STRING, source_offset BIGINT").selectExpr(
        "value",
        "CAST(NULL AS STRING) AS key",
        "'kafka' AS source",
        "'sensor_data' AS source_name",
        "3 AS source_partition",
        "source_offset",
        f"TIMESTAMP '{SOURCE_TIME}' AS source_time",
        "TIMESTAMP '2026-11-21T06:00:09Z' AS ingest_time",
    )


@pytest.fixture
def in_india(spark):
    """A session zone whose hours are not UTC's, and casts that fail aloud: no result may depend on them."""
    with confs(spark, {"spark.sql.session.timeZone": "Asia/Kolkata", "spark.sql.ansi.enabled": "true"}):
        yield


@pytest.mark.usefixtures("in_india")
def test_every_value_parses_to_typed_fields_or_is_marked(spark, bronze):
    """Each form of value, good and corrupt, gives these fields, in ANSI mode and in any session zone."""
    actual = parse_readings(bronze).select(
        "source_offset", "device_id", "temperature", "humidity", "event_time", "event_time_text", "malformed_value"
    )
    expected = spark.createDataFrame(
        [(offset, *fields[:5], value if fields[5] else None) for offset, (value, fields, _) in enumerate(CASES)],
        "source_offset BIGINT, device_id STRING, temperature DOUBLE, humidity DOUBLE, event_time STRING,"
        " event_time_text STRING, malformed_value STRING",
    ).withColumn("event_time", F.col("event_time").cast("timestamp"))
    assert_df_equality(expected, actual, ignore_nullable=True, ignore_row_order=True)


def test_quarantine_keeps_each_row_that_breaks_a_rule_with_the_names(spark, bronze):
    """Rows of CASES with broken rules, and no others, in the rules' order; NULL counts as broken."""
    actual = quarantine(parse_readings(bronze), READING_RULES).select("source_offset", "value", "broken_rules")
    expected = spark.createDataFrame(
        [(offset, value, broken) for offset, (value, _, broken) in enumerate(CASES) if broken],
        "source_offset BIGINT, value STRING, broken_rules ARRAY<STRING>",
    )
    assert_df_equality(expected, actual, ignore_nullable=True, ignore_row_order=True)


def test_columns_and_one_parse_per_value(bronze):
    """Tables have exactly the documented columns, and a filter does not make Spark parse a value again."""
    readings = parse_readings(bronze)
    position = "source_name STRING, source_partition INT, source_offset BIGINT"
    fields = "device_id STRING, temperature DOUBLE, humidity DOUBLE, event_time TIMESTAMP"
    assert columns(readings) == (
        f"{fields}, event_time_text STRING, malformed_value STRING, value STRING, source STRING, {position},"
        " source_time TIMESTAMP, ingest_time TIMESTAMP"
    )
    assert columns(conform_readings(readings)) == f"{fields}, ingest_time TIMESTAMP, {position}"
    assert columns(quarantine(readings, READING_RULES)) == (
        f"value STRING, broken_rules ARRAY<STRING>, source STRING, {position},"
        " source_time TIMESTAMP, ingest_time TIMESTAMP"
    )
    plan = quarantine(readings, READING_RULES)._jdf.queryExecution().executedPlan().toString()
    assert plan.count("from_json(") == 1


def columns(frame):
    """Column names and types as one DDL line."""
    return ", ".join(f"{name} {kind.upper()}" for name, kind in frame.dtypes)


def test_minutes_are_summarised_and_high_starts_above_the_threshold(spark):
    """A window holds its start and not its end; exactly the threshold is Normal; the aggregate rules hold."""
    readings = spark.createDataFrame(
        [
            ("a", 29.0, 40.0, "2026-11-21T06:00:00Z"),
            ("a", 31.0, 60.0, "2026-11-21T06:00:59.999999Z"),
            ("a", 30.5, 50.0, "2026-11-21T06:01:00Z"),
            ("b", 0.1, 10.0, "2026-11-21T06:00:30Z"),
            ("b", 0.2, 10.0, "2026-11-21T06:00:31Z"),
        ],
        "device_id STRING, temperature DOUBLE, humidity DOUBLE, event_time STRING",
    ).withColumn("event_time", F.col("event_time").cast("timestamp"))
    actual = with_temperature_status(aggregate_by_minute(readings, "10 minutes"), 30.0)
    expected = spark.createDataFrame(
        [
            ("a", "2026-11-21T06:00:00Z", 30.0, 29.0, 31.0, 50.0, 40.0, 60.0, 2, "Normal"),
            ("a", "2026-11-21T06:01:00Z", 30.5, 30.5, 30.5, 50.0, 50.0, 50.0, 1, "High"),
            ("b", "2026-11-21T06:00:00Z", 0.15, 0.1, 0.2, 10.0, 10.0, 10.0, 2, "Normal"),
        ],
        "device_id STRING, minute STRING, avg_temperature DOUBLE, min_temperature DOUBLE,"
        " max_temperature DOUBLE, avg_humidity DOUBLE, min_humidity DOUBLE, max_humidity DOUBLE,"
        " reading_count BIGINT, temperature_status STRING",
    ).withColumn("minute", F.col("minute").cast("timestamp"))
    kept = actual.where(" AND ".join(f"({rule})" for rule in AGGREGATE_RULES.values()))
    assert_df_equality(
        expected,
        kept.withColumn("avg_temperature", F.round("avg_temperature", 9)),
        ignore_nullable=True,
        ignore_row_order=True,
    )


@pytest.mark.usefixtures("in_india")
def test_hours_are_utc_hours_and_devices_are_counted_once(spark):
    """Minutes on both sides of a half hour share an hour, although India's hours turn there."""
    enriched = spark.createDataFrame(
        [
            ("a", "2026-11-21T06:29:00Z", 31.0, "High"),
            ("a", "2026-11-21T06:31:00Z", 33.0, "High"),
            ("b", "2026-11-21T06:59:00Z", 35.0, "High"),
            ("a", "2026-11-21T06:32:00Z", 20.0, "Normal"),
            ("a", "2026-11-21T07:00:00Z", 21.0, "Normal"),
        ],
        "device_id STRING, minute STRING, avg_temperature DOUBLE, temperature_status STRING",
    ).withColumn("minute", F.col("minute").cast("timestamp"))
    expected = spark.createDataFrame(
        [
            ("2026-11-21T06:00:00Z", "High", 3, 2, 33.0),
            ("2026-11-21T06:00:00Z", "Normal", 1, 1, 20.0),
            ("2026-11-21T07:00:00Z", "Normal", 1, 1, 21.0),
        ],
        "hour STRING, temperature_status STRING, device_minutes BIGINT, devices BIGINT, avg_temperature DOUBLE",
    ).withColumn("hour", F.col("hour").cast("timestamp"))
    assert_df_equality(expected, status_by_hour(enriched), ignore_nullable=True, ignore_row_order=True)


def test_a_stream_drops_duplicates_and_rows_behind_the_watermark(spark, tmp_path):
    """One file is one micro-batch: a copy in a later one is dropped, and so is a row too late."""
    batches = [
        [("a", "06:00"), ("a", "06:00"), ("a", "07:00")],
        [("a", "07:00"), ("b", "07:00")],
        [("a", "06:00"), ("late", "06:49"), ("in time", "06:51")],  # the watermark is 06:50 by now
    ]
    for number, batch in enumerate(batches):
        file = tmp_path / f"{number}.json"
        rows = ({"device_id": d, "event_time": f"2026-11-21T{t}:00Z"} for d, t in batch)
        file.write_text("\n".join(map(json.dumps, rows)))
        os.utime(file, (number, number))  # files are read in this order
    readings = (
        spark.readStream.schema("device_id STRING, event_time TIMESTAMP")
        .option("maxFilesPerTrigger", 1)
        .json(str(tmp_path))
    )
    query = (
        deduplicate(readings, "10 minutes")
        .writeStream.format("memory")
        .queryName("deduplicated_readings")
        .trigger(availableNow=True)
        .start()
    )
    query.awaitTermination()
    actual = spark.table("deduplicated_readings").select("device_id", F.date_format("event_time", "HH:mm"))
    assert sorted(map(tuple, actual.collect())) == [
        ("a", "06:00"),
        ("a", "07:00"),
        ("b", "07:00"),
        ("in time", "06:51"),
    ]
