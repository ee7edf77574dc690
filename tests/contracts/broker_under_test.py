"""A broker as the contracts see it, a member that remembers what happened to it, and ways to wait."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from stream_monitor.core.records import Records, TopicPartition
from stream_monitor.services.ports import (
    Consumer,
    Outgoing,
    Producer,
    TopicReader,
    Topics,
    TopicSpec,
)

WAIT_S = 60.0
PARTITIONS = 4


class Broker(ABC):
    """A broker, the connectors to it, and names that no other test uses."""

    prefix: str = ""

    @abstractmethod
    def consumer(
        self, instance: str | None = None, start: Literal["earliest", "latest"] = "earliest"
    ) -> Consumer:
        """A member of the test's group; dynamic without an instance name."""

    @abstractmethod
    def producer(self, role: str = "producer") -> Producer: ...

    @abstractmethod
    def topics(self) -> Topics: ...

    @abstractmethod
    def reader(self) -> TopicReader: ...

    @abstractmethod
    def delete_before(self, at: TopicPartition, offset: int) -> None:
        """Drops records as retention does."""

    @abstractmethod
    def expel(self, consumer: Consumer, successor: Member) -> None:
        """The group stops waiting for a consumer that does not poll, and the successor goes on."""

    @abstractmethod
    def settle(self, producer: Producer) -> None:
        """Waits until everything produced has reached the broker."""

    def topic(self, name: str, partitions: int = PARTITIONS, **config: str) -> str:
        name = self.prefix + name
        self.topics().create(
            [
                TopicSpec(
                    name, partitions, config={k.replace("_", "."): v for k, v in config.items()}
                )
            ]
        )
        return name

    def ready_producer(self, role: str = "producer") -> Producer:
        producer = self.producer(role)
        producer.init_transactions()
        return producer


class Member:
    """A consumer and all that happened to it."""

    def __init__(self, consumer: Consumer, *topics: str) -> None:
        self.consumer = consumer
        self.assigned: list[TopicPartition] = []
        self.revoked: list[TopicPartition] = []
        self.assignments = 0
        self.records: dict[TopicPartition, list[tuple[int, bytes | None]]] = defaultdict(list)
        consumer.subscribe(topics, self._on_assigned, self._on_revoked)

    def _on_assigned(self, partitions: Sequence[TopicPartition]) -> None:
        self.assigned = list(partitions)
        self.assignments += 1

    def _on_revoked(self, partitions: Sequence[TopicPartition]) -> None:
        self.revoked += partitions
        self.assigned = []

    def poll(self, max_records: int = 1000) -> list[Records]:
        batches = self.consumer.poll(max_records, 0.1)
        for records in batches:
            for at, offset, value in zip(
                records.partition.tolist(), records.offset.tolist(), records.value, strict=True
            ):
                self.records[TopicPartition(records.topic, at)].append((offset, value))
        return batches

    def offsets(self, at: TopicPartition) -> list[int]:
        return [offset for offset, _ in self.records[at]]

    @property
    def values(self) -> set[bytes | None]:
        return {value for rows in self.records.values() for _, value in rows}

    def is_at_end(self) -> bool:
        return bool(self.assigned) and all(self.consumer.lag(at) == 0 for at in self.assigned)


def poll_until(condition: Callable[[], bool], *members: Member) -> None:
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        for member in members:
            member.poll()


def write(producer: Producer, records: Iterable[Outgoing]) -> int | None:
    producer.begin()
    for record in records:
        producer.produce(record)
    return producer.commit()


def numbered(topic: str, count: int, first: int = 0) -> list[Outgoing]:
    return [
        Outgoing(topic, b"key-%d" % i, b"value-%d" % i, i % PARTITIONS)
        for i in range(first, first + count)
    ]


def values(batches: Iterable[Records]) -> list[bytes | None]:
    return [value for records in batches for value in records.value]
