"""Members that join, leave and are expelled in the middle of a stream."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import numpy as np
import orjson
import pytest

from stream_monitor.core.records import TopicPartition
from stream_monitor.services.ports import Committed, Outgoing, Unanswered, never
from tests.unit.services.fleet import Fleet
from tests.unit.services.made_references import references
from tests.unit.services.published import assert_as_offline, events, results
from tests.unit.services.source_stream import Mixture, random_stream
from tests.unit.services.trouble import abort, kill
from tests.unit.services.watched import DELTAS_PARTITIONS, watched

MIXTURE = Mixture()


@pytest.mark.parametrize("role", ["profiler", "detector"])
def test_partitions_move_between_members_and_nothing_is_lost(role: str) -> None:
    fleet = Fleet()
    fleet.publish(*references())
    start = getattr(fleet, role)
    others = fleet.detector if role == "profiler" else fleet.profiler
    others("only")
    one, two = start("one"), None
    for part in fleet.feed(random_stream(np.random.default_rng(1), list(watched()), MIXTURE), 14):
        if part == 2:
            two = start("two")
        if part == 5:
            one.consumer.time_out()
        if part == 8:
            fleet.leave(one)
        if part == 11:
            one = start("one")
    assert two is not None
    assert two.service.status.is_ready
    fleet.finish()
    assert_as_offline(fleet)


@pytest.mark.parametrize("place", ["committed", "beginning", "poll"])
def test_a_member_that_no_broker_answers_goes_on_when_one_does(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet = Fleet()
    fleet.publish(*references())
    members = [fleet.profiler(), fleet.detector()]
    silent: list[str] = []
    for member in members:
        answer = getattr(member.consumer, place)

        def asked(*given: Any, answer: Callable[..., Any] = answer) -> Any:
            if silent:
                silent.append(place)
                raise Unanswered("planned")
            return answer(*given)

        monkeypatch.setattr(member.consumer, place, asked)
    stream = random_stream(np.random.default_rng(4), list(watched()), MIXTURE)
    for part in fleet.feed(stream, 11):
        if part == 2:
            silent.append("from now on")
            for member in members:
                member.consumer.time_out()
        if part == 6:
            assert len(silent) > 3
            ready = [member.service.status.is_ready for member in members]
            assert ready == [False, place == "beginning"]
        if part == 7:
            silent.clear()
    assert all(member.is_alive and member.service.status.is_ready for member in members)
    fleet.finish()
    assert_as_offline(fleet)


@pytest.mark.parametrize("call", [2, 3])
@pytest.mark.parametrize("role", ["profiler", "detector"])
def test_what_no_broker_answered_is_not_taken_for_the_end(
    role: str, call: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet = Fleet()
    fleet.publish(*references())
    fleet.send(random_stream(np.random.default_rng(4), list(watched()), MIXTURE))
    for name, start in (("profiler", fleet.profiler), ("detector", fleet.detector)):
        member = start(is_started=False)
        if name == role:
            place = "committed" if name == "profiler" else "seek"
            answer, calls = getattr(member.consumer, place), count(1)

            def asked(*given: Any, answer: Any = answer, calls: Any = calls) -> Any:
                if next(calls) == call:
                    raise Unanswered("planned, once")
                return answer(*given)

            monkeypatch.setattr(member.consumer, place, asked)
            member.trouble.plan("before_commit", abort, pass_by=1)
        member.service.run(lambda: False, lambda: True)
        member.is_alive = False
        assert not member.trouble.planned
    assert_as_offline(fleet)


def test_a_member_that_no_broker_answers_for_ten_minutes_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fleet = Fleet()
    member = fleet.detector(is_started=False)

    def asked(*given: Any) -> Any:
        fleet.clock.now_s += 100.0
        raise Unanswered("planned")

    monkeypatch.setattr(member.consumer, "committed", asked)
    with pytest.raises(Unanswered, match="planned"):
        member.service.run(never)
    assert not member.service.status.is_ready


def test_members_without_a_partition_are_ready() -> None:
    fleet = Fleet()
    members = [start(f"m{i}") for i in range(5) for start in (fleet.profiler, fleet.detector)]
    fleet.step(times=4)
    assert all(member.service.status.is_ready for member in members)
    assert sum(bool(member.held) for member in members) == DELTAS_PARTITIONS


def test_a_detector_restored_at_every_step_publishes_what_an_uninterrupted_one_does() -> None:
    published = []
    for is_restored in (False, True):
        fleet = Fleet()
        fleet.publish(*references())
        fleet.profiler()
        detector = fleet.detector()
        stream = random_stream(np.random.default_rng(2), list(watched()), MIXTURE)
        for part in fleet.feed(stream, 7):
            if is_restored and part:
                detector = fleet.restart(detector)
                fleet.step(detector)
                detector.trouble.plan("after_commit", kill)
        fleet.finish()
        assert_as_offline(fleet)
        found = [*results(fleet, "window"), *results(fleet, "performance"), *events(fleet)]
        published.append(sorted(orjson.dumps(record) for record in found))
    uninterrupted, restored = published
    assert uninterrupted == restored


def test_foreign_records_among_the_deltas_are_counted_and_passed_over() -> None:
    fleet = Fleet()
    detector = fleet.detector()
    for value in (None, b"", b"not ours"):
        fleet.broker.append(Outgoing(fleet.config.topics.deltas, b"k", value, 1))
        fleet.step(times=2)
    assert detector.held[1].unreadable == 2
    assert fleet.broker.groups["app-detector"].committed == {
        TopicPartition(fleet.config.topics.deltas, 1): Committed(3)
    }
