"""What the rules, settings and source choice of the sensor pipeline promise, without Spark."""

import ast
import json
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from expectations.devices import DEVICE_CHANGE_RULES
from expectations.sensors import AGGREGATE_RULES, READING_RULES
from livetables.collect import sql_files
from livetables.collect.registry import Registry
from livetables.settings import load_settings
from sources.sensors import device_changes, sensor_events

ROOT = Path(__file__).parents[2]
FILES = [*ROOT.glob("sources/*.py"), *ROOT.glob("pipelines/sensors/*.py")]


def literals(path):
    """Every string literal of a Python file."""
    return [n.value for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Constant)]


def configuration():
    """The `configuration` of pipeline_settings.json."""
    return json.loads((ROOT / "pipeline_settings.json").read_text())["configuration"]


@pytest.mark.parametrize(
    ("file", "rules"), [("sensors.py", {**READING_RULES, **AGGREGATE_RULES}), ("devices.py", DEVICE_CHANGE_RULES)]
)
def test_no_rule_is_written_twice_or_empty(file, rules):
    """A dict keeps the last of two equal keys in silence, so the names are counted in the source text."""
    tree = ast.parse((ROOT / "expectations" / file).read_text())
    names = [key.value for node in ast.walk(tree) if isinstance(node, ast.Dict) for key in node.keys]
    assert sorted(names) == sorted(rules)
    assert all(predicate.strip() for predicate in rules.values())


def test_settings_hold_exactly_the_keys_that_the_code_reads():
    """A key read and not set falls to a default that no test sees; a key set and not read does nothing."""
    read = {
        value
        for path in FILES
        for value in literals(path)
        if isinstance(value, str) and re.fullmatch(r"sensors(\.[a-z_]+)+", value)
    }
    assert read == {key for key in configuration() if key.startswith("sensors.")}


def test_sql_has_the_same_rules_in_the_same_order():
    """The pipeline in SQL can't import them."""
    settings = load_settings(ROOT / "pipeline_settings_sql.json")
    registry = Registry(root=ROOT)
    files = [file for file in settings.files if file.suffix == ".sql"]
    sql_files.collect(files, registry, settings.configuration, settings.parameters)
    rules = {
        dataset.name: [(rule.name, rule.predicate) for rule in dataset.expectations]
        for dataset in registry.freeze().datasets
        if dataset.expectations
    }
    assert rules == {
        "valid_sensor_readings": list(READING_RULES.items()),
        "sensor_data_aggregated": list(AGGREGATE_RULES.items()),
        "valid_device_changes": list(DEVICE_CHANGE_RULES.items()),
    }


def test_configuration_values_are_text():
    """Databricks refuses a configuration value that is not a string."""
    assert [value for value in configuration().values() if not isinstance(value, str)] == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"sensors.source": "mqtt"}, r"sensors\.source is 'mqtt'\n\nHint: .* auto_loader, kafka"),
        ({}, r"sensors\.landing_path is not set"),
        ({"sensors.source": "kafka"}, r"sensors\.kafka\.bootstrap_servers is not set"),
    ],
)
def test_a_source_that_cannot_be_chosen_names_its_key(settings, message):
    """A wrong or missing setting stops before Spark is asked for anything."""
    with pytest.raises(ValueError, match=message):
        sensor_events(SimpleNamespace(conf=settings))


def test_devices_without_a_folder_name_their_key():
    """As for the readings."""
    with pytest.raises(ValueError, match=r"sensors\.devices\.landing_path is not set"):
        device_changes(SimpleNamespace(conf={}))
