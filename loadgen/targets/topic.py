"""A Kafka topic: made when missing, its offsets, and its records from known offsets up to its end."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec  # admin does not export it to type checkers
from confluent_kafka.cimpl import NewTopic  # as above

from ..errors import target_error

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from confluent_kafka import Message

    from .opening import Kafka

CONNECT_SECONDS = 4.0
ANSWER_SECONDS = 5.0  # together below 10: an unreachable broker is named within 10 s
#: Records that are fetched at a time.
CONSUME_RECORDS = 20_000
OPTIONS = {
    "group.id": "loadgen",
    "enable.auto.commit": False,
    "auto.offset.reset": "earliest",  # should the topic delete records while they are read
    "enable.partition.eof": True,
    "fetch.queue.backoff.ms": 10,  # of 1000, the client would mostly wait
    "log_level": 0,
}


def prepare_topic(host: str, port: int, topic: str, partitions: int) -> int:
    """Make a topic if it is missing; return its number of partitions.

    Args:
        host: of any broker of the cluster.
        port: of that broker.
        topic: its name.
        partitions: of a topic that is made.

    Raises:
        LoadgenError: the broker does not answer; after at most 10 s, with host, port and cause.
    """
    try:
        # A socket says "connection refused" at once; Kafka's client only says that it timed out.
        socket.create_connection((host, port), CONNECT_SECONDS).close()
    except OSError as error:
        raise target_error(f"No Kafka broker at host {host}, port {port}: {_cause(error)}.") from error
    admin = AdminClient({"bootstrap.servers": f"{host}:{port}", "log_level": 0})
    try:
        topics = admin.list_topics(timeout=ANSWER_SECONDS).topics
        if topic in topics:
            return len(topics[topic].partitions)
        admin.create_topics([NewTopic(topic, partitions)])[topic].result(ANSWER_SECONDS)
    except KafkaException as error:
        answer = error.args[0]
        if answer.code() != KafkaError.TOPIC_ALREADY_EXISTS:  # another run was faster
            raise target_error(
                f"The Kafka broker at host {host}, port {port} did not answer: {answer.str()}."
            ) from error
    return partitions


def topic_label(address: Kafka) -> str:
    """Return the name of a topic in messages."""
    return f"Kafka topic {address.topic} at host {address.host}, port {address.port}"


def end_offsets(address: Kafka, partitions: int) -> dict[int, int]:
    """Return the offset after each partition's newest record; a new topic may need a moment to know it.

    Raises:
        LoadgenError: the broker does not say, named within 10 s.
    """
    admin = AdminClient({"bootstrap.servers": f"{address.host}:{address.port}", "log_level": 0})
    latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
    newest = {TopicPartition(address.topic, at): latest for at in range(partitions)}
    deadline = time.monotonic() + ANSWER_SECONDS
    while True:
        try:
            answers = admin.list_offsets(newest, request_timeout=ANSWER_SECONDS)
            return {place.partition: answer.result(ANSWER_SECONDS).offset for place, answer in answers.items()}
        except KafkaException as error:
            if time.monotonic() > deadline:
                raise target_error(f"{topic_label(address)} does not answer: {error.args[0].str()}.") from error
            time.sleep(0.1)


def read_records(address: Kafka, begin: Mapping[int, int]) -> Iterator[list[Message]]:
    """Yield the records that a topic has now, one partition after the other.

    Args:
        address: the topic.
        begin: offsets of partitions; others are read from their first record.

    Raises:
        LoadgenError: it cannot be read.
    """
    where = topic_label(address)
    consumer = Consumer({**OPTIONS, "bootstrap.servers": f"{address.host}:{address.port}"})
    try:
        topics = consumer.list_topics(timeout=ANSWER_SECONDS).topics
        if address.topic not in topics:
            raise target_error(f"{where} does not exist.")
        places = [TopicPartition(address.topic, at) for at in sorted(topics[address.topic].partitions)]
        limits = [consumer.get_watermark_offsets(place, timeout=ANSWER_SECONDS) for place in places]
        for place, (low, end) in zip(places, limits, strict=True):
            place.offset = max(begin.get(place.partition, low), low)
            yield from _partition(consumer, place, end)
    except KafkaException as error:
        raise target_error(f"{where} can't be read: {error.args[0].str()}.") from error
    finally:
        consumer.close()


def _partition(consumer: Consumer, place: TopicPartition, end: int) -> Iterator[list[Message]]:
    """Yield the records from a partition's offset up to `end`."""
    consumer.assign([place])
    offset, over = place.offset, False
    while offset < end and not over:
        messages = consumer.consume(min(CONSUME_RECORDS, end - offset), timeout=ANSWER_SECONDS)
        if not messages:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001 (Kafka's name for it)
        errors = [error for error in (message.error() for message in messages) if error is not None]
        for error in errors:
            # The last offsets of a partition may be Kafka's own, which never come.
            over = error.code() == KafkaError._PARTITION_EOF  # noqa: SLF001 (see above)
            if not over:
                raise KafkaException(error)
        records = [message for message in messages if message.error() is None]
        if records:
            last = records[-1].offset()
            assert last is not None
            offset = last + 1
            yield records


def _cause(error: OSError) -> str:
    return "no answer" if isinstance(error, TimeoutError) else (error.strerror or str(error)).lower()
