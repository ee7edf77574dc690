"""Reads of whole topics on the broker in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from stream_monitor.connectors.memory.broker import MemoryBroker
from stream_monitor.connectors.memory.log import as_records
from stream_monitor.core.records import Records, TopicPartition

_BATCH = 10_000


class MemoryTopicReader:
    """The TopicReader of a MemoryBroker.

    A read that meets an open transaction waits for its end as the broker lets clients wait.
    """

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker

    def read(
        self,
        topic: str,
        partition: int | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
    ) -> Iterator[Records]:
        """As TopicReader.read; `start_ms` is in, `end_ms` out."""
        count = len(self._broker.topic(topic).logs)
        chosen = range(count) if partition is None else [partition]
        ends = {at: self._broker.log(TopicPartition(topic, at)).end for at in chosen}
        for at, end in ends.items():
            log = self._broker.log(TopicPartition(topic, at))
            position = log.low
            while position < end:
                while log.stable_end < end:
                    self._broker.wait(f"a transaction is open in partition {at} of {topic}")
                    self._broker.end_overdue()
                entries, position = log.read(position, end, _BATCH)
                entries = [
                    entry
                    for entry in entries
                    if (start_ms is None or entry.timestamp_ms >= start_ms)
                    and (end_ms is None or entry.timestamp_ms < end_ms)
                ]
                if entries:
                    yield as_records(topic, entries)

    def follow(
        self, topic: str, start: Mapping[TopicPartition, int] | None = None
    ) -> MemoryFollower:
        """As TopicReader.follow."""
        return MemoryFollower(self._broker, topic, start)


class MemoryFollower:
    """The Follower of a MemoryBroker; `poll` never waits."""

    def __init__(
        self, broker: MemoryBroker, topic: str, start: Mapping[TopicPartition, int] | None
    ) -> None:
        self._topic = topic
        self._logs = broker.topic(topic).logs
        self._ends = [log.end for log in self._logs]
        self._positions = [
            log.low if start is None else start[TopicPartition(topic, at)]
            for at, log in enumerate(self._logs)
        ]

    def poll(self, timeout_s: float) -> list[Records]:
        """As Follower.poll."""
        found = []
        for at, log in enumerate(self._logs):
            entries, self._positions[at] = log.read(self._positions[at], log.stable_end, _BATCH)
            found += entries
        return [as_records(self._topic, found)] if found else []

    def is_caught_up(self) -> bool:
        """As Follower.is_caught_up."""
        return all(at >= end for at, end in zip(self._positions, self._ends, strict=True))

    def close(self) -> None:
        """As Follower.close."""
