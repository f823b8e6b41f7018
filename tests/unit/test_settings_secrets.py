"""References to secrets in the settings: which values they become, and what is said when there is none."""

import json

import pytest

from livetables.errors import SettingsError, SourceLocation
from livetables.redaction import redacted
from livetables.settings import load_settings
from tests.unit.bundles import bundle
from tests.unit.bundles import load as load_bundle

REFERENCE = "{{secrets/kafka/password}}"
SECRETS = "secrets: secrets.yml\n"


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Return a function that loads settings, with livetables.yml and the secret 'password' of the scope 'kafka'."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.py").touch()
    (tmp_path / "secrets.yml").write_text("kafka: {password: hunter2, user.name@x: of the file}")

    def load(document=None, yml=SECRETS, **options):
        document = {"libraries": [{"file": {"path": "a.py"}}], **(document or {})}
        (tmp_path / "pipeline_settings.json").write_text(json.dumps(document))
        (tmp_path / "livetables.yml").write_text(yml)
        return load_settings(**options)

    return load


def refused(load, *arguments, **options):
    """Return the problem of settings that must be refused."""
    with pytest.raises(SettingsError) as caught:
        load(*arguments, **options)
    return caught.value.diagnostic


@pytest.mark.parametrize(
    ("document", "yml", "overrides"),
    [
        ({"configuration": {"key": REFERENCE}}, SECRETS, {}),
        ({"clusters": [{"spark_conf": {"key": REFERENCE}}]}, SECRETS, {}),
        (
            {"clusters": [{"label": "updates", "spark_conf": {"key": REFERENCE}}, {"spark_conf": {"key": "x"}}]},
            SECRETS,
            {},
        ),
        ({}, SECRETS + "configuration: {key: '" + REFERENCE + "'}", {}),
        ({}, SECRETS, {"key": REFERENCE}),
    ],
    ids=["configuration", "cluster", "updates", "livetables.yml", "--set"],
)
def test_a_reference_becomes_the_secret(load, document, yml, overrides):
    """In each place of the configuration; from then on no text shows it."""
    settings = load(document, yml, overrides=overrides)
    assert settings.configuration == {"key": "hunter2"}
    assert redacted("It is hunter2.") == "It is [REDACTED]."


def test_the_document_of_the_event_log_keeps_the_reference(load):
    """The `create_update` event holds the settings as they were written."""
    settings = load({"configuration": {"key": REFERENCE}, "clusters": [{"spark_conf": {"spark.x": REFERENCE}}]})
    assert (settings.document["configuration"], "hunter2" in str(settings.document)) == ({"key": REFERENCE}, False)


def test_references_are_looked_up_where_dbutils_looks(load, monkeypatch):
    """In the environment first; scopes and keys may have all letters that the platform allows."""
    monkeypatch.setenv("LIVETABLES_SECRET_KAFKA_PASSWORD", "of env")
    document = {"configuration": {"a": REFERENCE, "b": "{{secrets/kafka/user.name@x}}", "c": "{{ secrets/x/y }}"}}
    assert load(document).configuration == {"a": "of env", "b": "of the file", "c": "{{ secrets/x/y }}"}


def test_a_bundle_may_refer_to_secrets(tmp_path, monkeypatch):
    """Beside the references of the bundle itself."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a.py").touch()
    monkeypatch.setenv("LIVETABLES_SECRET_DEV_PASSWORD", "hunter2")
    keys = "configuration: {a: '{{secrets/${bundle.target}/password}}'}"
    assert load_bundle(bundle(keys, "targets: {dev: {}}\n")).configuration == {"a": "hunter2"}


@pytest.mark.parametrize(
    ("document", "yml", "overrides", "key", "location"),
    [
        ({"configuration": {"k": "?"}}, SECRETS, {}, "configuration.k", SourceLocation("pipeline_settings.json")),
        (
            {"clusters": [{}, {"spark_conf": {"k": "?"}}]},
            SECRETS,
            {},
            "clusters.1.spark_conf.k",
            SourceLocation("pipeline_settings.json"),
        ),
        ({}, SECRETS + "configuration:\n  k: '?'", {}, "configuration.k", SourceLocation("livetables.yml", 3)),
        ({}, SECRETS, {"k": "?"}, "--set k", None),
    ],
)
def test_an_unknown_secret_is_named_with_its_key_and_its_file(load, document, yml, overrides, key, location):
    """The hint says where it may be put."""
    given = json.loads(json.dumps([document, overrides]).replace("?", "{{secrets/kafka/user}}"))
    diagnostic = refused(load, given[0], yml.replace("?", "{{secrets/kafka/user}}"), overrides=given[1])
    assert (diagnostic.code, diagnostic.location) == ("SECRET_NOT_FOUND", location)
    assert diagnostic.message == f"'{key}' refers to the secret 'user' in the scope 'kafka', which is not there."
    assert diagnostic.hint.startswith("Set LIVETABLES_SECRET_KAFKA_USER, or write `kafka: {user: ...}` in ")


def test_a_value_that_is_said_again_needs_no_secret(load):
    """A machine without the secret gives another value in livetables.yml."""
    document = {"configuration": {"key": "{{secrets/none/none}}"}}
    assert load(document, "configuration: {key: here}").configuration == {"key": "here"}


@pytest.mark.parametrize("value", ["Bearer {{secrets/kafka/password}}", "{{secrets/kafka}}", "{{secrets/kafka/a/b}}"])
def test_a_reference_must_be_the_whole_value(load, value):
    """Handed on as it is, it would fail as a wrong password somewhere else."""
    diagnostic = refused(load, {"configuration": {"key": value}})
    assert (diagnostic.code, str(diagnostic.location)) == ("WRONG_VALUE", "pipeline_settings.json")
    assert "'configuration.key'" in diagnostic.message
    assert "whole value" in diagnostic.hint


def test_what_only_looks_at_stored_tables_needs_no_secret(load):
    """`livetables events` works where the secrets are not."""
    document = {"configuration": {"key": "{{secrets/none/none}}", "other": "x"}}
    assert load(document, with_secrets=False).configuration == {"other": "x"}


def test_a_file_of_secrets_that_can_not_be_read(load):
    """It is an error of the settings, found before anything starts; nothing of the file is shown."""
    assert load({}, "secrets: a.py").configuration == {}
    diagnostic = refused(load, {"configuration": {"key": REFERENCE}}, "secrets: livetables.yml")
    assert (diagnostic.code, diagnostic.location.file.endswith("livetables.yml")) == ("SECRETS_UNREADABLE", True)


def test_an_error_of_the_settings_shows_no_secret(load, monkeypatch):
    """Also one that is found after the secrets are."""
    document = {"configuration": {"pipelines.maxFlowRetryAttempts": REFERENCE}}
    assert "'[REDACTED]'" in refused(load, document).message
