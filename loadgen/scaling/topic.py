"""Reading a Kafka topic from known offsets up to its end."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec  # admin does not export it to type checkers

from loadgen.targets.base import TargetError
from loadgen.targets.kafka import ANSWER_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from confluent_kafka import Message

    from loadgen.targets.opening import Kafka

#: Records that are asked for at a time.
CONSUME_RECORDS = 20_000
OPTIONS = {
    "group.id": "loadgen",
    "enable.auto.commit": False,
    "auto.offset.reset": "earliest",  # should the topic delete records while they are read
    "enable.partition.eof": True,
    "fetch.queue.backoff.ms": 10,  # of 1000, the client would mostly wait
    "log_level": 0,
}


def named(address: Kafka) -> str:
    """Return what messages call a topic."""
    return f"Kafka topic {address.topic} at host {address.host}, port {address.port}"


def end_offsets(address: Kafka, partitions: int) -> dict[int, int]:
    """Return the offset behind each partition's newest record; a topic that is new may need a moment to know it.

    Raises:
        TargetError: the broker does not say, named within 10 s.
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
                raise TargetError(f"{named(address)} does not answer: {error.args[0].str()}.") from error
            time.sleep(0.1)


def read_records(address: Kafka, begin: Mapping[int, int]) -> Iterator[list[Message]]:
    """Yield the records that a topic has now, one partition after the other.

    Args:
        address: the topic.
        begin: offsets of partitions; others are read from their first record.

    Raises:
        TargetError: it can't be read.
    """
    where = named(address)
    consumer = Consumer({**OPTIONS, "bootstrap.servers": f"{address.host}:{address.port}"})
    try:
        topics = consumer.list_topics(timeout=ANSWER_SECONDS).topics
        if address.topic not in topics:
            raise TargetError(f"{where} does not exist.")
        places = [TopicPartition(address.topic, at) for at in sorted(topics[address.topic].partitions)]
        limits = [consumer.get_watermark_offsets(place, timeout=ANSWER_SECONDS) for place in places]
        for place, (low, end) in zip(places, limits, strict=True):
            place.offset = max(begin.get(place.partition, low), low)
            yield from _partition(consumer, place, end)
    except KafkaException as error:
        raise TargetError(f"{where} can't be read: {error.args[0].str()}.") from error
    finally:
        consumer.close()


def _partition(consumer: Consumer, place: TopicPartition, end: int) -> Iterator[list[Message]]:
    """Yield the records from a partition's offset up to `end`."""
    consumer.assign([place])
    offset, over = place.offset, False
    while offset < end and not over:
        messages = consumer.consume(min(CONSUME_RECORDS, end - offset), timeout=ANSWER_SECONDS)
        if not messages:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001 - Kafka's name for it
        errors = [error for error in (message.error() for message in messages) if error is not None]
        for error in errors:
            # The last offsets of a partition may be Kafka's own, which never come.
            over = error.code() == KafkaError._PARTITION_EOF  # noqa: SLF001 - see above
            if not over:
                raise KafkaException(error)
        records = [message for message in messages if message.error() is None]
        if records:
            last = records[-1].offset()
            assert last is not None
            offset = last + 1
            yield records
