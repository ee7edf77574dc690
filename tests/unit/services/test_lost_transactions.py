"""Transactions and producers that are lost at every call, in every role: nothing is lost, nothing twice."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tests.unit.services.fleet import Fleet
from tests.unit.services.made_references import references
from tests.unit.services.published import assert_as_offline
from tests.unit.services.source_stream import Mixture, random_stream
from tests.unit.services.trouble import ABORTING, DYING, FENCING, abort, fence, kill, stay_silent
from tests.unit.services.watched import monitor, watched

MIXTURE = Mixture()


@pytest.mark.parametrize(
    ("what", "places"), [(abort, ABORTING), (fence, FENCING), (stay_silent, ABORTING)]
)
def test_a_batch_is_read_again_when_its_transaction_is_lost_at_any_call(
    what: Callable[[], None], places: tuple[str, ...]
) -> None:
    fleet = Fleet()
    fleet.publish(*references())
    members = [fleet.profiler(), fleet.detector()]
    stream = random_stream(np.random.default_rng(1), list(watched()), MIXTURE)
    for part in fleet.feed(stream, 3 * len(places)):
        if part % 3:
            place = places[part // 3]
            members[part % 3 - 1].trouble.plan(place, what, pass_by=2 * (place == "produce"))
    assert not any(member.trouble.planned for member in members), "what was planned has happened"
    if what is not stay_silent:  # that is no transaction lost, but a question without an answer
        assert [m.service.status.counts["aborts",] for m in members] == [len(places)] * 2
    fleet.step(times=2)
    assert all(member.service.status.is_ready for member in members)
    fleet.finish()
    assert_as_offline(fleet)


def test_a_producer_fenced_while_it_aborts_is_replaced() -> None:
    fleet = Fleet()
    fleet.publish(*references())
    members = [fleet.profiler(), fleet.detector()]
    stream = random_stream(np.random.default_rng(2), list(watched()), MIXTURE)
    for part in fleet.feed(stream, 5):
        for member in members:
            if part in (1, 3):
                member.trouble.plan("send_offsets", abort)
                member.trouble.plan("abort", fence)
    fleet.finish()
    assert_as_offline(fleet)


def test_a_process_killed_anywhere_is_succeeded_without_loss() -> None:
    fleet = Fleet()
    fleet.publish(*references())
    members = [fleet.profiler(), fleet.detector()]
    stream = random_stream(np.random.default_rng(3), list(watched()), MIXTURE)
    for part in fleet.feed(stream, 2 * len(DYING)):
        for i, member in enumerate(members):
            if not member.is_alive:
                members[i] = member = fleet.restart(member)
                fleet.step(member)
            if part % 2:
                member.trouble.plan(DYING[part // 2], kill)
    dead = [process for process in fleet.processes if not process.is_alive]
    assert len(dead) >= len(DYING) + len(FENCING) - 2
    fleet.finish()
    assert_as_offline(fleet)


@pytest.mark.parametrize("place", ["begin", "send_offsets"])
def test_who_is_expelled_while_it_works_commits_nothing(place: str) -> None:
    fleet = Fleet()
    fleet.publish(*references())
    slow = [fleet.profiler("slow"), fleet.detector("slow")]
    stream = random_stream(np.random.default_rng(4), list(watched()), MIXTURE)
    for part in fleet.feed(stream, 6):
        if part == 2:
            for member in slow:
                member.trouble.plan(place, member.consumer.time_out)
        if part == 3:
            fleet.profiler("quick")
            fleet.detector("quick")
    assert all(member.service.status.counts["aborts",] == 1 for member in slow)
    fleet.finish()
    assert_as_offline(fleet)


def test_deltas_that_wait_for_their_marker_are_read_again_by_the_next_detector() -> None:
    fleet = Fleet(monitor(deltas=7))
    fleet.publish(*references())
    one, two = fleet.profiler("one"), fleet.profiler("two")
    detector = fleet.detector()
    fleet.step(times=4)
    for _ in fleet.feed(random_stream(np.random.default_rng(5), list(watched()), MIXTURE), 5):
        one.trouble.plan("produce", lambda: fleet.step(two), pass_by=2)
        for _ in range(6):
            detector = fleet.restart(detector)
            fleet.step(detector, times=2)
    fleet.finish()
    assert_as_offline(fleet)
    chains = [state.chain for state in fleet.processes[-1].held.values()]
    assert sum(chain.duplicates for chain in chains) > 0, "markers in between were read twice"
