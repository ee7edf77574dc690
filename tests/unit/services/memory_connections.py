"""The operators' commands on a fleet's broker in memory."""

from __future__ import annotations

from pathlib import Path

from stream_monitor.connectors.memory import (
    MemoryBroker,
    MemoryPendingStore,
    MemoryProducer,
    MemoryRangeReader,
    MemoryTopicReader,
    MemoryTopics,
)
from stream_monitor.connectors.pending_store import DuckPendingStore
from stream_monitor.services.ports import PendingStore


class MemoryConnections:
    """The Connections of a MemoryBroker; `on_disk` takes the real store for recomputations."""

    def __init__(self, broker: MemoryBroker, on_disk: bool = False) -> None:
        self.broker = broker
        self._on_disk = on_disk

    def administration(self) -> MemoryTopics:
        return MemoryTopics(self.broker)

    def reader(self) -> MemoryTopicReader:
        return MemoryTopicReader(self.broker)

    def ranges(self) -> MemoryRangeReader:
        return MemoryRangeReader(self.broker)

    def producer(self, role: str) -> MemoryProducer:
        return MemoryProducer(self.broker, f"app.{role}")

    def temporary_store(self, folder: Path) -> PendingStore:
        return DuckPendingStore(folder, "256MB") if self._on_disk else MemoryPendingStore()
