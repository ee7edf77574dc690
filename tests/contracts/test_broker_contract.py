"""The broker's contract in memory and on librdkafka's mock cluster; for the real one see integration/."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from typing import Literal

import pytest

from stream_monitor.connectors.kafka.embedded import EmbeddedBroker
from stream_monitor.connectors.memory import (
    MemoryBroker,
    MemoryConsumer,
    MemoryProducer,
    MemoryTopicReader,
    MemoryTopics,
)
from stream_monitor.core.records import TopicPartition
from stream_monitor.services.ports import Consumer, Producer
from tests.contracts.broker_under_test import Broker, Member, poll_until
from tests.contracts.delivery_contract import DeliveryContract
from tests.contracts.kafka_broker import KafkaBroker
from tests.contracts.plain_contract import PlainContract
from tests.contracts.topics_contract import TopicsContract


class InMemory(Broker):
    def __init__(self) -> None:
        self._broker = MemoryBroker(lambda: int(time.time() * 1000))

    def consumer(
        self, instance: str | None = None, start: Literal["earliest", "latest"] = "earliest"
    ) -> MemoryConsumer:
        return MemoryConsumer(self._broker, "group", instance, start)

    def producer(self, role: str = "producer") -> MemoryProducer:
        return MemoryProducer(self._broker, role)

    def topics(self) -> MemoryTopics:
        return MemoryTopics(self._broker)

    def reader(self) -> MemoryTopicReader:
        return MemoryTopicReader(self._broker)

    def delete_before(self, at: TopicPartition, offset: int) -> None:
        self._broker.log(at).delete_before(offset)

    def settle(self, producer: Producer) -> None:
        """Nothing is ever on its way."""

    def expel(self, consumer: Consumer, successor: Member) -> None:
        assert isinstance(consumer, MemoryConsumer)
        consumer.time_out()
        poll_until(lambda: bool(successor.assigned), successor)


@pytest.fixture(scope="module")
def embedded_broker() -> Iterator[EmbeddedBroker]:
    broker = EmbeddedBroker()
    yield broker
    broker.close()


class TestMemory(PlainContract, TopicsContract, DeliveryContract):
    @pytest.fixture
    def broker(self) -> InMemory:
        return InMemory()


class TestEmbedded(PlainContract, TopicsContract):
    @pytest.fixture
    def broker(self, embedded_broker: EmbeddedBroker) -> KafkaBroker:
        return KafkaBroker(embedded_broker.cluster, f"test-{uuid.uuid4().hex[:12]}.")
