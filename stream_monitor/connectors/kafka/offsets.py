"""Committed offsets, as librdkafka asks for them and commits them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from confluent_kafka import Consumer as Client
from confluent_kafka import KafkaException
from confluent_kafka import TopicPartition as Position

from stream_monitor.connectors.kafka.failures import made
from stream_monitor.core.records import TopicPartition
from stream_monitor.services.ports import Committed

Answer = TypeVar("Answer")


def ask_anew(settings: Mapping[str, Any], ask: Callable[[Client], Answer]) -> Answer:
    """Asks by a client of its own, which joins no group and has lost no brokers (see liveness.py)."""
    client = made(Client, dict(settings))
    try:
        return ask(client)
    finally:
        client.close()


def committed(
    client: Client, timeout_s: float, partitions: Sequence[TopicPartition]
) -> dict[TopicPartition, Committed]:
    """What the client's group committed of these partitions, where it ever did."""
    asked = [Position(*at) for at in partitions]
    answers = _without_errors(client.committed(asked, timeout=timeout_s))
    return {
        TopicPartition(at.topic, at.partition): Committed(at.offset, at.metadata or "")
        for at in answers
        if at.offset >= 0
    }


def _without_errors(positions: list[Position]) -> list[Position]:
    for at in positions:
        if at.error is not None:
            raise KafkaException(at.error)
    return positions


def position(at: TopicPartition, committed: Committed) -> Position:
    """What librdkafka commits."""
    if not committed.note:
        return Position(*at, committed.offset)
    return Position(*at, committed.offset, committed.note)
