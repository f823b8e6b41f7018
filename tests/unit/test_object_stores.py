"""Which object stores are looked at, and how their endpoints are read; tests/spark has a real one."""

import socket

import pytest

from livetables.spark.object_stores import ObjectStores, _not_set_up, _refused


@pytest.mark.parametrize("path", ["/in/landing", "in", "file:///in", "dbfs:/in", "hdfs://server/in", "C:\\in"])
def test_only_object_stores_are_looked_at(path):
    """Without a session nothing can be asked: everything else is left to Spark."""
    ObjectStores(None).check(path)


@pytest.mark.parametrize("written", ["http://127.0.0.1:{port}", "127.0.0.1:{port}", "https://127.0.0.1:{port}/"])
def test_an_endpoint_may_lack_its_scheme(written):
    """As s3a takes it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        endpoint = written.format(port=server.getsockname()[1])
        assert _refused(endpoint) is None
    assert _refused(endpoint) == "connection refused"


@pytest.mark.parametrize(
    ("endpoint", "cause"), [("http://127.0.0.1:http", "its port is no number"), ("https://", "it names no host")]
)
def test_an_endpoint_that_is_none_is_named(endpoint, cause):
    """Before anything is asked."""
    assert _refused(endpoint) == cause


@pytest.mark.parametrize(("scheme", "hint"), [("s3", "make jars-s3"), ("s3a", "make jars-s3"), ("gs", "path_map")])
def test_without_jars_the_hint_says_what_can_be_done(scheme, hint):
    """For S3 the command that downloads them; for other stores there is none."""
    diagnostic = _not_set_up(scheme).diagnostic
    assert ("FILE_SYSTEM_NOT_SET_UP", True) == (diagnostic.code, hint in diagnostic.hint)
    assert diagnostic.message.startswith(f"{scheme}:// paths")
