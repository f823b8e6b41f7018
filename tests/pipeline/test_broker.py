"""The broker that `make kafka-up`, the demo and these tests start."""

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, ConfigResource

pytestmark = [pytest.mark.pipeline, pytest.mark.kafka]


def test_the_broker_keeps_records_of_any_time(broker):
    """Records of last summer were deleted within half a minute: their age counts from their own time."""
    producer = Producer({"bootstrap.servers": broker, "log_level": 0})
    producer.produce("any_time", "{}", timestamp=1_000_000_000_000)
    assert producer.flush(30) == 0
    admin = AdminClient({"bootstrap.servers": broker, "log_level": 0})
    topic = ConfigResource(ConfigResource.Type.TOPIC, "any_time")
    settings = admin.describe_configs([topic])[topic].result(30)
    assert settings["retention.ms"].value == "-1"
