"""What a broker with real transactions promises, as a test class.

librdkafka's mock cluster cannot do it: hide aborted and open transactions, tie offsets to them, fence
producers, refuse an old generation, tell ids, configurations and append time, make topics of any
partition count, lose records.
"""

from __future__ import annotations

import time
from contextlib import suppress

import pytest

from stream_monitor.core.errors import StreamMonitorError
from stream_monitor.core.records import TopicPartition
from stream_monitor.services.ports import (
    Committed,
    OffsetsLost,
    Outgoing,
    ProducerFenced,
    TransactionAborted,
)
from tests.contracts.broker_under_test import (
    Broker,
    Member,
    numbered,
    poll_until,
    values,
    write,
)


class DeliveryContract:
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
        at = TopicPartition(topic, 0)
        poll_until(lambda: b"seen" in member.values and (member.consumer.lag(at) or 0) >= 2, member)
        assert member.values == {b"before", b"seen"}
        still_open.commit()
        poll_until(lambda: {b"held", b"after"} <= member.values and member.is_at_end(), member)
        assert [value for _, value in member.records[at]] == [
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
        producer.send_offsets({at: Committed(5)}, member.consumer)
        producer.abort()
        assert member.consumer.committed([at]) == {at: Committed(0)}
        producer.begin()
        producer.send_offsets({at: Committed(6)}, member.consumer)
        producer.commit()
        assert member.consumer.committed([at]) == {at: Committed(6)}
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
            producer.send_offsets({at: Committed(1)}, member.consumer)
        with pytest.raises(TransactionAborted):
            producer.commit()
        producer.abort()
        write(producer, [Outgoing(topic, b"k", b"in time", 0)])
        assert values(broker.reader().read(topic)) == [b"in time"]
        assert successor.consumer.committed([at]) == {at: Committed(0)}
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

    def test_a_position_that_was_left_is_not_reported_as_gone(self, broker: Broker) -> None:
        topic = broker.topic("in")
        at = TopicPartition(topic, 0)
        write(broker.ready_producer(), numbered(topic, 40))
        member = Member(broker.consumer(), topic)
        poll_until(member.is_at_end, member)
        read = member.offsets(at)
        member.consumer.seek(at, 1000)
        with suppress(OffsetsLost):
            member.consumer.poll(1, 0.0)
            # For the broker's answer to be in the client, where nobody asks for it: nothing shows that.
            time.sleep(1.0)
        member.consumer.seek(at, 0)
        poll_until(lambda: len(member.offsets(at)) >= 2 * len(read), member)
        assert member.offsets(at) == [*read, *read]
        member.consumer.close()
