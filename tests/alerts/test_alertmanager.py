"""Routes, by Alertmanager's own tool: who is told of what."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.tools.debian import tool

FILE = Path(__file__).parents[2] / "config" / "alertmanager" / "alertmanager.yml"


def amtool(*arguments: str) -> str:
    done = subprocess.run(
        [tool("amtool"), *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


def test_alertmanager_accepts_its_configuration_and_the_templates() -> None:
    said = amtool("check-config", str(FILE))
    assert "1 templates" in said
    assert "FAILED" not in said


@pytest.mark.parametrize(
    ("labels", "receivers"),
    [
        ("severity=warning family=data owner=flights-team cause=scale", "slack-flights"),
        ("severity=critical family=data owner=flights-team", "pagerduty,slack-flights"),
        ("severity=critical family=model owner=flights-team", "pagerduty,slack-flights"),
        ("severity=critical family=data owner=others", "pagerduty,slack"),
        ("severity=critical family=system", "pagerduty,slack-platform"),
        ("severity=warning family=system owner=flights-team", "slack-platform"),
        ("severity=warning family=data", "slack"),
        ("severity=info family=system", "nobody"),
    ],
)
def test_an_alert_goes_to_its_severity_family_and_owner(labels: str, receivers: str) -> None:
    said = amtool("config", "routes", "test", "--config.file", str(FILE), *labels.split())
    assert said == receivers
