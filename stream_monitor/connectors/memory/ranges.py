"""Reads of runs of offsets on the broker in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from stream_monitor.connectors.memory.broker import MemoryBroker
from stream_monitor.connectors.memory.log import as_records
from stream_monitor.core.errors import StreamMonitorError
from stream_monitor.core.records import TopicPartition
from stream_monitor.services.operator_ports import Fetched

_BATCH = 10_000


class MemoryRangeReader:
    """The RangeReader of a MemoryBroker; a run behind an open transaction raises StreamMonitorError."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker

    def read(self, ranges: Mapping[TopicPartition, tuple[int, int]]) -> Iterator[Fetched]:
        """As RangeReader.read."""
        for at, (start, end) in ranges.items():
            log = self._broker.log(at)
            if log.stable_end < min(end, log.end):
                raise StreamMonitorError(f"a transaction is open in partition {at.partition}")
            position, stop = max(start, log.low), min(end, log.end)
            while position < stop:
                entries, position = log.read(position, stop, _BATCH)
                if entries:
                    headers = [entry.headers for entry in entries]
                    yield Fetched(as_records(at.topic, entries), headers)

    def close(self) -> None:
        """As RangeReader.close."""
