"""What docker-compose.yml runs of ours, as processes: topics, the demo's flights in time, both services."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from stream_monitor.demo import flights
from stream_monitor.services.history import parse_time
from tests.brokers.kafka_process import free_ports
from tests.integration.installation import COMMAND, WAIT_S
from tests.integration.topics import read_records, read_values

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]

ROOT: Final = Path(__file__).parents[2]
SERVICES: Final = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"]
DAYS: Final = 3
DAY_S: Final = 86_400
SINCE: Final = "2013-02-05"


class Compose:
    """Services of the compose file on this machine: other topics, folders and ports, nothing else."""

    def __init__(self, bootstrap: str, prefix: str, folder: Path) -> None:
        self.folder = folder
        self._paths = {
            "/etc/stream-monitor": str(ROOT / "config"),
            "/var/lib/stream-monitor": str(folder / "pending"),
        }
        names = {"NAME": "app", "INFERENCE": "inference", "LABELS": "labels", "EVENTS": "events"}
        names["PREFIX"] = "sm"
        self._own = {
            f"STREAM_MONITOR__{'' if key == 'NAME' else 'TOPICS__'}{key}": f"{prefix}{name}"
            for key, name in names.items()
        } | {
            "PATH": os.environ["PATH"],
            "NUMBA_CACHE_DIR": str(folder / "compiled-code"),
            "STREAM_MONITOR__KAFKA__BOOTSTRAP_SERVERS": bootstrap,
        }

    def start(self, service: str, *more: str) -> subprocess.Popen[bytes]:
        """The service's command with its environment; its output is `<service>.log`."""
        (port,) = free_ports(1)
        written = {k: self._here(v) for k, v in SERVICES[service]["environment"].items()}
        environment = written | self._own | {"STREAM_MONITOR__METRICS__PORT": str(port)}
        words = [self._here(word) for word in SERVICES[service]["command"]]
        with (self.folder / f"{service}.log").open("ab") as log:
            return subprocess.Popen(
                [COMMAND, *words, *more], env=environment, cwd=self.folder, stdout=log, stderr=log
            )

    def run(self, service: str, *more: str, code: int = 0) -> str:
        """Runs a service that ends by itself; returns its output."""
        assert self.start(service, *more).wait(WAIT_S) == code, self.log(service)
        return self.log(service)

    def log(self, service: str) -> str:
        return (self.folder / f"{service}.log").read_text()[-3000:]

    def _here(self, text: str) -> str:
        """Variables by their defaults, mounts by the folders of this machine."""
        text = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)
        for inside, outside in self._paths.items():
            text = text.replace(inside, outside)
        return text


@pytest.fixture
def compose(real_kafka: str, topic_prefix: str, tmp_path: Path) -> Compose:
    return Compose(real_kafka, topic_prefix, tmp_path)


@pytest.fixture
def services(compose: Compose) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """Both services on the topics that the compose file makes."""
    compose.run("topics")
    with ExitStack() as stack:
        started = {name: compose.start(name) for name in ("profiler", "detector")}
        for process in started.values():
            stack.callback(process.wait)
            stack.callback(process.kill)
        yield started


def judged(bootstrap: str, topic: str) -> list[dict[str, Any]]:
    """Published windows of all rows that were held against the reference that the demo sent."""
    found = [json.loads(value) for value in read_values(bootstrap, topic)]
    return [
        r
        for r in found
        if (r["type"], r["segment"]) == ("window", "all")
        and {f["verdict"] for f in r["features"] if f["reference"] == "validation"}
        & {"ok", "drift"}
    ]


def flights_of_the_days() -> int:
    """How many departures were scheduled on the days that are sent."""
    times = flights.load()["timestamp"].cast("int64").to_numpy()
    start = parse_time(SINCE, flights.TIME_ZONE)
    return int(((times >= start) & (times < start + DAYS * DAY_S * 10**6)).sum())


def sending_times(bootstrap: str, topic: str) -> list[int]:
    """When the first record of each day of events was written, in ms, in the order of the days."""
    first: dict[str, int] = defaultdict(lambda: 2**63)
    for records in read_records(bootstrap, topic):
        for value, written in zip(records.value, records.timestamp_ms.tolist(), strict=True):
            day = json.loads(value or b"{}")["timestamp"][:10]
            first[day] = min(first[day], written)
    return [first[day] for day in sorted(first)]


def test_flights_are_sent_at_the_chosen_speed_judged_and_sent_only_once(
    compose: Compose,
    services: dict[str, subprocess.Popen[bytes]],
    real_kafka: str,
    topic_prefix: str,
) -> None:
    inference = f"{topic_prefix}inference"
    compose.run("demo", "--days", str(DAYS), "--speed", str(DAY_S))
    assert sum(len(r) for r in read_records(real_kafka, inference)) == flights_of_the_days()
    days = sending_times(real_kafka, inference)
    assert len(days) == DAYS + 1, "days of New York, seen in UTC"
    assert all(later - earlier > 500 for earlier, later in pairwise(days))

    deadline = time.monotonic() + WAIT_S
    while not judged(real_kafka, f"{topic_prefix}sm.results"):
        assert time.monotonic() < deadline, compose.log("detector")
        with suppress(subprocess.TimeoutExpired):
            services["detector"].wait(0.5)
            pytest.fail(compose.log("detector"))
    assert "into an empty topic" in compose.run("demo", "--days", str(DAYS), code=1)

    for name, process in services.items():
        process.terminate()
        grace_s = float(SERVICES[name]["stop_grace_period"].removesuffix("s"))
        assert process.wait(grace_s) == 0, compose.log(name)
