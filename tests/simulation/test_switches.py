"""Each rule of the protocol is needed: without it the same schedules end wrong."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.simulation import schedules
from tests.simulation.oracle import assert_exact
from tests.simulation.running import failures
from tests.simulation.scenarios import Scenario
from tests.simulation.switches import Switch, newest_partition
from tests.simulation.world import World

Schedule = Callable[[Switch], tuple[World, Scenario]]
BY_HAND = (
    (Switch.READ_UNCOMMITTED, schedules.aborted_source),
    (Switch.NO_GENERATION, schedules.late_generation),
    (Switch.STORE_FIRST, schedules.aborted_batch),
    (Switch.NEWEST_PARTITION, schedules.slow_partition),
    (Switch.IDLE_WITH_LAG, schedules.held_back),
    (Switch.STATE_TO_STABLE_END, schedules.hung_state),
    (Switch.BELIEVED_OFFSETS, schedules.lost_answer),
    (Switch.UNSTABLE_OFFSETS, schedules.late_offsets),
)
AT_RANDOM = (
    (Switch.READ_UNCOMMITTED, 5),
    (Switch.NO_GENERATION, 17),
    (Switch.STORE_FIRST, 0),
    (Switch.NEWEST_PARTITION, 31),
    (Switch.BELIEVED_OFFSETS, 0),
)
"""Where to begin so that it takes few seeds; all are among those that test_seeds.py runs with all rules."""
MOST = 60


@pytest.mark.parametrize(("switch", "schedule"), BY_HAND)
def test_a_schedule_that_needs_a_rule_is_exact_only_with_it(
    switch: Switch, schedule: Schedule
) -> None:
    assert_exact(*schedule(Switch.NONE))
    with newest_partition(switch), pytest.raises(AssertionError):
        assert_exact(*schedule(switch))


@pytest.mark.parametrize(("switch", "first"), AT_RANDOM)
def test_random_schedules_notice_that_a_rule_is_missing(switch: Switch, first: int) -> None:
    found = next(failures(range(first, first + MOST), switch), None)
    assert found is not None, "the seeds that test_seeds.py runs would not notice"


def test_every_rule_has_its_schedule() -> None:
    assert {switch for switch, _ in BY_HAND} | {Switch.NONE} == set(Switch)
