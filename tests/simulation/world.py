"""One installation in simulated time: processes that come, stop, hang and go, a broker, and their disks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np

from stream_monitor.config.monitor import MonitorConfig
from stream_monitor.connectors.memory import (
    MemoryBroker,
    MemoryPendingStore,
    MemoryProducer,
    MemoryTopics,
)
from stream_monitor.core.errors import StreamMonitorError
from stream_monitor.core.policy import ModelSpec
from stream_monitor.core.reference_catalogue import ReferenceCatalogue
from stream_monitor.services.detector import Detector
from stream_monitor.services.pending_log import wanted_topic
from stream_monitor.services.ports import Outgoing, ProducerFenced, TopicSpec
from stream_monitor.services.profiler import Profiler
from stream_monitor.services.status import ServiceStatus
from stream_monitor.services.topics import owned_topics
from tests.simulation.connectors import (
    SimulatedConsumer,
    SimulatedProducer,
    SimulatedReader,
    SimulatedStore,
)
from tests.simulation.disks import Disks
from tests.simulation.faults import Points
from tests.simulation.processes import KnownReferences, Process, Timeouts
from tests.simulation.switches import Switch
from tests.unit.services.fleet import Clock
from tests.unit.services.source_stream import SourceRecord
from tests.unit.services.trouble import Killed
from tests.unit.services.watched import SOURCE_PARTITIONS, T0

_MOST_LAST_STEPS = 400


class World:
    """Runs services over a broker. Everything random comes from `rng`; `trace` says what happened."""

    def __init__(
        self, rng: np.random.Generator, config: MonitorConfig, models: Mapping[str, ModelSpec],
        catalogue: ReferenceCatalogue, timeouts: Timeouts, switch: Switch = Switch.NONE,
        is_static: bool = True,
    ) -> None:  # fmt: skip
        self.rng = rng
        self.config = config
        self.models = models
        self.switch = switch
        self.clock = Clock(T0 - 60.0)
        self.catalogue = catalogue
        self.processes: list[Process] = []
        self.disks = Disks()
        self.trace: list[str] = []
        self.happened: Counter[str] = Counter()
        self._timeouts = timeouts
        self._is_static = is_static
        self._ids = 0
        self._late_commits: list[tuple[float, SimulatedProducer]] = []
        self._sources: dict[str, MemoryProducer] = {}
        self.broker = MemoryBroker(lambda: int(self.clock.now_s * 1_000), self._id, self._wait)
        self.topics = MemoryTopics(self.broker)
        for topic in (config.topics.inference, config.topics.labels):
            self.topics.create([TopicSpec(topic, SOURCE_PARTITIONS)])
        self.topics.create(owned_topics(config.topics))
        pending = wanted_topic(config, models, self.topics)
        self.topics.create([pending] if pending else [])

    def start(self, role: str, name: str, disk: MemoryPendingStore | None = None) -> Process:
        """A process as services/wiring.py makes it, not yet begun; a profiler has a disk."""
        points = Points(f"{role}-{name}#{len(self.processes)}", self.note)
        instance = f"{role}-{name}" if self._is_static or name == "last" else None
        switch = Switch.NONE if name == "last" else self.switch
        consumer = SimulatedConsumer(self.broker, f"app-{role}", instance, points, switch)
        status = ServiceStatus(role, name)
        references = KnownReferences(
            SimulatedReader(self.broker, points, Switch.NONE), self.config, self.catalogue
        )
        store = SimulatedStore(disk, points) if disk is not None else None
        make = partial(
            SimulatedProducer, self.broker, f"app.{role}.{name}",
            self._timeouts.transaction_s * 1_000, points, switch, store,
        )  # fmt: skip
        service: Profiler | Detector
        if store is not None:
            service = Profiler(
                self.config, self.models, consumer, make, self.topics, store, references, status,
                self.clock,
            )  # fmt: skip
        else:
            reader = SimulatedReader(self.broker, points, switch)
            service = Detector(
                self.config, self.models, consumer, make, self.topics, reader, references, status,
                self.clock,
            )  # fmt: skip
        process = Process(service, consumer, points)
        self.processes.append(process)
        self.note(f"start {points.name}")
        return process

    def start_profiler(self, name: str) -> Process:
        """A profiler on its own disk."""
        return self._begun(self.start("profiler", name, self.disks.own(name)))

    def start_detector(self, name: str) -> Process:
        """A detector."""
        return self._begun(self.start("detector", name))

    def step(self, process: Process) -> None:
        """One turn of a process, if it can take one."""
        if process.is_alive and not process.is_busy:
            self._guard(process, process.service.step)

    def stop_for(self, process: Process, turns: int, seconds: float) -> None:
        """A process hangs amid its turn while others go on and time goes by; one may take its place."""
        if any(p.silent_since_s is not None for p in self.processes if p.is_alive):
            return
        self.happened["stopped"] += 1
        self.note(f"stopped {process.points.name}")
        process.silent_since_s = self.clock.now_s
        if self._is_static and self.rng.random() < 0.25:
            self._succeed(process)
        for _ in range(turns):
            self.clock.now_s += seconds / turns
            self.tick()
            for other in self.shuffled(self.living()):
                self.step(other)
        process.silent_since_s = None
        self.note(f"continued {process.points.name}")

    def commit_later(self, process: Process, seconds: float) -> None:
        """The commit's answer is lost, and its request arrives at the broker only later."""
        if process.points.producer is not None:
            self._late_commits.append((self.clock.now_s + seconds, process.points.producer))
        raise ProducerFenced("the commit took too long")

    def leave(self, process: Process) -> None:
        """The process ends in good order."""
        self.note(f"leave {process.points.name}")
        self._guard(process, process.service.close)
        process.is_alive = False

    def tick(self) -> None:
        """What the broker does as time goes by."""
        due = [producer for at_s, producer in self._late_commits if at_s <= self.clock.now_s]
        self._late_commits = [late for late in self._late_commits if late[1] not in due]
        for producer in due:
            is_done = producer.commit_late()
            self.happened[f"late commit {'done' if is_done else 'refused'}"] += 1
            self.note(f"late commit {is_done}")
        self.broker.end_overdue()
        for process in self.processes:
            since_s = process.silent_since_s
            if since_s is not None and self.clock.now_s - since_s > self._timeouts.session_s:
                process.consumer.time_out()
                if not process.is_alive:
                    process.silent_since_s = None

    def send(self, record: SourceRecord, writer: str | None = None) -> None:
        """Writes a record to its source topic, in the open transaction of `writer` if one is named."""
        topic, key, value, sent_s = record
        self.clock.now_s = max(self.clock.now_s, sent_s)
        out = Outgoing(topic, key, value)
        if writer is None:
            self.broker.append(out, int(sent_s * 1_000))
        else:
            self.writer(writer).produce(out)

    def writer(self, name: str) -> MemoryProducer:
        """A transactional producer of the source topics, with a transaction open."""
        if name not in self._sources:
            self._sources[name] = MemoryProducer(self.broker, f"shop.{name}", 1e9)
            self._sources[name].init_transactions()
            self._sources[name].begin()
        return self._sources[name]

    def end_writer(self, name: str, is_committed: bool) -> None:
        """Ends a source transaction."""
        writer = self._sources.pop(name, None)
        if writer is None:
            return
        if is_committed:
            writer.commit()
        else:
            writer.abort()

    def living(self) -> list[Process]:
        """Processes that run, stopped ones too."""
        return [process for process in self.processes if process.is_alive]

    def shuffled(self, processes: Sequence[Process]) -> list[Process]:
        """In random order."""
        return [processes[at] for at in self.rng.permutation(len(processes)).tolist()]

    def finish(self) -> None:
        """Everyone leaves; one last profiler and detector work everything off and end the stream."""
        for process in self.living():
            process.points.planned.clear()
            self.leave(process)
        for _ in range(3):
            self.clock.now_s += self._timeouts.session_s + self._timeouts.transaction_s + 1
            self.tick()
        for role in ("profiler", "detector"):
            disk = MemoryPendingStore() if role == "profiler" else None
            last = self.start(role, "last", disk)
            last.service.run(_after(_MOST_LAST_STEPS), lambda: True)
            last.is_alive = False

    def counts(self) -> Counter[tuple[str, ...]]:
        """Counters over all processes that ever ran."""
        return sum((p.service.status.counts for p in self.processes), Counter())

    def note(self, what: str) -> None:
        """Adds to the trace."""
        self.trace.append(f"{self.clock.now_s:.1f} {what}")

    def _succeed(self, process: Process) -> None:
        """Another process of the same name, on another machine: on a disk of its own."""
        if process.role == "detector":
            self.start_detector(process.name)
            return
        self.disks.replace(process.name, self.disks.as_is(process.name))
        self.start_profiler(process.name)

    def _begun(self, process: Process) -> Process:
        self._guard(process, process.service.start)
        return process

    def _guard(self, process: Process, work: Callable[[], None]) -> None:
        process.is_busy = True
        try:
            work()
        except Killed:
            self.happened["killed"] += 1
            self._die(process)
        except StreamMonitorError:
            if not process.consumer.is_superseded:
                raise
            self.happened["superseded"] += 1
            self._die(process)
        finally:
            process.is_busy = False

    def _die(self, process: Process) -> None:
        self.note(f"died {process.points.name}")
        process.is_alive = False
        process.silent_since_s = self.clock.now_s

    def _id(self) -> str:
        self._ids += 1
        return f"id-{self._ids}"

    def _wait(self, what: str) -> None:
        self.note(f"wait: {what}")
        self.happened["waited"] += 1
        self.clock.now_s += 2.0
        self.tick()


def _after(times: int) -> Callable[[], bool]:
    """A condition that comes true when it has been asked so often."""
    left = iter(range(times))
    return lambda: next(left, None) is None
