"""The topics, offsets and groups of the broker in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stream_monitor.connectors.memory.broker import MemoryBroker
from stream_monitor.core.errors import StreamMonitorError
from stream_monitor.core.records import TopicPartition
from stream_monitor.services.operator_ports import Extent
from stream_monitor.services.ports import Committed, TopicSpec


class MemoryTopics:
    """The Administration of a MemoryBroker, which keeps one copy and asks for no rights."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker

    def partition_counts(self, topics: Sequence[str]) -> dict[str, int]:
        """As Topics.partition_counts."""
        known = self._broker.topics
        return {topic: len(known[topic].logs) for topic in topics if topic in known}

    def topic_ids(self, topics: Sequence[str]) -> dict[str, str]:
        """As Topics.topic_ids; a topic that does not exist is left out."""
        known = self._broker.topics
        return {topic: known[topic].topic_id for topic in topics if topic in known}

    def create(self, topics: Sequence[TopicSpec]) -> dict[str, bool]:
        """As Topics.create."""
        return {topic.name: self._broker.create(topic) for topic in topics}

    def configs(self, topic: str) -> dict[str, str]:
        """As Topics.configs; raises StreamMonitorError for a topic that does not exist."""
        return dict(self._broker.topic(topic).config)

    def extents(self, topics: Sequence[str]) -> dict[TopicPartition, Extent]:
        """As Administration.extents."""
        return {
            TopicPartition(topic, at): Extent(log.low, log.stable_end, log.end)
            for topic in topics
            for at, log in enumerate(self._broker.topic(topic).logs)
        }

    def replicas(self, topics: Sequence[str]) -> dict[str, int]:
        """As Administration.replicas."""
        return dict.fromkeys(self.partition_counts(topics), 1)

    def granted(self, topic: str) -> frozenset[str] | None:
        """As Administration.granted."""
        self._broker.topic(topic)
        return None

    def granted_on_group(self, group_id: str) -> frozenset[str] | None:
        """As Administration.granted_on_group."""
        return None

    def members(self, group_id: str) -> tuple[str, ...]:
        """As Administration.members."""
        return tuple(sorted(member.name for member in self._broker.groups[group_id].members))

    def committed(
        self, group_id: str, partitions: Sequence[TopicPartition]
    ) -> dict[TopicPartition, Committed]:
        """As Administration.committed."""
        held = self._broker.groups[group_id].committed
        return {at: held[at] for at in partitions if at in held}

    def move_group(self, group_id: str, offsets: Mapping[TopicPartition, Committed]) -> None:
        """As Administration.move_group."""
        group = self._broker.groups[group_id]
        if group.members:
            raise StreamMonitorError(f"group {group_id} has members")
        group.committed.update(offsets)
