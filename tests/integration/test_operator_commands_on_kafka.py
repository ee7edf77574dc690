"""The operators' commands as processes: dead letters, lost offsets, verification and the check."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourcePatternType,
    ResourceType,
)

from stream_monitor.core.published import rfc3339
from tests.brokers.kafka_process import KafkaProcess
from tests.integration.installation import COMMAND, WAIT_S, Installation, counted
from tests.integration.small_model import MODEL, START_S, build_reference, event, label
from tests.integration.topics import read_values
from tests.schemas import accepted

pytestmark = pytest.mark.kafka
Row = dict[str, Any]


@pytest.fixture
def installation(real_kafka: str, topic_prefix: str, tmp_path: Path) -> Installation:
    made = Installation(tmp_path / "app", real_kafka, topic_prefix, {"m": MODEL})
    build_reference(made)
    return made


def rows(installation: Installation, *arguments: str, code: int = 0) -> list[Row]:
    shown = installation.run(*arguments, "--json", code=code)
    return [json.loads(line) for line in shown.splitlines()]


def refused(installation: Installation, *arguments: str, code: int = 1) -> str:
    """Standard error of a command that fails."""
    done = subprocess.run(
        [COMMAND, *arguments, "--config", installation.config], stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=WAIT_S, cwd=installation.folder, check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    return done.stderr


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"


def serve_until(installation: Installation, condition: Callable[[], bool]) -> None:
    """Runs both services without an end of the stream until a condition holds, then ends them."""
    services = [installation.start(role, "one") for role in ("profiler", "detector")]
    try:
        wait_until(condition)
    finally:
        for service in services:
            service.send_signal(signal.SIGTERM)
        codes = [service.wait(WAIT_S) for service in services]
    assert codes == [0, 0]


def test_rejected_records_are_listed_and_sent_again(installation: Installation) -> None:
    unknown = [event(n, "newcomer") for n in range(30)]
    sent = [*(event(n) for n in range(100)), *unknown, (b"bad", b"{")]
    installation.send(installation.inference, sent)
    installation.drain([("profiler", "one")])

    counts = {row["reason"]: row["count"] for row in rows(installation, "dead-letters", "count")}
    assert counts == {"unknown_model": 30, "malformed": 1}
    listed = rows(installation, "dead-letters", "list", "--limit", "5")
    assert len(listed) == 5
    [bad] = rows(installation, "dead-letters", "list", "--reason", "malformed")
    assert (bad["topic"], bad["reason"]) == (installation.inference, "malformed")
    assert rows(installation, "dead-letters", "list", "--since", "2999-01-01") == []
    assert "malformed" in installation.run("dead-letters", "list")
    assert "is no reason" in subprocess.run(
        [COMMAND, "dead-letters", "list", "--reason", "odd", "--config", installation.config],
        capture_output=True, text=True, timeout=WAIT_S, check=False,
    ).stderr  # fmt: skip

    [dry] = rows(installation, "dead-letters", "redrive", "--dry-run")
    assert (dry["redriven"], dry["gone"]) == (31, 0)
    assert "Send the records" in refused(installation, "dead-letters", "redrive")
    assert total(installation) == len(sent), "nothing is written without a yes"

    newcomer = {**MODEL, "name": "newcomer"}
    (installation.folder / "models" / "newcomer.yaml").write_text(yaml.safe_dump(newcomer))
    [done] = rows(installation, "dead-letters", "redrive", "--yes")
    assert (done["redriven"], done["gone"], done["already_redriven"]) == (31, 0, 0)
    values = read_values(installation.bootstrap, installation.inference)
    assert Counter(values) == Counter(v for _, v in sent) + Counter(
        [*(v for _, v in unknown), b"{"]
    )
    [words] = installation.drain([("profiler", "one")])
    assert counted([words], f"records.{installation.inference}.valid") == 30
    assert rows(installation, "dead-letters", "count", "--reason", "malformed")[0]["count"] == 2

    [second] = rows(installation, "dead-letters", "redrive", "--reason", "malformed", "--dry-run")
    assert (second["redriven"], second["already_redriven"]) == (1, 1)
    again = ("dead-letters", "redrive", "--reason", "malformed", "--dry-run", "--again")
    assert rows(installation, *again)[0]["redriven"] == 2
    delete_before(installation, installation.inference, dict.fromkeys(range(4), -1))
    [gone] = rows(installation, "dead-letters", "redrive", "--yes")
    assert (gone["redriven"], gone["gone"]) == (0, 32)


def test_a_reference_is_learned_from_the_first_windows_of_the_topic(
    real_kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    installation = Installation(tmp_path / "app", real_kafka, topic_prefix, {"m": MODEL})
    learning = ("reference", "build", "m", "--windows", "3")
    assert "reference build m --windows" in "".join(check(installation)["warning"])
    assert "0 of 3 windows of 1h are whole" in refused(installation, *learning)
    installation.send(installation.inference, [event(n) for n in range(3 * 360 - 10)])
    due = rfc3339(START_S + 3 * 3_600 + 300 + 60)
    assert f"2 of 3 windows of 1h are whole, the rest is due at about {due}" in refused(
        installation, *learning
    )
    refusal = refused(installation, *learning, "--until", "2025-01-01", code=2)
    assert "leave out the file" in refusal
    assert "say how many" in refused(installation, "reference", "build", "m", "--wait", code=2)

    log = tmp_path / "learning.log"
    with log.open("w") as file:
        waiting, ended = (
            subprocess.Popen(
                [COMMAND, *learning, "--wait", "--config", installation.config, *more],
                stderr=file, cwd=installation.folder,
            )
            for more in ((), ("--output", str(tmp_path / "never")))
        )  # fmt: skip
        wait_until(lambda: log.read_text().count("2 of 3 windows of 1h are whole") == 2)
        ended.send_signal(signal.SIGINT)
        assert ended.wait(WAIT_S) == 130
        assert "Traceback" not in log.read_text()
        installation.send(installation.inference, [event(n) for n in range(1_080, 2_160)])
        assert waiting.wait(WAIT_S) == 0, log.read_text()
    [held] = rows(installation, "reference", "show")
    assert (held["events"], held["windows"]) == (3 * 360 - 10, "3 × 1h")
    assert held["start"] == rfc3339(START_S)
    installation.drain([("profiler", "one"), ("detector", "one")])
    published = [json.loads(v) for v in read_values(installation.bootstrap, installation.results)]
    verdicts = {f["verdict"] for r in published if r["type"] == "window" for f in r["features"]}
    assert "ok" in verdicts
    assert "drift" not in verdicts


def total(installation: Installation) -> int:
    return len(read_values(installation.bootstrap, installation.inference))


def delete_before(installation: Installation, topic: str, offsets: Mapping[int, int]) -> None:
    """What retention does."""
    admin = AdminClient({"bootstrap.servers": installation.bootstrap})
    asked = [TopicPartition(topic, p, offset) for p, offset in offsets.items()]
    for future in admin.delete_records(asked).values():
        future.result(WAIT_S)


def test_lost_offsets_are_named_skipped_and_told(installation: Installation) -> None:
    installation.send(installation.inference, [event(n) for n in range(400)])

    def is_read() -> bool:
        found = rows(installation, "offsets", "show")
        return all(row["committed"] is not None and row["lag"] <= 1 for row in found)

    serve_until(installation, is_read)
    before = {
        row["partition"]: row["committed"]
        for row in rows(installation, "offsets", "show")
        if row["topic"] == installation.inference
    }
    assert "nothing to skip" in told(installation, "offsets", "skip")
    installation.send(installation.inference, [event(n) for n in range(400, 800)])
    delete_before(installation, installation.inference, {0: before[0] + 7, 1: before[1] + 5})

    broken = installation.start("profiler", "broken", "--drain")
    assert broken.wait(WAIT_S) == 1
    log = (installation.folder / "profiler-broken.log").read_text()
    assert "is gone from the broker" in log
    assert "offsets skip" in log
    findings = check(installation, code=1)
    assert len([f for f in findings["error"] if "offsets skip" in f]) == 2
    lost = {
        (row["topic"], row["partition"]): row["lost"]
        for row in rows(installation, "offsets", "show")
        if row["lost"]
    }
    assert lost == {(installation.inference, 0): 7, (installation.inference, 1): 5}

    group = f"{yaml.safe_load(installation.config.read_text())['name']}-profiler"
    member = Consumer(
        {
            "bootstrap.servers": installation.bootstrap,
            "group.id": group,
            "enable.auto.commit": False,
        }
    )
    member.subscribe([installation.inference])
    wait_until(lambda: member.poll(0.2) is not None or bool(member.assignment()))
    assert "has members" in refused(installation, "offsets", "skip", "--yes")
    member.close()
    assert "Skip 12 lost records" in refused(installation, "offsets", "skip")
    moved = rows(installation, "offsets", "skip", "--yes")
    assert [row["lost"] for row in moved] == [7, 5]
    assert not any(row["lost"] for row in rows(installation, "offsets", "show"))

    words = installation.drain([("profiler", "one"), ("detector", "one")])
    assert words[1]["chain_violations"] > 0
    events = [json.loads(v) for v in read_values(installation.bootstrap, installation.events)]
    assert accepted(events)["integrity", "integrity_violation", None]
    assert "left a gap" in installation.run("events", "tail", "--since", "1h", "--no-follow")
    published = [json.loads(v) for v in read_values(installation.bootstrap, installation.results)]
    windows = {
        r["window"]["start"]: r
        for r in sorted(published, key=lambda r: r["revision"])
        if r["type"] == "window"
    }
    assert sum(r["n"] for r in windows.values()) == 800 - 12
    assert windows[rfc3339(START_S)]["exact"]
    assert not windows[rfc3339(START_S + 7_200 - 3_600)]["exact"]
    states = Counter(row["state"] for row in rows(installation, "verify"))
    assert not states.keys() & {"different", "missing"}
    assert states["not_retained"] + states["inexact"]


def told(installation: Installation, *arguments: str) -> str:
    """Standard error of a command that works."""
    done = subprocess.run(
        [COMMAND, *arguments, "--config", installation.config],
        capture_output=True, text=True, timeout=WAIT_S, cwd=installation.folder, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_published_windows_are_recomputed_and_a_false_one_is_found(
    installation: Installation,
) -> None:
    assert "before a profiler has run" in refused(installation, "verify")
    installation.send(installation.inference, [event(n) for n in range(1_500)])
    installation.send(installation.labels, [label(n) for n in range(1_500)])
    installation.drain([("profiler", "one"), ("profiler", "two"), ("detector", "one")])
    found = rows(installation, "verify")
    assert Counter(row["state"] for row in found) == {"equal": 10}, found
    windows = [row for row in found if row["outcome"] is None]
    assert sum(row["published"] for row in windows) == 1_500
    assert sum(row["recomputed"] for row in found if row["outcome"]) == 1_500
    until = rows(installation, "verify", "--model", "m", "--until", rfc3339(START_S + 3_600))
    assert len(until) == 2
    assert "is not configured" in refused(installation, "verify", "--model", "nobody")

    published = [json.loads(v) for v in read_values(installation.bootstrap, installation.results)]
    first = next(r for r in published if r["type"] == "window")
    false = {**first, "revision": first["revision"] + 1, "digest": "0" * 32, "n": first["n"] - 1}
    installation.send(installation.results, [(b"m", json.dumps(false).encode())])
    wrong = [row for row in rows(installation, "verify", code=1) if row["state"] != "equal"]
    assert [(row["state"], row["start"]) for row in wrong] == [
        ("different", first["window"]["start"])
    ]
    assert wrong[0]["recomputed"] == wrong[0]["published"] + 1
    assert "digests differ" in installation.run("verify", code=1)


def check(installation: Installation, code: int = 0) -> dict[str, list[str]]:
    """Messages of `check` by state."""
    found: dict[str, list[str]] = {"ok": [], "warning": [], "error": []}
    for row in rows(installation, "check", code=code):
        found[row["state"]].append(row["message"])
    return found


def alter(bootstrap: str, topic: str, **config: str) -> None:
    """Sets a topic's settings; underscores stand for dots."""
    entries = [
        ConfigEntry(name.replace("_", "."), value, incremental_operation=AlterConfigOpType.SET)
        for name, value in config.items()
    ]
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=entries)
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for future in admin.incremental_alter_configs([resource]).values():
        future.result(WAIT_S)


