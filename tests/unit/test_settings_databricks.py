"""The Databricks settings JSON: the effect of each key here, warnings, and the forms that it is shared in."""

import json

import pytest

from livetables.cli.options import PipelineOptions
from livetables.errors import Diagnostic, SettingsError, SourceLocation
from livetables.model import Namespace
from livetables.settings import load_settings

FILE = "pipeline_settings.json"


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Return a function that writes a settings file, as text or from a mapping, and loads it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.py").touch()

    def load(document):
        if isinstance(document, dict):
            document = json.dumps({"libraries": [{"file": {"path": "a.py"}}]} | document)
        (tmp_path / FILE).write_text(document)
        return load_settings()

    return load


def diagnostic_of(load, document):
    """Return the problem of settings that must be refused."""
    with pytest.raises(SettingsError) as caught:
        load(document)
    return caught.value.diagnostic


@pytest.mark.parametrize(
    "document",
    [
        {"id": "1", "edition": "core", "channel": "PREVIEW", "photon": True, "serverless": True, "development": True},
        {"tags": {"team": "x"}, "budget_policy_id": "1", "usage_policy_id": "1", "serverless_compute_id": "1"},
        {"deployment": {"kind": "BUNDLE", "metadata_file_path": "/x"}, "parent_path": "/x", "dry_run": False},
        {"allow_duplicate_names": True, "pipeline_type": "WORKSPACE", "data_sampling": False},
        {"permissions": [{"level": "CAN_VIEW", "group_name": "all"}], "lifecycle": {"prevent_destroy": True}},
        {"clusters": [{"num_workers": 1, "node_type_id": "m5.large", "aws_attributes": {"zone_id": "auto"}}]},
        {"clusters": [{"label": "maintenance", "init_scripts": [{"x": 1}], "spark_env_vars": {"A": "1"}}]},
        {"trigger": {"manual": {}}, "environment": {"environment_version": "3"}, "notifications": [], "filters": {}},
    ],
)
def test_what_concerns_the_platforms_machines_is_accepted_in_silence(load, document):
    """Keys about provisioning and administration give no warning."""
    assert load(document).warnings == ()


@pytest.mark.parametrize(
    ("document", "key", "instead"),
    [
        ({"notifications": [{"alerts": ["on-update-failure"]}]}, "notifications", "livetables events"),
        ({"restart_window": {"start_hour": 3}}, "restart_window", "runs until it is stopped"),
        ({"event_log": {"catalog": "main", "schema": "ops", "name": "log"}}, "event_log", "livetables events"),
        ({"filters": {"include": ["x"]}}, "filters", "every source file is loaded"),
        ({"trigger": {"cron": {"quartz_cron_schedule": "0 0 * * * ?"}}}, "trigger", "starts when you start it"),
        ({"run_as": {"user_name": "me"}}, "run_as", "as the user who starts it"),
        (
            {"environment": {"dependencies": ["pandas<3", "--editable ."]}},
            "environment.dependencies",
            "install beside livetables what it names (pandas<3, --editable .)",
        ),
        ({"libraries": [{"file": {"path": "a.py"}}, {"whl": "x.whl"}]}, "libraries.1.whl", "install x.whl beside"),
        ({"libraries": [{"jar": "x.jar"}, {"file": {"path": "a.py"}}]}, "libraries.0.jar", "'spark.jars'"),
        (
            {"libraries": [{"maven": {"coordinates": "a:b:1"}}, {"file": {"path": "a.py"}}]},
            "libraries.0.maven",
            "'spark.jars.packages'",
        ),
        ({"clusters": [{"init_scripts": [{"workspace": {}}]}]}, "clusters.0.init_scripts", "run by hand"),
        ({"clusters": [{"label": "updates", "spark_env_vars": {"A": "1"}}]}, "clusters.0.spark_env_vars", "set the"),
    ],
)
def test_a_key_without_effect_that_a_user_would_miss_gives_a_warning(load, document, key, instead):
    """With the file, the key and what happens instead."""
    (warning,) = load(document).warnings
    assert (warning.code, warning.location) == ("SETTING_WITHOUT_EFFECT", SourceLocation(FILE))
    assert warning.message.startswith(f"'{key}' has no effect here: ")
    assert instead in warning.message


