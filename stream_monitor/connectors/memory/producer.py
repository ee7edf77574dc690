"""A transactional producer on the broker in memory."""

from __future__ import annotations

from collections.abc import Mapping

from stream_monitor.connectors.memory.broker import MemoryBroker, OpenTransaction
from stream_monitor.connectors.memory.consumer import MemoryConsumer
from stream_monitor.connectors.memory.group import ConsumerGroup
from stream_monitor.core.errors import StreamMonitorError
from stream_monitor.core.records import TopicPartition
from stream_monitor.services.ports import Committed, Consumer, Outgoing, TransactionAborted


class MemoryProducer:
    """The Producer of a MemoryBroker, which aborts its transactions after `timeout_ms`."""

    def __init__(
        self, broker: MemoryBroker, transactional_id: str, timeout_ms: float = 60_000
    ) -> None:
        self.epoch = broker.make_id()
        self._timeout_ms = timeout_ms
        self._broker = broker
        self._id = transactional_id
        self._transaction: OpenTransaction | None = None
        self._must_abort = False
        self._append_ms: int | None = None

    def init_transactions(self) -> None:
        """As Producer.init_transactions."""
        self._broker.register(self._id, self.epoch)

    def begin(self) -> None:
        """As Producer.begin."""
        self._broker.require(self._id, self.epoch)
        if self._transaction is not None:
            raise StreamMonitorError("a transaction is open")
        self._transaction = self._broker.begin(self._id, self._timeout_ms)
        self._must_abort = False
        self._append_ms = None

    def produce(self, record: Outgoing) -> None:
        """As Producer.produce; a topic that does not exist is a StreamMonitorError."""
        transaction = self._open()
        time_ms = self._broker.append(record, transaction=transaction)
        if self._broker.topic(record.topic).keeps_append_time:
            self._append_ms = max(time_ms, self._append_ms or 0)

    def send_offsets(self, offsets: Mapping[TopicPartition, Committed], consumer: Consumer) -> None:
        """As Producer.send_offsets, for a MemoryConsumer."""
        transaction = self._open()
        if not isinstance(consumer, MemoryConsumer):
            raise StreamMonitorError("a transaction in memory takes a consumer in memory")
        try:
            group = self._group_of(consumer)
        except TransactionAborted:
            self._must_abort = True
            raise
        transaction.offsets.append((group, dict(offsets)))

    def commit(self) -> int | None:
        """As Producer.commit."""
        self._open()
        self._broker.commit(self._id)
        self._transaction = None
        return self._append_ms

    def abort(self) -> None:
        """As Producer.abort."""
        self._broker.require(self._id, self.epoch)
        if self._transaction is not None:
            self._broker.abort(self._id)
        self._transaction = None
        self._must_abort = False

    def close(self) -> None:
        """As Producer.close; an open transaction stays open until the next `init_transactions`."""

    def _group_of(self, consumer: MemoryConsumer) -> ConsumerGroup:
        return consumer.require_generation()

    def _open(self) -> OpenTransaction:
        self._broker.require(self._id, self.epoch)
        if self._transaction is None:
            raise StreamMonitorError("no transaction is open")
        if self._must_abort:
            raise TransactionAborted("the transaction has failed")
        return self._transaction
