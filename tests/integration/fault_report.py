"""What a fault run found, compared with the offline pass."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from confluent_kafka import Consumer, KafkaError
from confluent_kafka import TopicPartition as Position

from stream_monitor.config.loading import load_config
from stream_monitor.connectors.kafka.failures import until_deadline, watermarks
from stream_monitor.connectors.kafka.offsets import Answer, ask_anew, committed
from stream_monitor.core.records import TopicPartition
from stream_monitor.core.reference_catalogue import ReferenceCatalogue
from tests.integration.fault_member import Log
from tests.integration.fault_oracle import differences, expected
from tests.integration.fault_traffic import FaultTraffic
from tests.integration.installation import DELTAS_PARTITIONS, WAIT_S, Installation
from tests.integration.topics import read_values

PARTITIONS = 12
_ABOUT_LABELS = ("label_expired", "no_prediction")
"""Reasons of dead letters that are not about a record by itself."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a run found: `differences` from the offline pass, lag and dead letters beside those expected."""

    log: Log
    differences: list[str]
    records: int
    windows: int
    results: int
    lag: int
    dead_letters: int
    poison: int
    chain_violations: int
    write_s: float
    drain_s: float


def report(
    installation: Installation, catalogue: ReferenceCatalogue, traffic: FaultTraffic, log: Log,
    write_s: float, drain_s: float,
) -> Report:  # fmt: skip
    bootstrap = installation.bootstrap
    published = [json.loads(v) for v in read_values(bootstrap, installation.results)]
    events = [json.loads(v) for v in read_values(bootstrap, installation.events)]
    wanted = expected(load_config(installation.config, {"HOSTNAME": "fault"}), catalogue, traffic)
    letters = dead_letters(bootstrap, installation.dead_letters)
    violations = sum(event["type"] == "integrity" for event in events)
    return Report(
        log=log,
        differences=differences(wanted, published, events) + _doubled(letters),
        records=len(traffic.records),
        windows=len(wanted.windows),
        results=len(published),
        lag=lag(installation),
        dead_letters=_poisoned(letters),
        poison=traffic.poison,
        chain_violations=violations,
        write_s=write_s,
        drain_s=drain_s,
    )


def dead_letters(bootstrap: str, topic: str) -> Counter[tuple[str, ...]]:
    """How often each (reason, topic, partition, offset) became a dead letter."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap, "group.id": f"{topic}.reader",
            "auto.offset.reset": "earliest", "enable.partition.eof": True,
            "isolation.level": "read_committed", "enable.auto.commit": False,
        }
    )  # fmt: skip
    consumer.assign([Position(topic, partition, 0) for partition in range(3)])
    found: Counter[tuple[str, ...]] = Counter()
    ended: set[int | None] = set()
    while len(ended) < 3:
        for message in consumer.consume(1_000, 1.0):
            error = message.error()
            if error is None:
                headers = {name: value.decode() for name, value in message.headers() or []}
                found[tuple(headers[n] for n in ("reason", "topic", "partition", "offset"))] += 1
            elif error.code() == KafkaError._PARTITION_EOF:
                ended.add(message.partition())
    consumer.close()
    return found


def _poisoned(letters: Counter[tuple[str, ...]]) -> int:
    return sum(n for (reason, *_), n in letters.items() if reason not in _ABOUT_LABELS)


def _doubled(letters: Counter[tuple[str, ...]]) -> list[str]:
    return [f"dead letter {where} is there {n} times" for where, n in letters.items() if n > 1]


def lag(installation: Installation, role: str = "profiler") -> int:
    """Records of a group's topics beyond its committed offsets; of the deltas also what ends transactions."""
    places = _places(installation, role)

    def left(client: Consumer, wait_s: float) -> int:
        ends = [watermarks(client, at, wait_s)[1] for at in places]
        return sum(ends) - sum(to.offset for to in committed(client, wait_s, places).values())

    return _asked(installation, role, left)


def committed_offsets(installation: Installation) -> dict[tuple[str, int], int]:
    """The profiler group's next offset of each source partition that it has committed."""
    places = _places(installation, "profiler")
    found = _asked(installation, "profiler", partial(committed, partitions=places))
    return {(at.topic, at.partition): to.offset for at, to in found.items()}


def _asked(
    installation: Installation, role: str, ask: Callable[[Consumer, float], Answer]
) -> Answer:
    """Repeats a question about a group, each time by a new client."""
    name = load_config(installation.config, {"HOSTNAME": "fault"}).monitor.name
    # A member that is stopped amid a transaction would keep a stable answer back until that times out.
    settings = {
        "bootstrap.servers": installation.bootstrap, "group.id": f"{name}-{role}",
        "isolation.level": "read_uncommitted",
    }  # fmt: skip
    return until_deadline(
        "read offsets", WAIT_S, lambda wait_s: ask_anew(settings, lambda by: ask(by, wait_s))
    )


def _places(installation: Installation, role: str) -> list[TopicPartition]:
    topics = {
        "profiler": {installation.inference: PARTITIONS, installation.labels: PARTITIONS},
        "detector": {installation.deltas: DELTAS_PARTITIONS},
    }[role]
    return [TopicPartition(topic, at) for topic, count in topics.items() for at in range(count)]


def assert_exact(report: Report, end_s: float = 10.0) -> None:
    """Nothing differs, is left or ended by itself, and every SIGTERM was obeyed within `end_s`."""
    assert report.differences == []
    assert report.lag == 0
    assert report.chain_violations == 0
    assert report.dead_letters == report.poison
    assert report.log.unexpected == []
    assert report.log.outlasted == []
    assert max(report.log.terminated_s) < end_s
