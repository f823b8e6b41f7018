"""Asset bundles: their files and targets, and which pipeline is taken."""

from dataclasses import replace
from pathlib import Path

import pytest

from livetables.errors import Diagnostic, SourceLocation
from livetables.model import Namespace
from livetables.settings import load_settings
from tests.unit.bundles import bundle, diagnostic_of, load

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    """Let the current folder hold three source files."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DATABRICKS_BUNDLE_TARGET", raising=False)
    for file in ("src/a.py", "src/deep/b.sql", "src/c.py"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()


def test_a_pipeline_of_a_bundle_has_the_keys_of_the_json(tmp_path):
    """Its name is its key, unless it says another."""
    settings = load(bundle("catalog: main\nschema: s\ncontinuous: true"))
    assert (settings.name, settings.namespace, settings.continuous) == ("sales", Namespace("main", "s"), True)
    assert (settings.root, settings.files) == (tmp_path, (tmp_path / "src/a.py",))
    assert settings.storage == tmp_path / ".livetables" / "sales"
    assert load(bundle("name: other")).name == "other"


def test_scalars_of_the_configuration_are_text():
    """The platform's command line writes them so; in JSON they have to be quoted."""
    settings = load(bundle("configuration: {a: 1, b: true, c: 1.5, d: x, e: 2024-01-31}"))
    assert settings.configuration == {"a": "1", "b": "true", "c": "1.5", "d": "x", "e": "2024-01-31"}


def test_a_key_without_a_value_is_left_out():
    """Everything below it may be a comment."""
    assert load(bundle("configuration:\nclusters:\nschema:")).configuration == {}


# Files


INCLUDED = {
    "databricks.yml": """
        bundle: {name: shop}
        include: [resources/*.yml]
    """,
    "resources/sales.pipeline.yml": """
        resources:
          pipelines:
            sales:
              root_path: ../src
              libraries: [{glob: {include: ../src/deep/**}}, {file: {path: ../src/c.py}}]
              configuration: {here: "${workspace.file_path}/src", bundle: "${bundle.name}"}
    """,
}


@pytest.mark.parametrize("said", ["databricks.yml", "resources/sales.pipeline.yml"])
def test_a_bundle_may_have_many_files(tmp_path, said):
    """Paths start at the file that says them, the storage at the bundle's root; imports start at root_path."""
    settings = load(INCLUDED, said)
    assert settings.files == (tmp_path / "src/deep/b.sql", tmp_path / "src/c.py")
    assert (settings.root, settings.storage) == (tmp_path / "src", tmp_path / ".livetables" / "sales")
    assert settings.configuration == {"here": f"{tmp_path}/src", "bundle": "shop"}


def test_a_file_that_no_bundle_includes_stands_alone(tmp_path):
    """Then its own folder is the root."""
    files = {"resources/x.yml": "resources: {pipelines: {x: {libraries: [{file: {path: ../src/a.py}}]}}}"}
    settings = load(files, "resources/x.yml")
    assert (settings.root, settings.files) == (tmp_path / "resources", (tmp_path / "src/a.py",))


def test_a_file_stands_for_its_own_pipelines():
    """Those of the other files are another pipeline's."""
    other = "resources: {pipelines: {stock: {libraries: [{file: {path: ../src/c.py}}]}}}"
    assert load({**INCLUDED, "resources/stock.yml": other}, "resources/stock.yml").name == "stock"


@pytest.mark.parametrize("wrong", ["- a list", "text"])
def test_an_included_file_that_is_no_mapping_is_named(wrong):
    """Not the root, which is right."""
    diagnostic = diagnostic_of({**INCLUDED, "resources/wrong.yml": wrong})
    assert (diagnostic.code, diagnostic.location) == ("SETTINGS_NOT_YAML", SourceLocation("resources/wrong.yml"))


def test_an_included_file_that_is_not_there_is_named():
    """A pattern may match nothing, a file may not."""
    diagnostic = diagnostic_of(bundle(rest="include:\n  - more/*.yml\n  - gone.yml\n"))
    assert diagnostic == Diagnostic(
        "SETTINGS_NOT_FOUND", "'include' names gone.yml, which does not exist.", SourceLocation("databricks.yml", 9)
    )


