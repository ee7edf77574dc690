"""A member of a consumer group on the broker in memory; `poll` never waits, `committed` does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from stream_monitor.connectors.memory.broker import MemoryBroker
from stream_monitor.connectors.memory.group import ConsumerGroup, Member
from stream_monitor.connectors.memory.log import Entry, PartitionLog, as_records
from stream_monitor.core.errors import StreamMonitorError
from stream_monitor.core.records import Records, TopicPartition
from stream_monitor.services.ports import Committed, OffsetsLost, TransactionAborted

Callback = Callable[[Sequence[TopicPartition]], None]


class MemoryConsumer:
    """The Consumer of a MemoryBroker.

    Two consumers of one `instance` name are a static member and its successor: the first is fenced.
    """

    def __init__(
        self,
        broker: MemoryBroker,
        group_id: str,
        instance: str | None = None,
        start: Literal["earliest", "latest"] = "earliest",
    ) -> None:
        self._broker = broker
        self._group = broker.groups[group_id]
        self._member = Member(instance or broker.make_id(), ())
        self._start = start
        self._assigned: list[TopicPartition] = []
        self._taken_up: int | None = None
        self._position: dict[TopicPartition, int] = {}
        self._first: dict[TopicPartition, int] = {}
        self._paused: set[TopicPartition] = set()
        self._fetched: set[TopicPartition] = set()

    def subscribe(self, topics: Sequence[str], on_assigned: Callback, on_revoked: Callback) -> None:
        """As Consumer.subscribe."""
        self._on_assigned, self._on_revoked = on_assigned, on_revoked
        self._member.topics = tuple(topics)
        self._group.add(self._member)

    def poll(self, max_records: int, timeout_s: float) -> list[Records]:
        """As Consumer.poll."""
        if self._member.is_fenced:
            raise StreamMonitorError(f"another consumer has taken over {self._member.name}")
        if self._is_rebalanced():
            return []
        found: dict[str, list[Entry]] = {}
        left = max_records
        for at in self._assigned:
            if left and at not in self._paused:
                entries = self._read(at, left)
                left -= len(entries)
                if entries:
                    found.setdefault(at.topic, []).extend(entries)
        return [as_records(topic, entries) for topic, entries in found.items()]

    def committed(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, Committed]:
        """As Consumer.committed; where the start policy decides, it does so once per object."""
        stored = self._broker.stable_offsets(self._group, partitions)
        return {
            at: stored[at] if at in stored else Committed(self._first_offset(at))
            for at in partitions
        }

    def beginning(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """As Consumer.beginning."""
        return {at: self._broker.log(at).low for at in partitions}

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """As Consumer.seek; raises StreamMonitorError if the partition is not assigned."""
        if partition not in self._assigned:
            raise StreamMonitorError(f"{partition} is not assigned to this consumer")
        self._position[partition] = offset
        self._fetched.discard(partition)

    def pause(self, partitions: Sequence[TopicPartition]) -> None:
        """As Consumer.pause; partitions that are not assigned are passed over."""
        self._paused.update(set(partitions).intersection(self._assigned))

    def resume(self, partitions: Sequence[TopicPartition]) -> None:
        """As Consumer.resume."""
        self._paused.difference_update(partitions)

    def lag(self, partition: TopicPartition) -> int | None:
        """As Consumer.lag; unknown until the first read since the last assignment or seek.

        What an open transaction holds back counts.
        """
        if partition not in self._fetched:
            return None
        return max(0, self._broker.log(partition).end - self._position[partition])

    def close(self) -> None:
        """As Consumer.close; the callbacks are not called any more."""
        self._group.remove(self._member)
        self._forget()

    def time_out(self) -> None:
        """What the group does to a member it has not heard of: the next poll joins again."""
        self._group.remove(self._member)

    def require_generation(self) -> ConsumerGroup:
        """The group; raises TransactionAborted if this member's generation is over."""
        if self._member.is_fenced or not self._group.is_current(self._member):
            raise TransactionAborted("the consumer's generation is over")
        return self._group

    def _is_rebalanced(self) -> bool:
        """Takes part in a rebalance; True when a new assignment was just taken up."""
        if self._member.topics and self._member not in self._group.members:
            self._group.add(self._member)
        if not self._member.has_joined:
            if self._taken_up is not None:
                revoked = self._assigned
                self._forget()
                self._on_revoked(revoked)
            self._group.join(self._member)
        if self._member.generation in (None, self._taken_up) or not self._group.is_complete:
            return False
        counts = {name: len(topic.logs) for name, topic in self._broker.topics.items()}
        self._assigned = self._group.assignment(self._member, counts)
        self._taken_up = self._member.generation
        self._on_assigned(self._assigned)
        return True

    def _read(self, at: TopicPartition, max_records: int) -> list[Entry]:
        log = self._broker.log(at)
        if at not in self._position:
            self._position[at] = self.committed([at])[at].offset
        if not log.low <= self._position[at] <= log.end:
            raise OffsetsLost(f"offset {self._position[at]} of {at} is gone")
        entries, self._position[at] = self._take(log, self._position[at], max_records)
        self._fetched.add(at)
        return entries

    def _take(self, log: PartitionLog, start: int, max_records: int) -> tuple[list[Entry], int]:
        return log.read(start, log.stable_end, max_records)

    def _first_offset(self, at: TopicPartition) -> int:
        log = self._broker.log(at)
        earliest = self._start == "earliest"
        return self._first.setdefault(at, log.low if earliest else log.stable_end)

    def _forget(self) -> None:
        self._assigned = []
        self._taken_up = None
        self._position.clear()
        self._paused.clear()
        self._fetched.clear()
