"""What a real Alertmanager holds back while something else fires, and in a scheduled retraining."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.alerts.chain import Chain, chain, stays, until
from tests.alerts.installations import installation

DRIFT = {
    "alertname": "StreamMonitorFeatureDrift", "family": "data", "severity": "warning",
    "owner": "others", "segment": "all", "window": "1h", "cause": "distribution",
}  # fmt: skip
SOURCES = [
    ({"alertname": "StreamMonitorApiDown"}, {}, {"model": "b"}),
    ({"alertname": "StreamMonitorModelNotJudged"}, {}, {"model": "b"}),
    ({"alertname": "StreamMonitorApiDown"}, {"family": "model"}, {"model": "b"}),
    (
        {"alertname": "StreamMonitorApiDown"},
        {"alertname": "StreamMonitorVolumeChange", "family": "system"},
        {"alertname": "StreamMonitorQueueLong", "family": "system"},
    ),
    ({"alertname": "StreamMonitorInputSchemaBroken"}, {}, {"model": "b"}),
    ({"alertname": "StreamMonitorMissingBurst", "feature": "temp"}, {}, {"feature": "humid"}),
    ({**DRIFT, "severity": "critical", "feature": "temp"}, {}, {"cause": "scale"}),
]
"""Labels of what fires; of what is held back beside DRIFT of feature temp; and of what is not."""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    folder = tmp_path_factory.mktemp("inhibition")
    with chain(folder, installation(folder), {}) as found:
        yield found


def add(running: Chain, labels: dict[str, str]) -> None:
    running.amtool("alert", "add", *(f"{name}={value}" for name, value in labels.items()))


def inhibited(running: Chain, labels: dict[str, str]) -> list[bool]:
    """Of each alert with these labels, whether another one holds it back."""
    found = [a for a in running.alerts() if labels.items() <= a["labels"].items()]
    return [bool(alert["status"]["inhibitedBy"]) for alert in found]


@pytest.mark.parametrize(("number", "case"), list(enumerate(SOURCES)))
def test_an_alert_is_held_back_by_what_explains_it_and_by_nothing_else(
    running: Chain, number: int, case: tuple[dict[str, str], dict[str, str], dict[str, str]]
) -> None:
    source, held, free = case
    model = {"model": f"a{number}"}
    target = DRIFT | {"feature": "temp"} | model | held
    other = target | {name: f"{value}{number}" if name == "model" else value
                      for name, value in free.items()}  # fmt: skip
    add(running, model | source)
    add(running, target)
    add(running, other)
    until(lambda: inhibited(running, target) == [True], "the alert to be held back")
    assert inhibited(running, other) == [False]


def test_drift_is_not_sent_during_a_scheduled_retraining(tmp_path: Path) -> None:
    data = {**DRIFT, "owner": "flights-team", "model": "m", "feature": "temp"}
    with chain(tmp_path, installation(tmp_path), {}, is_retraining=True) as running:
        add(running, data)
        add(running, data | {"severity": "critical", "cause": "scale"})
        add(
            running,
            {"alertname": "StreamMonitorQueueLong", "severity": "warning", "family": "system"},
        )
        told = running.inbox
        until(lambda: told.slack, "the alert that no retraining explains")
        stays(running, lambda: {m["channel"] for m in told.slack} == {"#platform-alerts"})
        assert "m" not in {page["payload"].get("component") for page in told.pagerduty}
