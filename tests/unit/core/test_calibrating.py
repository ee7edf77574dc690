"""Floors and α that keep a budget: against every candidate tried by brute force."""

import math
from collections.abc import Sequence

import numpy as np
import pytest

from stream_monitor.core.calibrating import (
    FLOOR,
    RATE_FLOOR,
    Course,
    Finding,
    Moment,
    advise_floors,
    fair_shares,
    floor_key,
    just_above,
    quiet_scales,
)
from stream_monitor.core.policy import Aspect
from stream_monitor.core.windows import DAY_S, WindowSize

DAY = WindowSize(DAY_S, recover_after=2)
ALPHA = 1e-3


def finding(
    effect: float, p: float = 1e-6, aspect: Aspect = Aspect.DISTRIBUTION, can_drift: bool = True
) -> Finding:
    return Finding("validation", aspect, p, effect, ALPHA, 0.03, can_drift)


def course(
    days: Sequence[Sequence[Finding]], subject: str = "amount", size: WindowSize = DAY
) -> Course:
    moments = [
        Moment(size.window_at(i * DAY_S), True, tuple(findings)) for i, findings in enumerate(days)
    ]
    return Course(("1", "all", size.name, subject), size, moments)


def apart(*effects: float, aspect: Aspect = Aspect.DISTRIBUTION) -> list[list[Finding]]:
    """A day of each effect, far enough apart that each opens an incident of its own."""
    return [day for e in effects for day in ([finding(e, aspect=aspect)], *[[]] * 11)]


def test_a_finding_drifts_by_p_and_effect_together() -> None:
    assert finding(0.03).is_drift({})
    assert not finding(0.029).is_drift({})
    assert not finding(0.5, p=0.01).is_drift({})
    assert not finding(0.5, can_drift=False).is_drift({})
    assert not finding(0.05).is_drift({FLOOR: 0.06})
    assert finding(0.05).is_drift({RATE_FLOOR: 0.06})
    assert finding(0.05, p=1e-4).is_drift({}, alpha=1e-4)
    assert not finding(0.05, p=1e-4).is_drift({}, alpha=1e-5)


@pytest.mark.parametrize("effect", [0.01, 0.04, 0.5])
@pytest.mark.parametrize("p", [0.0, 1e-9, 1e-2, 1.0])
@pytest.mark.parametrize("can_drift", [True, False])
def test_ratio_is_at_least_one_exactly_where_it_drifts(
    effect: float, p: float, can_drift: bool
) -> None:
    tested = finding(effect, p, can_drift=can_drift)
    for floors in ({}, {FLOOR: 0.1}):
        assert (tested.ratio(floors) >= 1) == tested.is_drift(floors)


def test_rates_and_distributions_have_floors_of_their_own() -> None:
    assert floor_key(Aspect.DISTRIBUTION) == FLOOR
    assert floor_key(Aspect.VOLUME) == FLOOR
    assert floor_key(Aspect.MISSING) == RATE_FLOOR
    assert floor_key(Aspect.NEW_CATEGORY) == RATE_FLOOR


def test_incidents_follow_the_k_of_n_rule_and_recover() -> None:
    twice = course([[finding(0.1)], [finding(0.1)], [], [], [finding(0.1)]])
    assert twice.incidents({}) == 2
    assert twice.incidents({FLOOR: 0.11}) == 0
    two_of_two = WindowSize(DAY_S, k=2, n=2, recover_after=2)
    assert course([[finding(0.1)], [], [finding(0.1)]], size=two_of_two).incidents({}) == 0
    assert course([[finding(0.1)], [finding(0.1)]], size=two_of_two).incidents({}) == 1


def test_incidents_of_one_aspect_alone() -> None:
    both = course([*apart(0.1), *apart(0.1, aspect=Aspect.MISSING)])
    assert both.incidents({}) == 2
    assert both.incidents({}, only=[("validation", Aspect.MISSING)]) == 1
    assert both.incidents({}, only=[("sliding", Aspect.MISSING)]) == 0


def test_no_advice_where_the_budget_is_kept() -> None:
    assert advise_floors([course(apart(0.1, 0.2))], allowed=2) == []
    assert advise_floors([], allowed=0) == []


def test_floor_is_just_above_the_effects_that_have_to_go() -> None:
    (advice,) = advise_floors([course(apart(0.05, 0.08, 0.061, 0.1))], allowed=2)
    assert (advice.subject, advice.key, advice.present) == ("amount", FLOOR, 0.03)
    assert advice.recommended == 0.062
    assert (advice.before, advice.incidents, advice.is_blunt) == (4, 2, False)


