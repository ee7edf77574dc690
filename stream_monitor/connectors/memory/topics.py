"""The topics of the broker in memory."""

from __future__ import annotations

from collections.abc import Sequence

from stream_monitor.connectors.memory.broker import MemoryBroker
from stream_monitor.services.ports import TopicSpec


class MemoryTopics:
    """The Topics of a MemoryBroker."""

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