def test_a_sound_installation_has_no_errors(installation: Installation) -> None:
    installation.send(installation.inference, [event(n) for n in range(200)])
    installation.send(installation.labels, [label(n) for n in range(200)])
    for topic in (installation.inference, installation.labels):
        alter(installation.bootstrap, topic, message_timestamp_type="LogAppendTime")
    found = check(installation)
    assert not found["error"]
    assert any("an aborted record is hidden" in message for message in found["ok"])
    assert sum("keys of 200 records are in place" in message for message in found["ok"]) == 2
    copies = [message for message in found["warning"] if "one copy" in message]
    assert len(copies) == 6
    assert not [message for message in found["warning"] if "CreateTime" in message]
    assert read_values(installation.bootstrap, installation.dead_letters) == []


def test_every_broken_guarantee_is_named(installation: Installation) -> None:
    bootstrap, prefix = (
        installation.bootstrap,
        installation.dead_letters.removesuffix(".dead-letters"),
    )
    alter(
        bootstrap, installation.inference, retention_ms="1800000", retention_bytes="1000000",
        cleanup_policy="compact",
    )  # fmt: skip
    alter(bootstrap, f"{prefix}.deltas", message_timestamp_type="CreateTime")
    alter(bootstrap, f"{prefix}.state", cleanup_policy="delete")
    alter(bootstrap, f"{prefix}.references", max_message_bytes="1000000")
    other = Producer({"bootstrap.servers": bootstrap, "partitioner": "consistent_random"})
    for number in range(200):
        key, value = event(number)
        other.produce(installation.inference, value, key)
        other.produce(installation.labels, label(number)[1])
    assert other.flush(WAIT_S) == 0
    same = [(b"same", event(number)[1]) for number in range(200, 210)]
    installation.send(installation.inference, same)

    found = check(installation, code=1)
    errors, warnings = "\n".join(found["error"]), "\n".join(found["warning"])
    assert "of the newest 210 records lie in another partition" in errors
    assert "consistent_random" in errors
    assert f"{installation.labels}: 200 of the newest 200 records have no key" in errors
    assert f"{prefix}.state has cleanup.policy=delete" in errors
    assert f"{prefix}.deltas has message.timestamp.type=CreateTime" in errors
    assert f"{installation.inference} keeps its producers' clocks" in warnings
    assert f"{installation.inference} has cleanup.policy=compact" in warnings
    assert f"{installation.inference} keeps 30m (retention.ms=1800000)" in warnings
    assert "the longest horizon is 1h (model m, outcome label)" in warnings
    assert "retention.bytes=1000000" in warnings
    assert f"{prefix}.references has max.message.bytes=1000000" in warnings
    assert "10 of the newest 210 records have a key other than their prediction_id" in warnings


