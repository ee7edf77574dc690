"""The connectors in memory with a place before each call; a switch takes one rule of the protocol away."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa

from stream_monitor.connectors.memory import (
    MemoryBroker,
    MemoryConsumer,
    MemoryPendingStore,
    MemoryProducer,
    MemoryTopicReader,
)
from stream_monitor.connectors.memory.group import ConsumerGroup
from stream_monitor.connectors.memory.log import Entry, PartitionLog, as_records
from stream_monitor.core.records import Records, TopicPartition
from stream_monitor.services.ports import Committed, Consumer, Joined, Outgoing
from tests.simulation.faults import Points
from tests.simulation.switches import Switch


class SimulatedConsumer(MemoryConsumer):
    """A MemoryConsumer with places."""

    def __init__(
        self, broker: MemoryBroker, group: str, instance: str | None, points: Points, switch: Switch
    ) -> None:
        super().__init__(broker, group, instance)
        self._points = points
        self._switch = switch
        self._believed: dict[TopicPartition, Committed] = {}

    @property
    def is_superseded(self) -> bool:
        """Whether a member of the same name has taken over."""
        return self._member.is_fenced

    def poll(self, max_records: int, timeout_s: float) -> list[Records]:
        """As Consumer.poll."""
        self._points.visit("poll")
        return super().poll(max_records, timeout_s)

    def committed(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, Committed]:
        """As Consumer.committed."""
        self._points.visit("committed")
        if self._switch is Switch.BELIEVED_OFFSETS and self._believed.keys() >= set(partitions):
            return {at: self._believed[at] for at in partitions}
        if self._switch is Switch.UNSTABLE_OFFSETS:
            stored = self._group.committed
            return {at: stored.get(at) or Committed(self._first_offset(at)) for at in partitions}
        found = super().committed(partitions)
        self._believed |= found
        return found

    def beginning(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """As Consumer.beginning."""
        self._points.visit("beginning")
        return super().beginning(partitions)

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """As Consumer.seek."""
        self._points.visit("seek")
        super().seek(partition, offset)

    def lag(self, partition: TopicPartition) -> int | None:
        """As Consumer.lag."""
        lag = super().lag(partition)
        is_live = self._position.get(partition, 0) >= self._believed_offset(partition)
        return 0 if lag and is_live and self._switch is Switch.IDLE_WITH_LAG else lag

    def believe(self, offsets: Mapping[TopicPartition, Committed]) -> None:
        """Notes what a transaction committed, for the switch that does not ask again."""
        self._believed |= offsets

    def whole_group(self) -> ConsumerGroup:
        """The group, whatever the member's generation."""
        return self._group

    def _believed_offset(self, partition: TopicPartition) -> int:
        return self._believed.get(partition, Committed(0)).offset

    def _take(self, log: PartitionLog, start: int, max_records: int) -> tuple[list[Entry], int]:
        if self._switch is not Switch.READ_UNCOMMITTED:
            return super()._take(log, start, max_records)
        entries = log._entries[start - log.low :][:max_records]
        return [entry for entry in entries if not entry.is_control], start + len(entries)

    def _forget(self) -> None:
        super()._forget()
        self._believed.clear()


