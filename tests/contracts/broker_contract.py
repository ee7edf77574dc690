"""What the Kafka ports promise, as test classes for any broker: subclass and give a `broker` fixture.

`PlainContract` holds on every broker, librdkafka's mock cluster included. `DeliveryContract` adds what
that one cannot do: hide aborted and open transactions, tie offsets to them, fence producers, refuse an old
generation, tell ids, configurations and append time, make topics of any partition count, lose records.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

import numpy as np
import pyarrow as pa
import pytest

from stream_monitor.core.errors import StreamMonitorError
from stream_monitor.core.hashing import partition_of
from stream_monitor.core.records import Records, TopicPartition
from stream_monitor.services.ports import (
    Consumer,
    OffsetsLost,
    Outgoing,
    Producer,
    ProducerFenced,
    TopicReader,
    Topics,
    TopicSpec,
    TransactionAborted,
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


class PlainContract:
    """Promises that every broker keeps."""

    def test_records_come_once_with_rising_offsets_and_their_columns(self, broker: Broker) -> None:
        topic = broker.topic("in")
        started_ms = int(time.time() * 1000) - 1
        sent = [
            *numbered(topic, 50),
            Outgoing(topic, b"erased", None, 1),
            Outgoing(topic, None, b""),
        ]
        write(broker.ready_producer(), sent)
        member = Member(broker.consumer(), topic)
        batches: list[Records] = []
        deadline = time.monotonic() + WAIT_S
        while not member.is_at_end() and time.monotonic() < deadline:
            batches += member.poll()
        for at in member.assigned:
            assert sorted(set(member.offsets(at))) == member.offsets(at)
        rows = [row for r in batches for row in zip(r.key, r.value, strict=True)]
        assert sorted(rows, key=repr) == sorted([(r.key, r.value) for r in sent], key=repr)
        for records in batches:
            assert (records.partition.dtype, records.offset.dtype) == (np.int32, np.int64)
            assert (records.timestamp_ms >= started_ms).all()
        member.consumer.close()

    def test_two_topics_come_as_two_records(self, broker: Broker) -> None:
        topics = (broker.topic("in"), broker.topic("labels"))
        write(broker.ready_producer(), [r for topic in topics for r in numbered(topic, 8)])
        member = Member(broker.consumer(), *topics)
        poll_until(member.is_at_end, member)
        assert {at.topic for at, rows in member.records.items() if rows} == set(topics)
        member.consumer.close()

    def test_at_most_max_records_come_at_once(self, broker: Broker) -> None:
        topic = broker.topic("in")
        write(broker.ready_producer(), numbered(topic, 40))
        member = Member(broker.consumer(), topic)
        largest = 0
        deadline = time.monotonic() + WAIT_S
        while not member.is_at_end() and time.monotonic() < deadline:
            largest = max(largest, sum(map(len, member.poll(7))))
        assert 0 < largest <= 7
        assert len(member.values) == 40
        member.consumer.close()

    def test_a_key_chooses_its_partition_as_murmur2_does(self, broker: Broker) -> None:
        topic = broker.topic("in")
        keys = [b"prediction-%d" % i for i in range(100)]
        write(broker.ready_producer(), [Outgoing(topic, key, b"") for key in keys])
        found = {}
        for records in broker.reader().read(topic):
            found |= dict(zip(records.key, records.partition.tolist(), strict=True))
        assert [found[key] for key in keys] == partition_of(pa.array(keys), PARTITIONS).tolist()

    def test_members_share_equal_topics_by_partition_number(self, broker: Broker) -> None:
        topics = (broker.topic("in"), broker.topic("labels"))
        members = [Member(broker.consumer(), *topics) for _ in range(2)]
        poll_until(lambda: all(len(m.assigned) == PARTITIONS for m in members), *members)
        for member in members:
            numbers = [
                sorted(at.partition for at in member.assigned if at.topic == t) for t in topics
            ]
            assert numbers[0] == numbers[1]
            assert len(numbers[0]) == PARTITIONS // 2
        for member in members:
            member.consumer.close()

    def test_a_joining_member_takes_partitions_and_a_leaving_one_gives_them_back(
        self, broker: Broker
    ) -> None:
        topic = broker.topic("in")
        first = Member(broker.consumer(), topic)
        poll_until(lambda: len(first.assigned) == PARTITIONS, first)
        second = Member(broker.consumer(), topic)
        poll_until(lambda: len(second.assigned) == PARTITIONS // 2, first, second)
        poll_until(lambda: len(first.assigned) == PARTITIONS // 2, first, second)
        assert sorted(first.revoked) == [TopicPartition(topic, p) for p in range(PARTITIONS)]
        second.consumer.close()
        poll_until(lambda: len(first.assigned) == PARTITIONS, first)
        first.consumer.close()

    def test_the_poll_that_assigns_delivers_nothing_so_that_a_seek_comes_first(
        self, broker: Broker
    ) -> None:
        topic = broker.topic("in")
        write(broker.ready_producer(), numbered(topic, 40))
        member = Member(broker.consumer(), topic)
        deadline = time.monotonic() + WAIT_S
        while not member.assigned and time.monotonic() < deadline:
            assert values(member.poll()) == []
        for at in member.assigned:
            member.consumer.seek(at, 7)
        poll_until(member.is_at_end, member)
        assert all(member.offsets(at) == [7, 8, 9] for at in member.assigned)
        member.consumer.close()

    def test_a_seek_lets_nothing_fetched_before_it_through(self, broker: Broker) -> None:
        topic = broker.topic("in")
        write(broker.ready_producer(), numbered(topic, 400))
        member = Member(broker.consumer(), topic)
        poll_until(lambda: bool(member.assigned), member)
        at, *others = member.assigned
        for offset in (50, 0, 99, 20, 20):
            member.poll(10)
            member.records.clear()
            member.consumer.seek(at, offset)
            deadline = time.monotonic() + WAIT_S
            while not member.records[at] and time.monotonic() < deadline:
                member.poll(10)
            assert member.offsets(at)[0] == offset
            assert member.offsets(at) == list(range(offset, offset + len(member.offsets(at))))
        member.records.clear()
        for other in others:
            member.consumer.seek(other, 95)
        poll_until(member.is_at_end, member)
        assert all(member.offsets(other)[-5:] == [95, 96, 97, 98, 99] for other in others)
        member.consumer.close()

    def test_a_seek_of_one_partition_moves_no_other(self, broker: Broker) -> None:
        topic = broker.topic("in")
        write(broker.ready_producer(), numbered(topic, 40))
        member = Member(broker.consumer(), topic)
        poll_until(member.is_at_end, member)
        member.records.clear()
        member.consumer.seek(TopicPartition(topic, 2), 8)
        poll_until(member.is_at_end, member)
        assert {at: offsets for at in member.assigned if (offsets := member.offsets(at))} == {
            TopicPartition(topic, 2): [8, 9]
        }
        member.consumer.close()

    def test_a_partition_that_is_not_assigned_cannot_be_sought(self, broker: Broker) -> None:
        consumer = broker.consumer()
        with pytest.raises(StreamMonitorError, match="not assigned"):
            consumer.seek(TopicPartition("nowhere", 0), 1)
        consumer.close()

    def test_a_paused_partition_delivers_nothing_until_it_is_resumed(self, broker: Broker) -> None:
        topic = broker.topic("in")
        producer = broker.ready_producer()
        write(producer, numbered(topic, 40))
        member = Member(broker.consumer(), topic)
        poll_until(lambda: bool(member.assigned), member)
        held = TopicPartition(topic, 3)
        member.consumer.pause([held])
        others = [at for at in member.assigned if at != held]
        poll_until(lambda: all(member.consumer.lag(at) == 0 for at in others), member)
        assert member.offsets(held) == []
        member.consumer.resume([held])
        poll_until(member.is_at_end, member)
        assert len(member.offsets(held)) == 10
        member.consumer.pause(member.assigned)
        write(producer, numbered(topic, 40, first=40))
        for _ in range(3):
            assert values(member.poll()) == []
        member.consumer.resume(member.assigned)
        poll_until(lambda: len(member.values) == 80, member)
        for at in member.assigned:
            assert sorted(set(member.offsets(at))) == member.offsets(at)
        member.consumer.close()

    def test_lag_is_unknown_at_first_and_zero_at_the_end(self, broker: Broker) -> None:
        topic = broker.topic("in")
        write(broker.ready_producer(), numbered(topic, 80))
        member = Member(broker.consumer(), topic)
        assert member.consumer.lag(TopicPartition(topic, 0)) is None
        poll_until(lambda: bool(member.assigned), member)
        assert all(member.consumer.lag(at) is None for at in member.assigned)
        poll_until(member.is_at_end, member)
        at = TopicPartition(topic, 1)
        member.consumer.seek(at, 5)
        assert member.consumer.lag(at) is None
        member.records.clear()
        deadline = time.monotonic() + WAIT_S
        while not member.records[at] and time.monotonic() < deadline:
            member.poll(1)
        assert (member.consumer.lag(at) or 0) >= 14
        member.consumer.close()

    def test_a_group_without_offsets_begins_where_the_start_policy_says(
        self, broker: Broker
    ) -> None:
        topic = broker.topic("in")
        producer = broker.ready_producer()
        write(producer, numbered(topic, 8))
        at = TopicPartition(topic, 0)
        earliest, latest = broker.consumer(start="earliest"), broker.consumer(start="latest")
        assert earliest.committed([at]) == {at: 0}
        first = latest.committed([at])
        assert first[at] >= 2
        write(producer, numbered(topic, 8))
        assert latest.committed([at]) == first
        assert latest.beginning([at]) == {at: 0}
        for consumer in (earliest, latest):
            consumer.close()

    def test_a_successor_goes_on_from_the_committed_offsets(self, broker: Broker) -> None:
        topic = broker.topic("in")
        producer = broker.ready_producer()
        write(producer, numbered(topic, 40))
        member = Member(broker.consumer(), topic)
        poll_until(member.is_at_end, member)
        offsets = {at: 4 + at.partition for at in member.assigned}
        producer.begin()
        producer.send_offsets(offsets, member.consumer)
        producer.commit()
        assert member.consumer.committed(member.assigned) == offsets
        member.consumer.close()
        successor = Member(broker.consumer(), topic)
        poll_until(successor.is_at_end, successor)
        assert {at: successor.offsets(at)[0] for at in successor.assigned} == offsets
        successor.consumer.close()

    def test_a_reader_reads_to_the_end_as_it_was(self, broker: Broker) -> None:
        topic = broker.topic("in")
        producer = broker.ready_producer()
        assert values(broker.reader().read(topic)) == []
        write(producer, numbered(topic, 40))
        everything = values(broker.reader().read(topic))
        assert sorted(map(repr, everything)) == sorted(repr(r.value) for r in numbered(topic, 40))
        assert set(values(broker.reader().read(topic, 2))) == {
            record.value for record in numbered(topic, 40) if record.partition == 2
        }
        reading = broker.reader().read(topic, 0)
        seen = values([next(reading)])
        write(producer, numbered(topic, 40, first=40))
        assert len(seen + values(reading)) == 10

    def test_a_reader_reads_a_span_of_time(self, broker: Broker) -> None:
        topic = broker.topic("in")
        producer = broker.ready_producer()
        write(producer, numbered(topic, 8))
        middle_ms = 1 + max(int(r.timestamp_ms.max()) for r in broker.reader().read(topic))
        deadline = time.monotonic() + WAIT_S
        while time.time() * 1000 < middle_ms and time.monotonic() < deadline:
            pass
        write(producer, numbered(topic, 8, first=8))
        reader = broker.reader()
        early = set(values(reader.read(topic, end_ms=middle_ms)))
        late = set(values(reader.read(topic, start_ms=middle_ms)))
        assert early == {r.value for r in numbered(topic, 8)}
        assert late == {r.value for r in numbered(topic, 8, first=8)}
        assert values(reader.read(topic, start_ms=middle_ms, end_ms=middle_ms)) == []
        assert values(reader.read(topic, start_ms=middle_ms + 10**9)) == []

    def test_a_missing_topic_is_named(self, broker: Broker) -> None:
        with pytest.raises(StreamMonitorError, match="missing"):
            list(broker.reader().read(broker.prefix + "missing"))
        with pytest.raises(StreamMonitorError, match="missing"):
            broker.reader().follow(broker.prefix + "missing")

    def test_a_follower_catches_up_and_goes_on(self, broker: Broker) -> None:
        topic = broker.topic("in")
        producer = broker.ready_producer()
        write(producer, numbered(topic, 40))
        follower = broker.reader().follow(topic)
        assert not follower.is_caught_up()
        seen: list[bytes | None] = []
        poll_until(lambda: bool(seen.extend(values(follower.poll(0.1))) or follower.is_caught_up()))
        assert len(seen) == 40
        write(producer, numbered(topic, 4, first=40))
        poll_until(lambda: bool(seen.extend(values(follower.poll(0.1))) or len(seen) == 44))
        assert follower.is_caught_up()
        follower.close()

    def test_a_topic_is_created_once(self, broker: Broker) -> None:
        name, topics = broker.prefix + "made", broker.topics()
        assert topics.partition_counts([name]) == {}
        assert topics.create([TopicSpec(name, PARTITIONS)]) == {name: True}
        assert topics.create([TopicSpec(name, PARTITIONS)]) == {name: False}
        assert topics.partition_counts([name, broker.prefix + "other"]) == {name: PARTITIONS}
        assert set(topics.topic_ids([name, broker.prefix + "other"])) == {name}

    def test_an_epoch_is_new_with_each_producer(self, broker: Broker) -> None:
        assert broker.producer().epoch != broker.producer().epoch


class DeliveryContract(PlainContract):
    """Promises of a broker with real transactions."""

    def test_an_aborted_record_is_never_delivered(self, broker: Broker) -> None:
        topic = broker.topic("in")
        producer = broker.ready_producer()
        write(producer, numbered(topic, 4))
        producer.begin()
        for record in numbered(topic, 8, first=100):
            producer.produce(record)
        producer.abort()
        write(producer, numbered(topic, 4, first=4))
        expected = {record.value for record in numbered(topic, 8)}
        member = Member(broker.consumer(), topic)
        poll_until(member.is_at_end, member)
        assert member.values == expected
        assert set(values(broker.reader().read(topic))) == expected
        member.consumer.close()

    def test_after_an_abort_at_the_end_nothing_is_left_to_read(self, broker: Broker) -> None:
        topic = broker.topic("in")
        producer = broker.ready_producer()
        producer.begin()
        producer.produce(Outgoing(topic, b"k", b"v", 0))
        producer.abort()
        member = Member(broker.consumer(), topic)
        poll_until(member.is_at_end, member)
        assert values(broker.reader().read(topic)) == []
        follower = broker.reader().follow(topic)
        poll_until(lambda: follower.poll(0.1) == [] and follower.is_caught_up())
        follower.close()
        member.consumer.close()

    def test_an_open_transaction_holds_back_what_comes_after_it(self, broker: Broker) -> None:
        topic = broker.topic("in")
        done, still_open = broker.ready_producer("done"), broker.ready_producer("open")
        member = Member(broker.consumer(), topic)
        write(done, [Outgoing(topic, b"k", b"before", 0)])
        still_open.begin()
        still_open.produce(Outgoing(topic, b"k", b"held", 0))
        poll_until(lambda: bool(member.assigned), member)
        broker.settle(still_open)
        write(done, [Outgoing(topic, b"k", b"after", 0), Outgoing(topic, b"k", b"seen", 1)])
        poll_until(lambda: {b"before", b"seen"} <= member.values and member.is_at_end(), member)
        assert member.values == {b"before", b"seen"}
        still_open.commit()
        poll_until(lambda: {b"held", b"after"} <= member.values and member.is_at_end(), member)
        assert [value for _, value in member.records[TopicPartition(topic, 0)]] == [
            b"before",
            b"held",
            b"after",
        ]
        member.consumer.close()

    def test_offsets_are_committed_with_the_transaction_or_not_at_all(self, broker: Broker) -> None:
        topic = broker.topic("in")
        producer = broker.ready_producer()
        member = Member(broker.consumer(), topic)
        poll_until(lambda: bool(member.assigned), member)
        at = TopicPartition(topic, 1)
        producer.begin()
        producer.produce(Outgoing(topic, b"k", b"v", 0))
        producer.send_offsets({at: 5}, member.consumer)
        producer.abort()
        assert member.consumer.committed([at]) == {at: 0}
        producer.begin()
        producer.send_offsets({at: 6}, member.consumer)
        producer.commit()
        assert member.consumer.committed([at]) == {at: 6}
        member.consumer.close()

    def test_a_second_producer_of_the_same_id_fences_the_first(self, broker: Broker) -> None:
        topic = broker.topic("in")
        first = broker.ready_producer("same")
        first.begin()
        first.produce(Outgoing(topic, b"k", b"from the zombie"))
        second = broker.ready_producer("same")
        write(second, [Outgoing(topic, b"k", b"from the successor")])
        with pytest.raises(ProducerFenced):
            first.commit()
        with pytest.raises(ProducerFenced):
            first.begin()
        assert values(broker.reader().read(topic)) == [b"from the successor"]
        first.close()
        second.close()

    def test_offsets_of_an_old_generation_abort_the_transaction(self, broker: Broker) -> None:
        topic = broker.topic("in")
        at = TopicPartition(topic, 0)
        producer = broker.ready_producer()
        member = Member(broker.consumer(), topic)
        poll_until(lambda: bool(member.assigned), member)
        producer.begin()
        producer.produce(Outgoing(topic, b"k", b"too late", 0))
        successor = Member(broker.consumer(), topic)
        broker.expel(member.consumer, successor)
        with pytest.raises(TransactionAborted):
            producer.send_offsets({at: 1}, member.consumer)
        with pytest.raises(TransactionAborted):
            producer.commit()
        producer.abort()
        write(producer, [Outgoing(topic, b"k", b"in time", 0)])
        assert values(broker.reader().read(topic)) == [b"in time"]
        assert successor.consumer.committed([at]) == {at: 0}
        for one in (member, successor):
            one.consumer.close()

    def test_commit_tells_the_brokers_time_if_the_topic_keeps_it(self, broker: Broker) -> None:
        kept = broker.topic("kept", message_timestamp_type="LogAppendTime")
        plain = broker.topic("plain")
        producer = broker.ready_producer()
        started_ms = time.time() * 1000 - 1
        told_ms = write(producer, [Outgoing(kept, b"k", b"v"), Outgoing(plain, b"k", b"v")])
        assert told_ms is not None
        assert started_ms <= told_ms <= time.time() * 1000 + 1000
        assert write(producer, [Outgoing(plain, b"k", b"v")]) is None

    def test_a_topic_has_its_partitions_its_configuration_and_an_id(self, broker: Broker) -> None:
        name = broker.topic("small", 2, cleanup_policy="compact")
        topics = broker.topics()
        assert topics.partition_counts([name]) == {name: 2}
        assert topics.configs(name)["cleanup.policy"] == "compact"
        assert topics.topic_ids([name])[name] != ""
        with pytest.raises(StreamMonitorError):
            topics.configs(broker.prefix + "missing")

    def test_a_write_to_a_missing_topic_is_not_fencing(self, broker: Broker) -> None:
        producer = broker.ready_producer()
        with pytest.raises(StreamMonitorError, match="missing") as raised:
            write(producer, [Outgoing(broker.prefix + "missing", b"k", b"v", 0)])
        assert not isinstance(raised.value, ProducerFenced | TransactionAborted)

    def test_records_gone_before_they_were_read_are_reported(self, broker: Broker) -> None:
        topic = broker.topic("in")
        at = TopicPartition(topic, 0)
        write(broker.ready_producer(), numbered(topic, 40))
        broker.delete_before(at, 5)
        member = Member(broker.consumer(), topic)
        assert member.consumer.beginning([at]) == {at: 5}
        poll_until(lambda: bool(member.assigned), member)
        member.consumer.seek(at, 3)
        with pytest.raises(OffsetsLost, match="offset 3"):
            poll_until(member.is_at_end, member)
        member.consumer.close()
