"""A fault run: services on a real broker are killed, frozen and restarted while events are written.

At the end everything is drained and compared with one offline pass. `tests/integration` runs it small,
`benchmarks.soak` large.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from confluent_kafka import Producer

from stream_monitor.config.loading import load_config
from stream_monitor.core.reference_catalogue import ReferenceCatalogue
from stream_monitor.core.references import build_reference
from stream_monitor.services.references import publish_reference
from stream_monitor.services.wiring import wire
from tests.brokers.kafka_process import KafkaProcess, free_ports
from tests.integration.fault_member import Log, Member
from tests.integration.fault_oracle import decoded
from tests.integration.fault_plan import Fault, Plan
from tests.integration.fault_report import PARTITIONS, Report, report
from tests.integration.fault_traffic import (
    FEATURES,
    FaultTraffic,
    model_file,
    reference_events,
)
from tests.integration.installation import Installation

DRAIN_S = 240.0
Note = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Settings:
    """The size of a run: records are written evenly over `write_s`, but not faster than faults are met.

    `outages` are (share of the records written, seconds; 0: SIGKILL and straight up again). `environ` is
    what the processes of an instance find in their environment besides.
    """

    events: int
    span_s: int
    write_s: float
    plan: Plan
    outages: tuple[tuple[float, float], ...] = ()
    session_ms: int = 8_000
    membership: tuple[str, str] = ("static", "static")
    longest_s: float = 400.0
    is_forked: bool = True
    max_records: int = 5_000
    environ: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def run(broker: KafkaProcess, folder: Path, prefix: str, settings: Settings, note: Note) -> Report:
    """Raises AssertionError where a run cannot be finished."""

    def drive(running: Running) -> None:
        _drive(running.members, running.writer, broker, settings, note)

    return exercise(broker.bootstrap, folder, prefix, settings, drive)


def exercise(
    bootstrap: str, folder: Path, prefix: str, settings: Settings, drive: Callable[[Running], None]
) -> Report:
    """Does something to a running installation, ends and drains it, and compares what it published.

    Records that `drive` did not write are not expected. Raises AssertionError as `run`.
    """
    traffic = FaultTraffic(settings.events, settings.span_s)
    installation = _installation(bootstrap, folder, prefix, settings)
    catalogue = _publish_references(installation)
    log = Log()
    began = time.monotonic()
    with _members(installation, folder, settings, log) as members:
        writer = Writer(installation, traffic)
        drive(Running(installation, members, writer))
        writer.finish()
        traffic.end_at(writer.written)
        write_s = time.monotonic() - began
        for member in members:
            member.faults.append(Fault("terminate"))
            member.fault = member.faults.popleft()
        _until(lambda: all(m.fault is None for m in members), members, 60.0, "SIGTERM")
        for member in members:
            member.end()
        began = time.monotonic()
        _drain(members)
        drain_s = time.monotonic() - began
    return report(installation, catalogue, traffic, log, write_s, drain_s)


class Writer:
    """Writes the records in order, as one idempotent producer."""

    def __init__(self, installation: Installation, traffic: FaultTraffic) -> None:
        self._topics = (installation.inference, installation.labels)
        self._records = traffic.records
        self.written = 0
        self._producer = Producer(
            {
                "bootstrap.servers": installation.bootstrap, "partitioner": "murmur2_random",
                "enable.idempotence": True, "linger.ms": 20, "delivery.timeout.ms": 600_000,
                "reconnect.backoff.max.ms": 1_000, "queue.buffering.max.messages": 1_000_000,
                "log_level": 0,
            }
        )  # fmt: skip

    @property
    def total(self) -> int:
        return len(self._records)

    @property
    def share(self) -> float:
        return self.written / len(self._records)

    def write(self, share: float, wait_s: float) -> None:
        """Goes on until this share of all records is written, then serves the client for a moment."""
        until = min(len(self._records), int(share * len(self._records)), self.written + 20_000)
        for is_label, key, value in self._records[self.written : until]:
            self._producer.produce(self._topics[is_label], value, key)
        self.written = max(self.written, until)
        self._producer.poll(wait_s)

    def finish(self) -> None:
        assert self._producer.flush(120) == 0, "the broker did not take all records"


@dataclass(frozen=True, slots=True)
class Running:
    """An installation at work."""

    installation: Installation
    members: list[Member]
    writer: Writer

    def of(self, role: str) -> list[Member]:
        """The members of one group."""
        return [member for member in self.members if member.role == role]


def _installation(bootstrap: str, folder: Path, prefix: str, settings: Settings) -> Installation:
    return Installation(
        folder / "app", bootstrap, prefix, {name: model_file(name) for name in FEATURES},
        partitions=PARTITIONS,
        kafka={
            "bootstrap.servers": bootstrap, "session.timeout.ms": settings.session_ms,
            "heartbeat.interval.ms": 1_000, "reconnect.backoff.max.ms": 1_000,
        },
        profiler={
            "membership": settings.membership[0], "out_of_order": "5m", "marker_interval": "1s",
            "commit_interval": "1s", "max_records": settings.max_records,
        },
        detector={"membership": settings.membership[1], "commit_interval": "1s"},
    )  # fmt: skip


def _publish_references(installation: Installation) -> ReferenceCatalogue:
    loaded = load_config(installation.config, {"HOSTNAME": "fault"})
    catalogue = ReferenceCatalogue()
    for name, events in reference_events(8_000).items():
        spec = loaded.specifications()[name]
        reference = build_reference(spec, list(decoded(loaded, events)), "1")
        producer = wire(loaded).producer("reference")
        publish_reference(reference, producer, loaded.monitor.topics.references)
        producer.close()
        catalogue.add(reference)
    return catalogue


@contextmanager
def _members(
    installation: Installation, folder: Path, settings: Settings, log: Log
) -> Iterator[list[Member]]:
    ports = free_ports(len(settings.plan))
    members = [
        Member(
            installation.config, folder, instance, port, deque(faults), log, settings.is_forked,
            settings.environ.get(instance, {}),
        )
        for (instance, faults), port in zip(settings.plan.items(), ports, strict=True)
    ]  # fmt: skip
    try:
        for member in members:
            member.start()
        yield members
    finally:
        for member in members:
            member.end()


def _drive(
    members: list[Member], writer: Writer, broker: KafkaProcess, settings: Settings, note: Note
) -> None:
    """Writes and lets the members meet their faults, until both are over."""
    began = told = time.monotonic()
    outages = deque(sorted(settings.outages))
    faults = sum(map(len, settings.plan.values()))
    while True:
        now = time.monotonic()
        assert now - began < settings.longest_s, _state(members)
        is_over = all(member.is_done for member in members) and not outages
        left = sum(len(member.faults) + (member.fault is not None) for member in members)
        share = min((now - began) / settings.write_s, 1.05 - left / faults)
        writer.write(1.0 if is_over else min(share, 0.95), 0.1)
        for member in members:
            member.look()
        if outages and writer.share >= outages[0][0]:
            _outage(broker, outages.popleft()[1], note)
        if now - told >= 10:
            told = now
            note(f"{now - began:.0f} s: {writer.written:,} records, {_state(members)}")
        if is_over and writer.share == 1.0:
            break


def _outage(broker: KafkaProcess, seconds: float, note: Note) -> None:
    if seconds:
        note(f"broker stopped for {seconds:.0f} s")
        broker.stop()
        waiting, until = (
            Producer({"bootstrap.servers": broker.bootstrap}),
            time.monotonic() + seconds,
        )
        while (left := until - time.monotonic()) > 0:
            waiting.poll(left)  # returns early with every event
    else:
        note("broker killed")
        broker.kill()
    broker.start()


def _state(members: list[Member]) -> str:
    """Per member: how many faults are left, and what it is to meet now (in brackets until it is ready)."""
    return ", ".join(f"{m.instance} {len(m.faults)} left, {_told(m)}" for m in members)


def _told(member: Member) -> str:
    fault = member.fault
    what = f"{fault.action} {fault.place}".strip() if fault else "none"
    return what if member.ready_s else f"({what})"


def _until(is_true: Callable[[], bool], members: list[Member], timeout_s: float, what: str) -> None:
    deadline = time.monotonic() + timeout_s
    while not is_true():
        assert time.monotonic() < deadline, f"{what}: {_state(members)}"
        for member in members:
            member.look()


def _drain(members: list[Member]) -> None:
    for member in members:
        member.start("--drain")
    deadline = time.monotonic() + DRAIN_S
    for member in members:
        code = member.life.code(max(1.0, deadline - time.monotonic())) if member.life else None
        assert code == 0, f"{member.instance}: {code}\n{member.log_path.read_text()[-3_000:]}"
