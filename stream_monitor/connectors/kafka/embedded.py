"""librdkafka's mock cluster, inside the confluent-kafka wheel: a broker for the demo and fast tests.

It serves groups with range assignment, plain reads and writes, and transactions that hide nothing:
aborted records are shown, nobody is fenced, offsets sent to a transaction are lost (the connectors
commit them plainly as well). A topic keeps 5 MiB or 100,000 records of each partition. Creating a topic,
its id and configuration, and offsets by time are missing; a topic appears with 4 partitions when asked for.
So exactly-once is proved on a real broker, never here.
"""

from __future__ import annotations

import logging
from typing import Final

from confluent_kafka import Producer

from stream_monitor.connectors.kafka.settings import LOGGER, Cluster

PARTITIONS: Final = 4
"""Partitions of every topic."""

_START_S: Final = 10.0


class EmbeddedBroker:
    """A broker in this process that lasts as long as the object; its own log lines are dropped."""

    def __init__(self) -> None:
        logger = logging.getLogger(f"{LOGGER}.embedded")
        logger.setLevel(logging.CRITICAL)
        self._host: Producer | None = Producer({"test.mock.num.brokers": 1, "logger": logger})
        brokers = self._host.list_topics(timeout=_START_S).brokers.values()
        bootstrap = ",".join(f"{broker.host}:{broker.port}" for broker in brokers)
        self._cluster = Cluster({"bootstrap.servers": bootstrap}, True, logger)

    @property
    def cluster(self) -> Cluster:
        """How to reach it."""
        return self._cluster

    def close(self) -> None:
        """Stops the broker; clients that are still open only see it gone."""
        self._host = None
