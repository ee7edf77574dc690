"""Profilers and detectors on a broker in memory: started, stepped, killed, expelled and restarted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from stream_monitor.config.monitor import MonitorConfig
from stream_monitor.connectors.memory import (
    MemoryBroker,
    MemoryConsumer,
    MemoryPendingStore,
    MemoryProducer,
    MemoryTopicReader,
    MemoryTopics,
)
from stream_monitor.core.partition_state import PartitionState
from stream_monitor.core.policy import ModelSpec
from stream_monitor.core.reference_catalogue import ReferenceCatalogue
from stream_monitor.core.references import Reference
from stream_monitor.services.detector import Detector
from stream_monitor.services.ports import Outgoing, Producer, TopicSpec
from stream_monitor.services.profiler import Profiler
from stream_monitor.services.references import ReferenceReader, publish_reference
from stream_monitor.services.status import ServiceStatus
from stream_monitor.services.topics import owned_topics
from tests.unit.services.source_stream import SourceRecord
from tests.unit.services.trouble import Killed, Trouble, TroubledProducer, TroubledStore
from tests.unit.services.watched import SOURCE_PARTITIONS, T0, monitor, watched


@dataclass
class Clock:
    """Seconds from a start of the test's choice; asking takes a moment, so that no loop waits for ever."""

    now_s: float = 1_000.0
    moment_s: float = 0.3

    def __call__(self) -> float:
        self.now_s += self.moment_s
        return self.now_s


@dataclass
class Process:
    """A service, its member of the group, and the trouble ahead of it."""

    service: Profiler | Detector
    consumer: MemoryConsumer
    trouble: Trouble
    is_alive: bool = True
    is_busy: bool = False

    @property
    def held(self) -> dict[int, PartitionState]:
        """The states that a detector holds; a profiler has none."""
        return self.service.partitions if isinstance(self.service, Detector) else {}

    @property
    def is_profiler(self) -> bool:
        """Whether it is a profiler."""
        return isinstance(self.service, Profiler)


@dataclass
class Fleet:
    """One installation. Processes are named as they were started; a name's store outlives it."""

    config: MonitorConfig = field(default_factory=monitor)
    models: Mapping[str, ModelSpec] = field(default_factory=watched)
    clock: Clock = field(default_factory=Clock)
    partitions: int = SOURCE_PARTITIONS

    def __post_init__(self) -> None:
        self.catalogue = ReferenceCatalogue()
        self.stores: dict[str, MemoryPendingStore] = {}
        self.processes: list[Process] = []
        self.broker = MemoryBroker(lambda: int((T0 + 30 * 86_400 + self.clock.now_s) * 1_000))
        self.topics = MemoryTopics(self.broker)
        names = self.config.topics
        self.topics.create([TopicSpec(names.inference, self.partitions)])
        self.topics.create([TopicSpec(names.labels, self.partitions)])
        self.topics.create(owned_topics(names))

    def publish(self, *references: Reference) -> None:
        """Writes references to their topic."""
        for reference in references:
            producer = MemoryProducer(self.broker, "app.reference")
            publish_reference(reference, producer, self.config.topics.references)
            self.catalogue.add(reference)

    def send(self, records: Iterable[SourceRecord]) -> None:
        """Writes records to the source topics, with the time at which they were sent."""
        for topic, key, value, sent_s in records:
            self.broker.append(Outgoing(topic, key, value), int(sent_s * 1_000))

    def profiler(self, name: str = "one", is_started: bool = True) -> Process:
        """A profiler as services/wiring.py makes it."""
        trouble = Trouble()
        store = self.stores.setdefault(name, MemoryPendingStore())
        store.close(range(self.partitions))
        consumer = MemoryConsumer(self.broker, "app-profiler", f"profiler-{name}")
        service = Profiler(
            self.config, self.models, consumer, self._maker(f"profiler.{name}", trouble),
            self.topics, TroubledStore(store, trouble), self._references(),
            ServiceStatus("profiler", name), self.clock,
        )  # fmt: skip
        return self._process(service, consumer, trouble, is_started)

    def detector(self, name: str = "one", is_started: bool = True) -> Process:
        """A detector as services/wiring.py makes it."""
        trouble = Trouble()
        consumer = MemoryConsumer(self.broker, "app-detector", f"detector-{name}")
        service = Detector(
            self.config, self.models, consumer, self._maker(f"detector.{name}", trouble),
            self.topics, MemoryTopicReader(self.broker), self._references(),
            ServiceStatus("detector", name), self.clock,
        )  # fmt: skip
        return self._process(service, consumer, trouble, is_started)

    def step(self, *processes: Process, times: int = 1) -> None:
        """Lets living processes (all by default) take their turns, but for those amid a turn."""
        for _ in range(times):
            for process in processes or self.living():
                if process.is_alive and not process.is_busy:
                    process.is_busy = True
                    try:
                        process.service.step()
                    except Killed:
                        self.bury(process)
                    finally:
                        process.is_busy = False

    def bury(self, process: Process) -> None:
        """What the brokers do about a process that died: its transaction and its membership end."""
        process.is_alive = False
        status = process.service.status
        MemoryProducer(self.broker, f"app.{status.role}.{status.instance}").init_transactions()
        process.consumer.time_out()

    def restart(self, process: Process) -> Process:
        """Another process of the same name."""
        if process.is_alive:
            self.bury(process)
        name = process.service.status.instance
        return self.profiler(name) if process.is_profiler else self.detector(name)

    def leave(self, process: Process) -> None:
        """The process ends in good order."""
        process.is_alive = False
        process.service.close()

    def feed(self, stream: Sequence[SourceRecord], parts: int) -> Iterator[int]:
        """Sends a stream in parts with a turn of everyone after each; yields before each part."""
        size = -(-len(stream) // parts)
        for part in range(parts):
            yield part
            self.send(stream[part * size : (part + 1) * size])
            self.step()

    def finish(self) -> None:
        """Everyone leaves; one last profiler and detector work everything off and end the stream."""
        for process in self.living():
            self.leave(process)
        for make in (self.profiler, self.detector):
            last = make("last", is_started=False)
            last.service.run(lambda: False, lambda: True)
            last.is_alive = False

    def living(self) -> list[Process]:
        """Processes that run."""
        return [process for process in self.processes if process.is_alive]

    def counts(self) -> Counter[tuple[str, ...]]:
        """Counters over all processes that ever ran."""
        return sum((p.service.status.counts for p in self.processes), Counter())

    def _process(
        self, service: Profiler | Detector, consumer: MemoryConsumer, trouble: Trouble,
        is_started: bool,
    ) -> Process:  # fmt: skip
        process = Process(service, consumer, trouble)
        self.processes.append(process)
        if is_started:
            service.start()
        return process

    def _references(self) -> ReferenceReader:
        return ReferenceReader(MemoryTopicReader(self.broker), self.config.topics.references)

    def _maker(self, role: str, trouble: Trouble) -> Callable[[], Producer]:
        return lambda: TroubledProducer(MemoryProducer(self.broker, f"app.{role}"), trouble)
