"""Tests that need a real broker are skipped with a reason, except in CI, where they must run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.brokers import provision
from tests.brokers.fixtures import without_broker


def test_missing_broker_skips_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no mvn"):
        without_broker("no mvn on PATH")


def test_missing_broker_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="no mvn"):
        without_broker("no mvn on PATH")


def test_given_bootstrap_is_used_as_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(provision.BOOTSTRAP_VARIABLE, "broker.example:9092")
    with provision.real_broker(tmp_path) as bootstrap:
        assert bootstrap == "broker.example:9092"


def test_every_way_that_failed_is_in_the_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv(provision.BOOTSTRAP_VARIABLE, raising=False)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with (
        pytest.raises(provision.BrokerUnavailable) as raised,
        provision.real_broker(tmp_path),
    ):
        pass
    for reason in (provision.BOOTSTRAP_VARIABLE, "no Docker engine answers", "no java"):
        assert reason in str(raised.value)
