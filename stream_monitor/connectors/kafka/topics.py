"""The cluster's topics over librdkafka's admin client."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any, Final

from confluent_kafka import IsolationLevel, KafkaError, KafkaException, TopicCollection
from confluent_kafka import TopicPartition as Position
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    ConfigResource,
    NewTopic,
    OffsetSpec,
    ResourceType,
)

from stream_monitor.connectors.kafka.failures import error_of, failure, until_deadline
from stream_monitor.connectors.kafka.refusals import Refusals
from stream_monitor.connectors.kafka.settings import Cluster, admin_settings
from stream_monitor.core.errors import StreamMonitorError
from stream_monitor.core.records import TopicPartition
from stream_monitor.services.ports import TopicSpec

_NO_ID: Final = "AAAAAAAAAAAAAAAAAAAAAA"
_MISSING: Final = (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC)
_PAUSE_S: Final = 0.05


class KafkaTopics:
    """The Topics of a real or embedded cluster.

    The embedded one makes a topic when asked about it, always with its own number of partitions,
    and tells neither ids nor configurations.
    """

    def __init__(self, cluster: Cluster, *, timeout_s: float = 30.0) -> None:
        self._timeout_s = timeout_s
        self._is_embedded = cluster.is_embedded
        self._refusals = Refusals(cluster.logger)
        self._client = AdminClient(admin_settings(cluster) | {"error_cb": self._refusals.note})

    def partition_counts(self, topics: Sequence[str]) -> dict[str, int]:
        """As Topics.partition_counts."""
        known = self._metadata().topics
        return {
            topic: len(known[topic].partitions)
            for topic in topics
            if topic in known and known[topic].error is None
        }

    def topic_ids(self, topics: Sequence[str]) -> dict[str, str]:
        """As Topics.topic_ids; a topic that does not exist is left out."""
        if self._is_embedded:
            return dict.fromkeys(self.partition_counts(topics), "")
        if not topics:
            return {}
        asked = TopicCollection(list(topics))
        futures = self._client.describe_topics(asked, request_timeout=self._timeout_s)
        ids = {}
        for topic, future in futures.items():
            try:
                described = str(self._result(f"describe {topic}", future).topic_id)
            except _Missing:
                continue
            ids[topic] = "" if described == _NO_ID else described
        return ids

    def create(self, topics: Sequence[TopicSpec]) -> dict[str, bool]:
        """As Topics.create; returns when the brokers show the topics."""
        before = self.partition_counts([topic.name for topic in topics])
        if self._is_embedded:
            for topic in topics:
                self._metadata(topic.name)
            return {topic.name: topic.name not in before for topic in topics}
        made = {topic.name: self._create(topic) for topic in topics if topic.name not in before}
        self._await_topics([topic.name for topic in topics])
        return {topic.name: made.get(topic.name, False) for topic in topics}

    def configs(self, topic: str) -> dict[str, str]:
        """As Topics.configs; raises StreamMonitorError for a topic that does not exist."""
        if self._is_embedded:
            return {}
        resource = ConfigResource(ResourceType.TOPIC, topic)
        futures = self._client.describe_configs([resource], request_timeout=self._timeout_s)
        entries = self._result(f"describe {topic}", futures[resource])
        return {
            name: str(entry.value) for name, entry in entries.items() if entry.value is not None
        }

    def ends(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """The end of each partition, open transactions included."""
        latest: Any = OffsetSpec.latest()  # type: ignore[no-untyped-call]
        asked = {Position(*at): latest for at in partitions}
        futures = self._client.list_offsets(
            asked,
            isolation_level=IsolationLevel.READ_UNCOMMITTED,
            request_timeout=self._timeout_s,
        )
        return {
            TopicPartition(at.topic, at.partition): int(
                self._result(f"read the end of {at.topic}", future).offset
            )
            for at, future in futures.items()
        }

    def _metadata(self, topic: str | None = None) -> Any:
        def ask(timeout_s: float) -> Any:
            self._client.poll(0)
            self._refusals.check("read metadata")
            return self._client.list_topics(topic, timeout=timeout_s)

        return until_deadline("read metadata", self._timeout_s, ask)

    def _create(self, topic: TopicSpec) -> bool:
        new = NewTopic(topic.name, topic.partitions, topic.replication, config=dict(topic.config))
        futures = self._client.create_topics([new], request_timeout=self._timeout_s)
        try:
            futures[topic.name].result(self._timeout_s)
        except KafkaException as exception:
            error = error_of(exception)
            if error.code() == KafkaError.TOPIC_ALREADY_EXISTS:
                return False
            raise failure(f"create topic {topic.name}", error) from exception
        return True

    def _await_topics(self, names: Sequence[str]) -> None:
        deadline = time.monotonic() + self._timeout_s
        while len(self.partition_counts(names)) < len(set(names)):
            if time.monotonic() > deadline:
                raise StreamMonitorError(f"the brokers do not show the topics {', '.join(names)}")
            time.sleep(_PAUSE_S)

    def _result(self, action: str, future: Future[Any]) -> Any:
        try:
            return future.result(self._timeout_s)
        except KafkaException as exception:
            error = error_of(exception)
            if error.code() in _MISSING:
                raise _Missing(f"cannot {action}: the topic does not exist") from exception
            raise failure(action, error) from exception


class _Missing(StreamMonitorError):
    """The topic does not exist."""
