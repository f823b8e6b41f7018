"""The jar cache and the search for Java, without a network and without a JVM."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from livetables import jars
from livetables.jars.__main__ import main


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Return an empty cache folder."""
    monkeypatch.setenv("LIVETABLES_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def fake_java(tmp_path, monkeypatch):
    """Return a function that puts a shell script named java, and nothing else, on PATH."""

    def put(script: str) -> Path:
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        java = folder / "java"
        java.write_text(f"#!/bin/sh\n{script}\n")
        java.chmod(0o755)
        monkeypatch.delenv("JAVA_HOME", raising=False)
        monkeypatch.setenv("PATH", str(folder))
        return java

    return put


def java_that(version: str, otherwise: str) -> str:
    """Script a Java of this version that does `otherwise` when it is asked to run something."""
    return f"""if [ "$1" = -version ]; then echo 'openjdk version "{version}"' >&2; exit 0; fi\n{otherwise}"""


def ivy_that_retrieves(*names: str) -> str:
    """Script an Ivy that writes these jars of a set, its ninth argument, below the path of its last argument."""
    writes = "\n".join(f'echo x > "$folder/{name}"' for name in names)
    return java_that(
        "17.0.1",
        'for last; do :; done\nfolder="${last%%/out/*}/out/$9"\n/bin/mkdir -p "$folder"\n'
        f"echo 'found org.example#one;1.0 in central'\n{writes}",
    )


def test_cached_jars_are_returned_without_java(cache, monkeypatch):
    """A filled cache folder is the answer; neither Java nor the network is asked."""
    folder = cache / "jars" / jars._fingerprint() / "spark"
    folder.mkdir(parents=True)
    (folder / "b.jar").touch()
    (folder / "a.jar").touch()
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("JAVA_HOME", raising=False)

    assert jars.spark_jars() == (folder / "a.jar", folder / "b.jar")


def test_the_jars_of_s3_are_spark_s_once_they_are_there(cache, fake_java):
    """They are not downloaded without need; once downloaded, every session has them."""
    fake_java(java_that("17.0.1", "exit 1"))
    folder = cache / "jars" / jars._fingerprint()
    (folder / "spark").mkdir(parents=True)
    (folder / "spark" / "delta.jar").touch()
    assert jars.spark_jars() == (folder / "spark" / "delta.jar",)

    (folder / "s3").mkdir()
    (folder / "s3" / "aws.jar").touch()
    assert jars.spark_jars() == (folder / "spark" / "delta.jar", folder / "s3" / "aws.jar")


def test_sets_of_jars_that_do_not_exist_are_refused(cache, capsys):
    """A misspelt word must not look as if S3 were set up."""
    assert main(["s4"]) == 2
    assert "python -m livetables.jars [s3]" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "sets"),
    [([], ["spark"]), (["s3"], ["s3", "spark"]), (["broker"], ["broker"]), (["store", "broker"], ["broker", "store"])],
)
def test_only_the_sets_that_are_named_are_downloaded(cache, fake_java, monkeypatch, words, sets):
    """A user of pipelines downloads no Kafka broker and no S3 server: these are for what starts them."""
    fake_java(ivy_that_retrieves("one-1.0.jar"))
    monkeypatch.setattr("livetables.jars.__main__.archive_file", lambda _: cache / "jars")

    main(words)

    folder = cache / "jars" / jars._fingerprint()
    assert sets == sorted(path.name for path in folder.iterdir() if path.is_dir())


def test_a_jar_that_a_mirror_lacks_is_named(cache, fake_java):
    """Ivy says it in another form than for a version that is in no list."""
    fake_java(java_that("17.0.1", "echo ':: software.example#one;2.35.4: not found'; exit 1"))

    with pytest.raises(jars.JarError, match=r"downloaded: software.example#one;2.35.4: not found\."):
        jars.s3_jars()


def test_cache_dir_has_a_default(monkeypatch):
    """Without LIVETABLES_CACHE the cache is in the user's own cache folder."""
    monkeypatch.delenv("LIVETABLES_CACHE", raising=False)

    assert jars.cache_dir() == Path.home() / ".cache" / "livetables"


def test_missing_jars_are_resolved_once(cache, fake_java):
    """The first call fills the folder and leaves nothing half-made beside it; the second only reads."""
    java = fake_java(ivy_that_retrieves("one-1.0.jar"))
    heard = []

    first = jars.spark_jars(heard.append)
    java.unlink()

    assert [jar.name for jar in first] == ["one-1.0.jar"]
    assert heard == ["one 1.0"]
    assert jars.spark_jars() == first
    assert sorted(path.name for path in first[0].parent.parent.iterdir()) == ["spark", "spark.lock"]


