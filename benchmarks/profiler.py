"""Processor time per event of the profiler on a real broker, beside a bare consume-and-parse loop."""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from benchmarks import delivery
from benchmarks.processes import Usage, run_child, service
from benchmarks.results import Row, median_row, show
from benchmarks.stages import stages_of_a_drain
from benchmarks.workload import (
    REFERENCE_DAYS,
    REFERENCE_EVENTS,
    REFERENCE_START_S,
    STRUCTURE,
    PoisonedTraffic,
    Traffic,
    create_topics,
    installation_at,
    publish,
    send,
    write_config,
)
from stream_monitor.connectors.kafka.settings import Cluster, Group, member_settings
from tests.brokers.provision import BrokerUnavailable, real_broker

EVENTS: Final = 1_000_000
REPEATS: Final = 3
PARTITIONS: Final = 4
TARGET: Final = 2.5
DAY_S: Final = 86_400
FULL: Final = "inference"
EMPTY: Final = "inference-empty"
POISONED: Final = "inference-poisoned"
_BARE: Final = "bare loop, DuckDB json_transform"
_PARSED: Final = "bare loop, orjson.loads"
_OURS: Final = "stream-monitor run profiler"


@dataclass
class Bench:
    """Topics filled once on a broker, and drained again and again by groups of new names."""

    folder: Path
    bootstrap: str
    runs: int = 0
    used: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def config(self, inference: str = FULL) -> Path:
        """The configuration of an installation that has read nothing yet."""
        self.runs += 1
        name = f"bench-{self.runs}"
        settings: dict[str, Any] = {
            "time": "history",
            "profiler": {"store": str(self.folder / f"{name}-store"), "membership": "dynamic"},
        }
        topics = {"inference": inference}
        return write_config(self.folder, self.bootstrap, name, settings, {}, topics)

    def fill(self, events: int) -> float:
        """Topics, reference and events; returns the mean size of an event."""
        installation = installation_at(self.config())
        create_topics(self.bootstrap, installation, PARTITIONS, EMPTY, POISONED)
        span_s = REFERENCE_DAYS * DAY_S
        publish(installation, Traffic(REFERENCE_EVENTS, REFERENCE_START_S, span_s, 2, "r"))
        traffic = Traffic(events, REFERENCE_START_S + span_s, 3_600)
        send(self.bootstrap, POISONED, PoisonedTraffic(traffic), "lz4")
        return send(self.bootstrap, FULL, traffic, "lz4")

    def drain(self, topic: str = FULL) -> Usage:
        """Our command from the first event to the end of the topic."""
        return run_child(*service("profiler", self.config(topic), "--drain"))

    def bare(self, parse: str, topic: str = FULL) -> Usage:
        """The bare loop with the profiler's own consumer settings."""
        settings = member_settings(
            Cluster({"bootstrap.servers": self.bootstrap}), Group("bare", "bare", is_static=False)
        )
        del settings["logger"]
        given = (json.dumps(settings), topic, json.dumps(STRUCTURE), parse)
        return run_child(sys.executable, "-m", "benchmarks.bare_loop", *given)


def run(events: int = EVENTS, repeats: int = REPEATS) -> list[Row]:
    """All rows; raises BrokerUnavailable."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with real_broker(folder) as bootstrap:
            bench = Bench(folder, bootstrap)
            size = bench.fill(events)
            bench.drain()  # compiles and caches what numba needs
            return [
                *_drains(bench, events, size, repeats),
                *_stages(bench, events, repeats),
                *delivery.run(events, bench.config, lambda: bench.config(POISONED)),
            ]


def _drains(bench: Bench, events: int, size: float, repeats: int) -> list[Row]:
    """Alternates the competitors, so that whatever else the machine does meets each of them."""
    cpu: dict[str, list[float]] = defaultdict(list)
    ratios: dict[str, list[float]] = defaultdict(list)
    walls: list[float] = []
    peaks: list[float] = []
    startups: list[float] = []
    for _ in range(repeats):
        idle = bench.drain(EMPTY)
        ours = bench.drain()
        bare = {}
        for case, parse in ((_BARE, "duckdb"), (_PARSED, "orjson")):
            empty, full = bench.bare(parse, EMPTY), bench.bare(parse)
            if int(full.output) < events:
                raise RuntimeError(f"the bare loop read {full.output} of {events} events")
            bare[case] = (full.cpu_s - empty.cpu_s) / events * 1e6
            cpu[case].append(bare[case])
        cpu[_OURS].append((ours.cpu_s - idle.cpu_s) / events * 1e6)
        for case, floor in bare.items():
            ratios[case].append(cpu[_OURS][-1] / floor)
        walls.append(events / ours.wall_s)
        peaks += [] if ours.peak_bytes is None else [ours.peak_bytes / 1e6]
        startups.append(idle.cpu_s)
    note = f"{events:,} events of {size:.0f} bytes, lz4"
    rows = [
        median_row("profiler", case, cpu[case], "µs/event", note if case == _OURS else "")
        for case in (_OURS, _BARE, _PARSED)
    ]
    verdict = "met" if statistics.median(ratios[_BARE]) <= TARGET else "not met"
    target = f"target {TARGET}: {verdict}"
    return [
        *rows,
        median_row("profiler", "ratio to the DuckDB loop", ratios[_BARE], "×", target),
        median_row("profiler", "ratio to the orjson loop", ratios[_PARSED], "×"),
        median_row(
            "profiler", "throughput, wall", walls, "events/s", "start-up included, broker beside it"
        ),
        median_row("profiler", "start-up", startups, "s", "an empty drain"),
        *([median_row("profiler", "peak memory", peaks, "MB")] if peaks else []),
    ]


def _stages(bench: Bench, events: int, repeats: int) -> list[Row]:
    found: dict[str, list[float]] = defaultdict(list)
    for _ in range(repeats):
        for stage, seconds in stages_of_a_drain(bench.config(), events).items():
            found[stage].append(seconds / events * 1e6)
    rows = [median_row("stages", stage, values, "µs/event") for stage, values in found.items()]
    return [*rows, Row("stages", "sum", sum(row.value for row in rows), "µs/event")]


if __name__ == "__main__":
    try:
        show(run())
    except BrokerUnavailable as reason:
        print(f"no real Kafka: {reason}", file=sys.stderr)
        sys.exit(2)
