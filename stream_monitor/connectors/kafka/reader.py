"""Reads of whole topics without a group: to the end, a span of time, or on and on."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
from confluent_kafka import Consumer as Client
from confluent_kafka import KafkaError, Message
from confluent_kafka import TopicPartition as Position
from numpy.typing import NDArray

from stream_monitor.connectors.kafka.failures import (
    made,
    until_deadline,
    watermarks,
)
from stream_monitor.connectors.kafka.liveness import Liveness, close_aside
from stream_monitor.connectors.kafka.message_columns import last_offsets, records_by_topic
from stream_monitor.connectors.kafka.refusals import Refusals
from stream_monitor.connectors.kafka.settings import Cluster, reader_settings
from stream_monitor.connectors.kafka.topics import KafkaTopics
from stream_monitor.core.errors import StreamMonitorError
from stream_monitor.core.records import Records, TopicPartition
from stream_monitor.services.ports import Unanswered

_BATCH: Final = 10_000
_WAIT_S: Final = 0.1
_ANSWER_S: Final = 30.0


class KafkaTopicReader:
    """The TopicReader of a real or embedded cluster.

    `group_id` is never joined; it names the reader to brokers that authorise by group. A read that
    gets nothing for `timeout_s`, as behind a transaction left open, raises Unanswered.
    """

    def __init__(
        self,
        cluster: Cluster,
        group_id: str = "stream-monitor-reader",
        *,
        timeout_s: float = 120.0,
    ) -> None:
        self._cluster = cluster
        self._group_id = group_id
        self._timeout_s = timeout_s
        self._topics = KafkaTopics(cluster)

    def read(
        self,
        topic: str,
        partition: int | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
    ) -> Iterator[Records]:
        """As TopicReader.read; the end counts open transactions too.

        `start_ms` is in, `end_ms` out. Record times need not rise, so `end_ms` ends no read early.
        """
        ends = self._topics.ends(_partitions(self._topics, topic, partition))
        reading = _Reading(self._cluster, self._group_id, ends, self._timeout_s)
        try:
            reading.start(start_ms)
            while not reading.is_done():
                for records in reading.poll(_WAIT_S):
                    mask = records.offset < reading.end_of(records)
                    mask &= records.timestamp_ms >= (0 if start_ms is None else start_ms)
                    if end_ms is not None:
                        mask &= records.timestamp_ms < end_ms
                    if mask.any():
                        yield records if mask.all() else records.take(np.flatnonzero(mask))
                reading.check_progress()
        finally:
            reading.close()

    def follow(
        self, topic: str, start: Mapping[TopicPartition, int] | None = None
    ) -> KafkaFollower:
        """As TopicReader.follow."""
        ends = self._topics.ends(_partitions(self._topics, topic, None))
        reading = _Reading(self._cluster, self._group_id, ends, self._timeout_s)
        if start is None:
            reading.start(None)
        else:
            reading.start_at(start)
        return KafkaFollower(reading)


class KafkaFollower:
    """The Follower of a real or embedded cluster."""

    def __init__(self, reading: _Reading) -> None:
        self._reading = reading

    def poll(self, timeout_s: float) -> list[Records]:
        """As Follower.poll."""
        return self._reading.poll(timeout_s)

    def is_caught_up(self) -> bool:
        """As Follower.is_caught_up."""
        return self._reading.is_done()

    def close(self) -> None:
        """As Follower.close."""
        self._reading.close()


class _Reading:
    """Assigned partitions and how far they are read; done when all have reached their first known ends."""

    def __init__(
        self,
        cluster: Cluster,
        group_id: str,
        ends: Mapping[TopicPartition, int],
        timeout_s: float,
    ) -> None:
        self._ends = ends
        self._left: set[TopicPartition] = set(ends)
        self._timeout_s = timeout_s
        self._is_embedded = cluster.is_embedded
        self._refusals = Refusals(cluster.logger)
        settings = reader_settings(cluster, group_id)
        self._settings = settings | {"error_cb": self._refusals.note}
        self._client = made(Client, self._settings)
        self._position: dict[TopicPartition, int] = {}
        self._liveness = Liveness(next((at.topic for at in ends), ""))
        self._progress_s = time.monotonic()

    def start(self, start_ms: int | None) -> None:
        """Begins at the first record, or at the first one that is not older than a time.

        Offsets are asked for first: librdkafka's own way to the beginning takes half a second longer.
        """
        if start_ms is not None and not self._is_embedded:
            begin = self._offsets_at(start_ms)
        else:
            begin = {at: self._low(at) for at in self._ends}
        self.start_at(begin)

    def start_at(self, begin: Mapping[TopicPartition, int]) -> None:
        """Begins at an offset of each partition."""
        self._left = {at for at, offset in begin.items() if offset < self._ends[at]}
        self._position = dict(begin)
        self._assign()

    def _assign(self) -> None:
        self._client.assign([Position(*at, offset) for at, offset in self._position.items()])

    def _offsets_at(self, time_ms: int) -> dict[TopicPartition, int]:
        asked = [Position(*at, time_ms) for at in self._ends]
        found = until_deadline(
            "read offsets by time",
            _ANSWER_S,
            lambda timeout_s: self._client.offsets_for_times(asked, timeout=timeout_s),
        )
        offsets = {TopicPartition(at.topic, at.partition): at.offset for at in found}
        return {at: self._ends[at] if o < 0 else o for at, o in offsets.items()}

    def _low(self, at: TopicPartition) -> int:
        return until_deadline(
            f"read the offsets of {at.topic}",
            _ANSWER_S,
            lambda timeout_s: watermarks(self._client, at, timeout_s)[0],
        )

    def poll(self, timeout_s: float) -> list[Records]:
        """New records."""
        self._refusals.check("read")
        messages = self._client.consume(_BATCH, timeout_s)
        if not messages and self._ends and self._liveness.is_lost(self._client):
            close_aside(self._client)
            self._client = made(Client, self._settings)
            self._assign()
            self._liveness.heard()
        good = []
        for message in messages:
            error = message.error()
            if error is None:
                good.append(message)
            else:
                self._handle(message, error)
        batches = records_by_topic(good) if good else []
        for records in batches:
            for at, last in last_offsets(records).items():
                self._reach(at, last + 1)
        return batches

    def is_done(self) -> bool:
        """Whether everything that was there at first has been delivered."""
        return not self._left

    def end_of(self, records: Records) -> NDArray[np.int64]:
        """The first known end of each record's partition."""
        highest = int(records.partition.max())
        ends = [self._ends.get(TopicPartition(records.topic, p), 0) for p in range(highest + 1)]
        return np.array(ends, np.int64)[records.partition]

    def check_progress(self) -> None:
        """Raises Unanswered when nothing has come for too long."""
        if time.monotonic() - self._progress_s > self._timeout_s:
            waiting = ", ".join(f"{topic}[{partition}]" for topic, partition in sorted(self._left))
            raise Unanswered(f"nothing more of {waiting} for {self._timeout_s:g} s")

    def close(self) -> None:
        """Stops reading."""
        self._client.close()

    def _handle(self, message: Message[bytes, bytes], error: KafkaError) -> None:
        if error.code() == KafkaError._PARTITION_EOF:
            at = TopicPartition(str(message.topic()), message.partition() or 0)
            self._reach(at, message.offset() or 0)
        else:
            self._refusals.meet(f"read {message.topic() or 'without a group'}", error)

    def _reach(self, at: TopicPartition, position: int) -> None:
        self._refusals.answered()
        self._liveness.heard()
        self._position[at] = position
        self._progress_s = time.monotonic()
        if position >= self._ends[at]:
            self._left.discard(at)


def _partitions(topics: KafkaTopics, topic: str, partition: int | None) -> list[TopicPartition]:
    count = topics.partition_counts([topic]).get(topic)
    if count is None or (partition is not None and partition >= count):
        raise StreamMonitorError(f"there is no topic {topic} with partition {partition or 0}")
    return [TopicPartition(topic, p) for p in range(count) if partition in (None, p)]
