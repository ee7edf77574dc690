"""The connectors to a cluster of librdkafka's kind, real or embedded, as the contract wants them."""

from __future__ import annotations

import uuid
from typing import Literal

from confluent_kafka import TopicPartition as Position
from confluent_kafka.admin import AdminClient

from stream_monitor.connectors.kafka.consumer import KafkaConsumer
from stream_monitor.connectors.kafka.producer import KafkaProducer
from stream_monitor.connectors.kafka.reader import KafkaTopicReader
from stream_monitor.connectors.kafka.settings import Cluster, Group
from stream_monitor.connectors.kafka.topics import KafkaTopics
from stream_monitor.core.records import TopicPartition
from stream_monitor.services.ports import Consumer, Producer
from tests.contracts.broker_under_test import Broker, Member, poll_until

SESSION_MS = 6_000
"""The shortest session that brokers allow by default: how long a test waits for a silent member."""


class KafkaBroker(Broker):
    def __init__(self, cluster: Cluster, prefix: str) -> None:
        self.prefix = prefix
        unknown = {"topic.metadata.propagation.max.ms": 1_000}
        cluster = Cluster({**cluster.settings, **unknown}, cluster.is_embedded, cluster.logger)
        intervals = {"session.timeout.ms": SESSION_MS, "max.poll.interval.ms": SESSION_MS}
        self._cluster = cluster
        self._impatient = Cluster(
            {**cluster.settings, **intervals}, cluster.is_embedded, cluster.logger
        )

    def consumer(
        self, instance: str | None = None, start: Literal["earliest", "latest"] = "earliest"
    ) -> KafkaConsumer:
        name = instance or uuid.uuid4().hex
        group = Group(self.prefix + "group", name, instance is not None, start)
        return KafkaConsumer(self._impatient, group)

    def producer(self, role: str = "producer") -> KafkaProducer:
        return KafkaProducer(self._cluster, self.prefix + role)

    def topics(self) -> KafkaTopics:
        return KafkaTopics(self._cluster)

    def reader(self) -> KafkaTopicReader:
        return KafkaTopicReader(self._cluster, self.prefix + "reader")

    def delete_before(self, at: TopicPartition, offset: int) -> None:
        admin = AdminClient(dict(self._cluster.settings))
        for future in admin.delete_records([Position(*at, offset)]).values():
            future.result()

    def settle(self, producer: Producer) -> None:
        assert isinstance(producer, KafkaProducer)
        producer.flush()

    def expel(self, consumer: Consumer, successor: Member) -> None:
        poll_until(lambda: bool(successor.assigned), successor)
