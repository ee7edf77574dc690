"""Users with the documented rights and no others, on a broker with TLS, client certificates, SCRAM and ACLs.

Every secret is a canary: whatever the commands write, none of it may hold one.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import NewTopic

from stream_monitor.connectors.kafka.reader import KafkaTopicReader
from stream_monitor.connectors.kafka.settings import Cluster
from stream_monitor.core.errors import StreamMonitorError
from stream_monitor.services.access import Grant
from tests.brokers.certificates import Certificates, make_certificates
from tests.integration.secured_broker import (
    NAME,
    WAIT_S,
    SecuredInstallation,
    secured_broker,
)

pytestmark = pytest.mark.kafka

CANARY: Final = "canary"
DAY_S: Final = 86_400
START_S: Final = 1_735_689_600
MODEL: Final[dict[str, Any]] = {
    "pane": "1h",
    "windows": [{"size": "1d"}],
    "features": {
        "amount": "numeric",
        "customer": {"kind": "categorical", "privacy": "hash", "salt": "${SALT}"},
        "city": {"kind": "categorical", "privacy": "drop"},
    },
    "references": {"validation": True},
}
SALT: Final = "canary-salt-for-digests"
REFERENCE: Final = ("reference", "build", "shop", "--since", "2025-01-01", "--until", "2025-01-03")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("tls") / "made")


@pytest.fixture(scope="module")
def shop(
    broker_jars: Path, certificates: Certificates, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SecuredInstallation]:
    """A broker with topics made, three days of events, and the documented rights granted."""
    os.environ["SALT"] = SALT
    with secured_broker(broker_jars, tmp_path_factory.mktemp("broker"), certificates) as broker:
        installation = SecuredInstallation(
            tmp_path_factory.mktemp("shop") / "files", broker, certificates, MODEL
        )
        installation.allow(installation.grants())
        done = installation.run(f"{NAME}-topics", "topics", "create", "--sources")
        assert done.returncode == 0, done.stderr
        send(installation, 3)
        built = installation.run(f"{NAME}-reference", *REFERENCE)
        assert built.returncode == 0, built.stderr
        installation.worked = drained(installation, debug="all")
        yield installation
    del os.environ["SALT"]


def send(installation: SecuredInstallation, days: int) -> None:
    producer = Producer(installation.client("admin") | {"partitioner": "murmur2_random"})
    topics = installation.topics
    for i in range(days * 240):
        day, key = i // 240, f"id-{i}"
        event = {
            "prediction_id": key, "model": "shop", "timestamp": START_S + i * 360,
            "features": {"amount": i % 7 + 50.0 * (day == 2), "customer": f"canary-customer-{i % 5}",
                         "city": f"canary-city-{i % 3}"},
        }  # fmt: skip
        producer.produce(topics.inference, json.dumps(event), key)
    producer.produce(topics.inference, '{"model": "canary-unreadable', "bad")
    label = {"prediction_id": "id-1", "label": "canary-label", "timestamp": START_S}
    producer.produce(topics.labels, json.dumps(label), "id-1")
    assert producer.flush(WAIT_S) == 0


def drained(
    installation: SecuredInstallation, **kafka: str
) -> dict[str, subprocess.CompletedProcess[str]]:
    """Both services, each as its own user, to the end of what is there."""
    return {
        role: installation.run(f"{NAME}-{role}", "run", role, "--drain", kafka=kafka)
        for role in ("profiler", "detector")
    }


def published(installation: SecuredInstallation, topic: str) -> list[bytes]:
    client = {k: v for k, v in installation.client("admin").items() if k != "log_level"}
    reader = KafkaTopicReader(Cluster(client))
    return [
        part
        for records in reader.read(topic)
        for pair in zip(records.key, records.value, strict=True)
        for part in pair
        if part is not None
    ]


def canaries(text: str) -> list[str]:
    return re.findall(r".{0,80}canary.{0,40}", text)


def test_each_service_works_as_a_user_with_the_documented_rights(shop: SecuredInstallation) -> None:
    for role, process in shop.worked.items():
        assert process.returncode == 0, process.stderr[-3000:]
        assert "librdkafka" in process.stderr or "rdkafka" in process.stderr, role
        assert canaries(process.stderr + process.stdout) == []
    results = shop.run(f"{NAME}-reader", "results", "--json")
    assert results.returncode == 0, results.stderr
    drifts = [
        row for row in map(json.loads, results.stdout.splitlines()) if row["verdict"] == "drift"
    ]
    assert {row["feature"] for row in drifts} == {"amount"}


def test_nothing_that_is_written_holds_a_secret_or_a_masked_value(
    shop: SecuredInstallation,
) -> None:
    topics = shop.topics
    written = {
        topic: published(shop, topic)
        for topic in (topics.deltas, topics.state, topics.references, topics.results,
                      topics.events, topics.dead_letters)
    }  # fmt: skip
    assert all(written.values()), {topic: len(found) for topic, found in written.items()}
    for topic, found in written.items():
        assert canaries(b"\n".join(found).decode(errors="replace")) == [], topic


def test_metrics_hold_no_secret(shop: SecuredInstallation) -> None:
    process = shop.start(f"{NAME}-profiler", "run", "profiler")
    try:
        page = shop.page(process, "metrics")
        assert "stream_monitor_" in page
        assert canaries(page) == []
    finally:
        process.terminate()
        process.wait(WAIT_S)


@pytest.mark.parametrize(
    ("user", "words"),
    [
        ("check", ("check",)),
        ("reader", ("results",)),
        ("reader", ("events", "tail", "--last", "5", "--no-follow")),
        ("topics", ("topics", "create")),
        ("reference", REFERENCE),
        (
            "reference",
            ("reference", "build", "shop", "--windows", "2", "--wait", "--output", os.devnull),
        ),
        ("operator", ("offsets", "show")),
        ("operator", ("verify",)),
        ("operator", ("dead-letters", "list")),
    ],
)
def test_commands_work_with_the_documented_rights(
    shop: SecuredInstallation, user: str, words: tuple[str, ...]
) -> None:
    done = shop.run(f"{NAME}-{user}", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert canaries(done.stderr + done.stdout) == []


def missing(shop: SecuredInstallation, role: str, resource: str, name: str) -> Grant:
    (found,) = [g for g in shop.grants() if (g.role, g.resource, g.name) == (role, resource, name)]
    return found


RIGHT: Final = "the right to this topic is missing"
TAKEN: Final = [
    ("profiler", "topic", "inference", RIGHT),
    ("profiler", "topic", "stream-monitor.deltas", RIGHT),
    ("profiler", "topic", "stream-monitor.references", RIGHT),
    ("profiler", "group", f"{NAME}-profiler", "READ on the consumer group"),
    ("profiler", "transactional_id", f"{NAME}.profiler.", "WRITE and DESCRIBE on the transactional id"),
    ("detector", "topic", "stream-monitor.state", RIGHT),
    ("detector", "topic", "stream-monitor.results", RIGHT),
    ("detector", "group", f"{NAME}-detector", "READ on the consumer group"),
    ("detector", "transactional_id", f"{NAME}.detector.", "WRITE and DESCRIBE on the transactional id"),
]  # fmt: skip


@pytest.mark.parametrize(("role", "resource", "name", "named"), TAKEN)
def test_a_missing_right_ends_the_service_and_is_named(
    shop: SecuredInstallation, role: str, resource: str, name: str, named: str
) -> None:
    right = missing(shop, role, resource, name)
    shop.forbid([right])
    try:
        done = shop.run(f"{NAME}-{role}", "run", role, "--drain")
    finally:
        shop.allow([right])
    assert done.returncode == 1, done.stderr[-2000:]
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("error:"), last
    assert named in last
    if resource == "topic":
        assert name in last
    assert canaries(done.stderr) == []


@pytest.mark.parametrize("words", [("check",), ("run", "profiler", "--drain"), ("run", "detector"),
                                   ("results",), ("topics", "create")], ids=" ".join)  # fmt: skip
def test_a_wrong_password_ends_every_command(
    shop: SecuredInstallation, words: tuple[str, ...]
) -> None:
    wrong = {"sasl.password": "canary-that-is-wrong", "debug": "security,broker,conf"}
    done = shop.run(f"{NAME}-profiler", *words, kafka=wrong)
    assert done.returncode == 1
    assert "the brokers refuse the credentials" in done.stderr.replace("\n", " ") + done.stdout
    assert canaries(done.stderr + done.stdout) == []


def test_expired_client_certificate_is_named(shop: SecuredInstallation) -> None:
    expired = shop.certificates.client_settings("expired-client")
    done = shop.run(f"{NAME}-profiler", "run", "profiler", kafka=expired)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert "the TLS handshake fails: has a certificate expired" in last
    assert canaries(done.stderr) == []


def test_wrong_key_password_is_named(shop: SecuredInstallation) -> None:
    done = shop.run(f"{NAME}-profiler", "check", kafka={"ssl.key.password": "canary-wrong"})
    assert done.returncode == 1
    assert "ssl.key.location failed" in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
    assert canaries(done.stderr + done.stdout) == []


TOKENS: Final = """
import time
from tests.integration.secured_broker import unsigned_token

