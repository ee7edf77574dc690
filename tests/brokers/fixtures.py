"""Pytest fixtures of the real broker. Without one the tests are skipped; in CI they fail."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from tests.brokers.provision import BrokerUnavailable, kafka_jars, real_broker


@pytest.fixture(scope="session")
def real_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Bootstrap address of a real broker that lasts for the session (one for each xdist worker)."""
    try:
        with real_broker(tmp_path_factory.mktemp("kafka")) as bootstrap:
            yield bootstrap
    except BrokerUnavailable as reason:
        without_broker(str(reason))


@pytest.fixture(scope="session")
def broker_jars() -> Path:
    """Jars for tests that run, kill and restart a KafkaProcess of their own."""
    try:
        return kafka_jars()
    except BrokerUnavailable as reason:
        without_broker(str(reason))


@pytest.fixture
def topic_prefix() -> str:
    """A prefix for topics, groups and transactional ids that no other test uses."""
    return f"test-{uuid.uuid4().hex[:12]}."


def without_broker(reason: str) -> NoReturn:
    """Skip with the reason, or fail where CI is true: a quietly skipped test proves nothing."""
    message = f"no real Kafka: {reason}"
    if os.environ.get("CI") == "true":
        pytest.fail(message, pytrace=False)
    print(message)
    pytest.skip(message)
