"""Reading whole topics in tests, committed records only."""

from __future__ import annotations

from stream_monitor.connectors.kafka.reader import KafkaTopicReader
from stream_monitor.connectors.kafka.settings import Cluster
from stream_monitor.core.records import Records


def read_records(bootstrap: str, topic: str) -> list[Records]:
    """Everything that a topic holds."""
    return list(KafkaTopicReader(Cluster({"bootstrap.servers": bootstrap})).read(topic))


def read_values(bootstrap: str, topic: str) -> list[bytes]:
    """The values of a topic, tombstones left out."""
    return [v for r in read_records(bootstrap, topic) for v in r.value if v is not None]
