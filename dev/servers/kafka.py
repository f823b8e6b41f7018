"""A real Kafka broker on this machine: `up` and `down`, or `running_broker` for tests and the demo."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from dev.servers.server import (
    HOST,
    MAX_PORT,
    STOP_SECONDS,
    command_line,
    end,
    first_error,
    free_ports,
    is_free,
    supervised,
)
from livetables.jars import JarError, JavaError, broker_jars, require_java

if TYPE_CHECKING:
    from collections.abc import Iterator

HOME = Path(__file__).resolve().parents[2] / ".livetables" / "kafka"
START_SECONDS = 60
CLUSTER_ID = "bGl2ZXRhYmxlcy1sb2NhbA"  # any 16 bytes in base64

PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller}
advertised.listeners=PLAINTEXT://{host}:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}

# one node, one copy
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=true
num.partitions=2

# a laptop's disk and memory: by arithmetic some 5 minutes of 62,000 rows/s of 105 bytes in each topic
# By size alone: Kafka measures age by a record's own time, and simulated readings may be of any year.
log.retention.ms=-1
log.retention.bytes=1073741824
log.segment.bytes=134217728
log.retention.check.interval.ms=30000
log.cleaner.dedupe.buffer.size=16777216
"""


class BrokerError(RuntimeError):
    """The broker did not start; nothing of it is left running."""


@contextmanager
def running_broker(data: Path) -> Iterator[str]:
    """Run a broker on a free port and yield its bootstrap address; it ends with the block or the process.

    Args:
        data: folder for the broker's topics, settings and log; what a former broker left there is kept.
    """
    port, controller = free_ports()
    with _claimed(data) as claim, _log_file(data).open("wb") as log:
        command = _prepare(data, port, controller)
        process = supervised(command, log, claim)
    try:
        yield _answering(process, port, _log_file(data))
    finally:
        end(process)


def start(port: int, data: Path) -> str:
    """Start a broker that outlives this process and return a sentence that says where it is."""
    record = _record()
    if record is not None:
        return f"Kafka is already running at {record['bootstrap']} (pid {record['pid']})."
    if not is_free(port):
        raise BrokerError(f"Port {port} is in use by another program; choose another one with --port.")
    controller = port + 1 if port < MAX_PORT and is_free(port + 1) else free_ports()[0]
    with _claimed(data) as claim, _log_file(data).open("wb") as log:
        process = subprocess.Popen(
            _prepare(data, port, controller),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(claim,),
            start_new_session=True,
        )
    try:
        bootstrap = _answering(process, port, _log_file(data))
        HOME.mkdir(parents=True, exist_ok=True)
        _record_file().write_text(
            json.dumps({"pid": process.pid, "bootstrap": bootstrap, "data": str(data.absolute())})
        )
    except BaseException:
        process.kill()
        process.wait()
        raise
    return f"Kafka is running at {bootstrap} (pid {process.pid}); its log is {_log_file(data)}."


def stop() -> str:
    """Stop the broker that `start` left running and return a sentence that says so."""
    record = _record()
    if record is None:
        _record_file().unlink(missing_ok=True)
        return "Kafka is not running."
    pid = int(record["pid"])
    for sign, seconds in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, 5)):
        with suppress(ProcessLookupError):
            os.kill(pid, sign)
        if _gone(pid, record["data"], seconds):
            break
    _record_file().unlink()
    return f"Kafka at {record['bootstrap']} (pid {pid}) is stopped; its topics are kept in {record['data']}."


@contextmanager
def _claimed(data: Path) -> Iterator[int]:
    """Lock the folder; the broker inherits the descriptor and so holds the lock for as long as it lives.

    Kafka's own lock comes too late: a second broker has by then written to the first one's metadata.
    """
    data.mkdir(parents=True, exist_ok=True)
    with (data / "broker.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BrokerError(f"Another broker is using {data}; stop it or choose another folder.") from error
        inherited = fcntl.fcntl(lock, fcntl.F_DUPFD, 10)  # SUPERVISED uses the numbers below 10
        try:
            yield inherited
        finally:
            os.close(inherited)


def _prepare(data: Path, port: int, controller: int) -> list[str]:
    """Write the settings, format the data folder once, and return the command that runs the broker."""
    jars = broker_jars()
    java = [require_java(), "-Xmx512m", "-cp", f"{jars[0].parent}/*"]
    topics = data.absolute() / "topics"
    properties = data.absolute() / "server.properties"
    properties.write_text(PROPERTIES.format(host=HOST, port=port, controller=controller, data=topics))
    if not (topics / "meta.properties").exists():
        formatted = subprocess.run(
            [*java, "kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", str(properties)],
            capture_output=True,
            text=True,
            check=False,
        )
        if formatted.returncode:
            raise BrokerError(f"Kafka could not format {topics}: {first_error(formatted.stdout + formatted.stderr)}")
    quiet = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
    return [*java[:1], quiet, *java[1:], "kafka.Kafka", str(properties)]


def _answering(process: subprocess.Popen[bytes], port: int, log: Path) -> str:
    """Wait until the broker answers a client and return its address."""
    bootstrap = f"{HOST}:{port}"
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise BrokerError(f"Kafka ended at once: {first_error(log.read_text())} (log: {log})")
        if not is_free(port) and _lists_topics(bootstrap):
            return bootstrap
        time.sleep(0.1)
    raise BrokerError(f"Kafka did not answer at {bootstrap} within {START_SECONDS} s (log: {log}).")


def _lists_topics(bootstrap: str) -> bool:
    try:
        AdminClient({"bootstrap.servers": bootstrap, "log_level": 0}).list_topics(timeout=2)
    except KafkaException:
        return False
    return True


def _record() -> dict[str, str] | None:
    """Return what `start` wrote, if that process still is our broker."""
    try:
        record = json.loads(_record_file().read_text())
        ours = _is_kafka(int(record["pid"]), record["data"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return record if ours else None


def _is_kafka(pid: int, data: str) -> bool:
    """Tell whether the process is the broker of this folder, and not a stranger who got its number."""
    return f"kafka.Kafka {data}/" in command_line(pid)


def _gone(pid: int, data: str, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not _is_kafka(pid, data):
            return True
        time.sleep(0.1)
    return False


def _record_file() -> Path:
    return HOME / "broker.json"


def _log_file(data: Path) -> Path:
    return data / "broker.log"


app = typer.Typer(add_completion=False, help=__doc__)


@app.command()
def up(
    port: Annotated[int, typer.Option(min=1, max=MAX_PORT, help="port for clients")] = 9092,
    data: Annotated[Path, typer.Option(help="folder for topics, settings and log")] = HOME,
) -> None:
    """Start a broker and leave it running."""
    try:
        typer.echo(start(port, data))
    except (BrokerError, JarError, JavaError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    except OSError as error:
        typer.echo(f"Kafka's folder {data} cannot be used: {error.strerror or error}.", err=True)
        raise typer.Exit(1) from error


@app.command()
def down() -> None:
    """Stop the broker that `up` started."""
    typer.echo(stop())


if __name__ == "__main__":
    app()
