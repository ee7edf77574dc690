"""The one place that picks concrete connectors for the services."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stream_monitor.config.loading import Installation
from stream_monitor.config.monitor import MonitorConfig
from stream_monitor.connectors.kafka.consumer import KafkaConsumer
from stream_monitor.connectors.kafka.embedded import EmbeddedBroker
from stream_monitor.connectors.kafka.producer import KafkaProducer
from stream_monitor.connectors.kafka.ranges import KafkaRangeReader
from stream_monitor.connectors.kafka.reader import KafkaTopicReader
from stream_monitor.connectors.kafka.settings import Cluster, Group
from stream_monitor.connectors.kafka.topics import KafkaTopics
from stream_monitor.connectors.pending_store import DuckPendingStore
from stream_monitor.services.detector import Detector
from stream_monitor.services.operator_ports import Administration, RangeReader
from stream_monitor.services.ports import (
    Condition,
    PendingStore,
    Producer,
    TopicReader,
    Topics,
    never,
)
from stream_monitor.services.profiler import Profiler
from stream_monitor.services.references import ReferenceReader
from stream_monitor.services.status import ServiceStatus

__all__ = ["EmbeddedBroker", "Wiring", "wire", "wire_embedded"]

_MEMBER_READS_S: Final = 45.0
"""Less than a minute, after which /live calls a member dead; it reads again."""


@dataclass(frozen=True, slots=True)
class Wiring:
    """Connectors of one installation on one cluster."""

    installation: Installation
    cluster: Cluster

    @property
    def monitor(self) -> MonitorConfig:
        """The installation's configuration."""
        return self.installation.monitor

    def topics(self) -> Topics:
        """The cluster's topics."""
        return KafkaTopics(self.cluster)

    def reader(self, timeout_s: float = 120.0) -> TopicReader:
        """Reads topics without a group; a read that stands still for so long is given up."""
        return KafkaTopicReader(self.cluster, timeout_s=timeout_s)

    def references(self) -> ReferenceReader:
        """Follows the references topic."""
        return ReferenceReader(self.reader(_MEMBER_READS_S), self.monitor.topics.references)

    def producer(self, role: str, should_stop: Condition = never) -> Producer:
        """A transactional producer; the id `<name>.<role>` fences older ones of the same role."""
        return KafkaProducer(self.cluster, f"{self.monitor.name}.{role}", should_stop)

    def profiler(self) -> Profiler:
        """A member of the profiler group."""
        settings = self.monitor.profiler
        group = Group(
            self.monitor.group("profiler"), settings.instance, settings.membership == "static",
            settings.start,
        )  # fmt: skip
        status = ServiceStatus("profiler", settings.instance)
        return Profiler(
            self.monitor,
            self.installation.specifications(),
            KafkaConsumer(self.cluster, group, lambda: status.should_stop()),
            self._maker(status),
            self.topics(),
            DuckPendingStore(Path(settings.store), f"{settings.memory_limit}B"),
            self.references(),
            status,
        )

    def detector(self) -> Detector:
        """A member of the detector group."""
        settings = self.monitor.detector
        group = Group(
            self.monitor.group("detector"), settings.instance, settings.membership == "static"
        )
        status = ServiceStatus("detector", settings.instance)
        return Detector(
            self.monitor,
            self.installation.specifications(),
            KafkaConsumer(self.cluster, group, lambda: status.should_stop()),
            self._maker(status),
            self.topics(),
            self.reader(_MEMBER_READS_S),
            self.references(),
            status,
        )

    def administration(self) -> Administration:
        """Topics, offsets and groups."""
        return KafkaTopics(self.cluster)

    def ranges(self) -> RangeReader:
        """Reads runs of offsets."""
        return KafkaRangeReader(self.cluster)

    def temporary_store(self, folder: Path) -> PendingStore:
        """A pending store of its own in an empty folder."""
        return DuckPendingStore(folder, f"{self.monitor.profiler.memory_limit}B")

    def _maker(self, status: ServiceStatus) -> Callable[[], Producer]:
        role = f"{status.role}.{status.instance}"
        return lambda: self.producer(role, lambda: status.should_stop())


def wire(installation: Installation) -> Wiring:
    """The connectors of the configured cluster."""
    return Wiring(installation, Cluster(installation.monitor.kafka.reveal()))


def wire_embedded(installation: Installation, broker: EmbeddedBroker) -> Wiring:
    """The connectors of a broker in this process."""
    return Wiring(installation, broker.cluster)