@pytest.mark.shows("`:name` is a value of `parameters`")
def test_parameters_are_what_sql_files_name_with_a_colon(load):
    """The settings give each its value, and there is no warning, as they have their effect here."""
    settings = load({"parameters": {"day": "2026-01-01"}})
    assert (settings.parameters, settings.warnings) == ({"day": "2026-01-01"}, ())


@pytest.mark.shows("`:name` is a value of `parameters`")
def test_a_parameter_of_the_command_line_wins(load):
    """Over that of the settings with the same name; the others stay."""
    load({"parameters": {"day": "2026-01-01", "region": "eu"}})
    settings = PipelineOptions(parameter=["day=2026-02-01", "limit=a=b"]).load()
    assert settings.parameters == {"day": "2026-02-01", "region": "eu", "limit": "a=b"}


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"catalog": "main", "storage": "/x"}, "Databricks refuses 'storage' beside 'catalog'; here both are read."),
        (
            {"libraries": [{"glob": {"include": "a.py"}}, {"notebook": {"path": "a"}}]},
            "Databricks refuses 'glob' beside 'file' or 'notebook' in 'libraries'; here all are read.",
        ),
    ],
)
def test_what_only_the_platform_refuses_gives_a_warning(load, document, says):
    """It runs here, and would not be deployed."""
    assert load(document).warnings == (Diagnostic("SETTINGS_CONFLICT", says, SourceLocation(FILE)),)


def test_a_pipeline_shows_the_warnings_of_its_settings(load):
    """`check` prints a pipeline's warnings, and `run` puts them into the event log."""
    from livetables.pipeline import Pipeline

    settings = load({"run_as": {"user_name": "me"}})
    assert Pipeline(settings).warnings == settings.warnings


@pytest.mark.parametrize("key", ["ingestion_definition", "gateway_definition"])
def test_a_managed_ingestion_pipeline_is_refused(load, key):
    """It has no source files, so there is nothing to run."""
    diagnostic = diagnostic_of(load, {key: {"connection_name": "x"}, "libraries": []})
    assert (diagnostic.code, diagnostic.location) == ("NOT_SUPPORTED", SourceLocation(FILE))
    assert diagnostic.message.startswith(f"'{key}' makes this a managed ingestion pipeline")
    assert diagnostic.hint.startswith("Run the pipelines that read its tables")


def test_the_schema_has_one_name(load):
    """The platform refuses both names at once too."""
    diagnostic = diagnostic_of(load, {"schema": "a", "target": "b"})
    hint = "Keep 'schema': 'target' is its old name."
    assert diagnostic == Diagnostic(
        "SETTINGS_CONFLICT", "'schema' and 'target' both name the schema.", SourceLocation(FILE), hint
    )


@pytest.mark.parametrize("edition", ["CORE", "pro", "Advanced"])
def test_editions_are_written_in_any_letter_case(load, edition):
    """All of them can do here what the largest one can."""
    assert load({"edition": edition}).warnings == ()


@pytest.mark.parametrize(
    ("document", "says", "hint"),
    [
        ({"edition": "ADVANCE"}, "it must be 'CORE', 'PRO' or 'ADVANCED'", "Did you mean 'ADVANCED'?"),
        ({"edition": "XXL"}, "'edition' is \"XXL\"", "Take one of CORE, PRO, ADVANCED."),
        (
            {"clusters": [{"label": "update"}]},
            "'clusters.0.label' is \"update\": it must be 'default', 'updates' or 'maintenance'",
            "Did you mean 'updates'?",
        ),
        ({"clusters": [{"spark_conf": {"a": []}}]}, "'clusters.0.spark_conf.a", None),
        ({"libraries": [{"file": {"path": "a.py"}, "whl": "x"}]}, "it must have exactly one of the keys", None),
        ({"libraries": [{}]}, "it must have exactly one of the keys notebook, file, glob, jar, whl, maven", None),
        ({"tags": {"a": 1}}, "'tags.a' is 1: it must be a valid string", 'Write it in quotes: "a": "1".'),
        ({"configuration": {"a": 1.5}}, "'configuration.a' is 1.5", 'Write it in quotes: "a": "1.5".'),
        ({"configuration": {"a": None}}, "'configuration.a' is null", None),
    ],
)
def test_a_wrong_value_is_named_with_a_hint(load, document, says, hint):
    """Letter case of what must be written stays as it is."""
    diagnostic = diagnostic_of(load, document)
    assert (diagnostic.code, diagnostic.location, diagnostic.hint) == ("WRONG_VALUE", SourceLocation(FILE), hint)
    assert says in diagnostic.message


