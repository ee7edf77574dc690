"""What transactions are measured against: the same records without one, offsets committed plainly.

Only for the benchmark: after a crash it would lose or double records.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, Final

from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, KafkaError, Message
from confluent_kafka import Producer as Client

from stream_monitor.connectors.kafka.settings import Cluster, producer_settings
from stream_monitor.services.ports import Condition, Outgoing

_WAIT_S: Final = 60.0


class PlainProducer:
    """Takes the place of KafkaProducer."""

    def __init__(self, cluster: Cluster, transactional_id: str, _: Condition) -> None:
        self.epoch = str(uuid.uuid4())
        settings = producer_settings(cluster, transactional_id)
        for name in ("transactional.id", "transaction.timeout.ms"):
            del settings[name]
        self._client = Client(settings)
        self._append_ms: int | None = None
        self._offsets: tuple[Any, Mapping[Any, Any]] | None = None

    def init_transactions(self) -> None:
        """Nothing to fence."""

    def begin(self) -> None:
        self._append_ms = self._offsets = None

    def produce(self, record: Outgoing) -> None:
        partition = -1 if record.partition is None else record.partition
        self._client.produce(
            record.topic, record.value, record.key, partition,
            headers=list(record.headers), on_delivery=self._delivered,
        )  # fmt: skip

    def send_offsets(self, offsets: Mapping[Any, Any], consumer: Any) -> None:
        self._offsets = consumer, offsets

    def commit(self) -> int | None:
        if self._client.flush(_WAIT_S):
            raise RuntimeError("the broker did not take the records")
        if self._offsets is not None:
            consumer, offsets = self._offsets
            consumer.commit_plainly(offsets)
        return self._append_ms

    def abort(self) -> None:
        self._client.flush(_WAIT_S)

    def close(self) -> None:
        self._client.flush(_WAIT_S)

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            raise RuntimeError(error.str())
        kind, time_ms = message.timestamp()
        if kind == TIMESTAMP_LOG_APPEND_TIME:
            self._append_ms = max(time_ms, self._append_ms or 0)
