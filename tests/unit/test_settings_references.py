"""References in asset bundles: the value of `${...}`, and the error when it has none."""

import getpass

import pytest

from livetables.errors import Diagnostic, SourceLocation
from tests.unit.bundles import bundle, diagnostic_of, load


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    """Let the current folder hold the source file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DATABRICKS_BUNDLE_TARGET", raising=False)
    (tmp_path / "src").mkdir()
    (tmp_path / "src/a.py").touch()


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("${var.day}", "today"),
        ("${var.nested}/x", "/Volumes/shop/today/x"),
        ("${bundle.target}-${bundle.environment}-${bundle.name}", "default-default-shop"),
        ("${workspace.root_path}", "{root}"),
        ("/Workspace${workspace.file_path}/x", "{root}/x"),
        ("${workspace.current_user.userName}", "{user}"),
        ("${workspace.current_user.short_name}", "{user}"),
        ("${workspace.host}", "https://w"),
        ("${resources.schemas.main.name}", "of_shop"),
        ("${var.deep.list[1].x}", "y"),
        ("${var.number}", "5"),
        ("a${var.yes}", "atrue"),
        ("$day {day} ${} ${spark:x} $${", "$day {day} ${} ${spark:x} $${"),
    ],
)
def test_a_reference_stands_for_its_value(tmp_path, written, expected):
    """Variables, the bundle, this machine in the workspace's place, and whatever the bundle's files set."""
    rest = """
        variables:
          day: {default: today}
          nested: {default: "/Volumes/${bundle.name}/${var.day}"}
          deep: {type: complex, default: {list: [{x: n}, {x: y}]}}
          number: {default: 5}
          yes: {default: true}
        workspace: {host: "https://w", root_path: /Workspace/elsewhere}
        """
    text = bundle(f"configuration: {{k: '{written}'}}", rest)
    text = text.replace("resources:\n", "resources:\n  schemas: {main: {name: 'of_${bundle.name}'}}\n")
    expected = expected.replace("{root}", str(tmp_path)).replace("{user}", getpass.getuser())
    assert load(text).configuration["k"] == expected


def test_a_value_may_be_other_than_text(tmp_path):
    """A reference that is all of the value keeps its type."""
    settings = load(
        bundle(
            "continuous: ${var.always}\nclusters: ${var.clusters}",
            """
            variables:
              always: {default: true}
              clusters: {type: complex, default: [{spark_conf: {a: 1}}]}
            """,
        )
    )
    assert (settings.continuous, settings.configuration) == (True, {"a": "1"})


def test_the_order_of_a_variables_values(tmp_path, monkeypatch):
    """The platform's: environment, file of the command line, target, default."""
    text = bundle("schema: ${var.s}", "variables: {s: {default: default}}\ntargets: {dev: {}}\n")
    assert load(text).namespace.schema == "default"
    text = text.replace("dev: {}", "dev: {variables: {s: target}}")
    assert load(text).namespace.schema == "target"
    file = tmp_path / ".databricks/bundle/dev/variable-overrides.json"
    file.parent.mkdir(parents=True)
    file.write_text('{"s": "file"}')
    assert load(text).namespace.schema == "file"
    monkeypatch.setenv("BUNDLE_VAR_s", "environment")
    assert load(text).namespace.schema == "environment"


def test_a_text_of_the_environment_may_stand_for_a_boolean(monkeypatch):
    """The environment has nothing but text."""
    monkeypatch.setenv("BUNDLE_VAR_always", "false")
    text = bundle("continuous: ${var.always}", "variables: {always: {default: true}}\n")
    assert load(text).continuous is False


@pytest.mark.parametrize(
    ("reference", "hint"),
    [
        ("var.scema", "Did you mean 'var.schema'?"),
        ("var.unset", "Set the environment variable BUNDLE_VAR_unset, or give the variable a default."),
        ("var.policy", "Its value is looked up in a workspace; here set the environment variable BUNDLE_VAR_policy."),
        ("bundle.targt", "Did you mean 'bundle.target'?"),
        ("resources.jobs.x.id", "Known are var.schema, var.unset, var.policy, bundle.name, bundle.target,"),
        ("nonsense", "Known are var.schema"),
    ],
)
def test_a_reference_without_a_value_is_named(reference, hint):
    """With its line, its key, and how to give it one."""
    variables = """
        variables:
          schema: {default: x}
          unset:
          policy: {lookup: {cluster_policy: small}}
        """
    diagnostic = diagnostic_of(bundle(f"configuration:\n  k: a/${{{reference}}}", variables))
    assert (diagnostic.code, diagnostic.location) == ("UNRESOLVED_REFERENCE", SourceLocation("databricks.yml", 8))
    assert diagnostic.message == f"'${{{reference}}}' in 'configuration.k' has no value."
    assert diagnostic.hint.startswith(hint)


def test_a_reference_that_leads_back_to_itself_is_named():
    """With the line that closes the circle."""
    variables = "variables:\n  a: {default: '${var.b}'}\n  b: {default: 'x${var.a}'}\n"
    assert diagnostic_of(bundle("schema: ${var.a}", variables)) == Diagnostic(
        "UNRESOLVED_REFERENCE",
        "'${var.a}' in 'variables.b' has no value.",
        SourceLocation("databricks.yml", 10),
        "It leads back to itself.",
    )


def test_a_reference_in_a_value_of_the_environment_is_named_with_the_bundle(monkeypatch):
    """The environment has no lines."""
    monkeypatch.setenv("BUNDLE_VAR_a", "x${var.gone}")
    diagnostic = diagnostic_of(bundle("schema: ${var.a}", "variables: {a: }\n"))
    assert (diagnostic.location, "in 'variables.a'" in diagnostic.message) == (SourceLocation("databricks.yml"), True)


def test_yes_and_on_are_text_unless_a_boolean_is_asked_for():
    """The platform's command line reads them so."""
    settings = load(bundle("continuous: yes\nconfiguration: {a: on, b: no, off: True}"))
    assert (settings.continuous, settings.configuration) == (True, {"a": "on", "b": "no", "off": "true"})


def test_machines_may_have_references_without_a_value():
    """A policy that is looked up in the workspace must not keep the pipeline from running here."""
    settings = load(bundle("tags: {a: '${var.x}'}\nclusters: [{policy_id: '${var.p}', spark_conf: {a: b}}]"))
    assert (settings.configuration, settings.warnings) == ({"a": "b"}, ())


def test_the_spark_conf_of_machines_may_not():
    """It is used here."""
    diagnostic = diagnostic_of(bundle("clusters: [{spark_conf: {a: '${var.x}'}}]"))
    assert (diagnostic.code, "'clusters.0.spark_conf.a'" in diagnostic.message) == ("UNRESOLVED_REFERENCE", True)
