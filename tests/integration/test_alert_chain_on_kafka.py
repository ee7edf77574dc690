"""From flights in a blizzard to Slack and PagerDuty: real Kafka, services, Prometheus and Alertmanager."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from stream_monitor.config.loading import load_config
from stream_monitor.demo import flights
from tests.alerts.chain import Chain, chain, served, until
from tests.brokers.kafka_process import free_ports
from tests.integration.installation import WAIT_S, Installation, Record

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]
ZONE = ZoneInfo(flights.TIME_ZONE)
MODEL: dict[str, Any] = {
    "owner": "flights-team",
    "tier": "1",
    "pane": "1h",
    "windows": [{"size": "1d", "timezone": flights.TIME_ZONE, "recover_after": 6}],
    "features": {"dep_delay": "numeric", "distance": "numeric", "carrier": "categorical"},
    "references": {"validation": True, "sliding": False},
    "columns": {"timestamp": "timestamp"},
    "service": {"selector": 'job="flights-api"'},
}
QUIET_S = 8.0
"""Longer than Alertmanager waits before it sends anything."""

Change = Callable[[dict[str, Any]], None]


def february() -> pa.Table:
    """January and February, with the features of MODEL."""
    table = flights.load()
    end = pa.scalar("2013-03-01T05:00:00Z").cast(pa.timestamp("us", tz="UTC"))
    return table.filter(pc.less(table["timestamp"], end))


def days(table: pa.Table) -> dict[date, list[dict[str, Any]]]:
    """The events of every day of New York."""
    found: dict[date, list[dict[str, Any]]] = {}
    for row in table.to_pylist():
        features = {name: row[name] for name in MODEL["features"]}
        event = {
            "prediction_id": row["prediction_id"], "model": "flights", "model_version": "1",
            "timestamp": row["timestamp"].isoformat(), "features": features,
        }  # fmt: skip
        found.setdefault(row["timestamp"].astimezone(ZONE).date(), []).append(event)
    return found


@dataclass
class Story:
    """What runs, and the day that was sent last."""

    installation: Installation
    running: Chain
    events: dict[date, list[dict[str, Any]]]
    ports: tuple[int, int]
    services: list[subprocess.Popen[str]] = field(default_factory=list)
    sent: date = date(2013, 2, 4)

    def start(self, role: str) -> None:
        port = self.ports[("profiler", "detector").index(role)]
        self.services.append(self.installation.start(role, role, port=port))

    def send_until(self, last: date, change: Change = lambda _: None) -> None:
        """Sends the days up to `last`, changed; the windows of the days before it can close then."""
        records: list[Record] = []
        while self.sent < last:
            self.sent += timedelta(days=1)
            for event in self.events[self.sent]:
                changed = {**event, "features": dict(event["features"])}
                change(changed["features"])
                records.append((event["prediction_id"].encode(), json.dumps(changed).encode()))
        self.installation.send(self.installation.inference, records)

    def closed(self, day: date) -> bool:
        """Whether the window of a day is judged."""
        end = self.running.query("max(stream_monitor_window_end_timestamp_seconds)")
        midnight = (day + timedelta(days=1)).isoformat() + "T05:00:00Z"
        second = pa.scalar(midnight).cast(pa.timestamp("s", tz="UTC")).value
        return bool(end) and float(end[0]["value"][1]) >= second

    def features(self, alert: str) -> set[str]:
        """Features for which the alert fires."""
        return {labels["feature"] for labels in self.running.firing(alert)}

    def told(self, word: str) -> list[str]:
        """Texts of the team's Slack messages that hold a word."""
        texts = [
            message["attachments"][0]["text"]
            for message in self.running.inbox.slack
            if message["channel"] == "#flights-alerts"
        ]
        return [text for text in texts if word in text]

    def muted(self, feature: str) -> list[dict[str, Any]]:
        """The statuses of the alerts on a feature, where every one of them is muted."""
        found = [a for a in self.running.alerts() if a["labels"].get("feature") == feature]
        states = [alert["status"] for alert in found]
        return states if all(s["state"] == "suppressed" for s in states) else []


@pytest.fixture
def api() -> dict[str, Callable[[bytes], str]]:
    """What the model's own service answers; without `metrics` it is down."""
    return {"metrics": lambda _: ""}


@pytest.fixture
def story(
    real_kafka: str, topic_prefix: str, tmp_path: Path, api: dict[str, Callable[[bytes], str]]
) -> Iterator[Story]:
    installation = Installation(tmp_path / "app", real_kafka, topic_prefix, {"flights": MODEL})
    table = february()
    pq.write_table(table, tmp_path / "flights.parquet")
    installation.run(
        "reference", "build", "flights", str(tmp_path / "flights.parquet"),
        "--since", "2013-01-01", "--until", "2013-02-05",
    )  # fmt: skip
    ports = free_ports(2)
    config = load_config(installation.config, {})
    with served(api) as port:
        targets = {"stream-monitor": ports, "flights-api": [port]}
        with chain(tmp_path, config, targets) as running:
            story = Story(installation, running, days(table), (ports[0], ports[1]))
            try:
                for role in ("profiler", "detector"):
                    story.start(role)
                yield story
            finally:
                for service in story.services:
                    service.terminate()
                for service in story.services:
                    service.wait(WAIT_S)


