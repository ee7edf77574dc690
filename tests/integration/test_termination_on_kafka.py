"""SIGTERM under load: the open transaction is committed or rolled back, and the exit is quick and clean."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition

from stream_monitor.core.wire import Marker, decode_record
from tests.integration.fault_report import committed_offsets, lag
from tests.integration.fault_traffic import FEATURES, FaultTraffic, model_file
from tests.integration.installation import WAIT_S, Installation
from tests.integration.topics import read_records

pytestmark = pytest.mark.kafka


def test_sigterm_under_load_leaves_nothing_open_and_exits_with_zero(
    real_kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    installation = Installation(
        tmp_path / "app", real_kafka, topic_prefix, {name: model_file(name) for name in FEATURES},
        partitions=12, profiler={"membership": "dynamic", "max_records": 1_000},
    )  # fmt: skip
    traffic = FaultTraffic(30_000, 86_400)
    for topic, is_label in ((installation.inference, False), (installation.labels, True)):
        installation.send(topic, [(k, v) for label, k, v in traffic.records if label is is_label])
    services = [installation.start(role, "one") for role in ("profiler", "detector")]
    total, deadline = len(traffic.records), time.monotonic() + WAIT_S
    while lag(installation) > total * 0.8:
        assert time.monotonic() < deadline, "the profiler committed nothing"
    began = time.monotonic()
    for service in services:
        service.terminate()
    assert [service.wait(WAIT_S) for service in services] == [0, 0]
    assert time.monotonic() - began < 10
    assert lag(installation) > 0, "the load was over before the signal"

    deltas = f"{topic_prefix}sm.deltas"
    assert stable_ends(real_kafka, deltas, 6) == ends(real_kafka, deltas, 6)
    assert marked(real_kafka, deltas) == committed_offsets(installation)


def marked(bootstrap: str, topic: str) -> dict[tuple[str, int], int]:
    """The offset up to which the committed markers say each source partition was counted."""
    found: dict[tuple[str, int], int] = {}
    for records in read_records(bootstrap, topic):
        for value in records.value:
            marker = decode_record(value) if value is not None else None
            if isinstance(marker, Marker):
                for step in marker.progress:
                    where = (step.topic, step.partition)
                    found[where] = max(step.end, found.get(where, 0))
    return found


def stable_ends(bootstrap: str, topic: str, partitions: int) -> list[int]:
    """Ends as readers of committed records see them: before the first open transaction."""
    return _ends(bootstrap, topic, partitions, "read_committed")


def ends(bootstrap: str, topic: str, partitions: int) -> list[int]:
    """Ends of everything written."""
    return _ends(bootstrap, topic, partitions, "read_uncommitted")


def _ends(bootstrap: str, topic: str, partitions: int, isolation: str) -> list[int]:
    consumer = Consumer(
        {"bootstrap.servers": bootstrap, "group.id": "ends", "isolation.level": isolation}
    )
    try:
        places = [TopicPartition(topic, partition) for partition in range(partitions)]
        return [consumer.get_watermark_offsets(place, 30)[1] for place in places]
    finally:
        consumer.close()
