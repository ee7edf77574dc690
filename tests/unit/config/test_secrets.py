from __future__ import annotations

import copy
import pickle
import pprint
from pathlib import Path

import pytest

from stream_monitor.config.errors import ConfigError
from stream_monitor.config.kafka_settings import KafkaSettings, is_secret
from stream_monitor.config.loading import load_config, load_monitor
from tests.unit.config.conftest import Write

CANARY = "canary-5f1d"

SECRETS = f"""
kafka:
  bootstrap.servers: b:9092
  sasl.username: me
  sasl.password: {CANARY}
  ssl.key.password: ${{file:secret}}
  sasl.oauthbearer.client.secret: ${{SECRET}}
  sasl.jaas.config: 'user="u" password="{CANARY}";'
  sasl.oauthbearer.config: principal={CANARY}
  https.proxy: http://me:{CANARY}@proxy:3128
"""
ENVIRON = {"SECRET": CANARY, "STREAM_MONITOR__KAFKA__SSL_KEYSTORE_PASSWORD": CANARY}


@pytest.fixture
def path(write: Write) -> Path:
    path = write(SECRETS)
    (path.parent / "secret").write_text(f"{CANARY}\n")
    return path


def test_secrets_reach_the_client_and_no_text(path: Path) -> None:
    installation = load_config(path, ENVIRON)
    kafka = installation.monitor.kafka
    assert sum(CANARY in value for value in kafka.reveal().values()) == 7
    shown = [
        str(kafka), repr(kafka), str(kafka.redacted()), repr(installation), str(installation),
        f"{installation.monitor}", pprint.pformat(installation), f"{installation.monitor:}",
        str(installation.monitor.model_dump()), installation.monitor.model_dump_json(),
    ]  # fmt: skip
    assert not [text for text in shown if CANARY in text]
    assert "b:9092" in repr(kafka)
    assert "@proxy:3128" in repr(kafka)


@pytest.mark.parametrize(
    "extra",
    [
        "  bad: [1]\n",
        f"  sasl.password: {CANARY}\n",
        f"  other.password: [{CANARY}]\n",
        "log: {level: loud}\n",
        "topics: {partitions: '${SECRET}'}\n",
        "profiler: {start: '${SECRET}'}\n",
        "profiler: {commit_interval: '${file:secret}'}\n",
        f"  p: *{CANARY}\n",
        f"  p: !{CANARY} x\n",
        f"  p: '{CANARY}\n",
        f"  p: @{CANARY}\n",
    ],
)
def test_no_error_tells_a_secret(path: Path, extra: str) -> None:
    path.write_text(SECRETS + extra)
    with pytest.raises(ConfigError) as caught:
        load_config(path, ENVIRON)
    assert CANARY not in str(caught.value)
    assert CANARY not in repr(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_variable_with_a_misspelt_section_does_not_tell_its_value() -> None:
    with pytest.raises(ConfigError, match="did you mean kafka") as caught:
        load_monitor(None, {"STREAM_MONITOR__KAFA__SASL_PASSWORD": CANARY})
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize(
    "key",
    ["sasl.password", "ssl.key.password", "ssl.key.pem", "sasl.oauthbearer.client.secret",
     "sasl.jaas.config", "SASL.PASSWORD", "schema.registry.api.token", "x.passphrase"],
)  # fmt: skip
def test_keys_that_may_hold_secrets(key: str) -> None:
    assert is_secret(key)


@pytest.mark.parametrize("key", ["bootstrap.servers", "sasl.username", "ssl.ca.location"])
def test_keys_that_hold_none(key: str) -> None:
    assert not is_secret(key)


def test_settings_survive_copies_and_compare_by_value() -> None:
    settings = KafkaSettings({"sasl.password": "x"})
    assert copy.deepcopy(settings) == settings == pickle.loads(pickle.dumps(settings))
    assert settings != KafkaSettings({"sasl.password": "y"})
    assert len({settings, copy.copy(settings)}) == 1


def test_revealed_settings_are_a_copy() -> None:
    settings = KafkaSettings()
    settings.reveal()["bootstrap.servers"] = "other"
    assert settings.reveal() == {"bootstrap.servers": "localhost:9092"}