def test_the_storm_pages_once_and_only_what_is_news_is_sent(
    story: Story, api: dict[str, Callable[[bytes], str]]
) -> None:
    running, inbox = story.running, story.running.inbox
    storm_pages_once(story)
    a_restart_sends_nothing(story)

    answer = api.pop("metrics")
    until(lambda: running.firing("ApiDown"), "the alert that the API is down")
    until(lambda: len(inbox.pagerduty) == 2, "its page")
    assert "its API is down" in inbox.pagerduty[-1]["payload"]["summary"]
    story.send_until(date(2013, 2, 11))
    story.send_until(date(2013, 2, 13), lambda f: f.update(distance=1_000 * f["distance"]))
    until(lambda: "distance" in story.features("FeatureDrift"), "distance to drift")
    until(lambda: story.muted("distance"), "the drift to be held back")
    assert all(status["inhibitedBy"] for status in story.muted("distance"))
    stays(story, lambda: not story.told("distance"))
    api["metrics"] = answer
    until(lambda: story.told("distance"), "the drift to be told once the API is back")

    words = ("--author", "test", "--comment", "retraining", "--duration", "1h")
    silence = running.amtool("silence", "add", *words, "model=flights", "family=~data|model")
    story.send_until(date(2013, 2, 15), lambda f: f.update(carrier=f["carrier"].lower()))
    until(lambda: story.muted("carrier"), "the carriers' alert, silenced")
    assert all(status["silencedBy"] == [silence] for status in story.muted("carrier"))
    stays(story, lambda: not story.told("carrier"))
    running.amtool("silence", "expire", silence)
    until(lambda: story.told("carrier"), "the alert to be told after the silence")

    story.send_until(date(2013, 2, 28))
    until(
        lambda: story.told("over: flights: values of dep_delay are missing"), "the end of the storm"
    )
    of_storm = [m for m in inbox.pagerduty if m["dedup_key"] == inbox.pagerduty[0]["dedup_key"]]
    assert [m["event_action"] for m in of_storm] == ["trigger", "resolve"]


def storm_pages_once(story: Story) -> None:
    """The blizzard of the eighth and ninth of February."""
    inbox = story.running.inbox
    story.send_until(date(2013, 2, 8))
    until(lambda: story.closed(date(2013, 2, 7)), "the day before the storm")
    assert not story.running.firing("MissingBurst")
    story.send_until(date(2013, 2, 9))
    until(lambda: inbox.pagerduty and story.told("dep_delay"), "the storm to page")
    (page,) = inbox.pagerduty
    assert page["event_action"] == "trigger"
    assert page["payload"]["severity"] == "critical"
    assert page["payload"]["class"] == "missing_burst"
    assert page["payload"]["component"] == "flights"
    assert page["payload"]["summary"].startswith("CRITICAL · flights-team · missing burst · ")
    (text,) = story.told("dep_delay")
    assert "*flights: values of dep_delay are missing*" in text
    assert "times its threshold against validation" in text
    assert "Since 2013-02-08 05:00:00" in text
    assert "Probable cause: missing burst" in text
    assert "StreamMonitorMissingBurst.md|runbook>" in text
    assert (
        "var-model=flights&var-segment=all&var-window=1d&var-feature=dep_delay|dashboard>" in text
    )
    story.send_until(date(2013, 2, 10))
    until(lambda: story.closed(date(2013, 2, 9)), "the second day of the storm")
    stays(story, lambda: len(inbox.pagerduty) == 1 and len(story.told("dep_delay")) == 1)


def a_restart_sends_nothing(story: Story) -> None:
    """The detector ends and comes back while the incident is open."""
    before = story.running.inbox.sizes()
    detector = story.services.pop()
    detector.terminate()
    assert detector.wait(WAIT_S) == 0
    until(lambda: not story.running.query("stream_monitor_model_info"), "the detector to be gone")
    story.start("detector")
    until(lambda: story.running.query("stream_monitor_model_info"), "the detector to be back")
    stays(story, lambda: story.features("MissingBurst") == {"dep_delay"})
    assert story.running.inbox.sizes() == before


def stays(story: Story, holds: Callable[[], bool]) -> None:
    """Something holds for longer than any message takes."""
    ends = time.monotonic() + QUIET_S
    while time.monotonic() < ends:
        assert holds(), (story.running.inbox.slack, story.running.inbox.pagerduty)
        time.sleep(0.5)
