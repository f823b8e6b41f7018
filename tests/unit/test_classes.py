"""The archive of Spark's classes: where it lies, when it is used, and what happens when it cannot be made."""

from __future__ import annotations

import sys

import pytest

from livetables.jars import classes

#: Stands in for the interpreter that trains: writes the archive it was asked for.
WRITES = '#!/bin/sh\necho classes > "$3"\n'
FAILS = '#!/bin/sh\necho half > "$3"\nexit 1\n'


@pytest.fixture
def environment(tmp_path, monkeypatch):
    """Return a function that sets what training does; the environment is an empty folder with one Java and one jar."""
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "env"))
    java = tmp_path / "java"
    java.touch()
    monkeypatch.setattr(classes, "require_java", lambda: str(java))

    def training(script: str) -> None:
        program = tmp_path / "python"
        program.write_text(script)
        program.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(program))

    return training


@pytest.fixture
def jars(tmp_path):
    """Return the class path: one jar."""
    jar = tmp_path / "a.jar"
    jar.touch()
    return (jar,)


def test_an_archive_that_was_made_is_used(environment, jars):
    """After one training, Java gets the option that maps the archive, and no second training happens."""
    assert classes.java_options(jars) == ""
    environment(WRITES)

    assert classes.make_archive(jars)
    environment(FAILS)
    assert classes.make_archive(jars)
    assert f'"-XX:SharedArchiveFile={classes.archive_file(jars)}"' in classes.java_options(jars)


def test_training_that_fails_leaves_nothing(environment, jars):
    """An archive is whole or absent; without one, Java gets no option."""
    environment(FAILS)

    assert not classes.make_archive(jars)
    assert classes.java_options(jars) == ""
    assert list(classes.archive_file(jars).parent.iterdir()) == []


def test_an_environment_that_cannot_be_written_to_goes_without(environment, jars, tmp_path):
    """Where no archive can be kept, set-up continues."""
    (tmp_path / "env").write_text("a file where the folder would be")
    environment(WRITES)

    assert not classes.make_archive(jars)


def test_other_jars_get_another_archive_and_the_old_one_goes(environment, jars, tmp_path):
    """Java would refuse an archive of other jars, so it is made again, and only one is kept."""
    environment(WRITES)
    classes.make_archive(jars)
    classes.archive_file(jars).with_suffix(".1").touch()  # as a training that was killed leaves it
    more = (*jars, tmp_path / "b.jar")
    more[1].touch()

    assert classes.java_options(more) == ""
    assert classes.make_archive(more)
    assert list(classes.archive_file(more).parent.iterdir()) == [classes.archive_file(more)]


def test_another_java_gets_another_archive(environment, jars, tmp_path, monkeypatch):
    """An archive belongs to the Java that wrote it."""
    environment(WRITES)
    classes.make_archive(jars)
    (tmp_path / "java21").touch()
    monkeypatch.setattr(classes, "require_java", lambda: str(tmp_path / "java21"))

    assert classes.java_options(jars) == ""