def test_floor_is_the_smallest_from_which_on_the_budget_is_kept() -> None:
    rng = np.random.default_rng(5)
    for _ in range(20):
        effects = rng.exponential(0.05, 30)
        tried = course([[finding(e)] if rng.random() < 0.4 else [] for e in effects])
        allowed = int(rng.integers(0, 4))
        advice = advise_floors([tried], allowed)
        floors = sorted({0.03, *(just_above(e) for e in effects if e >= 0.03)})
        kept = [tried.incidents({FLOOR: floor}) <= allowed for floor in floors]
        wanted = next((floor for i, floor in enumerate(floors) if all(kept[i:])), math.inf)
        if tried.incidents({}) <= allowed:
            assert advice == []
        elif wanted > 0.03:
            assert [a.recommended for a in advice] == [wanted]


def test_what_quiet_features_leave_goes_to_the_loud_ones() -> None:
    courses = [
        course(apart(0.05), "calm"),
        course(apart(0.05, 0.06, 0.07, 0.08, 0.09), "loud"),
        course([[]], "quiet"),
    ]
    (advice,) = advise_floors(courses, allowed=4)
    assert (advice.subject, advice.recommended, advice.incidents) == ("loud", 0.061, 3)
    assert fair_shares({"calm": 1, "loud": 5, "quiet": 0}, 4) == {"quiet": 0, "calm": 1, "loud": 3}


def test_both_floors_of_a_feature_share_what_it_may() -> None:
    days = [*apart(0.05, 0.06, 0.07), *apart(0.04, 0.05, aspect=Aspect.MISSING)]
    advice = {a.key: a for a in advise_floors([course(days)], allowed=2)}
    assert advice[FLOOR].recommended == 0.061
    assert advice[RATE_FLOOR].recommended == 0.041
    floors = {key: a.recommended for key, a in advice.items()}
    assert course(days).incidents(floors) == 2


def test_a_floor_is_blunt_where_the_feature_drifts_in_more_than_a_tenth_of_its_windows() -> None:
    (seldom,) = advise_floors([course([*apart(0.3, 0.4), *[[]] * 6])], allowed=1)
    (often,) = advise_floors([course([*apart(0.3, 0.4), [finding(0.2)]])], allowed=1)
    assert (seldom.recommended, seldom.is_blunt) == (0.31, False)
    assert (often.recommended, often.is_blunt) == (0.31, True)


def test_a_key_of_several_aspects_lowers_none_of_their_floors() -> None:
    def small(effect: float) -> Finding:
        return Finding("validation", Aspect.NEW_CATEGORY, 1e-6, effect, ALPHA, 0.002)

    missing = Finding("validation", Aspect.MISSING, 0.5, 0.001, ALPHA, 0.005)
    days = [day for e in (0.003, 0.004) for day in ([small(e), missing], *[[]] * 11)]
    (advice,) = advise_floors([course(days)], allowed=1)
    assert (advice.present, advice.recommended, advice.incidents) == (0.002, 0.005, 0)


def test_a_floor_that_no_distance_can_reach_is_blunt() -> None:
    (distance,) = advise_floors([course(apart(1.0, 1.0))], allowed=1)
    assert (distance.recommended, distance.is_blunt) == (1.1, True)
    (volume,) = advise_floors([course(apart(3.0, 4.0, aspect=Aspect.VOLUME))], allowed=1)
    assert (volume.recommended, volume.is_blunt) == (3.1, False)


def test_effects_without_bound_leave_no_floor_but_an_infinite_one() -> None:
    (advice,) = advise_floors([course(apart(math.inf, math.inf))], allowed=1)
    assert advice.recommended == math.inf
    assert advice.is_blunt


@pytest.mark.parametrize("effect", [0.0312, 0.2, 7.99, 0.999, 1.0, 12.3, 0.00512, 250.0])
def test_just_above_is_above_and_at_most_a_tenth_more(effect: float) -> None:
    level = just_above(effect)
    assert effect < level <= effect * 1.1 + 1e-12
    assert float(f"{level:.2g}") == level


def test_alpha_is_lowered_until_the_run_is_quiet() -> None:
    days = [[finding(0.1, p)] for p in (3e-4, 1e-5, 1e-7)]
    spread = [day for found in days for day in (found, [], [], [])]
    assert quiet_scales([course(spread)], allowed=3) == 1
    assert quiet_scales([course(spread)], allowed=2) == 5
    assert quiet_scales([course(spread)], allowed=1) == 200
    assert quiet_scales([course(apart(0.1))], allowed=0) == 2_000
    assert quiet_scales([course([[finding(0.1, 0.0)]])], allowed=0) is None
