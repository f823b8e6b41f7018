"""What whole pipelines need from outside."""

import pytest

from dev.servers.kafka import running_broker


@pytest.fixture(scope="package")
def broker(tmp_path_factory):
    """The address of a real Kafka broker; each test has topics of its own."""
    with running_broker(tmp_path_factory.mktemp("kafka")) as servers:
        yield servers
