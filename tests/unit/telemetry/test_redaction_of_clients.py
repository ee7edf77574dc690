"""Kafka clients at their most talkative: none of their lines, nor their errors, holds a secret."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from stream_monitor.config.kafka_settings import KafkaSettings
from stream_monitor.config.monitor import LogConfig
from stream_monitor.connectors.kafka.settings import Cluster
from stream_monitor.connectors.kafka.topics import KafkaTopics
from stream_monitor.core.errors import StreamMonitorError
from stream_monitor.telemetry.logs import configure_logs

CANARY = "canary-70d2"
SASL = {"security.protocol": "sasl_plaintext", "sasl.username": "me", "sasl.password": CANARY}
SECRETS: dict[str, dict[str, str]] = {
    "plain": SASL | {"sasl.mechanism": "PLAIN"},
    "scram": SASL | {"sasl.mechanism": "SCRAM-SHA-512"},
    "keystore": {
        "security.protocol": "ssl",
        "ssl.keystore.password": CANARY,
        "ssl.keystore.location": "/nowhere",
    },
    "key in the settings": {
        "security.protocol": "ssl",
        "ssl.key.pem": CANARY,
        "ssl.key.password": CANARY,
    },
    "unsigned tokens": {
        "security.protocol": "sasl_plaintext",
        "sasl.mechanism": "OAUTHBEARER",
        "enable.sasl.oauthbearer.unsecure.jwt": "true",
        "sasl.oauthbearer.config": f"principal=me {CANARY}",
    },
    "identity provider": {
        "security.protocol": "sasl_plaintext",
        "sasl.mechanism": "OAUTHBEARER",
        "sasl.oauthbearer.method": "oidc",
        "sasl.oauthbearer.client.id": "me",
        "sasl.oauthbearer.client.secret": CANARY,
        "sasl.oauthbearer.token.endpoint.url": f"http://me:{CANARY}@127.0.0.1:1/token",
    },
    "token function": {
        "security.protocol": "sasl_plaintext",
        "sasl.mechanism": "OAUTHBEARER",
        "sasl.oauthbearer.config": CANARY,
        "oauth.callback": "tests.unit.telemetry.test_redaction_of_clients:refusing",
    },
}
CONNECTING = ("plain", "scram", "unsigned tokens", "identity provider")


def refusing(config: str) -> tuple[str, float]:
    """A token function that tells in its error what it was given."""
    raise RuntimeError(config)


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    root, level = logging.getLogger(), logging.getLogger().level
    before = list(root.handlers)
    configure_logs(LogConfig(level="debug", format="json"), stream)
    yield stream
    for handler in [h for h in root.handlers if h not in before]:
        root.removeHandler(handler)
    root.setLevel(level)


@pytest.mark.parametrize("kind", SECRETS)
def test_clients_tell_no_secret(kind: str, lines: io.StringIO) -> None:
    settings = KafkaSettings(
        {"bootstrap.servers": "127.0.0.1:1", "debug": "all", "client.id": "seen", **SECRETS[kind]}
    )
    told = repr(settings) + str(settings.redacted())
    try:
        KafkaTopics(Cluster(settings.reveal()), timeout_s=1.5).partition_counts(["inference"])
    except StreamMonitorError as error:
        told += str(error) + repr(error)
        logging.getLogger("stream_monitor").error("cannot go on", exc_info=True)
    written = lines.getvalue()
    assert all(json.loads(line) for line in written.splitlines())
    assert "cannot go on" in written
    if kind in CONNECTING:
        assert "#producer-" in written
    assert CANARY not in told
    assert [line for line in written.splitlines() if CANARY in line] == []
