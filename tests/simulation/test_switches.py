"""Each rule of the protocol is needed: without it the same schedules end wrong."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.simulation.oracle import assert_exact
from tests.simulation.running import failures
from tests.simulation.scenarios import Scenario
from tests.simulation.schedules import held_back, hung_state, late_offsets
from tests.simulation.switches import Switch
from tests.simulation.world import World

Schedule = Callable[[Switch], tuple[World, Scenario]]
BY_HAND = [
    (Switch.STATE_TO_STABLE_END, hung_state),
    (Switch.UNSTABLE_OFFSETS, late_offsets),
    (Switch.NO_GENERATION, late_offsets),
    (Switch.IDLE_WITH_LAG, held_back),
]


@pytest.mark.parametrize(("switch", "schedule"), BY_HAND)
def test_a_schedule_that_needs_a_rule_is_exact_with_it_only(
    switch: Switch, schedule: Schedule
) -> None:
    assert_exact(*schedule(Switch.NONE))
    with pytest.raises(AssertionError):
        assert_exact(*schedule(switch))
