"""What every broker promises its consumers and producers: subclass and give a `broker` fixture."""

from __future__ import annotations

import time

import numpy as np
import pyarrow as pa
import pytest

from stream_monitor.core.errors import StreamMonitorError
from stream_monitor.core.hashing import partition_of
from stream_monitor.core.records import Records, TopicPartition
from stream_monitor.services.ports import Committed, Outgoing
from tests.contracts.broker_under_test import (
    PARTITIONS,
    WAIT_S,
    Broker,
    Member,
    numbered,
    poll_until,
    values,
    write,
)


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
        # A group may settle in more than one rebalance, each of which revokes everything.
        assert set(first.revoked) == {TopicPartition(topic, p) for p in range(PARTITIONS)}
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

    def test_a_partition_resumed_beside_a_seek_is_read_again(self, broker: Broker) -> None:
        topic = broker.topic("in")
        write(broker.ready_producer(), numbered(topic, 40))
        member = Member(broker.consumer(), topic)
        poll_until(lambda: bool(member.assigned), member)
        held, other = TopicPartition(topic, 3), TopicPartition(topic, 2)
        member.consumer.pause([held])
        others = [at for at in member.assigned if at != held]
        poll_until(lambda: all(member.consumer.lag(at) == 0 for at in others), member)
        member.consumer.seek(other, 5)
        member.consumer.resume([held])
        poll_until(member.is_at_end, member)
        assert len(member.offsets(held)) == 10
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
        assert earliest.committed([at]) == {at: Committed(0)}
        first = latest.committed([at])
        assert first[at].offset >= 2
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
        offsets = {at: Committed(4 + at.partition, f"note {at}") for at in member.assigned}
        producer.begin()
        producer.send_offsets(offsets, member.consumer)
        producer.commit()
        assert member.consumer.committed(member.assigned) == offsets
        member.consumer.close()
        successor = Member(broker.consumer(), topic)
        poll_until(successor.is_at_end, successor)
        assert {at: successor.offsets(at)[0] for at in successor.assigned} == {
            at: to.offset for at, to in offsets.items()
        }
        successor.consumer.close()
