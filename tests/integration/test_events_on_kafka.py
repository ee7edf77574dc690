"""Drift events as their readers get them from a real Kafka: `events tail` and the example subscriber."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from threading import Timer
from typing import Any

import pytest
from confluent_kafka import Producer

from tests.integration.installation import COMMAND, WAIT_S, Installation
from tests.integration.small_model import MODEL, build_reference, event
from tests.integration.topics import read_values

pytestmark = pytest.mark.kafka
SUBSCRIBER = Path(__file__).parents[2] / "docs" / "examples" / "subscriber.py"
HOUR = 360  # events


@pytest.fixture
def installation(real_kafka: str, topic_prefix: str, tmp_path: Path) -> Installation:
    made = Installation(tmp_path / "app", real_kafka, topic_prefix, {"m": MODEL})
    build_reference(made)
    return made


def publish_drift(installation: Installation) -> list[bytes]:
    """Both services see an hour as it should be and an hour in which x is 100 higher; the events."""
    records = [event(n) for n in range(HOUR)]
    for key, value in (event(n) for n in range(HOUR, 2 * HOUR)):
        body = json.loads(value)
        body["features"]["x"] += 100
        records.append((key, json.dumps(body).encode()))
    installation.send(installation.inference, records)
    installation.drain([("profiler", "one"), ("detector", "one")])
    return [value for value in read_values(installation.bootstrap, installation.events) if value]


class Reader:
    """A process that prints what it reads, for at most WAIT_S."""

    def __init__(self, *command: object) -> None:
        self._process = subprocess.Popen(
            [str(word) for word in command],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        self._limit = Timer(WAIT_S, self._process.kill)
        self._limit.start()
        self.read: list[str] = []

    def line(self, text: str) -> str:
        """The next line that holds a text."""
        for line in self._process.stdout or ():
            self.read.append(line)
            if text in line:
                return line
        raise AssertionError(f"no line holds {text!r}: {self.read}")

    def end(self, how: signal.Signals) -> int:
        """Signals, and returns the exit code."""
        self._process.send_signal(how)
        code = self._process.wait(WAIT_S)
        self._limit.cancel()
        return code


def test_events_are_shown_as_published_and_as_they_come(installation: Installation) -> None:
    follower = Reader(COMMAND, "events", "tail", "--config", installation.config)
    follower.line("waiting for events")
    published = publish_drift(installation)
    line = follower.line("x  ")
    assert "opened r0" in line
    assert "m 1 all" in line
    assert "against" in line
    assert follower.end(signal.SIGINT) == 0

    def shown(*arguments: str) -> list[str]:
        words = ("events", "tail", "--no-follow", "--json", *arguments)
        return installation.run(*words).splitlines()

    values = [value.decode() for value in published]
    assert sorted(shown("--since", "1h")) == sorted(values)
    assert shown("--last", "1") == shown("--since", "1h")[-1:]
    of_x = [value for value in values if json.loads(value)["feature"] == "x"]
    assert of_x
    assert sorted(shown("--since", "1h", "--feature", "x", "--severity", "warning")) == sorted(of_x)
    assert shown("--since", "1h", "--status", "retracted") == []


def test_a_missing_topic_is_one_sentence(installation: Installation) -> None:
    wrong = installation.config.read_text().replace(installation.events, "nowhere")
    installation.config.write_text(wrong)
    done = subprocess.run(
        [COMMAND, "events", "tail", "--config", installation.config],
        capture_output=True, text=True, timeout=WAIT_S, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert "topic nowhere does not exist" in done.stderr
    assert "Traceback" not in done.stderr


def revised(event: dict[str, Any], revision: int, **changed: Any) -> bytes:
    return json.dumps({**event, "revision": revision, **changed}).encode()


def test_the_example_subscriber_opens_and_closes_tickets(installation: Installation) -> None:
    published = [json.loads(value) for value in publish_drift(installation)]
    critical = next(e for e in published if e["severity"] == "critical" and e["feature"] == "x")
    reader = Reader(sys.executable, SUBSCRIBER, installation.bootstrap, installation.events)
    opened = reader.line(f"open {critical['incident']}").split(maxsplit=4)
    assert opened[2:4] == ["m", "x"]
    assert opened[4].strip() == critical["hints"][0]["text"]

    producer = Producer(
        {"bootstrap.servers": installation.bootstrap, "transactional.id": installation.events}
    )
    producer.init_transactions(WAIT_S)
    other = {**critical, "id": "0" * 32, "incident": "another", "hints": []}
    for values, is_meant in (
        ([revised({**other, "incident": "aborted"}, 0)], False),
        ([revised(other, 1, status="retracted", alert_status="resolved", severity=None)], True),
        ([revised(other, 0), revised(critical, 1, status="retracted")], True),
    ):
        producer.begin_transaction()
        for value in values:
            producer.produce(installation.events, value, b"m")
        producer.flush(WAIT_S)
        if is_meant:
            producer.commit_transaction(WAIT_S)
        else:
            producer.abort_transaction(WAIT_S)
    reader.line(f"close {critical['incident']}")
    told = "".join(reader.read)
    assert "aborted" not in told
    assert "another" not in told, "an older revision holds nothing"
    reader.end(signal.SIGTERM)