def test_what_is_wrong_is_named_with_its_own_file_and_line():
    """Though the bundle is one document."""
    text = INCLUDED["resources/sales.pipeline.yml"].replace("root_path", "rot_path")
    diagnostic = diagnostic_of({**INCLUDED, "resources/sales.pipeline.yml": text})
    assert (diagnostic.code, diagnostic.hint) == ("UNKNOWN_KEY", "Did you mean 'root_path'?")
    assert diagnostic.location == SourceLocation("resources/sales.pipeline.yml", 5)


def test_a_path_with_wildcards_stands_for_its_files(tmp_path):
    """The platform's command line expands those of files and notebooks."""
    text = bundle().replace("src/a.py", "src/*.py")
    assert load(text).files == (tmp_path / "src/a.py", tmp_path / "src/c.py")


def test_a_source_that_is_not_there_is_named_with_its_line():
    """Its path is shown from the bundle's root."""
    diagnostic = diagnostic_of(bundle().replace("a.py", "gone.py"))
    assert (diagnostic.code, diagnostic.location) == ("SOURCE_NOT_FOUND", SourceLocation("databricks.yml", 6))
    assert "'src/gone.py'" in diagnostic.message


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("resources: {pipelines: [x]}", "'pipelines' is [\"x\"]: it must be a mapping."),
        ("resources: {pipelines: {x: 5}}", "'x' is 5: it must be a mapping."),
        ("targets: {dev: [x]}", "'dev' is [\"x\"]: it must be a mapping."),
        ("targets: {dev: {presets: x}}\nresources: {pipelines: {x: }}", "'presets' is \"x\": it must be a mapping."),
        ("variables: x", "'variables' is \"x\": it must be a mapping."),
        ("include: x.yml", "'include' is \"x.yml\": it must be a list of files."),
        ("resources: {pipelines: {x: {libraries: [y]}}}", "'libraries.0' is \"y\": it must be a mapping."),
        ("resources: {pipelines: {x: {clusters: [{label: [y]}]}}}", "'clusters.0.label' is [\"y\"]: it must be"),
    ],
)
def test_what_has_the_wrong_form_is_named(text, says):
    """A file of somebody else's hand may hold anything."""
    diagnostic = diagnostic_of("bundle: {name: x}\n" + text)
    assert (diagnostic.code, diagnostic.location) == ("WRONG_VALUE", SourceLocation("databricks.yml", 2))
    assert says in diagnostic.message


def test_keys_are_names_whatever_they_look_like():
    """YAML takes `5` and `true` for other things than text."""
    settings = load(bundle("configuration: {1: a, true: b}").replace("sales:", "5:"))
    assert (settings.name, settings.configuration) == ("5", {"1": "a", "true": "b"})


# Which pipeline


TWO = bundle("name: One") + "    stock:\n      libraries: [{file: {path: src/c.py}}]\n"


def test_one_of_several_pipelines_has_to_be_named():
    """Nothing says which one is meant."""
    assert diagnostic_of(TWO) == Diagnostic(
        "SEVERAL_PIPELINES",
        "It defines 2 pipelines: sales, stock.",
        SourceLocation("databricks.yml"),
        "Name one of them: --settings databricks.yml#sales.",
    )


@pytest.mark.parametrize(("key", "name"), [("sales", "One"), ("stock", "stock")])
def test_a_pipeline_is_named_by_its_key(key, name):
    """Behind the file."""
    assert load(TWO, f"databricks.yml#{key}").name == name


def test_a_pipeline_that_is_not_there_is_named():
    """With the nearest one."""
    diagnostic = diagnostic_of(TWO, "databricks.yml#stok")
    assert (diagnostic.code, diagnostic.hint) == ("PIPELINE_NOT_FOUND", "Did you mean 'stock'?")


def test_a_bundle_without_pipelines_is_refused():
    """Bundles hold jobs too."""
    diagnostic = diagnostic_of("bundle: {name: x}\nresources: {jobs: {}}")
    assert (diagnostic.code, diagnostic.message) == ("PIPELINE_NOT_FOUND", "It defines no pipeline.")


# Targets