def test_the_cluster_that_runs_updates_wins(load):
    """As on the platform, at any position; a boolean is written as Spark reads it."""
    updates, default = {"label": "updates", "spark_conf": {"a": "updates", "c": True}}, {"spark_conf": {"a": "x"}}
    assert load({"clusters": [updates, default]}).configuration == {"a": "updates", "c": "true"}


def test_imports_start_at_a_root_path_that_is_a_folder_here(load, tmp_path):
    """The rest of the project stays where it is: storage and mapped paths start at the settings file."""
    (tmp_path / "src").mkdir()
    (tmp_path / "livetables.yml").write_text("path_map: {/Volumes: volumes, /mnt: s3://x}")
    settings = load({"root_path": "src"})
    assert (settings.root, settings.storage) == (tmp_path / "src", tmp_path / ".livetables" / "pipeline")
    assert settings.path_map == {"/Volumes": str(tmp_path / "volumes"), "/mnt": "s3://x"}


COMMENTED = """\
-- Databricks notebook source
-- A pipeline setting definition.
{
    "name": "cdc",
    "storage": "/tmp/dlt_cdc",  --CHANGE ME
    # another kind
    "libraries": [{"file": {"path": "a.py"}}], // and another
    "configuration": {"url": "https://x/#y", "quote": "\\"--"}
}
-- COMMAND ----------
"""


def test_settings_in_a_notebook_are_read(load):
    """People share them like this; text in a value that looks like a comment is none."""
    settings = load(COMMENTED)
    assert settings.name == "cdc"
    assert settings.configuration == {"url": "https://x/#y", "quote": '"--'}


def test_an_error_in_a_notebook_names_its_own_line(load):
    """Comments do not shift the count."""
    diagnostic = diagnostic_of(load, COMMENTED.replace("],", "]"))
    assert (diagnostic.code, diagnostic.location) == ("SETTINGS_NOT_JSON", SourceLocation(FILE, 8))


def test_a_byte_order_mark_is_no_error(load):
    """Some editors write one."""
    assert load('\ufeff{"name": "x", "libraries": [{"file": {"path": "a.py"}}]}').name == "x"


@pytest.mark.parametrize(
    "around",
    [
        lambda spec: {"pipeline_id": "1", "spec": spec, "state": "IDLE", "name": "outer", "latest_updates": []},
        lambda spec: {"settings": spec, "whatever": 1},
    ],
)
def test_settings_are_taken_out_of_what_the_platform_prints(load, around):
    """`databricks pipelines get` prints more than the settings."""
    spec = {"id": "1", "name": "inner", "catalog": "main", "libraries": [{"file": {"path": "a.py"}}]}
    settings = load(json.dumps(around(spec)))
    assert (settings.name, settings.namespace, settings.document) == ("inner", Namespace("main", "default"), spec)


def test_the_settings_inside_are_checked_all_the_same(load):
    """Only the keys around them are ignored."""
    diagnostic = diagnostic_of(load, json.dumps({"spec": {"nmae": "x"}, "state": "IDLE"}))
    assert (diagnostic.code, diagnostic.hint) == ("UNKNOWN_KEY", "Did you mean 'name'?")


def test_a_hash_names_a_pipeline_of_a_bundle_only(load, tmp_path):
    """A JSON file holds one pipeline."""
    load({})
    with pytest.raises(SettingsError) as caught:
        load_settings(tmp_path / f"{FILE}#x")
    assert caught.value.diagnostic == Diagnostic(
        "WRONG_OPTION",
        "The file holds one pipeline, and '#x' names one of several.",
        SourceLocation(FILE),
        f"Write --settings {FILE}.",
    )
