"""The broker's contract on a real Kafka."""

from __future__ import annotations

import logging

import pytest

from stream_monitor.connectors.kafka.settings import Cluster
from tests.contracts.delivery_contract import DeliveryContract
from tests.contracts.kafka_broker import KafkaBroker
from tests.contracts.plain_contract import PlainContract
from tests.contracts.topics_contract import TopicsContract

pytestmark = pytest.mark.kafka


class TestKafka(PlainContract, TopicsContract, DeliveryContract):
    @pytest.fixture
    def broker(self, real_kafka: str, topic_prefix: str) -> KafkaBroker:
        logger = logging.getLogger("stream_monitor.kafka")
        return KafkaBroker(Cluster({"bootstrap.servers": real_kafka}, logger=logger), topic_prefix)
