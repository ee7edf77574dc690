"""A whole installation on a real broker: configuration files, topics, processes of the installed command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

COMMAND = Path(sys.executable).with_name("stream-monitor")
WAIT_S = 120.0
DELTAS_PARTITIONS = 6
Record = tuple[bytes | None, bytes | None]


class Installation:
    """Files in a folder and topics under a prefix; processes are the installed command."""

    def __init__(
        self, folder: Path, bootstrap: str, prefix: str, models: dict[str, dict[str, Any]],
        partitions: int = 4, **monitor: Any,
    ) -> None:  # fmt: skip
        self.folder = folder
        self.bootstrap = bootstrap
        self.inference, self.labels = f"{prefix}inference", f"{prefix}labels"
        self.events, self.results = f"{prefix}drift-events", f"{prefix}sm.results"
        self.deltas = f"{prefix}sm.deltas"
        self.dead_letters = f"{prefix}sm.dead-letters"
        self.config = folder / "monitor.yaml"
        (folder / "models").mkdir(parents=True)
        for name, model in models.items():
            (folder / "models" / f"{name}.yaml").write_text(yaml.safe_dump(model))
        settings: dict[str, Any] = {
            "name": f"{prefix}app",
            "kafka": {"bootstrap.servers": bootstrap},
            "time": "history",
            "topics": {
                "inference": self.inference, "labels": self.labels, "events": self.events,
                "prefix": f"{prefix}sm", "partitions": DELTAS_PARTITIONS, "replication": 1,
            },
            "profiler": {"membership": "dynamic"},
            "detector": {"membership": "dynamic"},
            "metrics": {"host": "127.0.0.1", "port": 0},
            "log": {"format": "json"},
            **monitor,
        }  # fmt: skip
        self.config.write_text(yaml.safe_dump(settings))
        admin = AdminClient({"bootstrap.servers": bootstrap})
        topics = [NewTopic(topic, partitions, 1) for topic in (self.inference, self.labels)]
        for future in admin.create_topics(topics).values():
            future.result(WAIT_S)
        self.run("topics", "create")

    def run(self, *arguments: str, code: int = 0) -> str:
        """Runs a command to its end and returns its standard output."""
        done = subprocess.run(
            [COMMAND, *arguments, "--config", self.config],
            capture_output=True, text=True, timeout=WAIT_S, cwd=self.folder, check=False,
        )  # fmt: skip
        assert done.returncode == code, f"{done.returncode}: {done.stderr}"
        return done.stdout

    def start(
        self, role: str, instance: str, *arguments: str, port: int = 0
    ) -> subprocess.Popen[str]:
        """Starts a service under an instance name; its log is `<role>-<instance>.log`."""
        section = role.upper()
        environ = {
            **os.environ,
            f"STREAM_MONITOR__{section}__INSTANCE": instance,
            "STREAM_MONITOR__PROFILER__STORE": str(self.folder / f"pending-{instance}"),
            "STREAM_MONITOR__METRICS__PORT": str(port),
        }
        with self._log(role, instance).open("a") as log:
            return subprocess.Popen(
                [COMMAND, "run", role, *arguments, "--config", self.config],
                stderr=log, cwd=self.folder, env=environ, text=True,
            )  # fmt: skip

    def _log(self, role: str, instance: str) -> Path:
        return self.folder / f"{role}-{instance}.log"

    def drain(self, roles: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
        """Runs services together until all have worked off the topics; returns their last log lines."""
        processes = [self.start(role, instance, "--drain") for role, instance in roles]
        for process, (role, instance) in zip(processes, roles, strict=True):
            code = process.wait(WAIT_S)
            assert code == 0, self._log(role, instance).read_text()[-3000:]
        return [self.last_words(role, instance) for role, instance in roles]

    def last_words(self, role: str, instance: str) -> dict[str, Any]:
        """The log line with which a service stopped."""
        lines = [json.loads(line) for line in self._log(role, instance).read_text().splitlines()]
        return next(line for line in reversed(lines) if line["event"] == f"{role} stopped")

    def send(self, topic: str, records: Iterable[Record]) -> int:
        """Writes records to a topic, partitioned as Java's clients would."""
        producer = Producer(
            {"bootstrap.servers": self.bootstrap, "partitioner": "murmur2_random", "linger.ms": 20}
        )
        sent = 0
        for key, value in records:
            while True:
                try:
                    producer.produce(topic, value, key)
                    break
                except BufferError:
                    producer.poll(0.1)
            sent += 1
        assert producer.flush(WAIT_S) == 0
        return sent


def counted(words: Iterable[dict[str, Any]], prefix: str) -> int:
    """Sum over services of the counters whose name begins with a prefix."""
    return sum(n for w in words for name, n in w["counts"].items() if name.startswith(prefix))
