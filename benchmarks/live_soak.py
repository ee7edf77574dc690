"""The live part of the soak: two profilers and two detectors under traffic of this moment, nothing killed.

First they work off the traffic of the last two hours and a quarter: for so long at least the join recognises
duplicates, so from then on what is kept stays the same, and so should memory.

Every half a minute it reads /metrics of the four processes: memory, lag, violations of the offset chain.
It fails where a chain was violated, a record was lost, counted twice or left unread, or a process failed.
What is unread is also counted from outside, as records sent less records consumed.
"""

from __future__ import annotations

import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from benchmarks.live_traffic import MODELS, Source
from benchmarks.members import Member, end, started
from benchmarks.results import Row
from benchmarks.workload import (
    MODEL,
    Traffic,
    create_topics,
    installation_at,
    publish,
    write_config,
)
from tests.brokers.kafka_process import free_ports
from tests.brokers.provision import real_broker

ROLES: Final = ("profiler", "profiler", "detector", "detector")
PARTITIONS: Final = 4
REFERENCE_MINUTES: Final = 60
LARGEST_SLOPE: Final = 1.0
"""MB a minute that memory may rise by."""
_CONSUMED: Final = "records_consumed_total"
_PATIENCE_S: Final = 30.0
PAST_S: Final = 8_100
"""Predictions are kept for an hour at least, and another: the join is full after two."""
WARM_UP_MINUTES: Final = 12.0
"""From the start of live traffic; memory is noted after it."""


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
            stack.enter_context(started(role, path, port, logs))
            for role, path, port in zip(ROLES, paths, ports, strict=True)
        ]
        source = Source(bootstrap, rate)
        source.send_past(PAST_S)
        print(f"{source.events:,} events of the past sent", file=sys.stderr)
        if not _settle(members, source):
            raise RuntimeError("the past was not worked off: " + logs.read_text()[-2_000:])
        _drive(members, source, minutes)
        settled = _settle(members, source)
        codes = [end(member) for member in members]
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
        "references": {"validation": True, "sliding": {"length": "5m"}},
        "outcomes": {"label": {"classes": ["yes", "no"], "positive": "yes", "horizon": "1m"}},
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


def _drive(members: list[Member], source: Source, minutes: float) -> None:
    began = time.time()
    until, look = began + minutes * 60, began
    every_s = min(30.0, minutes * 60 / 12)
    while time.time() < until:
        source.send(until)
        if time.time() >= look:
            look += every_s
            for member in members:
                if member.look():
                    member.note((time.time() - began) / 60)
            unread = source.events + source.labels - _total(members, _CONSUMED)
            print(f"{source.events:,} events sent, {unread:,.0f} records unread", file=sys.stderr)
    source.finish()


def _settle(members: list[Member], source: Source) -> bool:
    """Waits until the profilers have committed everything, or nothing more for a while."""
    consumed, deadline = 0.0, time.time() + _PATIENCE_S
    while time.time() < deadline:
        for member in members:
            member.look()
        before, consumed = consumed, _total(members, _CONSUMED)
        if consumed >= source.events + source.labels:
            return True
        if consumed > before:
            deadline = time.time() + _PATIENCE_S
        time.sleep(1.0)
    return False


def _total(members: list[Member], figure: str, role: str = "profiler") -> float:
    return sum(m.figures.get(figure, 0.0) for m in members if m.role == role)


def _rows(
    members: list[Member], source: Source, settled: bool, codes: list[int]
) -> tuple[list[Row], bool]:
    rows, steepest = [], 0.0
    for i, member in enumerate(members):
        who = f"{member.role} {i % 2 + 1}"
        slope = member.slope(WARM_UP_MINUTES)
        steepest = max(steepest, slope or 0.0)
        if slope is not None:
            met = "met" if slope < LARGEST_SLOPE else "not met"
            note = f"after {WARM_UP_MINUTES:.0f} minutes; target {LARGEST_SLOPE:.0f}: {met}"
            rows.append(Row("soak, live", f"{who}: memory slope", slope, "MB/min", note=note))
        if member.memory:
            rows.append(Row("soak, live", f"{who}: memory at the end", member.memory[-1][1], "MB"))
        rows.append(Row("soak, live", f"{who}: highest lag", member.highest_lag, "records"))
    counted = _total(members, "records_inference_valid")
    unread = source.events + source.labels - _total(members, _CONSUMED)
    violations = _total(members, "chain_violations_total", "detector")
    published = _total(members, "records_published_total", "detector")
    rows += [
        Row("soak, live", "events sent", source.events, "events"),
        Row("soak, live", "events counted", counted, "events"),
        Row("soak, live", "labels sent", source.labels, "labels"),
        Row("soak, live", "records unread at the end", unread, "records"),
        Row("soak, live", "results and events published", published, "records"),
        Row("soak, live", "chain violations", violations, "commits"),
        Row("soak, live", "processes that failed", sum(map(bool, codes)), "processes"),
    ]
    held = settled and counted == source.events and not violations and not any(codes)
    return rows, held and published > 0 and steepest < LARGEST_SLOPE
