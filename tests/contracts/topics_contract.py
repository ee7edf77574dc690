"""What every broker promises who reads or makes topics: subclass and give a `broker` fixture."""

from __future__ import annotations

import time

import pytest

from stream_monitor.core.errors import StreamMonitorError
from stream_monitor.core.records import TopicPartition
from stream_monitor.services.ports import (
    TopicSpec,
)
from tests.contracts.broker_under_test import (
    PARTITIONS,
    WAIT_S,
    Broker,
    numbered,
    poll_until,
    values,
    write,
)


class TopicsContract:
    """Promises that every broker keeps."""

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

    def test_a_follower_begins_at_given_offsets(self, broker: Broker) -> None:
        topic = broker.topic("in")
        producer = broker.ready_producer()
        write(producer, numbered(topic, 40))
        read = list(broker.reader().read(topic))
        start = {TopicPartition(topic, p): 0 for p in range(PARTITIONS)}
        for records in read:
            for p, offset in zip(records.partition.tolist(), records.offset.tolist(), strict=True):
                at = TopicPartition(topic, p)
                start[at] = max(start[at], offset + 1)
        follower = broker.reader().follow(topic, start)
        write(producer, numbered(topic, 4, first=40))
        seen: list[bytes | None] = []
        poll_until(lambda: bool(seen.extend(values(follower.poll(0.1))) or len(seen) >= 4))
        assert set(seen) == {record.value for record in numbered(topic, 4, first=40)}
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
