"""The device transformations against tables of rows. Only Spark can show what its parser and casts accept."""

import json

import pytest
from chispa import assert_df_equality
from pyspark.sql import functions as F  # noqa: N812 (the name all Spark code uses)

from expectations.devices import DEVICE_CHANGE_RULES
from livetables.spark.confs import confs
from transformations.devices import parse_device_changes, with_device
from transformations.sensors import quarantine

pytestmark = pytest.mark.spark

INSTALLED = "2024-03-05T08:00:00Z"
UNPARSED = (None, None, None, None, None, None, True)
ALL_BUT_FORM = [rule for rule in DEVICE_CHANGE_RULES if rule != "well_formed"]
REMOVAL = {"site": None, "model": None, "installed_at": None, "operation": "DELETE"}


def change(**changes):
    """JSON of a good change with some fields changed; a field set to ... is left out."""
    fields = {
        "device_id": "d",
        "site": "Porto",
        "model": "TH-100",
        "installed_at": INSTALLED,
        "operation": "INSERT",
        "sequence": 7,
        **changes,
    }
    return json.dumps({name: value for name, value in fields.items() if value is not ...})


def parsed(**changes):
    """What `change` parses to: device_id, site, model, installed_at, operation, sequence, malformed."""
    row = {
        "device_id": "d",
        "site": "Porto",
        "model": "TH-100",
        "installed_at": INSTALLED,
        "operation": "INSERT",
        "sequence": 7,
    }
    return tuple({**row, "malformed": False, **changes}.values())


# value sent -> what it parses to, the rules it breaks
CASES = [
    (change(), parsed(), []),
    (change(operation="UPDATE", extra=[{}]) + " \r\n", parsed(operation="UPDATE"), []),
    (change(device_id=42, site=1), parsed(device_id="42", site="1"), []),
    # a removal names its device; the rest may be missing, unparsable or told again
    (change(operation="DELETE"), parsed(operation="DELETE"), []),
    (change(**REMOVAL), parsed(**REMOVAL), []),
    (change(site=..., model=..., installed_at="long ago", operation="DELETE"), parsed(**REMOVAL), []),
    # installed_at: offsets, no offset; missing or unparsable breaks a rule
    *(
        (change(installed_at=sent), parsed(), [])
        for sent in ("2024-03-05 10:00:00+02:00", "2024-03-05T08:00:00", "2024-03-05T08:00:00.000Z")
    ),
    *(
        (change(installed_at=sent), parsed(installed_at=None), ["has_installed_at"])
        for sent in (..., None, "yesterday", "", "12:00", "2024-03-05", "2024-13-05T08:00:00Z", 1709625600)
    ),
    # fields that are missing, empty, unknown or of the wrong type
    (change(device_id=...), parsed(device_id=None), ["has_device_id"]),
    (change(device_id=" "), parsed(device_id=" "), ["has_device_id"]),
    (change(site=None), parsed(site=None), ["has_site"]),
    (change(site=" ", operation="UPDATE"), parsed(site=" ", operation="UPDATE"), ["has_site"]),
    (change(model=...), parsed(model=None), ["has_model"]),
    (change(operation=...), parsed(operation=None), ["known_operation"]),
    *((change(operation=sent), parsed(operation=sent), ["known_operation"]) for sent in ("insert", "UPSERT", "")),
    (change(sequence=...), parsed(sequence=None), ["has_sequence"]),
    *(
        (change(sequence=sent), parsed(sequence=None, malformed=True), ["well_formed", "has_sequence"])
        for sent in ("7", 7.5, True)
    ),
    (change(sequence=-1), parsed(sequence=-1), []),
    ("{}", (*UNPARSED[:6], False), ALL_BUT_FORM),
    # not exactly one JSON object
    (change() + " more", parsed(malformed=True), ["well_formed"]),
    (change() + change(device_id="lost"), parsed(malformed=True), ["well_formed"]),
    *(
        (value, UNPARSED, list(DEVICE_CHANGE_RULES))
        for value in (change()[:20], f"[{change()}]", "not JSON", "", " ", "17", "null")
    ),
    (None, (*UNPARSED[:6], False), list(DEVICE_CHANGE_RULES)),
]


