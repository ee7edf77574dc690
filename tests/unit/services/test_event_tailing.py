"""Reading the topic of drift events: what was before, what comes, and only what is asked for."""

from __future__ import annotations

from itertools import count
from typing import Any

import orjson
import pytest

from stream_monitor.connectors.memory import MemoryBroker, MemoryProducer
from stream_monitor.core.errors import InvalidSpecification, StreamMonitorError
from stream_monitor.core.policy import Severity
from stream_monitor.services.event_tailing import (
    EventFilter,
    EventTail,
    PublishedEvent,
    instant_ms,
)
from stream_monitor.services.ports import Outgoing, TopicSpec
from tests.unit.services.memory_connections import MemoryConnections

TOPIC = "drift-events"
ALL = EventFilter()


@pytest.fixture
def broker() -> MemoryBroker:
    ticks = count(1_000, 10)
    names = count()
    made = MemoryBroker(lambda: next(ticks), lambda: f"id{next(names)}")
    made.create(TopicSpec(TOPIC, 3))
    return made


def drift(number: int, **changed: Any) -> dict[str, Any]:
    return {
        "type": "drift", "id": str(number), "status": "opened", "revision": 0, "model": "m",
        "segment": "all", "feature": "x", "severity": "warning", **changed,
    }  # fmt: skip


def write(broker: MemoryBroker, *events: dict[str, Any]) -> None:
    for event in events:
        partition = int(event["id"]) % 3
        broker.append(Outgoing(TOPIC, b"m", orjson.dumps(event), partition))


def tail(broker: MemoryBroker, wanted: EventFilter = ALL) -> EventTail:
    return EventTail(MemoryConnections(broker), TOPIC, wanted)


def ids(events: list[PublishedEvent]) -> list[int]:
    return [int(event.body["id"]) for event in events]


def test_events_before_come_in_order_of_time_over_all_partitions(broker: MemoryBroker) -> None:
    write(broker, *(drift(n) for n in range(20)))
    everything = tail(broker).before()
    assert ids(everything) == list(range(20))
    assert ids(tail(broker).before(last=3)) == [17, 18, 19]
    since_ms = everything[12].time_ms
    assert ids(tail(broker).before(since_ms)) == list(range(12, 20))
    assert ids(tail(broker).before(since_ms, last=2)) == [18, 19]
    assert everything[0].data == orjson.dumps(drift(0))


def test_what_comes_follows_on_what_was_before(broker: MemoryBroker) -> None:
    write(broker, *(drift(n) for n in range(5)))
    watched = tail(broker)
    write(broker, *(drift(n) for n in range(5, 9)))
    assert ids(watched.before()) == list(range(5))
    coming = watched.coming()
    assert sorted(ids(next(coming))) == [5, 6, 7, 8]
    assert next(coming) == []
    write(broker, drift(9))
    assert ids(next(coming)) == [9]
    coming.close()


def test_aborted_events_are_never_seen_and_open_ones_later(broker: MemoryBroker) -> None:
    producer = MemoryProducer(broker, "app.detector")
    producer.init_transactions()
    for number, end in enumerate((producer.abort, producer.commit)):
        producer.begin()
        producer.produce(Outgoing(TOPIC, b"m", orjson.dumps(drift(number)), 0))
        watched = tail(broker)
        assert watched.before() == []
        coming = watched.coming()
        assert next(coming) == []
        end()
        assert ids(next(coming)) == [1] * number
        coming.close()


def test_a_filter_takes_only_what_has_what_it_asks_for(broker: MemoryBroker) -> None:
    integrity = {
        "type": "integrity", "id": "6", "status": "integrity_violation", "revision": 0,
        "model": "", "feature": "",
    }  # fmt: skip
    write(
        broker,
        drift(0),
        drift(1, model="other"),
        drift(2, feature="y", severity="critical"),
        drift(3, segment="origin=JFK"),
        drift(4, status="retracted", severity=None),
        drift(5, status="recovered", severity=None),
        integrity,
    )

    def taken(**wanted: Any) -> list[int]:
        return ids(tail(broker, EventFilter(**wanted)).before())

    assert taken() == [0, 1, 2, 3, 4, 5, 6]
    assert taken(model="other") == [1]
    assert taken(feature="y") == [2]
    assert taken(segment="origin=JFK") == [3]
    assert taken(segment="all", model="m") == [0, 2, 4, 5]
    assert taken(severity=Severity.WARNING) == [0, 1, 2, 3]
    assert taken(severity=Severity.CRITICAL) == [2]
    assert taken(statuses=frozenset({"retracted", "integrity_violation"})) == [4, 6]
    with pytest.raises(InvalidSpecification, match="'odd' is no status: use opened"):
        EventFilter(statuses=frozenset({"odd"}))


def test_records_of_others_are_passed_over(broker: MemoryBroker) -> None:
    for value in (None, b"no json", b"[1]", b'{"type": "other"}'):
        broker.append(Outgoing(TOPIC, b"k", value, 0))
    write(broker, drift(0))
    assert ids(tail(broker).before()) == [0]


def test_a_missing_topic_is_named(broker: MemoryBroker) -> None:
    with pytest.raises(StreamMonitorError, match="nowhere"):
        EventTail(MemoryConnections(broker), "nowhere", ALL)


def test_since_is_a_duration_or_a_time() -> None:
    assert instant_ms("2h", 10_000.0) == 2_800_000
    assert instant_ms("1970-01-02", 0.0) == 86_400_000
    assert instant_ms("1970-01-01T00:00:01Z", 0.0) == 1_000
    with pytest.raises(InvalidSpecification, match="'soon' is neither"):
        instant_ms("soon", 0.0)
