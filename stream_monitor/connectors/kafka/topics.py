"""The cluster's topics, offsets and groups over librdkafka's admin client."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any, Final

from confluent_kafka import (
    ConsumerGroupTopicPartitions,
    IsolationLevel,
    KafkaError,
    KafkaException,
    TopicCollection,
)
from confluent_kafka import TopicPartition as Position
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    ConfigResource,
    NewTopic,
    OffsetSpec,
    ResourceType,
)

from stream_monitor.connectors.kafka.failures import (
    MISSING,
    error_of,
    failure,
    made,
    until_deadline,
)
from stream_monitor.connectors.kafka.offsets import Answer, ask_anew, committed, position
from stream_monitor.connectors.kafka.refusals import Refusals
from stream_monitor.connectors.kafka.settings import Cluster, admin_settings, reader_settings
from stream_monitor.core.errors import StreamMonitorError
from stream_monitor.core.records import TopicPartition
from stream_monitor.services.operator_ports import Extent
from stream_monitor.services.ports import Committed, TopicSpec

_NO_ID: Final = "AAAAAAAAAAAAAAAAAAAAAA"
_GRACE_S: Final = 5.0
_PAUSE_S: Final = 0.05


class KafkaTopics:
    """The Administration of a real or embedded cluster.

    The embedded one makes a topic when asked about it, always with its own number of partitions,
    and tells neither ids nor configurations.
    """

    def __init__(self, cluster: Cluster, *, timeout_s: float = 30.0) -> None:
        self._cluster = cluster
        self._timeout_s = timeout_s
        self._is_embedded = cluster.is_embedded
        self._refusals = Refusals(cluster.logger)
        self._settings = admin_settings(cluster) | {"error_cb": self._refusals.note}
        self._client = made(AdminClient, self._settings)

    def partition_counts(self, topics: Sequence[str]) -> dict[str, int]:
        """As Topics.partition_counts; raises StreamMonitorError for a topic that we may not see."""
        known = self._metadata().topics
        counts = {
            topic: len(known[topic].partitions)
            for topic in topics
            if topic in known and known[topic].error is None
        }
        unseen = [topic for topic in topics if topic not in counts]
        if unseen and not self._is_embedded:
            self.topic_ids(
                unseen
            )  # Only a question by name tells a missing right from a missing topic.
        return counts

    def topic_ids(self, topics: Sequence[str]) -> dict[str, str]:
        """As Topics.topic_ids; a topic that does not exist is left out."""
        if self._is_embedded:
            return dict.fromkeys(self.partition_counts(topics), "")
        if not topics:
            return {}
        ids = self._asked(f"describe {', '.join(topics)}", partial(self._described_ids, topics))
        return {topic: "" if id_ == _NO_ID else id_ for topic, id_ in ids.items()}

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
        entries = self._answer(
            f"describe {topic}",
            lambda slice_s: self._client.describe_configs([resource], request_timeout=slice_s)[
                resource
            ],
        )
        return {
            name: str(entry.value) for name, entry in entries.items() if entry.value is not None
        }

    def ends(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """The end of each partition, open transactions included."""
        latest: Any = OffsetSpec.latest()  # type: ignore[no-untyped-call]
        return self._offsets(partitions, latest, IsolationLevel.READ_UNCOMMITTED)

    def extents(self, topics: Sequence[str]) -> dict[TopicPartition, Extent]:
        """As Administration.extents."""
        counts = self.partition_counts(topics)
        missing = [topic for topic in topics if topic not in counts]
        if missing:
            raise StreamMonitorError(f"topic {missing[0]} does not exist")
        partitions = [TopicPartition(topic, p) for topic in topics for p in range(counts[topic])]
        earliest: Any = OffsetSpec.earliest()  # type: ignore[no-untyped-call]
        latest: Any = OffsetSpec.latest()  # type: ignore[no-untyped-call]
        beginning = self._offsets(partitions, earliest, IsolationLevel.READ_UNCOMMITTED)
        stable = self._offsets(partitions, latest, IsolationLevel.READ_COMMITTED)
        ends = self._offsets(partitions, latest, IsolationLevel.READ_UNCOMMITTED)
        return {at: Extent(beginning[at], stable[at], ends[at]) for at in partitions}

    def replicas(self, topics: Sequence[str]) -> dict[str, int]:
        """As Administration.replicas."""
        known = self._metadata().topics
        return {
            topic: min(len(p.replicas) for p in known[topic].partitions.values())
            for topic in topics
            if topic in known and known[topic].error is None
        }

    def granted(self, topic: str) -> frozenset[str] | None:
        """As Administration.granted."""
        if self._is_embedded:
            return None
        described = self._answer(
            f"describe {topic}",
            lambda slice_s: self._client.describe_topics(
                TopicCollection([topic]),
                include_authorized_operations=True,
                request_timeout=slice_s,
            )[topic],
        )
        return _rights(described)

    def granted_on_group(self, group_id: str) -> frozenset[str] | None:
        """As Administration.granted_on_group."""
        return None if self._is_embedded else _rights(self._described(group_id))

    def members(self, group_id: str) -> tuple[str, ...]:
        """As Administration.members; the embedded cluster tells none."""
        members = () if self._is_embedded else self._described(group_id).members
        return tuple(sorted(member.group_instance_id or member.client_id for member in members))

    def committed(
        self, group_id: str, partitions: Sequence[TopicPartition]
    ) -> dict[TopicPartition, Committed]:
        """As Administration.committed, asked by a consumer that does not join.

        librdkafka's admin client ends the process when the group's coordinator has moved.
        """
        settings = reader_settings(self._cluster, group_id)
        return until_deadline(
            f"read the offsets of group {group_id}",
            self._timeout_s,
            lambda slice_s: ask_anew(settings, lambda by: committed(by, slice_s, partitions)),
        )

    def move_group(self, group_id: str, offsets: Mapping[TopicPartition, Committed]) -> None:
        """As Administration.move_group."""
        positions = [position(at, to) for at, to in offsets.items()]
        asked = [ConsumerGroupTopicPartitions(group_id, positions)]
        moved = self._answer(
            f"move the offsets of group {group_id}",
            lambda slice_s: self._client.alter_consumer_group_offsets(
                asked, request_timeout=slice_s
            )[group_id],
        )
        for at in moved.topic_partitions:
            if at.error is not None:
                raise failure(f"move the offset of {at.topic}[{at.partition}]", at.error)

    def _described(self, group_id: str) -> Any:
        return self._answer(
            f"describe group {group_id}",
            lambda slice_s: self._client.describe_consumer_groups(
                [group_id], include_authorized_operations=True, request_timeout=slice_s
            )[group_id],
        )

    def _described_ids(self, topics: Sequence[str], slice_s: float) -> dict[str, str]:
        asked = TopicCollection(list(topics))
        ids = {}
        for topic, future in self._client.describe_topics(asked, request_timeout=slice_s).items():
            try:
                ids[topic] = str(future.result(slice_s + _GRACE_S).topic_id)
            except KafkaException as exception:
                if error_of(exception).code() not in MISSING:
                    raise
        return ids

    def _offsets(
        self, partitions: Sequence[TopicPartition], which: Any, isolation: IsolationLevel
    ) -> dict[TopicPartition, int]:
        def ask(slice_s: float) -> dict[TopicPartition, int]:
            futures = self._client.list_offsets(
                {Position(*at): which for at in partitions},
                isolation_level=isolation,
                request_timeout=slice_s,
            )
            return {
                TopicPartition(at.topic, at.partition): int(
                    future.result(slice_s + _GRACE_S).offset
                )
                for at, future in futures.items()
            }

        return self._asked("read offsets", ask)

    def _metadata(self, topic: str | None = None) -> Any:
        def ask(timeout_s: float) -> Any:
            self._client.poll(0)
            self._refusals.check("read metadata")
            return self._client.list_topics(topic, timeout=timeout_s)

        return self._asked("read metadata", ask)

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

    def _answer(self, action: str, ask: Callable[[float], Future[Any]]) -> Any:
        return self._asked(action, lambda slice_s: ask(slice_s).result(slice_s + _GRACE_S))

    def _asked(self, action: str, ask: Callable[[float], Answer]) -> Answer:
        return until_deadline(action, self._timeout_s, ask, self._renew)

    def _renew(self) -> None:
        """A new client in the place of one that was not answered.

        That may have lost the brokers for good (see liveness.py), or go on with a leader epoch of before a
        broker's restart. What it has to tell, such as refused credentials, is heard before.
        """
        self._client.poll(0)
        self._client = made(AdminClient, self._settings)


def _rights(described: Any) -> frozenset[str] | None:
    operations = described.authorized_operations
    return None if operations is None else frozenset(op.name for op in operations)
