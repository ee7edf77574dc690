"""Trouble at chosen places: a producer and a store that raise what a test has planned for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from stream_monitor.connectors.memory import MemoryPendingStore, MemoryProducer
from stream_monitor.core.records import TopicPartition
from stream_monitor.services.ports import (
    Committed,
    Consumer,
    Joined,
    Outgoing,
    ProducerFenced,
    TransactionAborted,
    Unanswered,
)

ABORTING = ("begin", "produce", "send_offsets", "before_commit")
"""Where a transaction can turn out to be lost."""
FENCING = (*ABORTING, "after_commit")
"""Where a producer can: behind a commit the broker has done it and the answer is lost."""
DYING = (*FENCING, "before_store", "after_store")


class Killed(BaseException):
    """The process is gone: nothing may catch this."""


@dataclass
class Trouble:
    """What happens at the next visit of a place, after `pass_by` visits of it; once each."""

    planned: dict[str, Callable[[], None]] = field(default_factory=dict)
    pass_by: dict[str, int] = field(default_factory=dict)

    def plan(self, place: str, what: Callable[[], None], pass_by: int = 0) -> None:
        """Plans something to happen at a place."""
        self.planned[place] = what
        self.pass_by[place] = pass_by

    def visit(self, place: str) -> None:
        """Lets it happen."""
        if self.pass_by.get(place, 0):
            self.pass_by[place] -= 1
        elif place in self.planned:
            self.planned.pop(place)()


def abort() -> None:
    """The transaction is lost."""
    raise TransactionAborted("planned")


def stay_silent() -> None:
    """No broker answers."""
    raise Unanswered("planned")


def fence() -> None:
    """The producer is lost."""
    raise ProducerFenced("planned")


def kill() -> None:
    """The process is lost."""
    raise Killed


class TroubledProducer:
    """A MemoryProducer with trouble."""

    def __init__(self, inner: MemoryProducer, trouble: Trouble) -> None:
        self._inner = inner
        self._trouble = trouble
        self.epoch = inner.epoch

    def init_transactions(self) -> None:
        """As Producer.init_transactions."""
        self._inner.init_transactions()

    def begin(self) -> None:
        """As Producer.begin."""
        self._trouble.visit("begin")
        self._inner.begin()

    def produce(self, record: Outgoing) -> None:
        """As Producer.produce."""
        self._trouble.visit("produce")
        self._inner.produce(record)

    def send_offsets(self, offsets: Mapping[TopicPartition, Committed], consumer: Consumer) -> None:
        """As Producer.send_offsets."""
        self._trouble.visit("send_offsets")
        self._inner.send_offsets(offsets, consumer)

    def commit(self) -> int | None:
        """As Producer.commit."""
        self._trouble.visit("before_commit")
        time_ms = self._inner.commit()
        self._trouble.visit("after_commit")
        return time_ms

    def abort(self) -> None:
        """As Producer.abort."""
        self._trouble.visit("abort")
        self._inner.abort()

    def close(self) -> None:
        """As Producer.close."""
        self._inner.close()


class TroubledStore:
    """A MemoryPendingStore with trouble."""

    def __init__(self, inner: MemoryPendingStore, trouble: Trouble) -> None:
        self._inner = inner
        self._trouble = trouble

    def open(self, partition: int, identity: str) -> dict[str, int]:
        """As PendingStore.open."""
        return self._inner.open(partition, identity)

    def join(
        self, partition: int, predictions: pa.Table, labels: pa.Table,
        horizons_us: Mapping[tuple[str, str], int],
    ) -> Joined:  # fmt: skip
        """As PendingStore.join."""
        return self._inner.join(partition, predictions, labels, horizons_us)

    def erase(self, partition: int, ids: pa.StringArray) -> pa.Table:
        """As PendingStore.erase."""
        return self._inner.erase(partition, ids)

    def expire(
        self, partition: int, predictions_before_us: Mapping[str, int], labels_before_us: int
    ) -> pa.Table:
        """As PendingStore.expire."""
        return self._inner.expire(partition, predictions_before_us, labels_before_us)

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """As PendingStore.commit."""
        self._trouble.visit("before_store")
        self._inner.commit(offsets)
        self._trouble.visit("after_store")

    def rollback(self) -> None:
        """As PendingStore.rollback."""
        self._inner.rollback()

    def reset(self, partition: int) -> None:
        """As PendingStore.reset."""
        self._inner.reset(partition)

    def close(self, partitions: Sequence[int]) -> None:
        """As PendingStore.close."""
        self._inner.close(partitions)

    def pending(self) -> int:
        """As PendingStore.pending."""
        return self._inner.pending()