def test_remains_of_a_killed_download_are_replaced(cache, fake_java):
    """What a killed process left in the partial folder never reaches the cache."""
    fake_java(ivy_that_retrieves("one-1.0.jar"))
    remains = cache / "jars" / jars._fingerprint() / "spark.partial" / "out" / "spark"
    remains.mkdir(parents=True)
    (remains / "torn.jar").touch()

    assert [jar.name for jar in jars.spark_jars()] == ["one-1.0.jar"]


def test_failing_ivy_is_a_jar_error(cache, fake_java):
    """Ivy's own first cause ends up in one sentence, and the cache stays empty."""
    fake_java(java_that("17.0.1", "echo ':: unresolved dependency: io.delta#x;1: not found'; exit 1"))

    with pytest.raises(jars.JarError) as caught:
        jars.spark_jars()

    assert caught.value.code == "JARS_UNAVAILABLE"
    assert caught.value.message == (
        "The jars for spark could not be downloaded: unresolved dependency: io.delta#x;1: not found."
    )
    assert caught.value.hint.startswith("Check")
    assert caught.value.left_behind == "The cache of jars is as it was before."
    assert not (cache / "jars" / jars._fingerprint() / "spark").exists()


def test_ivy_that_retrieves_nothing_is_a_jar_error(cache, fake_java):
    """Exit code 0 with no jar is a failure too."""
    fake_java(ivy_that_retrieves())

    with pytest.raises(jars.JarError, match=r"could not be downloaded"):
        jars.spark_jars()


def test_cache_that_cannot_be_written_is_a_jar_error(tmp_path, monkeypatch, fake_java):
    """A cache path below a file is named, with the variable that moves it."""
    fake_java(java_that("17.0.1", "exit 0"))
    (tmp_path / "file").touch()
    monkeypatch.setenv("LIVETABLES_CACHE", str(tmp_path / "file" / "cache"))

    with pytest.raises(jars.JarError, match=r"(?s)could not be written.*LIVETABLES_CACHE"):
        jars.spark_jars()


def test_resolving_does_not_import_pyspark(cache, fake_java):
    """Finding Ivy costs no import of pyspark."""
    fake_java(ivy_that_retrieves("one-1.0.jar"))
    before = "pyspark" in sys.modules

    jars.spark_jars()

    assert ("pyspark" in sys.modules) == before


@pytest.mark.parametrize("version", ["17.0.15", "21", "25-ea"])
def test_recent_java_is_accepted(fake_java, version):
    """17 and everything after it will do."""
    java = fake_java(java_that(version, "exit 1"))

    assert jars.require_java() == str(java)


@pytest.mark.parametrize(("version", "major"), [("1.8.0_292", 8), ("11.0.2", 11)])
def test_old_java_is_refused(fake_java, version, major):
    """The sentence names the Java that was found, its version and how to install another."""
    java = fake_java(java_that(version, "exit 1"))

    with pytest.raises(jars.JavaError) as caught:
        jars.require_java()

    assert caught.value.message == f"{java} is Java {major}; Spark needs 17 or newer."
    assert caught.value.hint.startswith("Install Java 17")
    assert "apt-get install openjdk-17-jre-headless" in str(caught.value)
    assert "brew install openjdk@17" in str(caught.value)


def test_missing_java_is_refused(tmp_path, monkeypatch):
    """An empty PATH gives one sentence."""
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(jars.JavaError, match=r"  Java was not found\.\n  Hint: Install Java 17"):
        jars.require_java()


def test_stand_in_for_java_is_refused(fake_java):
    """The java of a macOS without Java runs, but only says that there is none."""
    java = fake_java("echo 'Unable to locate a Java Runtime.' >&2; exit 1")

    with pytest.raises(jars.JavaError, match=f"  {java} does not run as a Java"):
        jars.require_java()


def test_java_home_decides(tmp_path, monkeypatch, fake_java):
    """JAVA_HOME without a Java is refused although PATH has one, because Spark would fail there."""
    fake_java(java_that("21", "exit 1"))
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "none"))

    with pytest.raises(jars.JavaError, match=r"  JAVA_HOME is .*none, which holds no bin/java"):
        jars.require_java()


def test_java_home_is_used(tmp_path, monkeypatch, fake_java):
    """A good JAVA_HOME is taken without a look at PATH."""
    java = fake_java(java_that("17.0.1", "exit 1"))
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", os.devnull)

    assert jars.require_java() == str(java)