def token(config):
    assert config == "canary-config=1"
    expiry = time.time() + 60
    return unsigned_token("sm-detector", expiry), expiry

def broken(config):
    raise RuntimeError(f"the identity provider did not like {config}")
"""
OAUTH: Final = {"sasl.mechanism": "OAUTHBEARER", "sasl.oauthbearer.config": "canary-config=1"}


@pytest.fixture
def tokens(shop: SecuredInstallation) -> dict[str, str]:
    """The environment in which the module of tokens can be imported."""
    (shop.folder / "shop_tokens.py").write_text(TOKENS)
    root = Path(__file__).parents[2]
    return {"PYTHONPATH": f"{shop.folder}{os.pathsep}{root}"}


def test_a_service_signs_in_by_tokens(shop: SecuredInstallation, tokens: dict[str, str]) -> None:
    oauth = OAUTH | {"oauth.callback": "shop_tokens:token"}
    done = shop.run(f"{NAME}-nobody", "run", "detector", "--drain", kafka=oauth, environ=tokens)
    assert done.returncode == 0, done.stderr[-2000:]
    assert canaries(done.stderr + done.stdout) == []


@pytest.mark.parametrize(
    ("function", "named"),
    [
        ("shop_tokens:broken", "shop_tokens:broken gave no token: it raised RuntimeError"),
        ("shop_tokens:gone", "module shop_tokens has no gone"),
        ("no_such_module:f", "there is no module no_such_module"),
    ],
)
def test_a_failing_token_function_is_named(
    shop: SecuredInstallation, tokens: dict[str, str], function: str, named: str
) -> None:
    oauth = OAUTH | {"oauth.callback": function}
    done = shop.run(f"{NAME}-nobody", "run", "detector", kafka=oauth, environ=tokens)
    assert done.returncode == 1
    assert named in done.stderr
    assert canaries(done.stderr + done.stdout) == []


def test_a_batch_that_unpacks_to_more_than_is_allowed_is_named(shop: SecuredInstallation) -> None:
    topic = "bomb"
    for future in shop.admin.create_topics([NewTopic(topic, 1, 1)]).values():
        future.result(WAIT_S)
    producer = Producer(
        shop.client("admin") | {"compression.type": "zstd", "message.max.bytes": 200_000_000}
    )
    producer.produce(topic, bytes(120_000_000))
    assert producer.flush(WAIT_S) == 0
    client = {k: v for k, v in shop.client("admin").items() if k != "log_level"}
    with pytest.raises(StreamMonitorError, match=r"receive\.message\.max\.bytes: raise that"):
        list(KafkaTopicReader(Cluster(client)).read(topic))
