"""From flights in a blizzard to Slack and PagerDuty: real Kafka, services, Prometheus and Alertmanager."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from stream_monitor.config.loading import load_config
from tests.alerts.chain import chain, served, stays, until
from tests.brokers.kafka_process import free_ports
from tests.integration.installation import WAIT_S, Installation
from tests.integration.storm_story import MODEL, OTHERS, Story, days, delays, february

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]


@pytest.fixture
def api() -> dict[str, Callable[[bytes], str]]:
    """What the model's own service answers; without `metrics` it is down."""
    return {"metrics": lambda _: ""}


@pytest.fixture
def story(
    real_kafka: str, topic_prefix: str, tmp_path: Path, api: dict[str, Callable[[bytes], str]]
) -> Iterator[Story]:
    installation = Installation(
        tmp_path / "app", real_kafka, topic_prefix, {"flights": MODEL, **OTHERS}
    )
    table = february()
    pq.write_table(table, tmp_path / "flights.parquet")
    installation.run(
        "reference", "build", "flights", str(tmp_path / "flights.parquet"),
        "--since", "2013-01-01", "--until", "2013-02-05",
    )  # fmt: skip
    january = [date(2013, 1, 1) + timedelta(days=n) for n in range(35)]
    pq.write_table(delays(january), tmp_path / "delays.parquet")
    installation.run("reference", "build", "delays", str(tmp_path / "delays.parquet"))
    ports = free_ports(3)
    config = load_config(installation.config, {})
    with served(api) as port:
        targets = {"stream-monitor": ports, "flights-api": [port]}
        with chain(tmp_path, config, targets) as running:
            story = Story(installation, running, days(table), ports)
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
    story: Story, topic_prefix: str, api: dict[str, Callable[[bytes], str]]
) -> None:
    running, inbox = story.running, story.running.inbox
    storm_pages_once(story)
    in_the_storm = story.unanswered()
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
    stays(story.running, lambda: not story.told("distance"))
    api["metrics"] = answer
    until(lambda: story.told("distance"), "the drift to be told once the API is back")

    words = ("--author", "test", "--comment", "retraining", "--duration", "1h")
    silence = running.amtool("silence", "add", *words, "model=flights", "family=~data|model")
    story.send_until(date(2013, 2, 15), lambda f: f.update(carrier=f["carrier"].lower()))
    until(lambda: story.muted("carrier"), "the carriers' alert, silenced")
    assert all(status["silencedBy"] == [silence] for status in story.muted("carrier"))
    stays(story.running, lambda: not story.told("carrier"))
    running.amtool("silence", "expire", silence)
    until(lambda: story.told("carrier"), "the alert to be told after the silence")

    story.send_until(date(2013, 2, 28))
    until(
        lambda: story.told("over: flights: values of dep_delay are missing"), "the end of the storm"
    )
    of_storm = [m for m in inbox.pagerduty if m["dedup_key"] == inbox.pagerduty[0]["dedup_key"]]
    assert [m["event_action"] for m in of_storm] == ["trigger", "resolve"]
    until(lambda: story.closed(date(2013, 2, 27)), "the last window")
    story.start_live(topic_prefix)
    until(lambda: running.query("stream_monitor_consumer_lag_seconds"), "a lag in seconds")
    assert in_the_storm & story.unanswered() == set(), "every query has an answer at some time"


def storm_pages_once(story: Story) -> None:
    """The blizzard of the eighth and ninth of February."""
    inbox = story.running.inbox
    story.send_until(date(2013, 2, 8))
    until(lambda: story.closed(date(2013, 2, 7)), "the day before the storm")
    assert not story.running.firing("MissingBurst")
    story.send_until(date(2013, 2, 9))
    until(lambda: inbox.pagerduty and story.told("dep_delay"), "the storm to page")
    assert len(inbox.pagerduty) == 1, [page["payload"]["summary"] for page in inbox.pagerduty]
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
    story.installation.send(story.installation.inference, [(b"bad", b"{")])
    until(lambda: story.closed(date(2013, 2, 9)), "the second day of the storm")
    stays(story.running, lambda: len(inbox.pagerduty) == 1 and len(story.told("dep_delay")) == 1)


def a_restart_sends_nothing(story: Story) -> None:
    """The detector ends and comes back while the incident is open."""
    before = story.running.inbox.sizes()
    detector = story.services.pop()
    detector.terminate()
    assert detector.wait(WAIT_S) == 0
    until(lambda: not story.running.query("stream_monitor_model_info"), "the detector to be gone")
    story.start("detector")
    until(lambda: story.running.query("stream_monitor_model_info"), "the detector to be back")
    stays(story.running, lambda: story.features("MissingBurst") == {"dep_delay"})
    assert story.running.inbox.sizes() == before
