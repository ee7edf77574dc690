"""A member of a consumer group over librdkafka.

Partitions are never left to start by themselves: an assignment is taken up empty, and the next poll
assigns them again with explicit offsets. A seek does the same, so nothing fetched before it is delivered.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeVar

from confluent_kafka import Consumer as Client
from confluent_kafka import KafkaError, KafkaException, Message
from confluent_kafka import TopicPartition as Position

from stream_monitor.connectors.kafka.failures import (
    error_of,
    failure,
    is_fatal,
    is_passing,
    made,
    until_deadline,
    watermarks,
)
from stream_monitor.connectors.kafka.liveness import Liveness
from stream_monitor.connectors.kafka.message_columns import last_offsets, records_by_topic
from stream_monitor.connectors.kafka.offsets import committed, position
from stream_monitor.connectors.kafka.refusals import Refusals
from stream_monitor.connectors.kafka.settings import Cluster, Group, member_settings
from stream_monitor.core.errors import StreamMonitorError
from stream_monitor.core.records import Records, TopicPartition
from stream_monitor.services.ports import Committed, OffsetsLost

Answer = TypeVar("Answer")
Callback = Callable[[Sequence[TopicPartition]], None]

MOST_RECORDS: Final = 1_000_000
"""librdkafka's own limit on one call."""

_NEEDS_USER: Final = (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC)


class KafkaConsumer:
    """The Consumer of a real or embedded cluster.

    A partition that is not sought after it was assigned goes on from its committed offset. Calls that
    must be answered are repeated for `timeout_s`. A client that lost the brokers (see liveness.py) is
    replaced by the next poll, which takes its partitions back.
    """

    def __init__(self, cluster: Cluster, group: Group, *, timeout_s: float = 120.0) -> None:
        self._start = group.start
        self._timeout_s = timeout_s
        self._refusals = Refusals(cluster.logger)
        self._settings = member_settings(cluster, group) | {"error_cb": self._refusals.note}
        self._client = made(Client, self._settings)
        self._topics: list[str] = []
        self._liveness = Liveness("")
        self._log = cluster.logger
        self._assigned: list[TopicPartition] = []
        self._position: dict[TopicPartition, int] = {}
        self._first: dict[TopicPartition, int] = {}
        self._paused: set[TopicPartition] = set()
        self._fetched: set[TopicPartition] = set()
        self._is_moved = False
        self._is_revoked = False
        self._on_assigned: Callback = _ignore
        self._on_revoked: Callback = _ignore

    def subscribe(self, topics: Sequence[str], on_assigned: Callback, on_revoked: Callback) -> None:
        """As Consumer.subscribe."""
        self._on_assigned, self._on_revoked = on_assigned, on_revoked
        self._topics = list(topics)
        self._join()

    def _join(self) -> None:
        self._liveness = Liveness(self._topics[0])
        self._client.subscribe(
            self._topics, on_assign=self._assign, on_revoke=self._revoke, on_lost=self._revoke
        )

    def _replace_client(self) -> None:
        """A new member in the place of one that no broker answers, which may take long to close."""
        self._log.warning("no broker answers this consumer: a new one takes its place")
        old, assigned = self._client, self._assigned
        self._client = made(Client, self._settings)
        threading.Thread(target=old.close, name="closing-consumer", daemon=True).start()
        self._forget()
        if assigned:
            self._on_revoked(assigned)
        self._join()

    def poll(self, max_records: int, timeout_s: float) -> list[Records]:
        """As Consumer.poll; raises StreamMonitorError for what waiting cannot mend."""
        self._refusals.check("consume")
        if self._is_moved:
            self._take_positions()
        self._is_revoked = False
        messages = self._client.consume(min(max_records, MOST_RECORDS), timeout_s)
        if self._is_revoked:
            for error in filter(None, map(Message.error, messages)):
                if is_fatal(error):
                    raise failure("stay in the group", error)
        if not messages and self._is_lost():
            self._replace_client()
        if self._is_revoked or not messages:
            return []  # What was read before a revocation is somebody else's now.
        events: list[Message[bytes, bytes]] = []
        if any(map(Message.error, messages)):
            events = [message for message in messages if message.error()]
            messages = [message for message in messages if not message.error()]
        batches = records_by_topic(messages) if messages else []
        for records in batches:
            self._advance({at: last + 1 for at, last in last_offsets(records).items()})
        for event in events:
            self._handle(event)
        return batches

    def _name(at: TopicPartition) -> str:
    return f"{at.topic}[{at.partition}]"


def _ignore(_: Sequence[TopicPartition]) -> None:
    """Nobody listens."""
