"""What is outside the pipeline: tables by their path, and servers that must answer."""

import socket
import time
from concurrent.futures import Future

import pytest

from livetables.errors import SettingsError, UnreachableError
from livetables.execute import sources
from livetables.execute.sources import Sources, probe_kafka, start_probes, table_format
from livetables.settings import Settings


@pytest.fixture
def closed_port():
    """Return a port of this machine on which nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def sources_of(tmp_path, *, dry=False, probes=None, **settings):
    """Return the sources of a pipeline, without the session that only an existing table needs."""
    given = Settings("p", tmp_path, (), tmp_path / "s", **settings)
    return Sources(None, given, tmp_path / "system", lambda *_: None, dry=dry, probes=probes)


@pytest.mark.parametrize(
    ("file", "path", "format_"),
    [
        ("t/_delta_log/0.json", "t", "delta"),
        ("t/part-0.parquet", "t", "parquet"),
        ("t/day=1/part-0.parquet", "t", "parquet"),
        ("t/rows.csv", "t", "csv"),
        ("t/rows.csv", "t/rows.csv", "csv"),
        ("t/rows.json", "t", "json"),
        ("t/rows.jsonl", "t", "json"),
        ("t/part.orc", "t", "orc"),
        ("t/notes.txt", "t", None),
        ("t/notes.txt", "gone", None),
    ],
)
@pytest.mark.parametrize("prefix", ["", "file:", "file://"])
def test_the_format_of_a_table_is_seen_from_its_files(tmp_path, file, path, format_, prefix):
    """`--table customers=data/customers.csv` needs no format beside the path."""
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).touch()
    assert table_format(f"{prefix}{tmp_path}/{path}") == format_


def test_a_table_in_a_bucket_is_delta():
    """A remote folder is not listed to find out."""
    assert table_format("s3://bucket/customers") == "delta"


@pytest.mark.parametrize("name", ["crm.customers", "CRM.Customers", "`crm`.`customers`"])
def test_a_registered_table_that_is_not_there_is_named(tmp_path, name):
    """With the path that was looked at, and the option to correct."""
    with pytest.raises(SettingsError, match="gone") as caught:
        sources_of(tmp_path, tables={"crm.customers": "/gone"}).read(name, streaming=False, options={})
    assert (caught.value.code, "--table" in caught.value.diagnostic.hint) == ("TABLE_NOT_FOUND", True)


def test_a_name_that_is_not_registered_is_left_to_the_session(tmp_path):
    """It may be a table or a temporary view that Spark knows."""
    assert sources_of(tmp_path).read("crm.customers", streaming=False, options={}) is None


def test_paths_are_mapped_as_the_settings_say(tmp_path):
    """Relative to the project."""
    assert sources_of(tmp_path, path_map={"dbfs:/raw": "raw"}).map_path("dbfs:/raw/x") == str(tmp_path / "raw/x")


def test_a_broker_that_does_not_run_is_named_at_once(closed_port):
    """With host, port and cause; Spark alone would go on trying for minutes."""
    started = time.monotonic()
    diagnostic = probe_kafka(f"127.0.0.1:{closed_port}").diagnostic
    assert (diagnostic.code, diagnostic.message) == (
        "BROKER_UNREACHABLE",
        f"No Kafka broker answers at 127.0.0.1:{closed_port}: connection refused.",
    )
    assert "make kafka-up" in diagnostic.hint
    assert time.monotonic() - started < sources.PROBE_SECONDS


def test_a_server_that_is_no_broker_is_named_within_ten_seconds(monkeypatch):
    """It takes the connection and says nothing: the wait is as long as it is set to be, and that is short."""
    patience = sources.PROBE_SECONDS
    monkeypatch.setattr(sources, "PROBE_SECONDS", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        started = time.monotonic()
        error = probe_kafka(f"127.0.0.1:{port}")
    assert (error.code, f"127.0.0.1:{port}" in error.diagnostic.message) == ("BROKER_UNREACHABLE", True)
    assert (time.monotonic() - started) * patience < 10


@pytest.mark.parametrize("servers", ["localhost", "localhost:", "localhost:kafka", ":9092", "kafka://localhost"])
def test_an_address_that_is_none_is_named(servers):
    """A broker is HOST:PORT; anything else would be looked for in vain."""
    assert probe_kafka(servers).diagnostic.message == f"No Kafka broker answers at {servers}: it is not HOST:PORT."


def test_all_brokers_of_a_list_are_asked(closed_port):
    """The message has the whole list, as it was configured."""
    servers = f"127.0.0.1:{closed_port}, localhost"
    assert probe_kafka(servers).diagnostic.message.startswith(f"No Kafka broker answers at {servers}: ")


def test_the_brokers_of_a_configuration_are_asked_while_spark_starts(closed_port):
    """Both ways of writing the key are known, and nothing else is taken for a broker."""
    servers = f"127.0.0.1:{closed_port}"
    probes = start_probes(
        {
            "sensors.kafka.bootstrap_servers": servers,
            "a.kafka.Bootstrap.Servers": "localhost",
            "other.servers": "b:1",
            "empty.bootstrap.servers": "",
        }
    )
    assert {asked: probe.result().code for asked, probe in probes.items()} == {
        servers: "BROKER_UNREACHABLE",
        "localhost": "BROKER_UNREACHABLE",
    }


def test_a_stream_from_a_broker_that_does_not_run_is_refused(tmp_path, closed_port):
    """Whatever the case in which the source is written."""
    with pytest.raises(UnreachableError, match=f"127.0.0.1:{closed_port}"):
        sources_of(tmp_path).prepare("Kafka", {"kafka.bootstrap.servers": f"127.0.0.1:{closed_port}"})


@pytest.mark.parametrize("source", ["rate", "kafkaesque", ""])
def test_only_kafka_is_asked_first(tmp_path, closed_port, source):
    """Other sources are left to Spark, whatever their options are called."""
    options = {"kafka.bootstrap.servers": f"127.0.0.1:{closed_port}"}
    assert sources_of(tmp_path).prepare(source, options) is None


def test_a_check_needs_no_broker(tmp_path, closed_port):
    """`livetables check` in CI has none; it only asks what the source looks like."""
    options = {"kafka.bootstrap.servers": f"127.0.0.1:{closed_port}"}
    assert sources_of(tmp_path, dry=True).prepare("kafka", options) is None


def test_a_broker_is_asked_until_it_has_answered(tmp_path, closed_port):
    """Query functions are evaluated many times: one answer is enough, and after a failure it is asked again."""
    options = {"kafka.bootstrap.servers": f"127.0.0.1:{closed_port}"}
    answered, failed = Future(), Future()
    answered.set_result(None)
    failed.set_result(UnreachableError("BROKER_UNREACHABLE", "asked while Spark started"))
    reader = sources_of(tmp_path, probes={f"127.0.0.1:{closed_port}": answered})
    assert [reader.prepare("kafka", options) for _ in range(2)] == [None, None]
    reader = sources_of(tmp_path, probes={f"127.0.0.1:{closed_port}": failed})
    with pytest.raises(UnreachableError, match="asked while Spark started"):
        reader.prepare("kafka", options)
    with pytest.raises(UnreachableError, match="connection refused"):
        reader.prepare("kafka", options)
