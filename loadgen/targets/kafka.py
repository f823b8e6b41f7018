"""A Kafka topic. Every row is acknowledged by the broker, or the run fails and says why."""

from __future__ import annotations

import socket
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic  # admin does not export it to type checkers

from loadgen.registry import OPERATIONS
from loadgen.rows import KINDS
from loadgen.targets.base import TargetError, count_kinds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loadgen.targets.base import Row

CONNECT_SECONDS = 4.0
ANSWER_SECONDS = 5.0  # together below 10: an unreachable broker is named within 10 s
DELIVERY_SECONDS = 30  # after that a row counts as failed; Kafka's own default is 5 minutes
PARTITIONS = 2

PRODUCER = {
    "acks": "all",
    "enable.idempotence": True,  # a retry must not add duplicates to those that were asked for
    "message.timeout.ms": DELIVERY_SECONDS * 1000,
    "linger.ms": 20,
    "batch.size": 512 * 1024,
    "compression.type": "lz4",
    "queue.buffering.max.messages": 200_000,
    "delivery.report.only.error": True,  # a Python call per delivered row would halve the rate
    "log_level": 0,  # errors reach the user once, as one sentence
}


def prepare_topic(host: str, port: int, topic: str, partitions: int = PARTITIONS) -> int:
    """Make sure that the broker answers and the topic exists, with so many partitions if it is new; return how many.

    Raises:
        TargetError: after at most 10 s; names host, port and cause.
    """
    try:
        # A socket says "connection refused" at once; Kafka's client only says that it timed out.
        socket.create_connection((host, port), CONNECT_SECONDS).close()
    except OSError as error:
        raise TargetError(f"No Kafka broker at host {host}, port {port}: {_cause(error)}.") from error
    admin = AdminClient({"bootstrap.servers": f"{host}:{port}", "log_level": 0})
    try:
        there = admin.list_topics(timeout=ANSWER_SECONDS).topics
        if topic in there:
            return len(there[topic].partitions)
        admin.create_topics([NewTopic(topic, partitions)])[topic].result(ANSWER_SECONDS)
    except KafkaException as error:
        problem = error.args[0]
        if problem.code() != KafkaError.TOPIC_ALREADY_EXISTS:  # another run was faster
            raise TargetError(
                f"The Kafka broker at host {host}, port {port} did not answer: {problem.str()}."
            ) from error
    return partitions


class KafkaTarget:
    """Sends rows to a topic that exists; the record's key is the device id, if the row has one.

    Args:
        host: of any broker of the cluster.
        port: of that broker.
        topic: its name.
    """

    def __init__(self, host: str, port: int, topic: str) -> None:
        self._topic = topic
        self._where = f"Kafka topic {topic} at host {host}, port {port}"
        self._producer = Producer(
            {**PRODUCER, "bootstrap.servers": f"{host}:{port}", "error_cb": self._note_connection}
        )
        self._taken: Counter[str] = Counter()
        self._failed: Counter[str] = Counter()
        self._cause = ""
        self._connection = ""
        self._on_delivery: dict[str, partial[None]] = {
            kind: partial(self._note_failure, kind) for kind in (*KINDS, *OPERATIONS)
        }

    @property
    def delivered(self) -> Counter[str]:
        """Rows acknowledged; exact once `close` has returned or raised."""
        return self._taken - self._failed

    def write(self, rows: Sequence[Row]) -> None:
        """Queue rows; waits when the queue is full."""
        for done, row in enumerate(rows):
            try:
                self._produce(row)
            except (KafkaException, TargetError) as error:
                self._taken.update(count_kinds(rows[:done]))
                raise TargetError(f"{self._where} refuses rows: {self._cause or error}.") from error
        self._taken.update(count_kinds(rows))
        self._producer.poll(0)
        if self._failed:
            raise TargetError(f"{self._where} refuses rows: {self._cause}.")

    def close(self) -> None:
        """Wait until the broker has acknowledged every row; rows that it does not take count as failed."""
        if not self._failed:
            self._producer.flush(DELIVERY_SECONDS)
        self._producer.purge()  # what is still queued reports itself as failed
        self._producer.flush(1)
        if self._failed:
            raise TargetError(f"{self._where} did not take {self._failed.total():,} rows: {self._cause}.")

    def _produce(self, row: Row) -> None:
        while True:
            try:
                self._producer.produce(self._topic, row.line, row.device_id, on_delivery=self._on_delivery[row.kind])
            except BufferError:
                self._producer.poll(0.1)
                if self._failed:
                    raise TargetError(self._cause) from None
            else:
                return

    def _note_failure(self, kind: str, error: KafkaError | None, _message: object) -> None:
        if error is not None:
            self._failed[kind] += 1
            # A timeout is only a symptom; the client's last word on the connection says more.
            timed_out = error.code() == KafkaError._MSG_TIMED_OUT  # noqa: SLF001 - Kafka's name for it
            self._cause = self._cause or (timed_out and self._connection) or error.str()

    def _note_connection(self, error: KafkaError) -> None:
        if error.code() != KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001 - says less than what came before
            self._connection = error.str()


def _cause(error: OSError) -> str:
    return "no answer" if isinstance(error, TimeoutError) else (error.strerror or str(error)).lower()
