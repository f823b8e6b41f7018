"""The spec of Spark's own `spark-pipelines`, and the keys of Databricks written as YAML."""

import pytest

from livetables.errors import SettingsError, SourceLocation
from livetables.model import Namespace
from livetables.settings import load_settings

FILE = "spark-pipeline.yml"


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Return a function that writes a YAML file and loads it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "transformations").mkdir()
    for name in ("a.py", "b.sql"):
        (tmp_path / "transformations" / name).touch()

    def load(text, file=FILE):
        (tmp_path / file).write_text(text)
        return load_settings(tmp_path / file)

    return load


SPEC = """\
name: words
storage: file:///data/words
catalog: main
database: counts
configuration:
  spark.sql.shuffle.partitions: "8"
libraries:
  - glob:
      include: transformations/**
"""


def test_a_spec_of_spark_is_read_as_it_is(load, tmp_path):
    """Paths start at its folder; a storage URI of this machine is a folder."""
    settings = load(SPEC)
    files = (tmp_path / "transformations/a.py", tmp_path / "transformations/b.sql")
    assert (settings.name, settings.root, settings.files) == ("words", tmp_path, files)
    assert (settings.namespace, str(settings.storage)) == (Namespace("main", "counts"), "/data/words")
    assert settings.configuration == {"spark.sql.shuffle.partitions": "8"}
    assert (settings.continuous, settings.warnings) == (False, ())


def test_the_database_may_be_called_schema(load):
    """Spark takes both names, and so do the keys of Databricks."""
    assert load(SPEC.replace("database", "schema")).namespace.schema == "counts"


def test_the_content_decides_and_not_the_name(load):
    """A file that starts with a brace is JSON, any other is YAML."""
    assert load(SPEC, "settings.json").name == "words"
    assert load('{"name": "x", "libraries": [{"file": {"path": "transformations/a"}}]}', "x.yml").name == "x"


@pytest.mark.parametrize(
    ("old", "new", "code", "line", "says", "hint"),
    [
        ("database", "databse", "UNKNOWN_KEY", 4, "'databse'", "Did you mean 'database'?"),
        ("include", "includes", "UNKNOWN_KEY", 9, "'libraries.0.glob.includes'", "Did you mean 'include'?"),
        ("- glob", "- globs", "UNKNOWN_KEY", 8, "'libraries.0.globs'", "Did you mean 'glob'?"),
        (
            '"8"',
            "8",
            "WRONG_VALUE",
            6,
            "'configuration.spark.sql.shuffle.partitions' is 8",
            'Write it in quotes: "spark.sql.shuffle.partitions": "8".',
        ),
        ("main", "true", "WRONG_VALUE", 3, "'catalog' is true", 'Write it in quotes: "catalog": "true".'),
        (
            "transformations/**",
            "transformations/**/*.py",
            "SOURCE_NOT_FOUND",
            9,
            "'transformations/**/*.py'",
            "A glob names one file, or a folder followed by /**.",
        ),
        ("name: words", "name: words: x", "SETTINGS_NOT_YAML", 1, "mapping values are not allowed here", None),
    ],
)
def test_what_is_wrong_in_yaml_is_named_with_its_line(load, old, new, code, line, says, hint):
    """Spark refuses unknown keys and values that are no text, too."""
    with pytest.raises(SettingsError) as caught:
        load(SPEC.replace(old, new))
    diagnostic = caught.value.diagnostic
    assert (diagnostic.code, diagnostic.location, diagnostic.hint) == (code, SourceLocation(FILE, line), hint)
    assert says in diagnostic.message


def test_text_is_no_settings_file(load):
    """YAML takes any text for a value."""
    with pytest.raises(SettingsError) as caught:
        load("hello")
    assert caught.value.code == "SETTINGS_NOT_YAML"
    assert caught.value.diagnostic.message == "The settings are a YAML text, not a mapping."


@pytest.mark.parametrize("library", ["notebook: {path: transformations/a}", "file: {path: transformations/a.py}"])
def test_the_keys_of_databricks_may_be_written_as_yaml(load, tmp_path, library):
    """A key that Spark does not know makes them so; all that the JSON says is said here too."""
    settings = load(f"name: x\ncontinuous: true\nrun_as: {{user_name: me}}\nlibraries:\n  - {library}\n")
    assert (settings.continuous, settings.files) == (True, (tmp_path / "transformations/a.py",))
    assert [(warning.code, warning.location) for warning in settings.warnings] == [
        ("SETTING_WITHOUT_EFFECT", SourceLocation(FILE, 3))
    ]


def test_a_library_that_only_databricks_knows_makes_the_file_its_own(load):
    """Spark's libraries are globs."""
    assert load("name: x\nlibraries: [{file: {path: transformations/a.py}}]").name == "x"


def test_yaml_in_a_notebook_is_read(load):
    """Its first lines are comments of another language, and keep their place in the count."""
    assert load("-- Databricks notebook source\n// settings\n" + SPEC).name == "words"


def test_dates_are_text(load):
    """No setting is a date, and one that looks so must not have to be quoted."""
    dated = load(SPEC.replace('"8"', "2024-01-31"))
    assert dated.configuration == {"spark.sql.shuffle.partitions": "2024-01-31"}
