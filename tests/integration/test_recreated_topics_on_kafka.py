"""Source topics that are deleted and made anew while services run."""

from __future__ import annotations

import json
import signal
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import KafkaError
from confluent_kafka.admin import AdminClient, NewTopic

from tests.integration.installation import WAIT_S, Installation
from tests.integration.small_model import MODEL, build_reference, event, label
from tests.integration.topics import read_values

pytestmark = pytest.mark.kafka


@pytest.mark.parametrize("behind", [100, 900], ids=["shorter", "longer"])
def test_topics_made_anew_under_running_services_are_read_from_their_beginning(
    real_kafka: str, topic_prefix: str, tmp_path: Path, behind: int
) -> None:
    """Also where the new topic reaches beyond the offset at which the old one was read."""
    installation = Installation(tmp_path / "app", real_kafka, topic_prefix, {"m": MODEL})
    build_reference(installation)
    services = [installation.start(role, "one") for role in ("profiler", "detector")]
    send(installation, range(400))
    wait_until_read(installation, 400)
    make_anew(installation, [installation.inference, installation.labels])
    send(installation, range(400, 400 + behind))
    wait_until_read(installation, behind)
    for service in services:
        service.send_signal(signal.SIGTERM)
    assert [service.wait(WAIT_S) for service in services] == [0, 0]
    detector = installation.drain([("profiler", "one"), ("detector", "one")])[1]
    assert detector["chain_violations"] == 0
    windows = newest(installation, "window")
    assert sum(window["n"] for window in windows) == 400 + behind
    assert all(window["exact"] for window in windows)
    assert sum(p["labels"] for p in newest(installation, "performance")) == 400 + behind


def send(installation: Installation, numbers: range) -> None:
    installation.send(installation.inference, [event(n) for n in numbers])
    installation.send(installation.labels, [label(n) for n in numbers])


def wait_until_read(installation: Installation, records: int) -> None:
    """Until the profilers have committed so many records of each topic."""
    deadline = time.monotonic() + WAIT_S
    found: Counter[str] = Counter()
    while found != {installation.inference: records, installation.labels: records}:
        assert time.monotonic() < deadline, found
        shown = installation.run("offsets", "show", "--json").splitlines()
        found = Counter()
        for row in map(json.loads, shown):
            if row["topic"] != installation.deltas:
                found[row["topic"]] += row["committed"] or 0


def make_anew(installation: Installation, topics: Sequence[str]) -> None:
    """Deletes topics, and makes them as soon as the broker has let go of the names."""
    admin = AdminClient({"bootstrap.servers": installation.bootstrap})
    for future in admin.delete_topics(list(topics)).values():
        future.result(WAIT_S)
    left = set(topics)
    while left:
        for topic, future in admin.create_topics([NewTopic(t, 4, 1) for t in left]).items():
            error = future.exception(WAIT_S)
            if error is None:
                left.remove(topic)
            elif error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise error


def newest(installation: Installation, kind: str) -> list[dict[str, Any]]:
    """The highest revision of each window of a kind."""
    published = [json.loads(v) for v in read_values(installation.bootstrap, installation.results)]
    found = {
        r["window"]["start"]: r
        for r in sorted(published, key=lambda r: r["revision"])
        if r["type"] == kind
    }
    return list(found.values())
