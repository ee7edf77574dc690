"""The service processes of the soak: starting them, reading their /metrics, ending them."""

from __future__ import annotations

import statistics
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.error import URLError
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

from benchmarks.processes import ROOT, service

_PREFIX: Final = "stream_monitor_"


@dataclass
class Member:
    """One service process and what its /metrics said."""

    role: str
    port: int
    process: subprocess.Popen[bytes]
    memory: list[tuple[float, float]] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)
    highest_lag: float = 0.0

    def look(self) -> bool:
        """Reads /metrics, a figure summed over its labels; False where there was no answer."""
        try:
            with urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=10) as answer:
                text = answer.read().decode()
        except (URLError, TimeoutError, ConnectionError):
            return False
        found: dict[str, float] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                name = sample.name.removeprefix(_PREFIX)
                if name == "records_total":
                    name = f"records_{sample.labels['topic']}_{sample.labels['result']}"
                found[name] = found.get(name, 0.0) + sample.value
        self.figures = found
        return True

    def note(self, minutes: float) -> None:
        """Remembers the memory and the lag of the last look."""
        self.highest_lag = max(self.highest_lag, self.figures.get("consumer_lag_records", 0.0))
        self.memory.append((minutes, self.figures["process_resident_memory_bytes"] / 1e6))

    def slope(self, after_minutes: float) -> float | None:
        """MB of resident memory per minute, from then on; None with too few looks."""
        late = [look for look in self.memory if look[0] >= after_minutes]
        if len(late) < 3:
            return None
        return statistics.linear_regression(*zip(*late, strict=True)).slope


@contextmanager
def started(role: str, path: Path, port: int, logs: Path) -> Iterator[Member]:
    with logs.open("ab") as log:
        process = subprocess.Popen(service(role, path), cwd=ROOT, stdout=log, stderr=log)
    try:
        yield Member(role, port, process)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def end(member: Member) -> int:
    member.process.terminate()
    try:
        return member.process.wait(60)
    except subprocess.TimeoutExpired:
        return -1
