"""The connectors without a broker or a disk: fakes that keep the same contracts, for tests and simulation."""

from stream_monitor.connectors.memory.broker import MemoryBroker
from stream_monitor.connectors.memory.consumer import MemoryConsumer
from stream_monitor.connectors.memory.pending_store import MemoryPendingStore
from stream_monitor.connectors.memory.producer import MemoryProducer
from stream_monitor.connectors.memory.ranges import MemoryRangeReader
from stream_monitor.connectors.memory.reader import MemoryFollower, MemoryTopicReader
from stream_monitor.connectors.memory.topics import MemoryTopics

__all__ = [
    "MemoryBroker",
    "MemoryConsumer",
    "MemoryFollower",
    "MemoryPendingStore",
    "MemoryProducer",
    "MemoryRangeReader",
    "MemoryTopicReader",
    "MemoryTopics",
]
