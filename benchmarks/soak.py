"""`python -m benchmarks.soak`: two profilers and two detectors under live traffic on a real broker.

Every half a minute it reads /metrics of the four processes: memory, lag, violations of the offset chain.
It ends with 1 where a chain was violated, an event was lost or counted twice, or a process failed.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.error import URLError
from urllib.request import urlopen

import orjson
from confluent_kafka import Producer
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.processes import ROOT, service
from benchmarks.results import Row, show
from benchmarks.workload import (
    MODEL,
    Traffic,
    create_topics,
    installation_at,
    label_event,
    publish,
    write_config,
)
from tests.brokers.kafka_process import free_ports
from tests.brokers.provision import BrokerUnavailable, real_broker

ROLES: Final = ("profiler", "profiler", "detector", "detector")
MODELS: Final = ("bench", "bench-b", "bench-c", "bench-d")
PARTITIONS: Final = 4
REFERENCE_MINUTES: Final = 60
LABEL_DELAY_S: Final = 20.0
_PREFIX: Final = "stream_monitor_"
_SETTLE_S: Final = 120.0


@dataclass
class Member:
    """One service process and what its /metrics said."""

    role: str
    port: int
    process: subprocess.Popen[bytes]
    memory: list[tuple[float, float]] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)
    highest_lag: float = 0.0

    def look(self, elapsed_s: float) -> None:
        """Reads /metrics; a figure is summed over its labels, violations are the highest."""
        try:
            with urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=10) as answer:
                text = answer.read().decode()
        except (URLError, TimeoutError, ConnectionError):
            return
        found: dict[str, float] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                name = sample.name.removeprefix(_PREFIX)
                if name == "records_total":
                    name = f"records_{sample.labels['topic']}_{sample.labels['result']}"
                found[name] = found.get(name, 0.0) + sample.value
        self.figures = found
        self.highest_lag = max(self.highest_lag, found.get("consumer_lag_records", 0.0))
        self.memory.append((elapsed_s / 60, found.get("process_resident_memory_bytes", 0.0) / 1e6))

    def slope(self) -> float | None:
        """MB of resident memory per minute, over the second half; None with too few looks."""
        late = self.memory[len(self.memory) // 2 :]
        if len(late) < 3:
            return None
        return statistics.linear_regression(*zip(*late, strict=True)).slope


class Source:
    """Events of this moment at a steady rate, and labels for every third of them some seconds later."""

    def __init__(self, bootstrap: str, rate: int) -> None:
        self._rate = rate
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap, "compression.type": "lz4", "linger.ms": 20,
                "partitioner": "murmur2_random", "queue.buffering.max.messages": 1_000_000,
            }
        )  # fmt: skip
        self._due: deque[tuple[float, bytes]] = deque()
        self._chunks = 0
        self.events = self.labels = 0

    def send(self, until_s: float) -> None:
        """One second's worth of events and the labels that are due, then waits for the second to end."""
        begin = time.time()
        traffic = Traffic(self._rate, begin, 1.0, self._chunks, f"s{self._chunks:06d}")
        for i, (key, value) in enumerate(traffic.events()):
            name = MODELS[i % len(MODELS)]
            named = value.replace(b'"model":"bench"', f'"model":"{name}"'.encode(), 1)
            self._producer.produce("inference", named, key)
            self.events += 1
            if i % 3 == 0:
                self._due.append((begin + LABEL_DELAY_S, key))
        self._chunks += 1
        self._send_labels(begin)
        self._producer.poll(max(0.0, min(until_s, begin + 1.0) - time.time()))
        while time.time() < min(until_s, begin + 1.0):
            self._producer.poll(0.05)

    def finish(self) -> None:
        """Sends the labels that are left."""
        self._send_labels(float("inf"))
        if self._producer.flush(120):
            raise RuntimeError("the broker did not take the events")

    def _send_labels(self, now_s: float) -> None:
        stamp = datetime.now(UTC).isoformat()
        while self._due and self._due[0][0] <= now_s:
            _, key = self._due.popleft()
            self._producer.produce("labels", label_event(key, "yes", stamp), key)
            self.labels += 1