class SimulatedProducer(MemoryProducer):
    """A MemoryProducer with places; `store` is a profiler's."""

    def __init__(
        self, broker: MemoryBroker, transactional_id: str, timeout_ms: float, points: Points,
        switch: Switch, store: SimulatedStore | None,
    ) -> None:  # fmt: skip
        super().__init__(broker, transactional_id, timeout_ms)
        self._points = points
        self._switch = switch
        self._store = store
        self._sent: tuple[Mapping[TopicPartition, Committed], SimulatedConsumer] | None = None

    def init_transactions(self) -> None:
        """As Producer.init_transactions."""
        self._points.visit("init_transactions")
        super().init_transactions()

    def begin(self) -> None:
        """As Producer.begin."""
        self._points.visit("begin")
        super().begin()

    def produce(self, record: Outgoing) -> None:
        """As Producer.produce; deltas have a key, markers none."""
        kind = "other"
        if record.topic.endswith(".deltas"):
            kind = "marker" if record.key is None else "delta"
        self._points.visit(f"produce.{kind}")
        super().produce(record)

    def send_offsets(self, offsets: Mapping[TopicPartition, Committed], consumer: Consumer) -> None:
        """As Producer.send_offsets."""
        self._points.visit("send_offsets")
        super().send_offsets(offsets, consumer)
        if isinstance(consumer, SimulatedConsumer):
            self._sent = offsets, consumer

    def commit(self) -> int | None:
        """As Producer.commit."""
        if self._switch is Switch.STORE_FIRST and self._store is not None:
            self._store.commit_rows()
        self._points.producer = self
        self._points.visit("commit")
        time_ms = super().commit()
        self._points.visit("committed.kafka")
        if self._sent is not None:
            offsets, consumer = self._sent
            consumer.believe(offsets)
        return time_ms

    def commit_late(self) -> bool:
        """What the broker does with a request that was long on its way; False if it refuses it."""
        transaction = self._transaction
        if transaction is None or not self._broker.is_open(self._id, transaction):
            return False
        self._broker.commit(self._id)
        return True

    def abort(self) -> None:
        """As Producer.abort."""
        self._points.visit("abort")
        super().abort()

    def _group_of(self, consumer: MemoryConsumer) -> ConsumerGroup:
        if self._switch is Switch.NO_GENERATION and isinstance(consumer, SimulatedConsumer):
            return consumer.whole_group()
        return super()._group_of(consumer)


class SimulatedStore:
    """A MemoryPendingStore with places: one process's hold on a disk, which outlives it."""

    def __init__(self, disk: MemoryPendingStore, points: Points) -> None:
        self._disk = disk
        self._points = points

    def open(self, partition: int, identity: str) -> dict[str, int]:
        """As PendingStore.open."""
        self._points.visit("store.open")
        return self._disk.open(partition, identity)

    def join(
        self, partition: int, predictions: pa.Table, labels: pa.Table,
        horizons_us: Mapping[tuple[str, str], int],
    ) -> Joined:  # fmt: skip
        """As PendingStore.join."""
        self._points.visit("store.join")
        return self._disk.join(partition, predictions, labels, horizons_us)

    def erase(self, partition: int, ids: pa.StringArray) -> pa.Table:
        """As PendingStore.erase."""
        self._points.visit("store.erase")
        return self._disk.erase(partition, ids)

    def expire(
        self, partition: int, predictions_before_us: Mapping[str, int], labels_before_us: int
    ) -> pa.Table:
        """As PendingStore.expire."""
        self._points.visit("store.expire")
        return self._disk.expire(partition, predictions_before_us, labels_before_us)

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """As PendingStore.commit."""
        self._points.visit("commit.store")
        self._disk.commit(offsets)
        self._points.visit("stored")

    def commit_rows(self) -> None:
        """Writes rows before Kafka's commit and without their offsets, as one switch has it."""
        self._disk.commit({})

    def rollback(self) -> None:
        """As PendingStore.rollback."""
        self._disk.rollback()

    def reset(self, partition: int) -> None:
        """As PendingStore.reset."""
        self._points.visit("store.reset")
        self._disk.reset(partition)

    def close(self, partitions: Sequence[int]) -> None:
        """As PendingStore.close."""
        self._disk.close(partitions)

    def pending(self) -> int:
        """As PendingStore.pending."""
        return self._disk.pending()


class SimulatedReader(MemoryTopicReader):
    """A MemoryTopicReader with places."""

    def __init__(self, broker: MemoryBroker, points: Points, switch: Switch) -> None:
        super().__init__(broker)
        self._points = points
        self._switch = switch

    def read(
        self,
        topic: str,
        partition: int | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
    ) -> Iterator[Records]:
        """As TopicReader.read."""
        self._points.visit("read")
        if self._switch is Switch.STATE_TO_STABLE_END and partition is not None:
            log = self._broker.log(TopicPartition(topic, partition))
            entries, _ = log.read(log.low, log.stable_end, log.end)
            yield as_records(topic, entries)
            return
        for found in super().read(topic, partition, start_ms, end_ms):
            yield found
            self._points.visit("read")
