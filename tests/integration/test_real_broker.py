"""The guarantees of Apache Kafka that delivery rests on, asked of a real broker."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Final

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

pytestmark = pytest.mark.kafka

WAIT_S: Final = 60.0


@pytest.fixture
def create_topic(real_kafka: str, topic_prefix: str) -> Callable[[str, int], str]:
    """Creates a topic under the test's prefix and returns its full name."""
    admin = AdminClient({"bootstrap.servers": real_kafka})

    def create(name: str, partitions: int) -> str:
        topic = topic_prefix + name
        futures = admin.create_topics([NewTopic(topic, partitions, 1)])
        futures[topic].result(WAIT_S)
        return topic

    return create


@pytest.fixture
def new_consumer(real_kafka: str, topic_prefix: str) -> Iterator[Callable[..., Consumer]]:
    """Makes consumers of one group that are closed at the end, whatever the test did."""
    opened: list[Consumer] = []

    def consumer(**settings: str) -> Consumer:
        defaults = {
            "bootstrap.servers": real_kafka,
            "group.id": topic_prefix + "group",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
            "partition.assignment.strategy": "range",
        }
        named = {name.replace("_", "."): value for name, value in settings.items()}
        opened.append(Consumer({**defaults, **named}))
        return opened[-1]

    yield consumer
    for one in opened:
        one.close()


def new_producer(bootstrap: str, transactional_id: str) -> Producer:
    producer = Producer(
        {"bootstrap.servers": bootstrap, "transactional.id": transactional_id, "log_level": 3}
    )
    producer.init_transactions(WAIT_S)
    return producer


def read_values(consumer: Consumer, topic: str, through: int) -> list[bytes]:
    """Values of partition 0 that the isolation level shows before offset `through`."""
    partition = TopicPartition(topic, 0, 0)
    consumer.assign([partition])
    values: list[bytes] = []
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        position = consumer.position([partition])[0].offset
        if position >= through:
            return values
        message = consumer.poll(1.0)
        if message is None:
            continue
        assert message.error() is None, message.error()
        values.append(message.value() or b"")
    raise AssertionError(f"read {values} but did not reach offset {through}")


def wait_until(condition: Callable[[], bool], poll: Callable[[], None]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        poll()


def test_records_and_offsets_of_a_transaction_are_committed_together(
    real_kafka: str,
    topic_prefix: str,
    create_topic: Callable[[str, int], str],
    new_consumer: Callable[..., Consumer],
) -> None:
    source, sink = create_topic("source", 1), create_topic("sink", 1)
    producer = new_producer(real_kafka, topic_prefix + "atomic")
    producer.begin_transaction()
    producer.produce(source, b"input", partition=0)
    producer.commit_transaction(WAIT_S)

    consumer = new_consumer()
    consumer.subscribe([source])
    received: list[bytes] = []

    def poll() -> None:
        message = consumer.poll(1.0)
        if message is not None and message.error() is None:
            received.append(message.value() or b"")

    wait_until(lambda: received == [b"input"], poll)
    position = TopicPartition(source, 0, 1)

    def committed_offset() -> int:
        return int(consumer.committed([TopicPartition(source, 0)], WAIT_S)[0].offset)

    producer.begin_transaction()
    producer.produce(sink, b"lost", partition=0)
    producer.send_offsets_to_transaction([position], consumer.consumer_group_metadata(), WAIT_S)
    producer.flush(WAIT_S)
    producer.abort_transaction(WAIT_S)
    assert committed_offset() < 0

    producer.begin_transaction()
    producer.produce(sink, b"kept", partition=0)
    producer.send_offsets_to_transaction([position], consumer.consumer_group_metadata(), WAIT_S)
    producer.commit_transaction(WAIT_S)
    assert committed_offset() == 1

    reader = new_consumer(group_id=topic_prefix + "reader")
    # offsets: lost, its abort marker, kept, its commit marker
    assert read_values(reader, sink, through=4) == [b"kept"]


def test_aborted_records_are_hidden_from_read_committed_only(
    real_kafka: str,
    topic_prefix: str,
    create_topic: Callable[[str, int], str],
    new_consumer: Callable[..., Consumer],
) -> None:
    topic = create_topic("records", 1)
    producer = new_producer(real_kafka, topic_prefix + "abort")
    producer.begin_transaction()
    producer.produce(topic, b"aborted", partition=0)
    producer.flush(WAIT_S)
    producer.abort_transaction(WAIT_S)
    producer.begin_transaction()
    producer.produce(topic, b"committed", partition=0)
    producer.commit_transaction(WAIT_S)

    committed = new_consumer(group_id=topic_prefix + "committed")
    everything = new_consumer(
        group_id=topic_prefix + "everything", isolation_level="read_uncommitted"
    )
    assert read_values(committed, topic, through=4) == [b"committed"]
    assert read_values(everything, topic, through=4) == [b"aborted", b"committed"]


def test_second_producer_with_a_transactional_id_fences_the_first(
    real_kafka: str,
    topic_prefix: str,
    create_topic: Callable[[str, int], str],
    new_consumer: Callable[..., Consumer],
) -> None:
    topic = create_topic("records", 1)
    first = new_producer(real_kafka, topic_prefix + "same")
    first.begin_transaction()
    first.produce(topic, b"zombie", partition=0)
    first.flush(WAIT_S)

    second = new_producer(real_kafka, topic_prefix + "same")
    with pytest.raises(KafkaException) as raised:
        first.commit_transaction(WAIT_S)
    error = raised.value.args[0]
    assert error.code() == KafkaError._FENCED
    assert error.fatal()

    second.begin_transaction()
    second.produce(topic, b"successor", partition=0)
    second.commit_transaction(WAIT_S)
    reader = new_consumer()
    assert read_values(reader, topic, through=4) == [b"successor"]


def test_range_gives_equal_partitions_of_two_topics_to_one_member(
    create_topic: Callable[[str, int], str], new_consumer: Callable[..., Consumer]
) -> None:
    topics = [create_topic("inference", 5), create_topic("labels", 5)]
    members = [new_consumer(), new_consumer()]
    for member in members:
        member.subscribe(topics)

    def owned(member: Consumer, topic: str) -> set[int]:
        return {part.partition for part in member.assignment() if part.topic == topic}

    def is_complete() -> bool:
        parts = [owned(member, topics[0]) for member in members]
        return all(parts) and set().union(*parts) == set(range(5)) and sum(map(len, parts)) == 5

    def poll() -> None:
        for member in members:
            member.poll(0.2)

    wait_until(is_complete, poll)
    for member in members:
        assert owned(member, topics[0]) == owned(member, topics[1])
