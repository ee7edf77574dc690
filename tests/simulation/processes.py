"""A process of the simulation, and how long a broker waits for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from stream_monitor.config.monitor import MonitorConfig
from stream_monitor.core.partition_state import PartitionState
from stream_monitor.core.reference_catalogue import ReferenceCatalogue
from stream_monitor.services.detector import Detector
from stream_monitor.services.ports import TopicReader
from stream_monitor.services.profiler import Profiler
from stream_monitor.services.references import ReferenceReader
from tests.simulation.connectors import SimulatedConsumer
from tests.simulation.faults import Points


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds after which the broker gives up on a silent member and on an open transaction."""

    session_s: float
    transaction_s: float


@dataclass
class Process:
    """A service and what the world knows of it; silent since it died or was stopped."""

    service: Profiler | Detector
    consumer: SimulatedConsumer
    points: Points
    is_alive: bool = True
    is_busy: bool = False
    silent_since_s: float | None = None

    @property
    def held(self) -> dict[int, PartitionState]:
        """The states that a detector holds; a profiler has none."""
        return self.service.partitions if isinstance(self.service, Detector) else {}

    @property
    def role(self) -> str:
        """Profiler or detector."""
        return self.service.status.role

    @property
    def name(self) -> str:
        """The instance's name, which a restart keeps."""
        return self.service.status.instance


class KnownReferences(ReferenceReader):
    """References that are there from the beginning, read once for all processes."""

    def __init__(
        self, reader: TopicReader, config: MonitorConfig, catalogue: ReferenceCatalogue
    ) -> None:
        super().__init__(reader, config.topics.references)
        self.catalogue = catalogue

    def load(self, clock: Callable[[], float] = time.monotonic) -> None:
        """There is nothing to load."""
