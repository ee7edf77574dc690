"""What the chart renders by default, run as processes: two profilers, a detector, and an end in time.

Only what a pod has of its own is replaced: its name, the folders of its mounts, and, because all of them
share this machine's network, the port of its metrics.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from tests.brokers.kafka_process import free_ports
from tests.deployment.rendered import Manifest, Pod, of_kind, render
from tests.integration.installation import COMMAND, WAIT_S
from tests.integration.small_model import MODEL, event
from tests.integration.topics import read_values

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(900)]

PARTITIONS: Final = 4
HOUR: Final = 360
"""Events of an hour."""
MOMENT_S: Final = 0.5
MEMBERS: Final = (("profiler", 0), ("profiler", 1), ("detector", 0))


@dataclass
class Running:
    """A pod's process and where it answers."""

    pod: Pod
    process: subprocess.Popen[bytes]
    address: str

    def answer(self, path: str) -> int:
        """The status of a request; 0 while nothing listens."""
        try:
            with urllib.request.urlopen(self.address + path, timeout=5) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def wait_until_well(self, name: str, within_s: float | None = None) -> None:
        path, allowed_s = self.pod.probe(name)
        deadline = time.monotonic() + (within_s or allowed_s)
        while self.answer(path) != 200:
            assert time.monotonic() < deadline, f"{self.pod.name} fails its {name}: {self.log()}"
            self.goes_on()

    def goes_on(self) -> None:
        """Lets a moment pass in which the process must not end."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(MOMENT_S)
            pytest.fail(self.log())

    def log(self) -> str:
        return (self.pod.root / "log").read_text()[-3000:]


def started(pod: Pod, *, port: int) -> subprocess.Popen[bytes]:
    """The image's command with the pod's arguments; nothing of this process's environment but the path."""
    environment = {
        "PATH": os.environ["PATH"],
        **pod.environment,
        "STREAM_MONITOR__METRICS__PORT": str(port),
    }
    with (pod.root / "log").open("wb") as log:
        return subprocess.Popen(
            [COMMAND, *pod.arguments], env=environment, cwd=pod.root, stdout=log, stderr=log
        )


@pytest.fixture
def manifests(real_kafka: str, topic_prefix: str) -> list[Manifest]:
    """The chart's defaults but for the broker, one copy of each topic, their names, and a model."""
    values: dict[str, Any] = {
        "config": {
            "name": f"{topic_prefix}app",
            "kafka": {"bootstrap.servers": real_kafka},
            "topics": {
                "inference": f"{topic_prefix}inference", "labels": f"{topic_prefix}labels",
                "events": f"{topic_prefix}events", "prefix": f"{topic_prefix}sm", "replication": 1,
            },
        },
        "models": {"m.yaml": yaml.safe_dump(MODEL)},
    }  # fmt: skip
    admin = AdminClient({"bootstrap.servers": real_kafka})
    sources = [NewTopic(f"{topic_prefix}{t}", PARTITIONS, 1) for t in ("inference", "labels")]
    for future in admin.create_topics(sources).values():
        future.result(WAIT_S)
    return render(values, apis=())


@pytest.fixture
def running(manifests: list[Manifest], tmp_path: Path) -> Iterator[list[Running]]:
    """The topics Job, run to its end, and the pods of both StatefulSets."""
    job = Pod(manifests, "topics", 0, tmp_path / "topics")
    assert started(job, port=0).wait(WAIT_S) == 0, (job.root / "log").read_text()
    with ExitStack() as stack:
        members = []
        for (stage, ordinal), port in zip(MEMBERS, free_ports(len(MEMBERS)), strict=True):
            pod = Pod(manifests, stage, ordinal, tmp_path / f"{stage}-{ordinal}")
            process = started(pod, port=port)
            stack.callback(process.wait)
            stack.callback(process.kill)
            members.append(Running(pod, process, f"http://127.0.0.1:{port}"))
        yield members


def send(bootstrap: str, topic: str, first: int, end: int) -> None:
    """Writes events of the small model, partitioned as Java's clients would."""
    producer = Producer({"bootstrap.servers": bootstrap, "partitioner": "murmur2_random"})
    for number in range(first, end):
        key, value = event(number)
        producer.produce(topic, value, key)
    assert producer.flush(WAIT_S) == 0


def windows(bootstrap: str, topic: str) -> dict[str, int]:
    """Events of each published window of all rows, by its start."""
    records = [json.loads(value) for value in read_values(bootstrap, topic)]
    return {
        r["window"]["start"]: r["n"]
        for r in records
        if r["type"] == "window" and r["segment"] == "all"
    }


def chart_test(manifests: list[Manifest], members: list[Running]) -> list[str | Path]:
    """The command of `helm test`, with each pod's name in the cluster replaced by its address here."""
    (pod,) = of_kind(manifests, "Pod").values()
    python, *words = pod["spec"]["containers"][0]["command"]
    assert python == "python"
    for member in members:
        words = [
            f"{member.address}/ready" if f"//{member.pod.name}." in word else word for word in words
        ]
    assert not any("9108" in word for word in words)
    return [sys.executable, *words]


def test_rendered_defaults_run_as_a_group_that_publishes_and_ends_in_time(
    manifests: list[Manifest], running: list[Running], real_kafka: str, topic_prefix: str
) -> None:
    for member in running:
        member.wait_until_well("startupProbe")
    for member in running:
        member.wait_until_well("readinessProbe", WAIT_S)
        member.wait_until_well("livenessProbe")
    asked = subprocess.run(
        chart_test(manifests, running), capture_output=True, text=True, check=False
    )
    assert asked.returncode == 0, asked.stderr

    send(real_kafka, f"{topic_prefix}inference", 0, 4 * HOUR)
    deadline = time.monotonic() + WAIT_S
    found: dict[str, int] = {}
    while len(found) < 3:
        assert time.monotonic() < deadline, [member.log() for member in running]
        running[-1].goes_on()
        found = windows(real_kafka, f"{topic_prefix}sm.results")
    assert [found[start] for start in sorted(found)[:3]] == [HOUR] * 3
    assert not list(Path(running[0].pod.root).glob("data*")), "written beside the mounts"

    for member in running:
        member.process.terminate()
    for member in running:
        assert member.process.wait(member.pod.grace_s) == 0, member.log()