TARGETS = """
    variables: {schema: {default: base}}
    targets:
      prod:
        variables: {schema: live}
        resources: {pipelines: {sales: {continuous: true, configuration: {b: prod}}}}
      dev:
        default: true
        variables: {schema: {default: mine}}
        resources:
          pipelines:
            sales:
              name: sales of ${bundle.target}
              libraries: [{file: {path: src/c.py}}]
              clusters: [{label: default, spark_conf: {y: dev}}]
"""
KEYS = "schema: ${var.schema}\nconfiguration: {a: x, b: base}\nclusters: [{spark_conf: {x: base, y: base}}]"


def test_the_default_target_is_laid_over_the_bundle(tmp_path):
    """Mappings key by key, lists one after the other, clusters by their label."""
    settings = load(bundle(KEYS, TARGETS))
    assert (settings.name, settings.namespace.schema, settings.continuous) == ("sales of dev", "mine", False)
    assert settings.files == (tmp_path / "src/a.py", tmp_path / "src/c.py")
    assert settings.configuration == {"x": "base", "y": "dev", "a": "x", "b": "base"}


def test_the_environment_names_another_target(monkeypatch):
    """With the variable of the platform's command line."""
    monkeypatch.setenv("DATABRICKS_BUNDLE_TARGET", "prod")
    settings = load(bundle(KEYS, TARGETS))
    assert (settings.name, settings.namespace.schema, settings.continuous) == ("sales", "live", True)
    assert settings.configuration == {"x": "base", "y": "base", "a": "x", "b": "prod"}


def test_without_a_default_the_first_target_counts():
    """Without targets there is one by the name `default`."""
    keys = "schema: of_${bundle.target}"
    assert load(bundle(keys, "targets:\n  first:\n  second: {}\n")).namespace.schema == "of_first"
    assert load(bundle(keys)).namespace.schema == "of_default"


@pytest.mark.parametrize(("rest", "hint"), [(TARGETS, "Did you mean 'prod'?"), ("", "It has none.")])
def test_a_target_that_is_not_there_is_named(monkeypatch, rest, hint):
    """With the variable that names it."""
    monkeypatch.setenv("DATABRICKS_BUNDLE_TARGET", "prd")
    diagnostic = diagnostic_of(bundle(KEYS, rest))
    msg = "The bundle has no target 'prd', which DATABRICKS_BUNDLE_TARGET names."
    assert diagnostic == Diagnostic("TARGET_NOT_FOUND", msg, SourceLocation("databricks.yml"), hint)


@pytest.mark.parametrize(
    ("target", "continuous", "development"),
    [
        ("{}", True, None),
        ("{mode: production}", True, False),
        ("{mode: development}", False, True),
        ("{mode: development, presets: {trigger_pause_status: UNPAUSED}}", True, True),
        ("{mode: development, presets: {pipelines_development: false}}", False, False),
        ("{presets: {trigger_pause_status: PAUSED}}", False, None),
    ],
)
def test_a_target_in_development_pauses_its_pipelines(target, continuous, development):
    """As when it is deployed; a warning says so."""
    settings = load(bundle("continuous: true", f"targets:\n  dev: {target}\n"))
    assert (settings.continuous, settings.development) == (continuous, development)
    said = [] if continuous else ["SETTING_WITHOUT_EFFECT"]
    assert [warning.code for warning in settings.warnings] == said


def test_this_projects_bundle_says_what_its_json_says():
    """Both deploy the same pipeline; the development target is only marked as one."""
    json, yaml = load_settings(ROOT / "pipeline_settings.json"), load_settings(ROOT / "databricks.yml")
    assert (yaml.development, yaml.document["libraries"]) == (True, [{"glob": {"include": "pipelines/sensors/**"}}])
    same = {"development": False, "path_map": json.path_map, "document": json.document}
    assert replace(yaml, **same) == json


def test_this_projects_bundle_has_a_target_for_production(monkeypatch):
    """In a catalog of its own, where the readings arrive too."""
    monkeypatch.setenv("DATABRICKS_BUNDLE_TARGET", "prod")
    settings = load_settings(ROOT / "databricks.yml")
    assert (settings.namespace, settings.development) == (Namespace("prod", "sensors"), False)
    assert settings.configuration["sensors.landing_path"] == "/Volumes/prod/sensors/landing"
