"""References learned from a model's first windows in its own topic, on a broker in memory."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from stream_monitor.config.loading import Installation
from stream_monitor.core.errors import InvalidSpecification, StreamMonitorError
from stream_monitor.core.policy import ReferenceKind
from stream_monitor.core.published import rfc3339
from stream_monitor.core.references import Reference
from stream_monitor.services.first_windows import Standing, Wanted
from stream_monitor.services.history import ReferencePeriod
from stream_monitor.services.ports import Outgoing
from stream_monitor.services.reference_building import build, learn
from stream_monitor.services.wiring import EmbeddedBroker, wire_embedded
from tests.unit.services.fleet import Fleet
from tests.unit.services.memory_connections import MemoryConnections
from tests.unit.services.source_stream import SourceRecord, event
from tests.unit.services.test_operator_commands import config
from tests.unit.services.watched import CARRIERS, DAY_S, HOUR_S, ORIGINS, T0, monitor

EVERY_S = 20
LATE_S = 300 + 60
"""Allowed lateness and what may be out of order."""


def installation(time: str = "history") -> Installation:
    return Installation(monitor(time), (config("flights", "distance"), config("fares", "price")))


def stream(from_s: float, until_s: float, model: str = "flights") -> list[SourceRecord]:
    """An event every EVERY_S seconds since T0."""
    rng = np.random.default_rng(3)
    return [
        event(
            f"{model}-{at}", model, T0 + at, amount=round(float(rng.normal(100, 10)), 1),
            carrier=str(rng.choice(CARRIERS)), origin=str(rng.choice(ORIGINS)),
        )
        for at in np.arange(from_s, until_s, EVERY_S).tolist()
    ]  # fmt: skip


@dataclass
class Topic:
    """A source topic that gets more records each time somebody waits for it."""

    to_come: list[list[SourceRecord]] = field(default_factory=list)
    fleet: Fleet = field(default_factory=Fleet)
    standings: list[Standing] = field(default_factory=list)
    now_s: float = T0

    def wait(self, standing: Standing) -> None:
        self.standings.append(standing)
        self.fleet.send(self.to_come.pop(0))

    def learn(
        self, windows: int, size: str | None = "1h", since: str | None = None, *,
        is_waiting: bool = False, time: str = "history",
    ) -> Reference:  # fmt: skip
        return learn(
            installation(time), "flights", Wanted(windows, size, since), None,
            connections=MemoryConnections(self.fleet.broker),
            wait=self.wait if is_waiting else None, clock=lambda: self.now_s,
        )  # fmt: skip

    def build(self, since: str | None, until: str | None) -> Reference:
        period = ReferencePeriod(None, since, until)
        connections = MemoryConnections(self.fleet.broker)
        return build(installation(), "flights", None, period, None, connections=connections)


def test_the_first_whole_windows_are_the_reference() -> None:
    topic = Topic()
    topic.fleet.send(stream(900, 6 * HOUR_S))
    topic.fleet.send(stream(0, 6 * HOUR_S, "fares"))
    learned = topic.learn(3)
    assert (learned.start_s, learned.end_s) == (T0 + HOUR_S, T0 + 4 * HOUR_S)
    assert learned.events == 3 * HOUR_S / EVERY_S
    assert [w.window.start_s for w in learned.segments["all"].windows["1h"]] == [
        T0 + hour * HOUR_S for hour in (1, 2, 3)
    ]
    assert learned == topic.build(rfc3339(T0 + HOUR_S), rfc3339(T0 + 4 * HOUR_S))
    since = topic.learn(2, since=rfc3339(T0 + 2 * HOUR_S))
    assert (since.start_s, since.end_s) == (T0 + 2 * HOUR_S, T0 + 4 * HOUR_S)


def test_late_and_repeated_records_are_counted_as_when_a_time_is_given() -> None:
    topic = Topic()
    late = event("late", "flights", T0 + 5, amount=7_000.0)
    topic.fleet.send([*stream(0, HOUR_S + 200), late, late, *stream(HOUR_S + 200, 3 * HOUR_S)])
    learned = topic.learn(1)
    assert learned.events == HOUR_S / EVERY_S + 2
    assert learned == topic.build(rfc3339(T0), rfc3339(T0 + HOUR_S))
    assert learned.segments["all"].total.numeric[0].maximum == 7_000.0


def test_too_few_windows_are_named_with_the_time_when_the_rest_is_due() -> None:
    topic = Topic()
    with pytest.raises(StreamMonitorError, match="0 of 3 windows of 1h are whole; wait"):
        topic.learn(3)
    topic.fleet.send(stream(0, 2 * HOUR_S + LATE_S + 300))
    due = rfc3339(T0 + 3 * HOUR_S + LATE_S)
    with pytest.raises(StreamMonitorError, match=rf"2 of 3 windows of 1h.* due at about {due}"):
        topic.learn(3)
    assert topic.learn(2).events == 2 * HOUR_S / EVERY_S


def test_waiting_ends_when_the_records_have_come() -> None:
    late = event("late", "flights", T0 + 2 * HOUR_S + 7, amount=7_000.0)
    coming = [
        stream(0, 1_000), stream(1_000, 2 * HOUR_S + 900),
        [*stream(2 * HOUR_S + 900, 3 * HOUR_S + 20), late], stream(3 * HOUR_S + 20, 4 * HOUR_S),
        stream(4 * HOUR_S, 5 * HOUR_S),
    ]  # fmt: skip
    topic = Topic(coming)
    learned = topic.learn(3, is_waiting=True)
    assert [(s.complete, s.wanted, s.size) for s in topic.standings] == [
        (n, 3, "1h") for n in (0, 0, 2, 2)
    ]
    due_s = T0 + 3 * HOUR_S + LATE_S
    assert [s.due_s for s in topic.standings] == [None, due_s, due_s, due_s]
    assert len(topic.to_come) == 1
    assert learned.events == 3 * HOUR_S / EVERY_S + 1
    assert learned.segments["all"].total.numeric[0].maximum == 7_000.0


def test_what_comes_after_the_windows_were_whole_is_not_in_the_reference() -> None:
    topic = Topic([stream(HOUR_S, 2 * HOUR_S), [event("late", "flights", T0 + 5, amount=7_000.0)]])
    topic.fleet.send(stream(0, HOUR_S))
    learned = topic.learn(1, is_waiting=True)
    topic.wait(topic.standings[-1])
    assert learned.events == HOUR_S / EVERY_S
    assert topic.learn(1).events == learned.events + 1, "it lies before the end of the topic now"


def test_a_quiet_partition_holds_nothing_up_in_live_time() -> None:
    topic = Topic(fleet=Fleet(config=monitor("live")))
    topic.fleet.send(stream(0, 2 * HOUR_S)[::40])
    topic.now_s = T0 + 2 * HOUR_S + LATE_S + 2
    with pytest.raises(StreamMonitorError, match="of 2 windows"):
        topic.learn(2)
    assert topic.learn(2, time="live").events == 2 * HOUR_S / EVERY_S / 40
    topic.now_s -= 2
    with pytest.raises(StreamMonitorError, match="1 of 2 windows"):
        topic.learn(2, time="live")


def test_records_that_retention_took_leave_out_the_windows_they_may_belong_to() -> None:
    topic = Topic()
    topic.fleet.send(stream(0, 5 * HOUR_S))
    logs = topic.fleet.broker.topic("inference").logs
    for log in logs:
        log.delete_before(10)
    learned = topic.learn(2)
    assert (learned.start_s, learned.events) == (T0 + HOUR_S, 2 * HOUR_S / EVERY_S)


def test_a_topic_that_keeps_too_little_is_not_waited_for() -> None:
    topic = Topic()
    settings = topic.fleet.broker.topic("inference").config
    topic.fleet.broker.topic("inference").config = {
        **settings,
        "retention.ms": str(7 * DAY_S * 1_000),
    }
    with pytest.raises(StreamMonitorError, match=r"keeps 7d .* 7 windows of 1d: .* at least 8d"):
        topic.learn(7, size=None, is_waiting=True)
    topic.to_come = [stream(0, 8 * DAY_S)[::90]]
    learned = topic.learn(6, size=None, is_waiting=True)
    assert len(learned.segments["all"].windows["1d"]) == 6


def test_rows_that_went_before_they_were_counted_are_named() -> None:
    topic = Topic()
    topic.fleet.send(stream(0, 3 * HOUR_S))

    connections = MemoryConnections(topic.fleet.broker)
    ranges = connections.ranges
    opened: list[int] = []

    def losing():  # type: ignore[no-untyped-def]
        opened.append(1)
        if len(opened) == 2:
            for log in topic.fleet.broker.topic("inference").logs:
                log.delete_before(5)
        return ranges()

    connections.ranges = losing  # type: ignore[method-assign]
    with pytest.raises(
        StreamMonitorError, match="360 events of flights were there and 340 are left"
    ):
        learn(installation(), "flights", Wanted(2, "1h"), None, connections=connections)
    assert len(opened) == 3


def test_a_time_of_the_topic_is_built_as_before() -> None:
    topic = Topic()
    topic.fleet.send(stream(100, 2 * HOUR_S))
    whole = topic.build(None, None)
    assert (whole.start_s, whole.end_s) == (T0, T0 + 2 * HOUR_S)
    assert (whole.version, whole.kind) == ("1", ReferenceKind.VALIDATION)
    half = topic.build(rfc3339(T0 + HOUR_S), None)
    assert (half.start_s, half.events) == (T0 + HOUR_S, HOUR_S / EVERY_S)
    with pytest.raises(InvalidSpecification, match="has no rows"):
        topic.build(rfc3339(T0 + DAY_S), None)
    with pytest.raises(InvalidSpecification, match="--rows is of a file"):
        build(installation(), "flights", None, ReferencePeriod(5), None)


def test_windows_are_learned_from_the_embedded_broker() -> None:
    """Its topics keep no configuration, and tell ends and stable ends alike."""
    broker = EmbeddedBroker()
    try:
        connections = wire_embedded(installation(), broker)

        def send(records: list[SourceRecord]) -> None:
            producer = connections.producer(f"test-{len(records)}")
            producer.init_transactions()
            producer.begin()
            for topic, key, value, _ in records:
                producer.produce(Outgoing(topic, key, value))
            producer.commit()
            producer.close()

        def wait(standing: Standing) -> None:
            standings.append(standing)
            send(stream(2 * HOUR_S, 3 * HOUR_S))

        standings: list[Standing] = []
        send(stream(0, 2 * HOUR_S - 20))
        learned = learn(
            installation(), "flights", Wanted(2, "1h"), None, connections=connections, wait=wait
        )
    finally:
        broker.close()
    assert [standing.complete for standing in standings] == [1]
    assert learned.events == 2 * HOUR_S / EVERY_S - 1


def test_an_unknown_size_is_refused_with_those_there_are() -> None:
    with pytest.raises(InvalidSpecification, match="no windows of 2h, but of 1h, 1d"):
        Topic().learn(3, size="2h")
    with pytest.raises(InvalidSpecification, match="nobody is not configured"):
        learn(installation(), "nobody", Wanted(2), None)
