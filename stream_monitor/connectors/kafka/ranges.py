"""Reads of runs of offsets with their headers; whole topics are read by reader.py."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Final

from confluent_kafka import Consumer as Client
from confluent_kafka import KafkaError, Message
from confluent_kafka import TopicPartition as Position

from stream_monitor.connectors.kafka.failures import made
from stream_monitor.connectors.kafka.message_columns import records_by_topic
from stream_monitor.connectors.kafka.refusals import Refusals
from stream_monitor.connectors.kafka.settings import Cluster, reader_settings
from stream_monitor.core.errors import StreamMonitorError
from stream_monitor.core.records import TopicPartition
from stream_monitor.services.operator_ports import Fetched

_BATCH: Final = 10_000
_WAIT_S: Final = 0.1


class KafkaRangeReader:
    """The RangeReader of a real or embedded cluster.

    A read that gets nothing for `timeout_s`, as behind a transaction left open, raises StreamMonitorError.
    """

    def __init__(
        self, cluster: Cluster, group_id: str = "stream-monitor-reader", *, timeout_s: float = 60.0
    ) -> None:
        self._timeout_s = timeout_s
        self._refusals = Refusals(cluster.logger)
        settings = reader_settings(cluster, group_id)
        self._client = made(Client, settings | {"error_cb": self._refusals.note})

    def read(self, ranges: Mapping[TopicPartition, tuple[int, int]]) -> Iterator[Fetched]:
        """As RangeReader.read; a run that begins before what is kept begins there."""
        ends = {at: end for at, (start, end) in ranges.items() if start < end}
        left = set(ends)
        self._client.assign([Position(*at, ranges[at][0]) for at in ends])
        progress_s = time.monotonic()
        while left:
            self._refusals.check("read")
            messages = self._client.consume(_BATCH, _WAIT_S)
            if messages:
                progress_s = time.monotonic()
            found = []
            for message in messages:
                at = TopicPartition(str(message.topic()), message.partition() or 0)
                offset = message.offset() or 0
                error = message.error()
                if error is not None:
                    if self._is_end(message, error):
                        left.discard(at)
                    continue
                if offset >= ends[at] - 1:
                    left.discard(at)
                if offset < ends[at]:
                    found.append(message)
            yield from _fetched(found)
            if time.monotonic() - progress_s > self._timeout_s:
                waiting = ", ".join(f"{topic}[{partition}]" for topic, partition in sorted(left))
                raise StreamMonitorError(f"nothing more of {waiting} for {self._timeout_s:g} s")
        self._client.unassign()

    def close(self) -> None:
        """As RangeReader.close."""
        self._client.close()

    def _is_end(self, message: Message[bytes, bytes], error: KafkaError) -> bool:
        """Whether a partition's end was reached; raises StreamMonitorError for what cannot be mended."""
        self._refusals.answered()
        if error.code() == KafkaError._PARTITION_EOF:
            return True
        self._refusals.meet(f"read {message.topic() or 'without a group'}", error)
        return False


def _fetched(messages: list[Message[bytes, bytes]]) -> Iterator[Fetched]:
    for records in records_by_topic(messages) if messages else ():
        own = [message for message in messages if message.topic() == records.topic]
        yield Fetched(records, [_headers(message) for message in own])


def _headers(message: Message[bytes, bytes]) -> tuple[tuple[str, bytes], ...]:
    found = message.headers() or ()
    pairs = found.items() if isinstance(found, dict) else found
    return tuple((str(name), _bytes(value)) for name, value in pairs)


def _bytes(value: str | bytes | None) -> bytes:
    return value.encode() if isinstance(value, str) else value or b""