@pytest.fixture
def bronze(spark):
    """The values of CASES as bronze rows; source_offset is the position in CASES."""
    rows = [(value, offset) for offset, (value, _, _) in enumerate(CASES)]
    return spark.createDataFrame(rows, "value STRING, source_offset BIGINT").selectExpr(
        "value",
        "CAST(NULL AS STRING) AS key",
        "'auto_loader' AS source",
        "'/devices/1.json' AS source_name",
        "CAST(NULL AS INT) AS source_partition",
        "source_offset",
        "TIMESTAMP '2026-11-21T06:00:07Z' AS source_time",
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
    actual = parse_device_changes(bronze).select(
        "source_offset", "device_id", "site", "model", "installed_at", "operation", "sequence", "malformed_value"
    )
    expected = spark.createDataFrame(
        [(offset, *fields[:6], value if fields[6] else None) for offset, (value, fields, _) in enumerate(CASES)],
        "source_offset BIGINT, device_id STRING, site STRING, model STRING, installed_at STRING, operation STRING,"
        " sequence BIGINT, malformed_value STRING",
    ).withColumn("installed_at", F.col("installed_at").cast("timestamp"))
    assert_df_equality(expected, actual, ignore_nullable=True, ignore_row_order=True)


def test_what_breaks_a_rule_is_kept_with_the_names_and_the_rest_passes(spark, bronze):
    """Rows of CASES with broken rules, in the rules' order; the rules pass exactly the others."""
    changes = parse_device_changes(bronze)
    actual = quarantine(changes, DEVICE_CHANGE_RULES).select("source_offset", "value", "broken_rules")
    expected = spark.createDataFrame(
        [(offset, value, broken) for offset, (value, _, broken) in enumerate(CASES) if broken],
        "source_offset BIGINT, value STRING, broken_rules ARRAY<STRING>",
    )
    assert_df_equality(expected, actual, ignore_nullable=True, ignore_row_order=True)
    valid = changes.where(" AND ".join(f"({rule})" for rule in DEVICE_CHANGE_RULES.values()))
    passed = [offset for offset, (_, _, broken) in enumerate(CASES) if not broken]
    assert passed == sorted(row.source_offset for row in valid.collect())


def test_the_columns_are_the_documented_ones(bronze):
    """Names, types and order; AUTO CDC leaves out all but the device's own by their names."""
    actual = ", ".join(f"{name} {kind.upper()}" for name, kind in parse_device_changes(bronze).dtypes)
    assert actual == (
        "device_id STRING, site STRING, model STRING, installed_at TIMESTAMP, operation STRING, sequence BIGINT,"
        " malformed_value STRING, value STRING, source STRING, source_name STRING, source_partition INT,"
        " source_offset BIGINT, source_time TIMESTAMP, ingest_time TIMESTAMP"
    )


def test_each_row_gets_its_device_and_none_is_lost_or_repeated(spark):
    """Rows of one device share its site and model; unknown devices and those without an id get NULL."""
    aggregates = spark.createDataFrame(
        [(1, "a", 21.0), (2, "a", 22.0), (3, "b", 23.0), (4, "unknown", 24.0), (5, None, 25.0)],
        "reading_count BIGINT, device_id STRING, avg_temperature DOUBLE",
    )
    devices = spark.createDataFrame(
        [("a", "Porto", "TH-100", 1), ("b", "Bergen", None, 2), ("silent", "Lisbon", "TH-200", 3)],
        "device_id STRING, site STRING, model STRING, installed_at INT",
    )
    expected = spark.createDataFrame(
        [
            (1, "a", 21.0, "Porto", "TH-100"),
            (2, "a", 22.0, "Porto", "TH-100"),
            (3, "b", 23.0, "Bergen", None),
            (4, "unknown", 24.0, None, None),
            (5, None, 25.0, None, None),
        ],
        "reading_count BIGINT, device_id STRING, avg_temperature DOUBLE, site STRING, model STRING",
    )
    actual = with_device(aggregates, devices)
    assert_df_equality(expected, actual, ignore_nullable=True, ignore_row_order=True)


def test_without_devices_the_rows_stay(spark):
    """An empty registry: the same rows, with NULL."""
    aggregates = spark.createDataFrame([("a", 1)], "device_id STRING, reading_count BIGINT")
    devices = spark.createDataFrame([], "device_id STRING, site STRING, model STRING")
    expected = spark.createDataFrame(
        [("a", 1, None, None)], "device_id STRING, reading_count BIGINT, site STRING, model STRING"
    )
    assert_df_equality(expected, with_device(aggregates, devices), ignore_nullable=True)
