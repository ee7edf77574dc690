"""A broker in memory: topics, transactions, consumer groups and fencing, in one thread."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from stream_monitor.connectors.memory.group import ConsumerGroup
from stream_monitor.connectors.memory.log import Outcome, PartitionLog, Transaction
from stream_monitor.core.errors import StreamMonitorError
from stream_monitor.core.hashing import partition_of
from stream_monitor.core.records import TopicPartition
from stream_monitor.services.ports import Committed, Outgoing, ProducerFenced, TopicSpec

TIMESTAMP_TYPE = "message.timestamp.type"
APPEND_TIME = "LogAppendTime"


@dataclass(slots=True)
class MemoryTopic:
    """A topic and its logs."""

    topic_id: str
    config: dict[str, str]
    logs: list[PartitionLog]
    unkeyed: int = 0

    @property
    def keeps_append_time(self) -> bool:
        """Whether records carry the broker's time."""
        return self.config[TIMESTAMP_TYPE] == APPEND_TIME


@dataclass(slots=True)
class OpenTransaction:
    """What a producer has written and not ended: logs, offsets of groups; aborted from `overdue_ms` on."""

    overdue_ms: float
    state: Transaction = field(default_factory=Transaction)
    logs: dict[TopicPartition, PartitionLog] = field(default_factory=dict)
    offsets: list[tuple[ConsumerGroup, Mapping[TopicPartition, Committed]]] = field(
        default_factory=list
    )


def refuse_to_wait(what: str) -> None:
    """What a client does that would have to wait, where nothing else could happen meanwhile."""
    raise StreamMonitorError(f"{what}, and nothing here ends it")


class MemoryBroker:
    """The shared state behind the memory connectors.

    `clock` gives the time in ms, `make_id` ids of topics, producers and members. `wait` lets time pass
    where a client waits for a transaction to end; it is told for what. Topics must be created before
    they are written or read.
    """

    def __init__(
        self,
        clock: Callable[[], int],
        make_id: Callable[[], str] = lambda: uuid.uuid4().hex,
        wait: Callable[[str], None] = refuse_to_wait,
    ) -> None:
        self.clock = clock
        self.make_id = make_id
        self.wait = wait
        self.topics: dict[str, MemoryTopic] = {}
        self.groups: defaultdict[str, ConsumerGroup] = defaultdict(ConsumerGroup)
        self._producers: dict[str, str] = {}
        self._transactions: dict[str, OpenTransaction] = {}

    def create(self, spec: TopicSpec) -> bool:
        """Makes a topic; False if it is there."""
        if spec.name in self.topics:
            return False
        config = {TIMESTAMP_TYPE: "CreateTime", "cleanup.policy": "delete", **spec.config}
        logs = [PartitionLog(partition) for partition in range(spec.partitions)]
        self.topics[spec.name] = MemoryTopic(self.make_id(), config, logs)
        return True

    def delete(self, topic: str) -> None:
        """Deletes a topic and what groups committed of it; made again, it has another id."""
        del self.topics[topic]
        for group in self.groups.values():
            group.forget(topic)

    def topic(self, name: str) -> MemoryTopic:
        """A topic; raises StreamMonitorError if it does not exist."""
        if name not in self.topics:
            raise StreamMonitorError(f"there is no topic {name}")
        return self.topics[name]

    def log(self, at: TopicPartition) -> PartitionLog:
        """A partition's log; raises StreamMonitorError if it does not exist."""
        logs = self.topic(at.topic).logs
        if at.partition >= len(logs):
            raise StreamMonitorError(f"there is no partition {at.partition} of {at.topic}")
        self.end_overdue()
        return logs[at.partition]

    def append(
        self,
        record: Outgoing,
        timestamp_ms: int | None = None,
        transaction: OpenTransaction | None = None,
    ) -> int:
        """Writes a record, of its own time where the topic keeps that; returns the time it got."""
        topic = self.topic(record.topic)
        at = TopicPartition(record.topic, self._partition(topic, record))
        now_ms = self.clock()
        if timestamp_ms is None or topic.keeps_append_time:
            timestamp_ms = now_ms
        state = None
        if transaction is not None:
            transaction.logs[at] = self.log(at)
            state = transaction.state
        self.log(at).append(timestamp_ms, record.key, record.value, record.headers, state)
        return timestamp_ms

    def register(self, transactional_id: str, epoch: str) -> None:
        """Makes this producer the only one of its id; an older one's open transaction is aborted."""
        if transactional_id in self._transactions:
            self._end(transactional_id, Outcome.ABORTED)
        self._producers[transactional_id] = epoch

    def require(self, transactional_id: str, epoch: str) -> None:
        """Raises ProducerFenced unless this producer was the last to register, and none timed out since."""
        self.end_overdue()
        if self._producers.get(transactional_id) != epoch:
            raise ProducerFenced(f"another producer has taken over {transactional_id}")

    def begin(self, transactional_id: str, timeout_ms: float) -> OpenTransaction:
        """Opens a transaction."""
        transaction = OpenTransaction(self.clock() + timeout_ms)
        self._transactions[transactional_id] = transaction
        return transaction

    def is_open(self, transactional_id: str, transaction: OpenTransaction) -> bool:
        """Whether the transaction has neither been ended nor timed out."""
        self.end_overdue()
        return self._transactions.get(transactional_id) is transaction

    def end_overdue(self) -> None:
        """Aborts transactions that took too long; their producers are fenced."""
        if self._transactions:
            now_ms = self.clock()
            for name, transaction in list(self._transactions.items()):
                if transaction.overdue_ms <= now_ms:
                    self._end(name, Outcome.ABORTED)
                    del self._producers[name]

    def stable_offsets(
        self, group: ConsumerGroup, partitions: Collection[TopicPartition]
    ) -> Mapping[TopicPartition, Committed]:
        """What the group committed, once no open transaction holds offsets of these partitions."""
        wanted = set(partitions)
        while self._holds_offsets(group, wanted):
            self.wait("offsets are in an open transaction")
        return group.committed

    def commit(self, transactional_id: str) -> None:
        """Shows the records and applies the offsets."""
        for group, offsets in self._transactions[transactional_id].offsets:
            group.committed.update(offsets)
        self._end(transactional_id, Outcome.COMMITTED)

    def abort(self, transactional_id: str) -> None:
        """Hides the records for good and drops the offsets."""
        self._end(transactional_id, Outcome.ABORTED)

    def _end(self, transactional_id: str, outcome: Outcome) -> None:
        transaction = self._transactions.pop(transactional_id)
        transaction.state.outcome = outcome
        for log in transaction.logs.values():
            log.end_transaction(self.clock())

    def _holds_offsets(self, group: ConsumerGroup, wanted: set[TopicPartition]) -> bool:
        self.end_overdue()
        return any(
            other is group and not wanted.isdisjoint(offsets)
            for transaction in self._transactions.values()
            for other, offsets in transaction.offsets
        )

    def _partition(self, topic: MemoryTopic, record: Outgoing) -> int:
        if record.partition is not None:
            return record.partition
        if record.key is None:
            topic.unkeyed += 1
            return topic.unkeyed % len(topic.logs)
        return int(partition_of(pa.array([record.key], pa.binary()), len(topic.logs))[0])
