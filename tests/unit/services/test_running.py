"""Whole runs: draining to the end of the stream, and stopping in the middle of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from stream_monitor.services.ports import never
from tests.unit.services.fleet import Fleet
from tests.unit.services.made_references import references
from tests.unit.services.published import assert_as_offline
from tests.unit.services.source_stream import Mixture, random_stream
from tests.unit.services.trouble import abort, fence
from tests.unit.services.turns import run_together
from tests.unit.services.watched import watched

MIXTURE = Mixture()


def prepared(seed: int) -> Fleet:
    fleet = Fleet()
    fleet.publish(*references())
    fleet.send(random_stream(np.random.default_rng(seed), list(watched()), MIXTURE))
    return fleet


def always() -> bool:
    return True


def test_drained_services_end_one_after_the_other_and_everything_is_judged() -> None:
    fleet = prepared(1)
    names = ["one", "two", "three", "four", "spare"]
    members = [m(n, is_started=False) for n in names for m in (fleet.profiler, fleet.detector)]
    ended = run_together(members, never, always)
    assert set(ended.values()) == {None}
    assert_as_offline(fleet)


@pytest.mark.parametrize("what", [abort, fence])
def test_the_end_of_the_stream_is_announced_again_when_its_transaction_is_lost(
    what: Callable[[], None],
) -> None:
    fleet = prepared(2)
    profiler = fleet.profiler(is_started=False)
    planned: list[int] = []

    def should_drain() -> bool:
        lags = profiler.service.status.lag_records.values()
        if not planned and lags and not any(lags):
            planned.append(1)
            profiler.trouble.plan("before_commit", what)
        return True

    profiler.service.run(never, should_drain)
    profiler.is_alive = False
    assert planned
    assert not profiler.trouble.planned
    detector = fleet.detector(is_started=False)
    detector.service.run(never, always)
    assert_as_offline(fleet)


def test_who_is_told_to_stop_has_committed_what_it_read() -> None:
    fleet = prepared(3)
    members = [fleet.profiler(is_started=False), fleet.detector(is_started=False)]
    asked: list[int] = []

    def should_stop() -> bool:
        asked.append(1)
        return len(asked) > 7

    assert set(run_together(members, should_stop, never).values()) == {None}
    counts = members[0].service.status.counts
    committed = sum(at.offset for at in fleet.broker.groups["app-profiler"].committed.values())
    assert 0 < committed == counts["consumed", "inference"] + counts["consumed", "labels"]
    fleet.finish()
    assert_as_offline(fleet)
