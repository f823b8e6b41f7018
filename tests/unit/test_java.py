"""The error when Java has ended, and none while it runs."""

import subprocess
import sys

import pytest
from py4j.protocol import Py4JError, Py4JJavaError, Py4JNetworkError
from pyspark import SparkContext

from livetables.errors import UnreachableError
from livetables.spark.session import java_ended


class Gateway:
    """What PySpark keeps of the Java that it has started."""

    def __init__(self, proc):
        self.proc = proc


class JavaException:
    """What py4j knows of an exception of the JVM."""

    _target_id = "o1"
    _gateway_client = None


@pytest.mark.parametrize(
    ("end", "said", "hint"),
    [
        ("import os; os.kill(os.getpid(), 9)", "has ended by SIGKILL.", "spark.log"),
        ("raise SystemExit(52)", "has ended with exit code 52.", "spark.driver.memory"),
    ],
)
@pytest.mark.parametrize("error", [ConnectionRefusedError(), Py4JNetworkError("gone"), Py4JError("gone")])
def test_how_java_ended_is_said(monkeypatch, tmp_path, end, said, hint, error):
    """By a signal, or of its own: with a full heap Spark ends it with 52."""
    monkeypatch.setattr(SparkContext, "_gateway", Gateway(subprocess.Popen([sys.executable, "-c", end])))
    ended = java_ended(error, tmp_path)
    assert (ended.code, said in ended.diagnostic.message, hint in ended.diagnostic.hint) == ("SPARK_ENDED", True, True)


@pytest.mark.parametrize(
    "error", [UnreachableError("BROKER", "no answer"), Py4JJavaError("failed", JavaException()), ValueError("x")]
)
def test_other_errors_do_not_wait_for_an_end(monkeypatch, tmp_path, error):
    """A server that can't be reached, or what Java itself raised, is reported at once."""

    class Running:
        def wait(self, _seconds):
            raise AssertionError("it was waited for")

    monkeypatch.setattr(SparkContext, "_gateway", Gateway(Running()))
    assert java_ended(error, tmp_path) is None
