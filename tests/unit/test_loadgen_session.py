"""Which Spark a load is sent by, decided with stand-ins: nothing here starts one."""

import sys
from types import SimpleNamespace

import pytest

from loadgen.engines import session
from loadgen.engines.session import find_session
from loadgen.errors import LoadgenError


class Spark:
    """Stands in for SparkSession, and for its builder."""

    def __init__(self, active=None):
        self.active = active
        self.confs = {}
        self.level = None
        self.sparkContext = SimpleNamespace(setLogLevel=self._note_level)
        self.builder = self

    def _note_level(self, level):
        self.level = level

    def getActiveSession(self):  # noqa: N802 (a name of Spark)
        """Return what a notebook has."""
        return self.active

    def appName(self, _name):  # noqa: N802 (a name of Java or Spark)
        """Take a name."""
        return self

    def master(self, master):
        """Note the master."""
        return self.config("spark.master", master)

    def config(self, key, value):
        """Note a setting."""
        self.confs[key] = value
        return self

    def getOrCreate(self):  # noqa: N802 (a name of Java or Spark)
        """Return a session."""
        return self


@pytest.fixture
def said():
    """What the user was told."""
    return []


@pytest.fixture
def spark(monkeypatch, tmp_path):
    """A machine with Java and nothing else, in an empty folder."""
    stand_in = Spark()
    monkeypatch.setattr(session, "SparkSession", stand_in)
    monkeypatch.delenv("DATABRICKS_RUNTIME_VERSION", raising=False)
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(java(tmp_path, "17.0.15")))
    monkeypatch.chdir(tmp_path)
    return stand_in


@pytest.fixture
def connect(monkeypatch, tmp_path):
    """Install a stand-in for Databricks Connect; its text says what getOrCreate does."""

    def install(body):
        package = tmp_path / "site" / "databricks" / "connect"
        package.mkdir(parents=True)
        builder = f"class Builder:\n    def getOrCreate(self):\n        {body}\n"
        text = f"{builder}class DatabricksSession:\n    builder = Builder()\n"
        (package / "__init__.py").write_text(text)
        monkeypatch.syspath_prepend(tmp_path / "site")

    yield install
    for name in [name for name in sys.modules if name.partition(".")[0] == "databricks"]:
        del sys.modules[name]


def java(folder, version):
    """Make a folder with a Java that says its version; return the folder."""
    program = folder / "bin" / "java"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n")
    program.chmod(0o755)
    return program.parent


def test_an_active_session_comes_first(spark, said, monkeypatch, connect):
    """A notebook's own session is used, wherever it runs."""
    spark.active = object()
    monkeypatch.setenv("DATABRICKS_RUNTIME_VERSION", "16.4")
    connect("return 'remote'")
    assert find_session(said.append) is spark.active
    assert said == ["Spark: the active session."]


def test_on_a_cluster_its_session_is_used(spark, said, monkeypatch, connect):
    """Nothing of it is set: it is the cluster's."""
    monkeypatch.setenv("DATABRICKS_RUNTIME_VERSION", "16.4")
    connect("return 'remote'")
    assert find_session(said.append) is spark
    assert (spark.confs, said) == ({}, ["Spark: this cluster, Databricks Runtime 16.4."])


def test_databricks_connect_is_used_where_it_is_installed(spark, said, connect):
    """Whoever installed it has a cluster."""
    connect("return 'remote'")
    assert find_session(said.append) == "remote"
    assert said == ["Spark: Databricks Connect."]


def test_databricks_connect_without_a_cluster_says_what_to_set(spark, said, connect):
    """Its own error may be of any class."""
    connect("raise ValueError('default auth:\\n cannot configure default credentials')")
    with pytest.raises(LoadgenError) as caught:
        find_session(said.append)
    assert str(caught.value) == (
        "Databricks Connect did not connect: default auth: cannot configure default credentials. "
        "Set DATABRICKS_HOST, DATABRICKS_TOKEN and DATABRICKS_CLUSTER_ID, or DATABRICKS_CONFIG_PROFILE; "
        "`databricks-connect test` tells what is wrong."
    )


@pytest.mark.parametrize("kafka", [False, True])
def test_else_a_local_session_starts_with_what_the_target_needs(spark, said, kafka):
    """Delta always, Kafka's connector for Kafka alone; only errors are logged, into a file."""
    assert find_session(said.append, kafka=kafka) is spark
    packages = ["io.delta:delta-spark_4.2_2.13:4.4.0", "org.apache.spark:spark-sql-kafka-0-10_2.13:4.2.0"]
    assert spark.confs["spark.jars.packages"] == ",".join(packages[: 1 + kafka])
    assert (spark.confs["spark.master"], spark.level) == ("local[*]", "ERROR")
    assert said == ["Spark: local, on all cores of this machine; it logs to .livetables/loadgen/spark.log."]


@pytest.mark.parametrize(
    ("version", "home", "told"),
    [
        (None, False, "PATH has no Java"),
        (None, True, "JAVA_HOME ({home}) has no Java"),
        ("1.8.0_392", False, "PATH is Java 8"),
        ("11.0.2", True, "JAVA_HOME ({home}) is Java 11"),
    ],
)
def test_without_a_java_that_will_do_the_user_hears_how_to_install_one(
    spark, said, monkeypatch, tmp_path, version, home, told
):
    """JAVA_HOME decides where it is set, for Spark looks nowhere else then."""
    place = tmp_path / "other"
    place.mkdir()
    if version:
        java(place, version)
    monkeypatch.setenv(*(("JAVA_HOME", str(place)) if home else ("PATH", str(place / "bin"))))
    with pytest.raises(LoadgenError) as caught:
        find_session(said.append)
    assert str(caught.value).startswith(f"Spark needs Java 17 or newer, and {told.format(home=place)}. Install it:")
    assert spark.confs == {}


def test_a_spark_that_does_not_start_is_explained_from_its_log(spark, said, monkeypatch):
    """Its Python side knows only that Java has ended."""

    def end():
        import os

        os.write(2, b"\t:: UNRESOLVED ::\n:: io.delta#delta-spark_4.2_2.13;4.4.0: not found\n")
        raise RuntimeError("Java gateway process exited before sending its port number.")

    monkeypatch.setattr(spark, "getOrCreate", end)
    with pytest.raises(LoadgenError) as caught:
        find_session(said.append)
    assert str(caught.value) == (
        "Spark did not start: io.delta#delta-spark_4.2_2.13;4.4.0: not found. .livetables/loadgen/spark.log has more."
    )