SECURED = {
    "listener.security.protocol.map": (
        "CLIENTS:SASL_PLAINTEXT,BROKERS:PLAINTEXT,CONTROLLER:PLAINTEXT"
    ),
    "sasl.enabled.mechanisms": "SCRAM-SHA-256",
    "listener.name.clients.scram-sha-256.sasl.jaas.config": (
        "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    ),
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:ANONYMOUS;User:admin",
}


def login(user: str) -> dict[str, str]:
    return {
        "security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "SCRAM-SHA-256",
        "sasl.username": user, "sasl.password": f"{user}-secret",
    }  # fmt: skip


def allow(admin: AdminClient, kind: ResourceType, name: str, *operations: AclOperation) -> None:
    """Grants rights on everything whose name begins so."""
    bindings = [
        AclBinding(
            kind, name, ResourcePatternType.PREFIXED, "User:monitor", "*", operation,
            AclPermissionType.ALLOW,
        )
        for operation in operations
    ]  # fmt: skip
    for future in admin.create_acls(bindings).values():
        future.result(WAIT_S)


def test_missing_rights_are_named_by_resource(broker_jars: Path, tmp_path: Path) -> None:
    users = [f"SCRAM-SHA-256=[name={u},password={u}-secret]" for u in ("admin", "monitor")]
    adding = [word for user in users for word in ("--add-scram", user)]
    with KafkaProcess(
        broker_jars, tmp_path / "kafka", properties=SECURED, format_arguments=adding,
        client_properties=login("admin"),
    ) as broker:  # fmt: skip
        admin = AdminClient({"bootstrap.servers": broker.bootstrap, **login("admin")})
        topics = ("inference", "labels", "drift-events", "sm.deltas", "sm.state", "sm.references",
                  "sm.results", "sm.dead-letters")  # fmt: skip
        made = [NewTopic(topic, 2, 1) for topic in topics]
        for future in admin.create_topics(made).values():
            future.result(WAIT_S)
        reading = (AclOperation.READ, AclOperation.DESCRIBE_CONFIGS)
        allow(admin, ResourceType.TOPIC, "inference", AclOperation.DESCRIBE)
        for topic in ("labels", "drift-events", "sm.state", "sm.references", "sm.results"):
            allow(admin, ResourceType.TOPIC, topic, *reading, AclOperation.WRITE)
        allow(admin, ResourceType.TOPIC, "sm.dead-letters", *reading, AclOperation.WRITE)
        allow(admin, ResourceType.GROUP, "app-profiler", AclOperation.READ)
        allow(admin, ResourceType.GROUP, "stream-monitor-reader", AclOperation.READ)
        (tmp_path / "models").mkdir()
        settings = {
            "name": "app", "kafka": {"bootstrap.servers": broker.bootstrap, **login("monitor")},
            "topics": {"prefix": "sm", "replication": 1, "partitions": 2},
        }  # fmt: skip
        file = tmp_path / "monitor.yaml"
        file.write_text(yaml.safe_dump(settings))
        done = subprocess.run(
            [COMMAND, "check", "--json", "--config", file],
            capture_output=True, text=True, timeout=WAIT_S, check=False,
        )  # fmt: skip
    assert done.returncode == 1, done.stderr
    errors = [row["message"] for row in map(json.loads, done.stdout.splitlines())
              if row["state"] == "error"]  # fmt: skip
    told = "\n".join(errors)
    assert "topic inference: the right READ is missing" in told
    assert "topic sm.deltas" in told
    assert "group app-detector" in told
    assert "the rights WRITE and DESCRIBE on the transactional id are missing" in told
    assert "monitor-secret" not in done.stdout + done.stderr
