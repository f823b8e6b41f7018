"""A real Kafka broker on this machine: `up` and `down`, or `running_broker` for tests and the demo.

python -m dev.servers.kafka up --port 9092
"""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from dev.servers.command import server_app
from dev.servers.processes import HOST, unused_port
from dev.servers.server import Running, Server, ServerError, first_error, log_file, running
from livetables.jars import broker_jars, require_java

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

_MAIN = "kafka.Kafka"
_CLUSTER_ID = "bGl2ZXRhYmxlcy1sb2NhbA"  # any 16 bytes in base64

_PROPERTIES = """\
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

# a laptop's disk and memory: some 5 minutes of 62,000 rows/s of 105 bytes in each topic
# By size alone: Kafka measures age by a record's own time, and simulated readings may be of any year.
log.retention.ms=-1
log.retention.bytes=1073741824
log.segment.bytes=134217728
log.retention.check.interval.ms=30000
log.cleaner.dedupe.buffer.size=16777216
"""


def running_broker(data: Path) -> AbstractContextManager[str]:
    """Run a broker on a free port and yield its bootstrap address; it ends with the block or with this process.

    Args:
        data: folder for the broker's topics, settings and log; the topics of an earlier broker are kept.
    """
    return running(KAFKA, data)


def _command(data: Path, port: int) -> list[str]:
    """Write the settings, format the data folder once, and return the command that runs the broker."""
    jars = broker_jars()
    java = [require_java(), "-Xmx512m", "-cp", f"{jars[0].parent}/*"]
    topics = data.absolute() / "topics"
    properties = data.absolute() / "server.properties"
    controller = unused_port(other_than=port)
    properties.write_text(_PROPERTIES.format(host=HOST, port=port, controller=controller, data=topics))
    if not (topics / "meta.properties").exists():
        formatted = subprocess.run(
            [*java, "kafka.tools.StorageTool", "format", "-t", _CLUSTER_ID, "-c", str(properties)],
            capture_output=True,
            text=True,
            check=False,
        )
        if formatted.returncode:
            raise ServerError(f"Kafka could not format {topics}: {first_error(formatted.stdout + formatted.stderr)}")
    quiet = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
    return [*java[:1], quiet, *java[1:], _MAIN, str(properties)]


def _lists_topics(bootstrap: str) -> bool:
    try:
        AdminClient({"bootstrap.servers": bootstrap, "log_level": 0}).list_topics(timeout=2)
    except KafkaException:
        return False
    return True


def _started(broker: Running, data: Path) -> str:
    return f"Kafka is running at {broker.endpoint} (pid {broker.pid}); its log is {log_file(data)}."


def _stopped(broker: Running) -> str:
    return f"Kafka at {broker.endpoint} (pid {broker.pid}) is stopped; its topics are kept in {broker.data}."


KAFKA = Server("Kafka", "kafka", _MAIN, _command, lambda port: f"{HOST}:{port}", _lists_topics)
app = server_app(KAFKA, port=9092, started=_started, stopped=_stopped)

if __name__ == "__main__":
    app()
