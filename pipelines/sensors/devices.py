"""The device registry: its changes as they were sent, the devices as they are now, and as they were."""

import dlt
from pyspark.sql import DataFrame

from expectations.devices import DEVICE_CHANGE_RULES
from sources.sensors import device_changes
from transformations.devices import parse_device_changes
from transformations.sensors import SOURCE_POSITION, quarantine

# Devices change seldom: readings must not wait for the merges of a few changes.
SELDOM = {"pipelines.trigger.interval": "30 seconds"}


@dlt.table(
    name="device_changes_bronze",
    comment="Changes of the device registry as they were sent, with the file that they came in; append only.",
    table_properties={"quality": "bronze", **SELDOM},
)
def device_changes_bronze() -> DataFrame:
    """Read the landing folder."""
    return device_changes(spark)


# A view, unlike parsed_sensor_data: changes are few, so that parsing them in each flow costs less than a table.
@dlt.view(name="parsed_device_changes", comment="Every change of bronze, its JSON parsed; what can't be is marked.")
def parsed_device_changes() -> DataFrame:
    """Parse bronze."""
    return parse_device_changes(dlt.read_stream("device_changes_bronze"))


@dlt.view(name="valid_device_changes", comment="Parsed changes that keep every rule.")
@dlt.expect_all_or_drop(DEVICE_CHANGE_RULES)
def valid_device_changes() -> DataFrame:
    """Keep the parsed columns: the rules are checked on this view's output."""
    return dlt.read_stream("parsed_device_changes")


@dlt.table(
    name="device_changes_quarantine",
    comment="Changes that do not parse or break a rule, with the rules' names and the position in the source.",
    table_properties={"quality": "silver", **SELDOM},
)
def device_changes_quarantine() -> DataFrame:
    """Keep what valid_device_changes rejects, by the same rules."""
    return quarantine(dlt.read_stream("parsed_device_changes"), DEVICE_CHANGE_RULES)


# By sequence, not by arrival: changes come late and twice.
CHANGES = {
    "source": "valid_device_changes",
    "keys": ["device_id"],
    "sequence_by": "sequence",
    "apply_as_deletes": "operation = 'DELETE'",
    # What leads back to the raw change stays out too: it would make versions that differ in nothing else.
    "except_column_list": [
        "operation",
        "sequence",
        "malformed_value",
        "value",
        "source",
        *SOURCE_POSITION,
        "source_time",
        "ingest_time",
    ],
}

dlt.create_streaming_table(
    name="devices",
    comment="Devices that are registered now: device_id, site, model, installed_at.",
    table_properties={"quality": "silver", **SELDOM},
)
dlt.create_auto_cdc_flow(target="devices", stored_as_scd_type=1, **CHANGES)

dlt.create_streaming_table(
    name="devices_history",
    comment="Each device's site and model over time, from sequence __START_AT up to __END_AT (NULL: still so).",
    table_properties={"quality": "silver", **SELDOM},
)
dlt.create_auto_cdc_flow(target="devices_history", stored_as_scd_type=2, **CHANGES)
