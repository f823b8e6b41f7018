"""A load that is read back from a real Kafka topic."""

import pytest
from confluent_kafka import Producer

from loadgen.engines.blocks import Cutter
from loadgen.engines.native import ColumnSource
from loadgen.errors import LoadgenError
from loadgen.phases.shape import SECOND
from loadgen.phases.shape_file import shape_of
from loadgen.report.analysis import Summary, problems
from loadgen.report.readback import read_back
from loadgen.targets.kafka import KafkaTarget
from loadgen.targets.opening import Kafka

pytestmark = [pytest.mark.pipeline, pytest.mark.kafka]

START = 1_780_000_000 * SECOND
PHASE = {"name": "all", "from": "0s", "to": "10s", "streams": [{"type": "baseline", "count": 3, "rate": 2000}]}
SHAPE = shape_of({"duration": "10s", "phases": [PHASE]})


def kafka(broker, topic):
    """Return the address of a topic."""
    host, _, port = broker.rpartition(":")
    return Kafka(host, int(port), topic)


def send(address, start):
    """Send the whole load; return the offsets before it."""
    target = KafkaTarget(address, 4, len(SHAPE.streams), {})
    offsets = {int(at): offset for at, offset in target.position()["offsets"].items()}
    cutter = Cutter(SHAPE, ColumnSource(SHAPE, start, as_lines=True), target.arrived)
    for seconds in (4, 10):
        target.write(cutter.next(seconds * SECOND, 0, 100_000))
    target.close()
    return offsets


def analysed(address, offsets):
    """Return the problems of what is read back, and what its progress said last."""
    told, summary = [], Summary(SHAPE, START)
    for batch in read_back(address, "run", SHAPE, offsets, lambda *numbers: told.append(numbers)):
        summary.add(batch)
    [group] = summary.groups()
    return problems(group), told[-1]


def test_a_load_is_read_back_from_where_it_began(broker):
    """What was in the topic before is not read; records that are no rows are left out and counted."""
    address = kafka(broker, "read_back")
    send(address, START - 3600 * SECOND)
    offsets = send(address, START)
    assert sum(offsets.values()) == 60_000
    assert analysed(address, offsets) == ([], (60_000, 0))
    producer = Producer({"bootstrap.servers": broker, "log_level": 0})
    for value in (b"null", None, b"no row", b'{"device_id":'):
        producer.produce("read_back", value, partition=1)
    assert producer.flush(30) == 0
    assert analysed(address, offsets) == ([], (60_000, 4))
    assert analysed(address, {}) == ([], (120_000, 4))


def test_records_of_kafkas_own_are_no_obstacle(broker):
    """The last offset of a partition may be the end of a transaction, which no consumer is given."""
    address = kafka(broker, "with_transactions")
    offsets = send(address, START)
    producer = Producer({"bootstrap.servers": broker, "log_level": 0, "transactional.id": "another"})
    producer.init_transactions(30)
    producer.begin_transaction()
    for partition in range(4):
        producer.produce("with_transactions", b"no row", partition=partition)
    producer.commit_transaction(30)
    assert analysed(address, offsets) == ([], (60_000, 4))


def test_a_topic_that_cannot_be_read_is_named(broker):
    """In one sentence, when it does not exist."""
    gone = kafka(broker, "gone")
    with pytest.raises(
        LoadgenError, match=rf"^Kafka topic gone at host {gone.host}, port {gone.port} does not exist\.$"
    ):
        analysed(gone, {})