def run(minutes: float, rate: int) -> tuple[list[Row], bool]:
    """The figures, and whether everything held; raises BrokerUnavailable."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        bootstrap = stack.enter_context(real_broker(folder / "broker"))
        ports = free_ports(len(ROLES))
        paths = [
            _config(folder, bootstrap, f"{role}-{i}", port)
            for i, (role, port) in enumerate(zip(ROLES, ports, strict=True))
        ]
        _prepare(bootstrap, paths[0])
        logs = folder / "services.log"
        members = [
            stack.enter_context(_member(role, path, port, logs))
            for role, path, port in zip(ROLES, paths, ports, strict=True)
        ]
        source = Source(bootstrap, rate)
        _drive(members, source, minutes)
        settled = _settle(members, source)
        codes = [_end(member) for member in members]
        if any(codes) or not settled:
            print(logs.read_text(errors="replace")[-4_000:], file=sys.stderr)
        return _rows(members, source, settled, codes)


def _config(folder: Path, bootstrap: str, instance: str, port: int) -> Path:
    settings: dict[str, Any] = {
        "name": "soak",
        "profiler": {"instance": instance, "store": str(folder / f"store-{instance}"),
                     "out_of_order": "2s", "idle_timeout": "10s"},
        "detector": {"instance": instance},
        "metrics": {"host": "127.0.0.1", "port": port},
    }  # fmt: skip
    model = {
        "pane": "10s",
        "windows": [{"size": "1m"}],
        "allowed_lateness": "10s",
        "correction_horizon": "1m",
        "references": {"validation": True, "sliding": {"length": "1h"}},
        "outcomes": {"label": {"classes": ["yes", "no"], "positive": "yes", "horizon": "5m"}},
    }
    path = write_config(folder, bootstrap, instance, settings, model, {})
    described = (path.parent / "models" / f"{MODEL}.yaml").read_text()
    for name in MODELS[1:]:
        (path.parent / "models" / f"{name}.yaml").write_text(described)
    return path


def _prepare(bootstrap: str, path: Path) -> None:
    installation = installation_at(path)
    create_topics(bootstrap, installation, PARTITIONS)
    span_s = REFERENCE_MINUTES * 60
    start_s = (time.time() - span_s) // 60 * 60
    for name in MODELS:
        publish(installation, Traffic(30_000, start_s, span_s, 7, "r"), name)


@contextmanager
def _member(role: str, path: Path, port: int, logs: Path) -> Iterator[Member]:
    with logs.open("ab") as log:
        process = subprocess.Popen(service(role, path), cwd=ROOT, stdout=log, stderr=log)
    try:
        yield Member(role, port, process)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def _drive(members: list[Member], source: Source, minutes: float) -> None:
    began = time.time()
    end, look = began + minutes * 60, began
    every_s = min(30.0, minutes * 60 / 12)
    while time.time() < end:
        source.send(end)
        if time.time() >= look:
            look += every_s
            for member in members:
                member.look(time.time() - began)
            state = {m.role: m.figures.get("consumer_lag_records") for m in members}
            print(orjson.dumps({"sent": source.events, "lag": state}).decode(), file=sys.stderr)
    source.finish()


def _settle(members: list[Member], source: Source) -> bool:
    """Waits until the profilers have committed everything that was sent."""
    deadline = time.time() + _SETTLE_S
    while time.time() < deadline:
        for member in members:
            member.look(time.time())
            member.memory.pop()
        if _total(members, "records_consumed_total") >= source.events + source.labels:
            return True
        time.sleep(1.0)
    return False


def _end(member: Member) -> int:
    member.process.terminate()
    try:
        return member.process.wait(60)
    except subprocess.TimeoutExpired:
        return -1


def _total(members: list[Member], figure: str, role: str = "profiler") -> float:
    return sum(m.figures.get(figure, 0.0) for m in members if m.role == role)


def _rows(
    members: list[Member], source: Source, settled: bool, codes: list[int]
) -> tuple[list[Row], bool]:
    rows = []
    for i, member in enumerate(members):
        who = f"{member.role} {i % 2 + 1}"
        slope = member.slope()
        if slope is not None:
            rows.append(Row("soak", f"{who}: memory slope", slope, "MB/min", note="second half"))
        if member.memory:
            rows.append(Row("soak", f"{who}: memory at the end", member.memory[-1][1], "MB"))
        rows.append(Row("soak", f"{who}: highest lag", member.highest_lag, "records"))
    counted = _total(members, "records_inference_valid")
    violations = _total(members, "chain_violations_total", "detector")
    published = _total(members, "records_published_total", "detector")
    rows += [
        Row("soak", "events sent", source.events, "events"),
        Row("soak", "events counted", counted, "events"),
        Row("soak", "labels sent", source.labels, "labels"),
        Row("soak", "results and events published", published, "records"),
        Row("soak", "chain violations", violations, "commits"),
        Row("soak", "processes that failed", sum(map(bool, codes)), "processes"),
    ]
    held = settled and counted == source.events and not violations and not any(codes)
    return rows, held and published > 0


def main() -> int:
    """Exit codes: 0 all held, 1 something did not, 2 no real broker."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--rate", type=int, default=2_000, help="events per second")
    given = parser.parse_args()
    try:
        rows, held = run(given.minutes, given.rate)
    except BrokerUnavailable as reason:
        print(f"no real Kafka: {reason}", file=sys.stderr)
        return 2
    show(rows)
    print("everything held" if held else "something did not hold")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
